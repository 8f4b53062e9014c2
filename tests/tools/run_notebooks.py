"""Run notebooks in place and tidy what is stored.

Run by `make notebooks`: python tests/tools/run_notebooks.py *.ipynb

For widgets nbclient pretends to be a front end, and with `interact` it now and then
waits for ever. Nobody looks at the widgets here, so they get no front end at all.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from pgutils import files
from tidy_notebooks import tidy


class Client(NotebookClient):
    """Runs notebooks, and leaves widgets alone."""

    def handle_comm_msg(self, outs, msg, cell_index):
        """Do nothing about a widget's message."""


def run(path: Path) -> None:
    """Run a notebook in its folder; it is written only if every cell has run.

    Raises:
        CellExecutionError: if a cell raises.
    """
    nb = nbformat.read(path, as_version=4)
    there = {"metadata": {"path": str(path.parent)}}
    options = {"record_timing": False, "timeout": None, "resources": there}
    options["extra_arguments"] = ["--log-level=ERROR"]  # not its word on loopback
    Client(nb, kernel_name="python3", **options).execute()
    tidy(nb)
    files.write(path, nbformat.writes(nb) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if not (name.endswith(".ipynb") and Path(name).is_file()):
            sys.exit(f"expected notebooks, files that end in .ipynb, got {name}")
    for name in sys.argv[1:]:
        print(name, flush=True)
        run(Path(name))
