"""Drop from executed notebooks what differs between machines, and the widgets.

Of cells with `interact` no output is kept: the same picture stands still above them.
The sentence after a picture becomes its alternative text, where the site looks for it.
"""

import nbformat

from rules.pictures import caption

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python"}
WIDGET = "application/vnd.jupyter.widget-view+json"
MARK = "# NBVAL_IGNORE_OUTPUT"


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
            cell.outputs = []
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
