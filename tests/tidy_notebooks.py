"""Drop from executed notebooks what differs between machines, and the widgets.

Cells with `interact` are marked as not to be run where nobody moves a slider: then
nbclient pretends to be a front end, and now and then waits for ever.

The sentence after a picture becomes its alternative text, where the site looks for it.

Run by `make notebooks` after execution: python tests/tidy_notebooks.py *.ipynb
"""

import sys
from pathlib import Path

import nbformat
from rules.pictures import caption

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python"}
WIDGET = "application/vnd.jupyter.widget-view+json"
MARK, TAG = "# NBVAL_IGNORE_OUTPUT", "skip-execution"


def tidy(nb: nbformat.NotebookNode) -> None:
    """Keep of the metadata what a viewer needs, add captions, and remove widgets."""
    nb.metadata = {
        "kernelspec": {**KERNEL, "name": "python3"},
        "language_info": {"name": "python"},
    }
    for i, cell in enumerate(nb.cells):
        cell.metadata.pop("execution", None)
        cell.metadata.pop("mystnb", None)
        if alt := caption(nb, i):
            cell.metadata["mystnb"] = {"image": {"alt": alt}}
        if cell.source.startswith(MARK):
            cell.metadata["tags"] = [TAG]
            cell.outputs, cell.execution_count = [], None
        elif cell.cell_type == "code":
            kept = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
            cell.outputs = merged(kept)


def merged(outputs: list) -> list:
    """Join what was printed in pieces: where it was cut is a matter of timing."""
    joined = []
    for output in outputs:
        if output.output_type == "stream" and joined:
            if joined[-1].get("name") == output.name:
                joined[-1].text += output.text
                continue
        joined.append(output)
    return joined


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        nb = nbformat.read(path, as_version=4)
        tidy(nb)
        path.write_text(nbformat.writes(nb) + "\n", encoding="utf-8", newline="\n")
