"""Read notebooks, and the parts of them that the rules look at."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import nbjson

FENCE = re.compile(r"^[ >]*(`{3,}|~{3,}).*?^[ >]*\1[`~]*[ ]*$", re.M | re.S)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.S)
INLINE = re.compile(r"(?<![\\$])\$(?![\s$])((?:[^$\\\n]|\\.|\n(?!\s*\n))+?)(?<!\s)\$")


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook as it is, with nothing repaired on the way."""
    return nbjson.reads(path.read_text(encoding="utf-8"))


def number(name: str) -> int:
    """Return 4 for 04_policy_gradient.ipynb."""
    return int(name.split("_")[0])


def cells(nb, kind: str) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """Yield ("cell 3", cell) for the cells of one kind, counted from 1."""
    for i, cell in enumerate(nb.cells, start=1):
        if cell.cell_type == kind:
            yield f"cell {i}", cell


def prose(text: str) -> str:
    """Return Markdown without its code."""
    return CODE_SPAN.sub(" ", FENCE.sub("\n", text))


def trees(nb) -> Iterator[ast.Module]:
    """Yield each code cell's syntax tree, IPython's own commands taken out."""
    for _, cell in cells(nb, "code"):
        yield ast.parse(TransformerManager().transform_cell(cell.source))


def texts(output) -> Iterator[str]:
    """Yield what an output says in words, pictures left out."""
    yield output.get("text", "")
    yield "\n".join(output.get("traceback", []))
    for kind, data in output.get("data", {}).items():
        if not kind.startswith("image/"):
            yield data if isinstance(data, str) else json.dumps(data)
