"""Rules for displayed equations: tags, anchors, and a check behind every claim."""

import ast
import re
from collections.abc import Iterator

from rules.reading import DISPLAY, cells, number, prose, texts, trees

TAG = re.compile(r"\\tag\*?\{([^}]*)\}")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
NUMBER = re.compile(r"\d+\.\d+")
CHECKERS = ("verify", "four_witnesses")


def equations(nb) -> Iterator[tuple[str, str, str]]:
    """Yield (cell, tag, lead) per tag; the lead is the text since the last formula."""
    for where, cell in cells(nb, "markdown"):
        end, text = 0, prose(cell.source)
        for formula in DISPLAY.finditer(text):
            for tag in TAG.findall(formula[1]):
                yield where, tag, text[end : formula.start()]
            end = formula.end()


def tags(nb) -> list[str]:
    """Return the notebook's tags, in order."""
    return [tag for _, tag, _ in equations(nb)]


def definitions(nb) -> set[str]:
    """Return the tags that are marked as definitions."""
    return {tag for _, tag, lead in equations(nb) if "**Definition.**" in lead}


def anchors(nb) -> list[str]:
    """Return the ids that links can go to."""
    return [a for _, cell in cells(nb, "markdown") for a in ANCHOR.findall(cell.source)]


def problems_equations(name: str, nb) -> list[str]:
    """Complain about tags that are out of order or have no anchor right before them."""
    problems, last = [], (number(name), 0)
    for where, tag, lead in equations(nb):
        if not NUMBER.fullmatch(tag):
            problems.append(f"{where}: a tag must look like 4.2, got {tag}")
            continue
        now = tuple(map(int, tag.split(".")))
        if now[0] != number(name):
            problems.append(f"{where}: ({tag}) does not begin with {number(name)}")
        elif now <= last:
            problems.append(f"{where}: ({tag}) comes after ({last[0]}.{last[1]})")
        last = max(last, now)
        expected = f"eq-{tag.replace('.', '-')}"
        if ANCHOR.findall(lead) != [expected]:
            problems.append(f'{where}: ({tag}) needs <a id="{expected}"></a> before $$')
        elif re.search(r"\n\s*\n\s*\S", ANCHOR.split(lead)[-1].strip()):
            problems.append(
                f"{where}: a paragraph stands between ({tag}) and its anchor"
            )
    named = [a for a in anchors(nb) if a.startswith("eq-")]
    tagged = {f"eq-{tag.replace('.', '-')}" for tag in tags(nb)}
    problems += [f"no equation follows the anchor {a}" for a in set(named) - tagged]
    if len(set(anchors(nb))) < len(anchors(nb)):
        problems.append(f"an anchor occurs twice among {anchors(nb)}")
    return problems


def problems_checks(nb, known: set[str]) -> list[str]:
    """Complain about claims without a check, and checks of what the series lacks."""
    problems, called = [], set()
    for call in (node for tree in trees(nb) for node in ast.walk(tree)):
        if not isinstance(call, ast.Call) or _name(call.func) not in CHECKERS:
            continue
        tag = getattr(call.args[0], "value", None) if call.args else None
        if call.args and _name(call.args[0]) == "tag":  # a checker hands on its own
            continue
        if not isinstance(tag, str):
            problems.append(f"name the tag as a string: {ast.unparse(call)[:60]}")
        elif tag not in known:
            problems.append(f"verify: no equation of the series has the tag {tag}")
        called.add(tag)
    outputs = [output for _, cell in cells(nb, "code") for output in cell.outputs]
    printed = "\n".join(text for output in outputs for text in texts(output))
    for tag in tags(nb):
        if tag in definitions(nb):
            continue
        if tag not in called:
            problems.append(f"({tag}) is neither a definition nor verified")
        elif f"✓ ({tag})" not in printed:
            problems.append(f"({tag}) is verified, but no output says ✓ ({tag})")
    return problems


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))
