"""Train notebook 09's agent, unchanged, on Acrobot-v1 and MountainCar-v0.

Ten runs each; a minute or two; draws figures/another_task.png:

    python benchmarks/another_task.py
"""

from functools import partial
from pathlib import Path

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

from pgutils import plots
from pgutils.files import replacing
from pgutils.training import Training, evaluate, train_many

FIGURE = Path(__file__).parents[1] / "figures" / "another_task.png"
LEAST = {"Acrobot-v1": -500, "MountainCar-v0": -200}


def side_by_side(name: str, num_envs: int) -> gym.vector.VectorEnv:
    """Return so many environments, stepped one after the other."""
    return gym.make_vec(name, num_envs, vectorization_mode="sync")


def report(name: str, study: list[Training]) -> None:
    """Print when each run was solved, and how its parameters do on fresh episodes."""
    thetas = np.stack([run.theta for run in study])
    carts = side_by_side(name, 100 * len(study))
    sampled, greedy = (
        evaluate(carts, thetas, np.random.default_rng(9002 + g), greedy=bool(g))
        for g in (0, 1)
    )
    print(f"\n{name}: solved {sum(run.solved for run in study)} of {len(study)}")
    print("   steps  solved  first success after  sampled  greedy")
    for i, run in enumerate(study):
        better = (run.returns > LEAST[name]).any(axis=1)
        first = f"{run.steps[: better.argmax()].sum():,}" if better.any() else "never"
        print(f"{run.steps.sum():8,}  {run.solved!s:6}  {first:>19}", end="")
        print(f"{sampled[i].mean():9.0f}{greedy[i].mean():8.0f}")


def main() -> None:
    """Train, report, and draw one panel a task."""
    plots.use_style()
    fig, axes = plt.subplots(1, 2, figsize=plots.WIDE)
    for ax, (name, least) in zip(axes, LEAST.items()):
        make_env = partial(side_by_side, name)
        study = train_many(make_env, np.random.default_rng(9000), 10)
        report(name, study)
        threshold = gym.spec(name).reward_threshold
        for run in study:
            thousand = run.steps.cumsum() / 1000
            means = run.returns.mean(axis=1)
            ax.plot(thousand, means, color=plots.ESTIMATE, alpha=0.5, linewidth=1.5)
            if run.solved:
                ax.plot(thousand[-1], means[-1], "o", color=plots.ESTIMATE)
        ax.axhline(threshold, color=plots.THRESHOLD, linestyle=":")
        ax.set(title=f"{name}, solved at −{-threshold:.0f}", xlim=(0, 205))
        ax.set(xlabel="thousand environment steps")
        ax.set(ylim=(least * 1.05, 0))
    axes[0].set(ylabel="mean return of a batch")
    axes[1].text(100, -190, "all ten runs", color=plots.ESTIMATE, ha="center")
    with replacing(FIGURE) as new:
        fig.savefig(new)


if __name__ == "__main__":
    main()
