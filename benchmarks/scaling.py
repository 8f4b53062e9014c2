"""How do steps per second grow with the environments, and study time with the seeds?

python benchmarks/scaling.py          # writes results/scaling.* and figures/scaling.png
python benchmarks/scaling.py --quick  # a few sizes, under 30 seconds, writes nothing
"""

import argparse
import csv
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

from pgutils import files, plots
from pgutils.files import replacing
from pgutils.rollout import UNITS, make_cartpole, run_episodes
from pgutils.training import gradient_step, train, train_many

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
COLUMNS = "question size series round steps solved gradient seconds".split()

# A policy that keeps the pole up for all 500 steps.
W = np.array([0.9, 3.0, 15.0, 8.0])
GOOD = np.stack([-W / 2, W / 2], axis=1)

ENVS = [1, 4, 16, 64, 256, 512, 1024, 4096]
STUDIES = [1, 10, 100, 1000]
RANDOM, SAME, OURS = "random actions", "our actions", "roll-out"
MANY, ONE = "side by side", "one by one"
BATCH = 10  # episodes, as `train_many` takes them


def step_through(env: gym.vector.VectorEnv, seed: int, actions: np.ndarray):
    """Return the seconds of nothing but stepping, and the last observation."""
    env.reset(seed=seed)
    start = perf_counter()
    for action in actions:
        x, *_ = env.step(action)
    return perf_counter() - start, x


def rates(n: int, rounds: int) -> Iterator[dict]:
    """Yield timings of n environments: bare with random actions, ours, bare with ours.

    The bare ones first step with actions drawn beforehand. After our roll-out they take
    its very steps again, from the same start with the same actions.
    """
    bare = gym.make_vec("CartPole-v1", n, vectorization_mode="vector_entry_point")
    ours = make_cartpole(n)
    for i in range(rounds):
        seed = int(np.random.default_rng(i).integers(2**31))  # run_episodes' first draw
        actions = np.random.default_rng(i).integers(2, size=(500, n))
        seconds = {RANDOM: step_through(bare, seed, actions)[0]}
        start = perf_counter()
        batch = run_episodes(ours, GOOD, np.random.default_rng(i))
        seconds[OURS] = perf_counter() - start
        again = np.ascontiguousarray(batch.actions.T)
        seconds[SAME], x = step_through(bare, seed, again)
        if not np.array_equal(x / UNITS, batch.states[:, -1]):
            raise RuntimeError("the bare environments did not repeat our roll-out")
        for series, time in seconds.items():
            steps = actions.size if series == RANDOM else batch.mask.size
            yield dict(zip(COLUMNS, ("rate", n, series, i, steps, "", "", time)))


def studies(runs: int, rounds: int, *, one_by_one: bool) -> Iterator[dict]:
    """Yield timings of a study of so many seeds: side by side, and one by one."""
    spent = []

    def timed_step(*args, **options):
        start = perf_counter()
        theta = gradient_step(*args, **options)
        spent.append(perf_counter() - start)
        return theta

    for i in range(rounds):
        for series in [MANY, ONE] if one_by_one else [MANY]:
            spent.clear()
            start = perf_counter()
            if series == MANY:
                rng = np.random.default_rng([7000, i])
                study = train_many(make_cartpole, rng, runs, step=timed_step)
            else:
                rngs = [np.random.default_rng([7000, i, seed]) for seed in range(runs)]
                study = [train(make_cartpole(BATCH), rng) for rng in rngs]
            seconds = perf_counter() - start
            steps = sum(int(run.steps.sum()) for run in study)
            solved = sum(run.solved for run in study)
            gradient = sum(spent) if series == MANY else ""
            row = "study", runs, series, i, steps, solved, gradient, seconds
            yield dict(zip(COLUMNS, row))


def measure(quick: bool) -> Iterator[dict]:
    """Yield all timings, one dict a timing."""
    for n in [1, 16, 512] if quick else ENVS:
        yield from rates(n, 5 if quick else 21)
    for runs in [1, 10] if quick else STUDIES:
        rounds = 1 if quick or runs == 1000 else 3 if runs == 100 else 7
        yield from studies(runs, rounds, one_by_one=runs < 1000)


def median(rows: list[dict], size: int, series: str, column: str = "seconds") -> float:
    """Return the median over the rounds of one timing."""
    return float(
        np.median(
            [r[column] for r in rows if (r["size"], r["series"]) == (size, series)]
        )
    )


def per_step(rows: list[dict], n: int, series: str) -> float:
    """Return the median seconds of one step of all n environments."""
    return median(rows, n, series) / (median(rows, n, series, "steps") / n)


