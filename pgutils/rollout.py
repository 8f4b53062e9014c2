"""Whole episodes of the linear softmax policy on Gymnasium's vectorised CartPole."""

import math
from collections.abc import Iterator
from itertools import repeat

import gymnasium as gym
import numpy as np
from gymnasium.wrappers.vector import TransformObservation
from jaxtyping import Float

from pgutils import checks
from pgutils.trajectories import Batch

UNITS = np.array([2.4, 2.0, 0.2095, 1.0], dtype=np.float32)
"""One unit of each feature: 2.4 m, 2 m/s, 0.2095 rad (12°) and 1 rad/s."""


def make_cartpole(num_envs: int) -> gym.vector.VectorEnv:
    """Return Gymnasium's own vectorised CartPole-v1, observed in the units of `UNITS`.

    Args:
        num_envs: number of carts that step together, from 1 to 1 million.

    Raises:
        TypeError, ValueError: if num_envs is not a whole number, or out of range.

    Derived in notebooks/09_cartpole_agent.ipynb. Barto, Sutton & Anderson (1983).
    """
    num_envs = checks.count("num_envs", num_envs, maximum=checks.MANY)
    env = gym.make_vec("CartPole-v1", num_envs, vectorization_mode="vector_entry_point")
    return TransformObservation(env, lambda observation: observation / UNITS)


def race(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> Iterator[Float[np.ndarray, "*n k"]]:
    """Yield the noise of one step after another, for ever, equation (9.4).

    The index of the largest logit *minus* noise is a draw from their softmax. The noise
    is drawn 8 steps at a time: one long draw is faster than many short ones.

    Args:
        rng: random generator.
        shape: of the logits, (..., k).

    Yields:
        Logarithms of exponential random numbers, dimensionless.

    Raises:
        TypeError, ValueError: at the first step, if rng is not a generator or shape not
            a tuple of whole numbers, or too large.

    Derived in notebooks/09_cartpole_agent.ipynb. Maddison, Tarlow & Minka (2014).
    """
    rng, shape = checks.generator(rng), checks.shape("shape", shape)
    while True:
        yield from np.log(rng.standard_exponential((8, *shape)))


def run_episodes(
    env: gym.vector.VectorEnv,
    theta: Float[np.ndarray, "*runs d k"],
    rng: np.random.Generator,
    *,
    greedy: bool = False,
) -> Batch:
    """Run one whole episode in each environment, under fixed parameters.

    Actions are drawn by the race of equation (9.4). An environment that has ended is
    stepped along by Gymnasium until the last one ends (first comes the step that resets
    it): `mask` keeps all of that out of the batch.

    Args:
        env: environments with d features and k discrete actions; with many runs, those
            of the first run come first, and each run has as many, N.
        theta: parameters, shape (d, k), or (runs, d, k) for many runs side by side.
        rng: random generator, for the starts and the actions.
        greedy: take the likeliest action instead of a random one.

    Returns:
        A batch of N episodes, or of (runs, N); `mask.size` is the number of steps that
        the environments took together.

    Raises:
        TypeError: if rng is not a generator, greedy not True or False, or the actions
            are not discrete.
        ValueError: if theta's shape does not fit the environments, or is not finite.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    theta, rng, greedy = checks.episode(env, theta, rng, greedy)
    *runs, d, k = theta.shape
    grid = *runs, env.num_envs // math.prod(runs)
    x, _ = env.reset(seed=int(rng.integers(2**31)))
    running = np.ones(env.num_envs, dtype=bool)
    states, steps = [x], []
    noises = repeat(0) if greedy else race(rng, (*grid, k))
    for noise in noises:
        logits = x.astype(float).reshape(*grid, d) @ theta
        action = (logits - noise).argmax(axis=-1).ravel()
        x, reward, terminated, truncated, _ = env.step(action)
        steps.append((action, reward, running))
        states.append(x)
        over = terminated | truncated
        if over.any():
            running = running & ~over
            if not running.any():
                break

    def side_by_side(part):
        part = np.stack(part).swapaxes(0, 1)
        return part.reshape(*grid, *part.shape[1:])

    actions, rewards, mask = map(side_by_side, zip(*steps))
    return Batch(side_by_side(states), actions, rewards * mask, mask)
