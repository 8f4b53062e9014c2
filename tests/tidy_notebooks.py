"""Drop from executed notebooks what differs between machines, and the widgets.

Run by `make notebooks` after execution: python tests/tidy_notebooks.py *.ipynb
"""

import sys
from pathlib import Path

import nbformat

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python"}
WIDGET = "application/vnd.jupyter.widget-view+json"


def tidy(nb: nbformat.NotebookNode) -> None:
    """Keep of the metadata what a viewer needs, and remove widgets."""
    nb.metadata = {
        "kernelspec": {**KERNEL, "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
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