def sizes(rows: list[dict], question: str) -> list[int]:
    """Return the sizes that were measured for a question."""
    return sorted({r["size"] for r in rows if r["question"] == question})


def rate_table(rows: list[dict]) -> str:
    """Return the Markdown table of steps per second."""
    lines = [
        "| environments | bare, random actions | bare, our actions | roll-out "
        "| to random | to ours |",
        "|---|---|---|---|---|---|",
    ]
    for n in sizes(rows, "rate"):
        a, b, c = (n / per_step(rows, n, series) for series in (RANDOM, SAME, OURS))
        lines.append(
            f"| {n:,} | {a:,.0f} | {b:,.0f} | {c:,.0f} | {c / a:.2f} | {c / b:.2f} |"
        )
    return "\n".join(lines)


def study_table(rows: list[dict]) -> str:
    """Return the Markdown table of seconds a study."""
    lines = [
        "| seeds | side by side, s | its gradient steps, s | one by one, s | ratio "
        "| ms a seed | solved |",
        "|---|---|---|---|---|---|---|",
    ]
    for runs in sizes(rows, "study"):
        many, gradient = (median(rows, runs, MANY, c) for c in ("seconds", "gradient"))
        alone = ["not run", ""]
        if runs < 1000:
            one = median(rows, runs, ONE)
            alone = [f"{one:.2f}", f"{one / many:.1f}"]
        mine = [r for r in rows if (r["size"], r["series"]) == (runs, MANY)]
        solved = f"{sum(r['solved'] for r in mine):,} of {len(mine) * runs:,}"
        cells = f"{runs:,}", f"{many:.2f}", f"{gradient:.2f}", *alone
        lines.append(f"| {' | '.join(cells)} | {1000 * many / runs:.0f} | {solved} |")
    return "\n".join(lines)


def knee(rows: list[dict], series: str) -> tuple[float, float, float]:
    """Return the cost of a step, of one more environment, and where they are equal."""
    fixed, last = per_step(rows, ENVS[0], series), per_step(rows, ENVS[-1], series)
    each = (last - fixed) / (ENVS[-1] - ENVS[0])
    return fixed, each, fixed / each


def knee_in_words(rows: list[dict]) -> str:
    """Return why the rates bend, with the measured numbers."""
    fixed, each, where = knee(rows, OURS)
    bare_fixed, bare_each, bare_where = knee(rows, RANDOM)
    at = {n: per_step(rows, n, OURS) for n in ENVS}
    before = (at[1024] - at[64]) / (1024 - 64)
    after = (at[4096] - at[1024]) / (4096 - 1024)
    seen = "" if after > 1.2 * before else "not "
    return f"""\
**The knee.** A step of 1 environment takes our roll-out {1e6 * at[1]:.0f} µs, one of 16
takes {1e6 * at[16]:.0f} µs and one of 64 takes {1e6 * at[64]:.0f} µs. It is a few dozen
calls of NumPy, each with a price that does not depend on the length of its arrays:
so far twice the environments give nearly twice the steps per second. But every
environment more adds {1e9 * each:.0f} ns of arithmetic. The two costs are equal at
{where:,.0f} environments; beyond that a step takes nearly as much longer as there are
more of them, and the curve flattens. The bare environments (random actions) pay
{1e6 * bare_fixed:.0f} µs and {1e9 * bare_each:.0f} ns, and bend at {bare_where:,.0f}.
The ratio falls as their number grows because policy, draw and record add
{100 * (fixed / bare_fixed - 1):.0f}% to the fixed cost, but
{100 * (each / bare_each - 1):.0f}% to the cost of an environment.

**The caches** are {seen}seen here: one more environment costs {1e9 * before:.0f} ns
between 64 and 1,024, and {1e9 * after:.0f} ns between 1,024 and 4,096."""


def study_in_words(rows: list[dict]) -> str:
    """Return how the seconds of a study grow, with the measured numbers."""
    ms = [1000 * median(rows, runs, MANY) / runs for runs in STUDIES]
    share = [
        100 * median(rows, runs, MANY, "gradient") / median(rows, runs, MANY)
        for runs in STUDIES
    ]
    return f"""\
**The same knee.** 10 seeds are {10 * BATCH} environments, below the knee, and cost
{10 * ms[1] / ms[0]:.1f} times what 1 does. 100 seeds are {100 * BATCH:,}, about at the
knee: {10 * ms[2] / ms[1]:.1f} times the cost of 10. 1,000 seeds are {1000 * BATCH:,},
far beyond it, and cost {10 * ms[3] / ms[2]:.1f} times what 100 do. By then the gradient
steps take {share[3]:.0f}% of the time (at 10 seeds {share[1]:.0f}%): an array with one
number for every episode and step of such a batch fills
{1000 * BATCH * 500 * 8 / 1e6:.0f} MB, and a gradient step makes a dozen of them."""


