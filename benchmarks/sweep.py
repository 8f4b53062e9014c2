"""Train over seeds × hyperparameters × environments, on all cores or on a cluster.

    python benchmarks/sweep.py --seeds 5000 5020 --learning-rate 0.03 0.06 0.1 \
        --gamma 0.99 1 --out sweep.csv

trains seeds 5000 to 5019 with each of the six pairs on all cores of this machine; with
`--scheduler tcp://...` on the Dask cluster that listens there. What is finished is in
sweep.csv at once: after an interrupt or a crash, the same command does the rest.
"""

import argparse
import csv
import os
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sized
from contextlib import contextmanager, nullcontext
from errno import EDQUOT, EFBIG, ENOSPC
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple, TextIO

import gymnasium as gym
import joblib
import numpy as np
from tqdm.auto import tqdm

from pgutils import checks
from pgutils.rollout import make_cartpole
from pgutils.training import train


class Task(NamedTuple):
    """One training run; the hyperparameters have the defaults of `train`."""

    environment: str
    seed: int
    gamma: float = 0.99
    learning_rate: float = 0.06
    batch_size: int = 10
    max_steps: int = 200_000


HYPERPARAMETERS = {  # and what checks their values
    "gamma": checks.known_discount,
    "learning_rate": checks.positive,
    "batch_size": partial(checks.count, minimum=2),
    "max_steps": checks.count,
}
RESULTS = {  # and what makes them of their text in a csv
    "solved": {"True": True, "False": False}.__getitem__,
    "diverged": {"True": True, "False": False}.__getitem__,
    "episodes": int,
    "steps": int,
    "last_100": float,
}
COLUMNS = Task._fields + tuple(RESULTS)


def make_env(name: str, num_envs: int) -> gym.vector.VectorEnv:
    """Return environments that step together, CartPole-v1 in the units of pgutils."""
    if name == "CartPole-v1":
        return make_cartpole(num_envs)
    return gym.make_vec(name, num_envs, vectorization_mode="sync")


def run_task(task: Task) -> dict:
    """Return the row of one run: the task, and what came of it.

    Raises:
        KeyboardInterrupt: if the run was interrupted, for `train` returns all the same.
    """
    os.environ["TQDM_DISABLE"] = "1"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "a run diverged", RuntimeWarning)
        run = train(
            make_env(task.environment, task.batch_size),
            np.random.default_rng(task.seed),
            gamma=task.gamma,
            learning_rate=task.learning_rate,
            max_steps=task.max_steps,
        )
    if not run.over(task.max_steps):
        raise KeyboardInterrupt
    last = float(run.returns.ravel()[-100:].mean())
    results = run.solved, run.diverged, run.returns.size, int(run.steps.sum()), last
    return dict(zip(COLUMNS, (*task, *results)))


def make_tasks(
    grid: Mapping[str, Collection],
    seeds: Collection[int],
    environments: Collection[str],
) -> list[Task]:
    """Return all tasks in order, after a check that each of them can start."""
    if not grid:
        raise ValueError("the grid must name at least one hyperparameter, got none")
    if unknown := set(grid) - set(HYPERPARAMETERS):
        raise ValueError(
            f"the grid's names must be among {', '.join(HYPERPARAMETERS)}, "
            f"got {', '.join(sorted(map(str, unknown)))}"
        )
    for name, values in {**grid, "seeds": seeds, "environments": environments}.items():
        if isinstance(values, str) or not isinstance(values, Sized):
            raise TypeError(f"{name} must be a list of values, got {values!r}")
        if len(values) == 0:
            raise ValueError(f"{name} must hold at least one value, got none")
        for value in values if name in HYPERPARAMETERS else []:
            HYPERPARAMETERS[name](name, value)
    seeds = [checks.count("seed", seed, minimum=0) for seed in seeds]
    for name in environments:
        checks.learning(make_env(name, 2), np.random.default_rng(0), 1)
    tasks = []
    for name, values, seed in product(environments, product(*grid.values()), seeds):
        task = Task(name, seed, **dict(zip(grid, values)))
        kinds = Task.__annotations__.values()
        tasks.append(Task(*(kind(value) for kind, value in zip(kinds, task))))
    return list(dict.fromkeys(tasks))


def read_rows(file: TextIO) -> Iterator[dict]:
    """Yield the rows of an open csv, and leave it ready for more of them.

    A last line without its end was torn by a crash, and is dropped.
    """
    header, text = ",".join(COLUMNS) + "\n", file.read()
    if text[: len(header)] != header[: len(text)]:
        raise ValueError(
            f"{file.name} must be the csv of a sweep and begin with {header.strip()}, "
            f"got {text[: len(header)].splitlines()[0]}"
        )
    whole = text[: text.rfind("\n") + 1]
    file.truncate(len(whole.encode()))
    if not whole:
        print(header, end="", file=file, flush=True)
    kinds = {**Task.__annotations__, **RESULTS}
    for number, line in enumerate(csv.reader(whole.splitlines()[1:]), start=2):
        try:
            yield {k: kinds[k](cell) for k, cell in zip(COLUMNS, line, strict=True)}
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{file.name}, line {number}, must be the row of a sweep, got "
                f"{','.join(line)}"
            ) from error


def key(row: dict) -> Task:
    """Return the task that a row belongs to."""
    return Task(*(row[name] for name in Task._fields))


