"""Write the series without its solutions into a folder, for a class.

    python tests/tools/make_handout.py handout

The folder holds all that a student needs: the notebooks with their figures, the package
and what to install. The lines that lead to the solutions are taken out. (The package
has the references of the checks in pgutils/exercises; a check without one cannot be.)
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat

from pgutils.files import replacing

ROOT = Path(__file__).parents[2]
COPIED = ["figures", "pgutils"]
LEFT_OUT = ["for_teachers.md"]
FILES = ["LICENSE", "constraints.txt", "pyproject.toml", "requirements.txt"]
LEADS_TO_SOLUTIONS = re.compile(r"^.*\(solutions\b.*$\n?", re.MULTILINE)
README = """# Policy gradients, by hand and checked

Python 3.11 or newer is needed. In this folder:

    python3 -m venv .venv
    .venv/bin/python -m pip install -r requirements.txt
    .venv/bin/python -m jupyter lab notebooks/00_start_here.ipynb

On Windows, `py -3` stands for `python3`, and `.venv\\Scripts\\python` for
`.venv/bin/python`. Each exercise has a cell for the answer and a cell that checks it.
"""


def make_handout(folder: Path) -> None:
    """Write the handout, all of it or nothing.

    Raises:
        FileExistsError: if the folder is there already and holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} must be new or empty: there is something in it"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing(folder) as new:
        fill(new)


def fill(folder: Path) -> None:
    """Make the folder, with all that belongs to the handout."""
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = LEADS_TO_SOLUTIONS.sub("", cell.source).strip()
        notebook.cells = [cell for cell in notebook.cells if cell.source]
        nbformat.write(notebook, notebooks / path.name)
    for path in (ROOT / "notebooks").iterdir():
        if path.suffix in (".md", ".json") and path.name not in LEFT_OUT:
            shutil.copy(path, notebooks)
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (folder / "README.md").write_text(README, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give one folder: python tests/tools/make_handout.py handout")
    try:
        make_handout(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(str(error))
    print(f"written: {sys.argv[1]}, without the solutions")
