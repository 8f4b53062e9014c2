"""Rules for formulas: dollars come in pairs, and KaTeX (as in VS Code) reads them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from rules.reading import DISPLAY, INLINE, cells, prose

NO_KATEX = "needs node and KaTeX: npm install --no-save katex, or set KATEX_DIR"


def formulas(nb) -> tuple[list[dict], list[str]]:
    """Return the formulas of the Markdown cells, and what is odd about the dollars."""
    found, problems = [], []
    for where, cell in cells(nb, "markdown"):
        text = prose(cell.source)
        for display, pattern in ((True, DISPLAY), (False, INLINE)):
            for tex in pattern.findall(text):
                found.append({"where": where, "tex": tex, "display": display})
            if display:
                text = pattern.sub(" ", text)
        for row in re.findall(r"^\s*\|.*$", text, re.M):
            for tex in INLINE.findall(row):
                if "|" in tex:
                    problems.append(f"{where}: write \\mid in a table, not |: ${tex}$")
        if re.search(r"(?<!\\)\$", INLINE.sub(" ", text)):
            problems.append(f"{where}: a $ without its partner (a price is \\$5)")
    return found, problems


def katex(found: list[dict]) -> list[str] | None:
    """Return what KaTeX refuses, or None where there is no node or no KaTeX."""
    node, script = shutil.which("node"), Path(__file__).with_name("katex_parse.mjs")
    if node is None:
        return None
    run = subprocess.run(
        [node, script], input=json.dumps(found), capture_output=True, encoding="utf-8"
    )
    if run.returncode == 3:
        return None
    if run.returncode:
        raise RuntimeError(run.stderr)
    return run.stdout.splitlines()
