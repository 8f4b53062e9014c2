"""Rules for the words that stand for a picture where it cannot be seen."""

import re
from collections.abc import Iterator

from rules.reading import cells, prose

SHORTEST, LONGEST = 40, 250  # characters

LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
MARKS = re.compile(r"[*`$]")
SENTENCE = re.compile(r"\w.*?[.!?](?=\s|$)", re.S)
LINKED = re.compile(r"!\[([^\]]*)\]\(")


def has_picture(cell) -> bool:
    """Say whether a cell has stored a picture."""
    return any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))


def caption(nb, index: int) -> str | None:
    """Return the sentence that follows the picture of a code cell.

    It is the first of the next Markdown cell, without emphasis, $ and the addresses
    of links. None if the cell has no picture, or no sentence begins that Markdown.
    """
    if not has_picture(nb.cells[index]):
        return None
    follow = [c.source for c in nb.cells[index + 1 :] if c.cell_type == "markdown"]
    plain = MARKS.sub("", LINK.sub(r"\1", follow[0])) if follow else ""
    found = SENTENCE.match(plain.split("\n\n")[0])
    return " ".join(found[0].split()) if found else None


def problems_pictures(nb) -> list[str]:
    """Complain about pictures without a sentence that can stand for them."""
    problems = []
    for i, cell in enumerate(nb.cells):
        if cell.cell_type == "code":
            problems += [f"cell {i + 1}: {p}" for p in _problems_figure(nb, i)]
    for where, cell in cells(nb, "markdown"):
        problems += [f"{where}: {p}" for p in problems_linked(cell.source)]
    return problems


def problems_linked(text: str) -> list[str]:
    """Complain about pictures that Markdown links to with too few words."""
    return [
        f"the alternative text {alt!r} has under {SHORTEST} characters"
        for alt in LINKED.findall(prose(text))
        if len(alt) < SHORTEST
    ]


def _problems_figure(nb, index: int) -> Iterator[str]:
    says, stored = caption(nb, index), nb.cells[index].metadata.get("mystnb")
    if stored != (says and {"image": {"alt": says}}):
        yield f"the stored alternative text is {stored}: run `make notebooks`"
    if says and not SHORTEST <= len(says) <= LONGEST:
        yield f"the sentence after the picture has {len(says)} characters: {says}"
    if says and "\\" in says:
        yield f"TeX in the sentence after the picture cannot be read aloud: {says}"
    if not says and has_picture(nb.cells[index]):
        yield "no sentence follows the picture in the next Markdown cell"