def report(rows: list[dict]) -> str:
    """Return the whole page."""
    version = f"Python {platform.python_version()}, NumPy {np.__version__}"
    return f"""\
# Scaling

Made by `benchmarks/scaling.py`; every timing is in [scaling.csv](scaling.csv).
{version}, Gymnasium {gym.__version__}, {os.cpu_count()} cores.

## Steps per second against number of environments

Medians of {1 + max(r["round"] for r in rows)} rounds, in one run, by turns. *Roll-out*
is `run_episodes` with a good policy, so that episodes last 500 steps: policy, drawing
of actions and recording included. *Bare* is Gymnasium's vectorised CartPole and nothing
but `env.step`: once with random actions, drawn beforehand, where carts fall and start
anew after some 22 steps; once repeating our roll-out, from the same starts with the
same actions. The last two columns divide the roll-out's rate by these two.

{rate_table(rows)}

{knee_in_words(rows)}

## Seconds of a study against number of seeds

*Side by side* is `train_many`, all seeds in one computation; *one by one* calls `train`
for each. Each seed has {BATCH} environments and trains until the task is solved.
Medians of 7 rounds for 1 and 10 seeds and of 3 for 100; 1,000 once, side by side only.
*Ratio* says how many times faster side by side is.

{study_table(rows)}

{study_in_words(rows)}

![Steps per second, and seconds of a study](../../figures/scaling.png)
"""


def record(rows: list[dict]) -> None:
    """Write every timing so far to results/scaling.csv."""
    with replacing(RESULTS / "scaling.csv") as new, new.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {k: f"{v:.6f}" if type(v) is float else v for k, v in row.items()}
            )


def picture(rows: list[dict]) -> None:
    """Write figures/scaling.png."""
    plots.use_style()
    fig, (left, right) = plt.subplots(1, 2, figsize=plots.WIDE)
    ns, (*_, where) = sizes(rows, "rate"), knee(rows, OURS)
    bare, ours = ([n / per_step(rows, n, s) for n in ns] for s in (RANDOM, OURS))
    left.loglog(ns, bare, "o-", color=plots.OTHER, markersize=4)
    left.loglog(ns, ours, "o-", color=plots.ESTIMATE, markersize=4)
    left.axvline(where, color=plots.THRESHOLD, linewidth=1)
    left.text(where / 1.2, min(ours), "knee", color=plots.THRESHOLD, ha="right")
    left.text(45, 2.4e6, "environment only", color=plots.OTHER, ha="right")
    style = {"color": plots.ESTIMATE, "va": "top"}
    left.text(9, 1e5, "with policy, draw\nand recording", **style)
    left.set(
        title=f"{max(ours) / 1e6:.0f} million steps a second",
        xlabel="environments that step together",
        ylabel="environment steps per second",
    )
    runs = sizes(rows, "study")
    many = [median(rows, n, MANY) for n in runs]
    alone = [median(rows, n, ONE) for n in runs if n < 1000]
    right.loglog(runs, many, "o-", color=plots.ESTIMATE, markersize=4)
    right.loglog(runs[: len(alone)], alone, "o-", color=plots.BASELINE, markersize=4)
    right.text(12, alone[1] * 1.6, "one by one", color=plots.BASELINE, ha="right")
    right.text(70, many[2] / 2.2, "side by side", color=plots.ESTIMATE)
    right.set(
        title=f"100 seeds trained in {many[2]:.1f} s",
        xlabel="seeds",
        ylabel="seconds",
    )
    with replacing(ROOT / "figures" / "scaling.png") as new:
        fig.savefig(new, dpi=130)


def main() -> None:
    """Measure, print, and unless quick, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few sizes, no files")
    quick = parser.parse_args().quick
    rows = []
    for row in measure(quick):
        rows.append(row)
        if not quick:
            record(rows)
        print(f"{row['question']} {row['size']} {row['series']}", end="")
        print(f": {row['seconds']:.3f} s", flush=True)
    print(f"\n{rate_table(rows)}\n\n{study_table(rows)}")
    if not quick:
        files.write(RESULTS / "scaling.md", report(rows))
        picture(rows)


if __name__ == "__main__":
    main()
