"""Rules for links, citations, and what the package's docstrings cite."""

import ast
import re
from pathlib import Path

from rules.equations import NUMBER, anchors
from rules.reading import DISPLAY, INLINE, prose

LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)[^()]*\)")
HTML_LINK = re.compile(r'<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"')


def problems_links(text: str, home: str, folder: Path, series: dict) -> list[str]:
    """Complain about links in the Markdown file or notebook `folder / home`."""
    problems = []
    text = INLINE.sub(" ", DISPLAY.sub(" ", prose(text)))
    html = [("", target) for target in HTML_LINK.findall(text)]
    for words, target in LINK.findall(text) + html:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        if path and not (folder / path).exists():
            problems.append(f"there is no {path}")
            continue
        goal = series.get(Path(path or home).name)
        if fragment and goal is not None and fragment not in anchors(goal):
            problems.append(f"there is no anchor {target}")
        cited = NUMBER.findall(words)
        if re.fullmatch(r"\(\d+\.\d+\)", words) and not fragment.startswith("eq-"):
            problems.append(f"{words} must link to its equation, not to {target}")
        elif fragment.startswith("eq-") and cited:
            if fragment != f"eq-{cited[0].replace('.', '-')}":
                problems.append(f"{words} links to {target}")
    return problems


def problems_docstrings(source: str, known: set[str], root: Path) -> list[str]:
    """Complain about tags and notebooks that a module's docstrings cite in vain."""
    problems = []
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(source)):
        doc = ast.get_docstring(node) if isinstance(node, documented) else None
        own = (doc or "").partition("Derived in")[0].splitlines()
        own = "\n".join(line for line in own if "Sutton" not in line)
        where = getattr(node, "name", "module")
        for tag in re.findall(r"\((\d+\.\d+)\)", own):
            if tag not in known:
                problems.append(f"{where}: no equation has the tag {tag}")
        for path in re.findall(r"notebooks/\w+\.ipynb", doc or ""):
            if not (root / path).exists():
                problems.append(f"{where}: there is no {path}")
    return problems