@contextmanager
def own_bar(total: int, done: int) -> Iterator[tqdm]:
    """Show the progress of the sweep, and no bars of single runs beside it."""
    shown = "TQDM_DISABLE" not in os.environ
    try:
        with tqdm(total=total, initial=done, unit=" runs", disable=not shown) as bar:
            yield bar
    finally:
        if shown:
            os.environ.pop("TQDM_DISABLE", None)


def sweep(
    grid: Mapping[str, Collection],
    seeds: Collection[int],
    *,
    environments: Collection[str] = ("CartPole-v1",),
    out: str | Path | None = None,
    n_jobs: int | None = None,
    backend: str | None = None,
) -> list[dict]:
    """Train once for each environment, each point of the grid, and each seed.

    A run is `train` with `np.random.default_rng(seed)`, so its row depends on its task
    alone: not on backend, number of workers, or order. Where it runs, joblib decides:

        with joblib.parallel_config(backend="dask"):  # with a Dask client at hand
            rows = sweep({"learning_rate": [0.03, 0.06]}, range(5000, 5020))

    A run whose Dask worker is lost goes to another worker. After four losses Dask gives
    it up and logs KilledWorker, but joblib goes on waiting for it: interrupt, and call
    again. A batch_size too large for the workers' memory does that.

    Args:
        grid: the values of each hyperparameter, of those that `Task` names.
        seeds: whole numbers, at least 0.
        environments: Gymnasium's names; they must have discrete actions, vectors as
            states, and a reward_threshold.
        out: csv that finished rows are appended to as they come. Rows that it has
            already are not computed again.
        n_jobs: number of workers, -1 for all cores, as joblib takes it.
        backend: one of joblib's, if not the one chosen by `parallel_config`.

    Returns:
        One row a run, in the order environments, grid, seeds: the task, solved,
        diverged, episodes, steps, and last_100, the mean return of the last 100
        episodes.

    Raises:
        TypeError, ValueError: before anything runs, if grid, seeds or environments are
            empty or wrong, or out is not the csv of a sweep.
        gymnasium.error.Error: before anything runs, if there is no such environment.

    Warns:
        RuntimeWarning: once, at the end, if runs diverged.
    """
    tasks = make_tasks(grid, seeds, environments)
    with (
        open(out, "a+", encoding="utf-8", newline="") if out else nullcontext() as file
    ):
        if file:
            file.seek(0)
        rows = {key(row): row for row in (read_rows(file) if file else ())}
        missing = [task for task in tasks if task not in rows]
        # One task at a time: of a batch, a crash would lose what was finished.
        parallel = joblib.Parallel(
            n_jobs, backend, return_as="generator_unordered", batch_size=1
        )
        with own_bar(len(tasks), len(tasks) - len(missing)) as bar:
            for row in parallel(joblib.delayed(run_task)(task) for task in missing):
                rows[key(row)] = row
                if file:
                    print(*row.values(), sep=",", file=file, flush=True)
                bar.update()
    rows = [rows[task] for task in tasks]
    if diverged := sum(row["diverged"] for row in rows):
        warnings.warn(
            f"{diverged} of {len(rows)} runs diverged: see the column of that name",
            RuntimeWarning,
            stacklevel=2,
        )
    return rows


def main() -> None:
    """Read the command line, run the sweep, and print a line a point of the grid."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs=2, type=int, required=True, metavar=("A", "B"))
    parser.add_argument("--environments", nargs="+", default=["CartPole-v1"])
    for name in HYPERPARAMETERS:
        flag, kind = f"--{name.replace('_', '-')}", Task.__annotations__[name]
        default = [Task._field_defaults[name]]
        parser.add_argument(flag, nargs="+", type=kind, default=default)
    parser.add_argument("--out", required=True, help="csv to append to")
    parser.add_argument(
        "--jobs", type=int, default=-1, help="workers, -1 for all cores"
    )
    parser.add_argument("--scheduler", help="address of a Dask cluster")
    args = parser.parse_args()
    grid = {name: getattr(args, name) for name in HYPERPARAMETERS}
    cluster = {"backend": "dask", "scheduler_host": args.scheduler}
    try:
        with joblib.parallel_config(**cluster) if args.scheduler else nullcontext():
            rows = sweep(
                grid,
                range(*args.seeds),
                environments=args.environments,
                out=args.out,
                n_jobs=args.jobs,
            )
    except KeyboardInterrupt:
        sys.exit(
            f"interrupted: finished runs are in {args.out}; call again for the rest"
        )
    except (OSError, TypeError, ValueError, gym.error.Error) as error:
        full = getattr(error, "errno", None) in (EDQUOT, EFBIG, ENOSPC)
        hint = f"; make room for {args.out}, call again for the rest" if full else ""
        sys.exit(f"{type(error).__name__}: {error}{hint}")
    for first in rows[:: len(range(*args.seeds))]:
        point = {k: first[k] for k in Task._fields if k != "seed"}
        mine = [row for row in rows if point.items() <= row.items()]
        solved = sum(row["solved"] for row in mine)
        steps = np.median([row["steps"] for row in mine])
        print(*(f"{k}={v}" for k, v in point.items()), end=": ")
        print(f"solved {solved} of {len(mine)}, median {steps:,.0f} steps")


if __name__ == "__main__":
    main()
