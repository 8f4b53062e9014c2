"""Rules for the file, the cells' sources and the stored outputs."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat.validator import iter_validate

from rules.reading import cells, texts

MAX_LINES, MAX_WIDTH = 25, 88
MAX_IMAGE = 300_000  # bytes
WIDGET = "application/vnd.jupyter.widget-view+json"
KINDS = {"text/plain", "text/latex", "image/png"}  # none of them can load a thing

HERE = re.escape(str(Path(__file__).parents[3]))  # this copy of the project
MACHINE_PATH = re.compile(
    rf"{HERE}\S*|(?<![\w.])/(?:home|root|tmp|Users)/\S*|[A-Z]:\\Users\S*"
)
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
PATH_EDIT = re.compile(r"\bsys\.path\b|\bsite\.addsitedir\b")


def problems_form(nb) -> list[str]:
    """Complain about the file itself and about the sources of its cells."""
    problems = [f"not a valid notebook: {e.message}" for e in iter_validate(nb)]
    ids = [cell.get("id") for cell in nb.cells]
    if None in ids or len(set(ids)) < len(ids):
        problems.append("cell ids must be present and unique")
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("the kernel must be python3")
    if "widgets" in nb.metadata:
        problems.append("widget state is stored: run `make notebooks`")
    code = [cell for _, cell in cells(nb, "code") if cell.source.strip()]
    counts = [cell.get("execution_count") for cell in code]
    if counts != list(range(1, len(code) + 1)):
        problems.append(f"execution counts must be 1, 2, 3, …, got {counts}")
    for kind in ("markdown", "code", "raw"):
        for where, cell in cells(nb, kind):
            problems += [f"{where}: {p}" for p in _problems_source(cell)]
    return problems


def _problems_source(cell) -> Iterator[str]:
    for found in MACHINE_PATH.findall(cell.source):
        yield f"a path of one machine, {found}"
    if cell.cell_type != "code":
        return
    lines = cell.source.splitlines()
    if len(lines) > MAX_LINES:
        yield f"{len(lines)} lines, more than {MAX_LINES}"
    for line in lines:
        if len(line) > MAX_WIDTH:
            yield f"a line of {len(line)} characters, more than {MAX_WIDTH}: {line}"
    marks = set(re.findall(r"NBVAL_\w+", cell.source))
    marks |= {tag for tag in cell.metadata.get("tags", []) if tag.startswith("nbval")}
    allowed = {"NBVAL_IGNORE_OUTPUT"} if "interact" in cell.source else set()
    if marks and cell.outputs:
        yield "the output of a cell with interact is stored: run `make notebooks`"
    for mark in sorted(marks - allowed):
        yield f"{mark}: only cells with interact may ignore their output"
    if PATH_EDIT.search(cell.source):
        yield "it changes where Python looks for modules: pgutils is installed"


def problems_outputs(nb) -> list[str]:
    """Complain about what was stored when the notebook was run."""
    problems = []
    for where, cell in cells(nb, "code"):
        for output in cell.outputs:
            problems += [f"{where}: {p}" for p in _problems_output(output)]
    return problems


def _problems_output(output) -> Iterator[str]:
    if output.output_type == "error":
        yield f"it raised {output.ename}"
    if output.get("name") == "stderr":
        yield f"it wrote to stderr: {output.text.strip()[:80]}"
    for kind, data in output.get("data", {}).items():
        if kind == WIDGET:
            yield "a widget is stored: run `make notebooks`"
        elif kind not in KINDS:
            yield f"{kind} is stored: outputs are words, numbers and PNG"
        elif kind.startswith("image/") and len(base64.b64decode(data)) > MAX_IMAGE:
            yield f"a picture over {MAX_IMAGE // 1000} kB"
    for text in texts(output):
        for found in MACHINE_PATH.findall(text):
            yield f"a path of one machine, {found}"
        for found in ADDRESS.findall(text):
            yield f"an address in memory, {found}"
