"""How long do the notebooks take, and how long does `import pgutils`?

python benchmarks/series.py                              # writes results/series.md
python benchmarks/series.py notebooks/01_trajectories.ipynb  # prints, writes nothing
"""

import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient

from pgutils import files

ROOT = Path(__file__).parents[1]
IMPORTS = "numpy", "gymnasium", "pgutils", "pgutils.training"


class Timing(NamedTuple):
    """Seconds of a notebook, and of its slowest cell with that cell's first line."""

    name: str
    seconds: float
    slowest: float
    line: str


def time_notebook(path: Path) -> Timing:
    """Run a notebook in a fresh kernel, where it lies, and keep nothing of it."""
    nb = nbformat.read(path, as_version=4)
    cells, started = [], {}

    def begin(cell, cell_index):
        started[cell_index] = perf_counter()

    def end(cell, cell_index, execute_reply):
        cells.append((perf_counter() - started[cell_index], cell.source))

    client = NotebookClient(
        nb,
        timeout=600,
        resources={"metadata": {"path": path.parent}},
        on_cell_execute=begin,
        on_cell_executed=end,
    )
    start = perf_counter()
    client.execute()
    seconds = perf_counter() - start
    slowest, source = max(cells)
    print(f"{path.name}: {seconds:.1f} s", flush=True)
    line = source.splitlines()[0].replace("|", r"\|")  # it goes into a table
    return Timing(path.name, seconds, slowest, line)


def import_seconds() -> dict[str, float]:
    """Return what each import adds to those before it: medians of 7 fresh starts."""
    code = "from time import perf_counter as now\n"
    for name in IMPORTS:
        code += f"start = now()\nimport {name}\nprint(now() - start)\n"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        for _ in range(7)
    ]
    times = zip(*([float(line) for line in run.stdout.split()] for run in runs))
    return dict(zip(IMPORTS, map(median, times)))


def report(timings: list[Timing], wall: float, imports: dict[str, float]) -> str:
    """Return the page."""
    rows = [
        f"| [{t.name[:-6]}](../../notebooks/{t.name}) | {t.seconds:.1f} "
        f"| {t.slowest:.1f} | `{t.line}` |"
        for t in timings
    ]
    slowest = max(timings, key=lambda t: t.slowest)
    table = "\n".join(rows)
    lines = "\n".join(f"| `import {k}` | {v:.3f} |" for k, v in imports.items())
    return f"""\
# The series' own speed

Made by `benchmarks/series.py` with Python {platform.python_version()} on
{os.cpu_count()} cores. Each notebook runs once, in a fresh kernel whose start counts,
two at a time.

| notebook | seconds | its slowest cell, s | which begins |
|---|---|---|---|
{table}

All of them together: {wall:.1f} s. The slowest cell takes {slowest.slowest:.1f} s.

Imports in a fresh interpreter, each after those above it, so that it counts only what
it adds (medians of 7). Together they take {sum(imports.values()):.3f} s.

| | seconds |
|---|---|
{lines}
"""


def main() -> None:
    """Time the notebooks named, or all, and print; write the page if it was all."""
    given = [Path(name).resolve() for name in sys.argv[1:]]
    if missing := [str(path) for path in given if not path.is_file()]:
        sys.exit(f"there is no {', no '.join(missing)}")
    paths = given or sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
    imports = import_seconds()
    start = perf_counter()
    with ThreadPoolExecutor(2) as pool:
        timings = list(pool.map(time_notebook, paths))
    page = report(timings, perf_counter() - start, imports)
    print(f"\n{page}")
    if not given:
        files.write(ROOT / "benchmarks" / "results" / "series.md", page)


if __name__ == "__main__":
    main()
