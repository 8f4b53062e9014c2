"""How long does a picture of a "Play" section take to follow its sliders?

python benchmarks/widgets.py          # writes results/widgets.md
python benchmarks/widgets.py --quick  # three positions each, writes nothing

Of a notebook only those cells run that define what the picture is made from.
"""

import argparse
import gc
import io
import platform
import symtable
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from unittest.mock import patch

import nbformat
import numpy as np
from matplotlib.figure import Figure

from pgutils import files

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
MARK = "# NBVAL_IGNORE_OUTPUT"
PICTURES = []  # what was displayed


class Toy(NamedTuple):
    """A function that draws, and by argument the controls that move its picture."""

    notebook: str
    draw: Callable
    controls: dict


def toys(path: Path) -> Iterator[Toy]:
    """Yield what the cells with `interact` of a notebook offer to play with."""
    nb = nbformat.read(path, as_version=4)
    sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    for last, source in enumerate(sources):
        if source.startswith(MARK):
            room = {"__name__": path.stem}
            quiet = redirect_stdout(io.StringIO())
            shown = patch("IPython.display.display", to_png)
            with quiet, shown, patch("ipywidgets.interact") as interact:
                for cell in needed(sources, last):
                    exec(cell, room)
            for call in interact.call_args_list:
                yield Toy(path.name, *call.args, call.kwargs)


def needed(sources: list[str], last: int) -> list[str]:
    """Return a cell and, before it, those that define what it uses, directly or not."""
    kept, (_, wanted) = [sources[last]], names(sources[last])
    for source in reversed(sources[:last]):
        bound, used = names(source)
        if bound & wanted:
            kept.insert(0, source)
            wanted = wanted - bound | used
    return kept


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the global names that a cell binds, and those that it reads."""
    top = symtable.symtable(source, "cell", "exec")
    symbols = top.get_symbols()
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    used, tables = {s.get_name() for s in symbols if s.is_referenced()}, [top]
    while tables:
        inner = tables.pop().get_children()
        tables += inner
        symbols = [s for table in inner for s in table.get_symbols()]
        used |= {s.get_name() for s in symbols if s.is_global() and s.is_referenced()}
    return bound, used


def to_png(fig: Figure) -> None:
    """Draw a figure as a notebook does that displays it, and keep the bytes."""
    png = io.BytesIO()
    fig.savefig(png, format="png", bbox_inches="tight")
    PICTURES.append(png.getvalue())


def positions(control) -> list:
    """Return the values of all positions of a slider, from one end to the other."""
    if hasattr(control, "options"):  # values, or pairs of a label and a value
        return [o[1] if isinstance(o, tuple) else o for o in control.options]
    steps = round((control.max - control.min) / control.step)
    return [control.min + i * control.step for i in range(steps + 1)]


def redraw(toy: Toy, **values) -> tuple[float, str]:
    """Return the seconds of one picture, PNG included, and what it printed."""
    PICTURES.clear()
    told = io.StringIO()
    with redirect_stdout(told):
        start = perf_counter()
        toy.draw(**values)
        seconds = perf_counter() - start
    if len(PICTURES) != 1:
        name = toy.draw.__name__
        raise RuntimeError(f"{name} displayed {len(PICTURES)} pictures, not one")
    return seconds, told.getvalue()


def measure(toy: Toy, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return seconds of n pictures at random positions, and of their garbage.

    Python collects garbage when it likes, not once a picture: hence two numbers for
    each picture, in an array (n, 2). One picture is drawn before, to warm up.
    """
    redraw(toy, **{name: control.value for name, control in toy.controls.items()})
    choices = {name: positions(control) for name, control in toy.controls.items()}
    times = []
    gc.disable()
    for _ in range(n):
        values = {name: v[rng.integers(len(v))] for name, v in choices.items()}
        seconds, _ = redraw(toy, **values)
        start = perf_counter()
        gc.collect()
        times.append((seconds, perf_counter() - start))
    gc.enable()
    return np.array(times)


def report(times: list[tuple[Toy, np.ndarray]], n: int) -> str:
    """Return the page."""
    rows = [
        f"| [{toy.notebook[:-6]}](../../notebooks/{toy.notebook}) "
        f"| `{toy.draw.__name__}` | {len(toy.controls)} "
        f"| {1000 * np.median(seconds):.0f} | {1000 * seconds.max():.0f} "
        f"| {1000 * np.median(garbage):.0f} |"
        for toy, (seconds, garbage) in ((toy, t.T) for toy, t in times)
    ]
    table = "\n".join(rows)
    return f"""\
# How fast the pictures follow their sliders

Made by `benchmarks/widgets.py` with Python {platform.python_version()}, one thread.
Each picture of a "Play" section is drawn at {n} random positions of its sliders; the
PNG counts. The last column is not in it: once in some 20 to 50 pictures Python collects
garbage, and that picture comes later by so much.

| notebook | picture | sliders | median, ms | worst, ms | garbage, ms |
|---|---|---|---|---|---|
{table}
"""


def main() -> None:
    """Time all pictures and print; write the page unless --quick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n, rng = 3 if quick else 20, np.random.default_rng(11000)
    found = [toy for path in NOTEBOOKS for toy in toys(path)]
    page = report([(toy, measure(toy, n, rng)) for toy in found], n)
    print(page)
    if not quick:
        files.write(ROOT / "benchmarks" / "results" / "widgets.md", page)


if __name__ == "__main__":
    main()
