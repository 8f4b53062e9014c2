"""Run all statistical checks with fresh seeds, and write notebooks/fresh_seeds.md.

    python tests/tools/fresh_seeds.py 30

runs the notebooks 30 times, each time with other random numbers: every generator that
a notebook makes from a seed is made from that seed and the number of the run. A true
claim may then fail (a false alarm), and a false one that a notebook refutes may pass
(a miss).
"""

import io
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, redirect_stdout
from itertools import repeat
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import pgutils.verify
import pgutils.witnesses
from pgutils import files
from rules.reading import cells, read, texts, trees

FOLDER = Path(__file__).parents[2] / "notebooks"
SHARES = (0.5, 0.1, 0.01, 0.001)
LEVEL = re.compile(r"^✓ .*\) ?statistical.*, level (\S+)$", re.M)
REFUTED = "✗"


PAGE = """\
# The statistical checks, with fresh seeds

The notebooks fix their seeds, so that everybody sees the same numbers. A check that was
merely lucky with its seed would look just as good. So here all notebooks with a
statistical check were run {runs} times with other random numbers, by
`python tests/tools/fresh_seeds.py {runs}`.

**{checks} statistical checks, whose levels sum to {total:.1g}.** So with fresh seeds
fewer than 1 run in 10,000 sees a false alarm in any of them, and that leaves room for
the normal approximation behind each test.

| notebook | checks | false alarms | false claims refuted | missed |
|---|---|---|---|---|
{rows}

A p-value is the probability of a sample at least as far from the claim. If the claims
are true and the tests honest, 1 in 100 of them lies below 0.01, and so on. Several
checks look at one sample, so the counts scatter a little more than independent ones
would.

| p-value below | expected of {n:,} | found |
|---|---|---|
{shares}

The smallest of all is {smallest:.1g}.
"""


class Run(NamedTuple):
    """One notebook, run once; `refuted` counts the false claims that it refuted."""

    p_values: list[float]
    alarms: list[str]
    refuted: int


def printed(path: Path) -> str:
    """Return all that the stored outputs say."""
    outputs = [o for _, cell in cells(read(path), "code") for o in cell.outputs]
    return "\n".join(text for output in outputs for text in texts(output))


def levels(path: Path) -> list[float]:
    """Return the level of each statistical check that the stored outputs show."""
    return [float(level) for level in LEVEL.findall(printed(path))]


def run(path: Path, number: int) -> Run:
    """Run a notebook's code with the random numbers of one run."""
    make, verify, tail = np.random.default_rng, pgutils.verify.verify, []
    done, out = Run([], [], 0), io.StringIO()

    def fresh(seed=None):  # the checks of exercises draw their inputs without one
        return make(None if seed is None else [*np.atleast_1d(seed), 10_000 + number])

    def measured(statistic, dof, chi2_tail=pgutils.verify.chi2_tail):
        tail.append(chi2_tail(statistic, dof))
        return tail[-1]

    def recorded(tag, left, right, *, tol=None, level=None, scope=""):
        verify(tag, left, right, tol=tol, level=level, scope=scope)
        if level:
            done.p_values.append(tail[-1])

    with ExitStack() as changes:
        changes.enter_context(redirect_stdout(out))
        for home, name, new in [
            (np.random, "default_rng", fresh),
            (pgutils.verify, "chi2_tail", measured),
            (pgutils.verify, "verify", recorded),
            (pgutils.witnesses, "verify", recorded),
            (plt, "show", lambda: plt.close("all")),
        ]:
            changes.enter_context(patch.object(home, name, new))
        try:
            space = {}
            for tree in trees(read(path)):
                exec(compile(tree, path.name, "exec"), space)
        except AssertionError as error:
            done.alarms.append(f"{path.name}, run {number}: {error}")
    return done._replace(refuted=out.getvalue().count(REFUTED))


def row(path: Path, runs: list[Run]) -> str:
    """Return one notebook's row of the table."""
    alarms, refuted = sum(len(run.alarms) for run in runs), sum(r.refuted for r in runs)
    missed = len(runs) * printed(path).count(REFUTED) - refuted
    first = f"[{path.stem[:2]}]({path.name}) | {len(runs)} × {len(levels(path))}"
    return f"| {first} | {alarms} | {refuted} | {missed} |"


def page(paths: list[Path], runs: list[list[Run]]) -> str:
    """Return the page; `runs` holds a list for each notebook."""
    p_values = np.array([p for own in runs for run in own for p in run.p_values])
    below = {share: int((p_values < share).sum()) for share in SHARES}
    all_levels = [level for path in paths for level in levels(path)]
    return PAGE.format(
        runs=len(runs[0]),
        checks=len(all_levels),
        total=sum(all_levels),
        rows="\n".join(row(path, own) for path, own in zip(paths, runs)),
        n=len(p_values),
        shares="\n".join(
            f"| {share} | {share * len(p_values):.1f} | {found} |"
            for share, found in below.items()
        ),
        smallest=p_values.min(),
    )


def main(n: int) -> int:
    """Run all notebooks that have a statistical check n times, on two processes."""
    matplotlib.use("Agg")
    paths = [path for path in sorted(FOLDER.glob("[0-9]*.ipynb")) if levels(path)]
    runs = []
    with ProcessPoolExecutor(2) as pool:
        for path in paths:
            made = pool.map(run, repeat(path), range(n))
            runs.append(list(tqdm(made, path.stem, total=n)))
    alarms = [alarm for own in runs for run in own for alarm in run.alarms]
    print(*alarms, sep="\n")
    files.write(FOLDER / "fresh_seeds.md", page(paths, runs))
    return len(alarms)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal() or int(sys.argv[1]) < 1:
        sys.exit("say how often, 1 or more: python tests/tools/fresh_seeds.py 30")
    sys.exit(main(int(sys.argv[1])))
