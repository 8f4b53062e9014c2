"""Train the CartPole agent on many seeds and report steps, episodes and seconds.

python benchmarks/cartpole_seeds.py            # the report seeds, 7000 to 7099
python benchmarks/cartpole_seeds.py 5000 5100  # seeds 5000 to 5099
"""

import sys
from time import perf_counter

import numpy as np

from pgutils.rollout import make_cartpole
from pgutils.training import evaluate, train


def measure(seed: int) -> tuple[bool, int, int, float, float, float]:
    """Return solved, steps, episodes, seconds and two means of 100 fresh episodes."""
    env = make_cartpole(10)
    start = perf_counter()
    run = train(env, np.random.default_rng(seed))
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
    """Print one line a seed, then counts, medians and extremes."""
    seeds = sys.argv[1:] or ["7000", "7100"]
    if len(seeds) != 2 or not all(seed.isdecimal() for seed in seeds):
        sys.exit(f"give the first seed and the one after the last, got {seeds}")
    first, end = map(int, seeds)
    if first >= end:
        sys.exit(f"the second seed must lie above the first; got {first} and {end}")
    print("seed  solved   steps  episodes  seconds  greedy  sampled")
    rows = []
    for seed in range(first, end):
        solved, *row = measure(seed)
        rows.append((solved, *row))
        print(f"{seed:4}  {solved!s:6}{row[0]:8}{row[1]:10}{row[2]:9.2f}", end="")
        print(f"{row[3]:8.1f}{row[4]:9.1f}", flush=True)
    solved, steps, _, seconds, greedy, sampled = np.array(rows, dtype=float).T
    print(f"\nsolved {solved.sum():.0f} of {len(rows)}", end="; ")
    print(
        f"median {np.median(steps):,.0f} steps (at most {steps.max():,.0f})", end=", "
    )
    print(f"{np.median(seconds):.2f} s")
    print(f"greedy mean ≥ 475 on {(greedy >= 475).sum()} of {len(rows)}", end="; ")
    print(f"lowest greedy mean {greedy.min():.1f}", end=", ")
    print(f"lowest sampled mean {sampled.min():.1f}")


if __name__ == "__main__":
    main()
