"""Train the CartPole agent on many seeds and report steps, episodes and seconds.

python benchmarks/cartpole_seeds.py            # the report seeds, 100 to 119
python benchmarks/cartpole_seeds.py 5000 5100  # seeds 5000 to 5099
"""

import sys
from time import perf_counter

import numpy as np

from pgutils.rollout import make_cartpole
from pgutils.training import evaluate, train


def measure(seed: int) -> tuple[bool, int, int, float, float, float]:
    """Return solved, steps, episodes, seconds and two means of 100 fresh episodes."""
    start = perf_counter()
    run = train(make_cartpole(16), np.random.default_rng(seed))
    seconds = perf_counter() - start
    greedy, sampled = (
        evaluate(
            make_cartpole(100),
            run.theta,
            np.random.default_rng([seed, 7 + likeliest]),
            greedy=likeliest,
        ).mean()
        for likeliest in (True, False)
    )
    return run.solved, run.steps.sum(), run.returns.size, seconds, greedy, sampled


def main() -> None:
    """Print one line a seed, and the medians."""
    first, last = map(int, sys.argv[1:3]) if len(sys.argv) == 3 else (100, 120)
    print("seed  solved   steps  episodes  seconds  greedy  sampled")
    rows = []
    for seed in range(first, last):
        solved, *row = measure(seed)
        rows.append((solved, *row))
        print(f"{seed:4}  {solved!s:6}{row[0]:8}{row[1]:10}{row[2]:9.2f}", end="")
        print(f"{row[3]:8.1f}{row[4]:9.1f}")
    table = np.array(rows, dtype=float)
    print(f"\nsolved {int(table[:, 0].sum())} of {len(table)}", end="; ")
    print(f"median {np.median(table[:, 1]):,.0f} steps", end=" ")
    print(f"(at most {table[:, 1].max():,.0f})", end=", ")
    print(f"{np.median(table[:, 3]):.2f} s", end="; ")
    print(f"lowest greedy mean {table[:, 4].min():.1f}", end=", ")
    print(f"lowest sampled mean {table[:, 5].min():.1f}")


if __name__ == "__main__":
    main()
