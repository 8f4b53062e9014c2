"""Whole episodes of the linear softmax policy on Gymnasium's vectorised CartPole."""

import gymnasium as gym
import numpy as np
from gymnasium.wrappers.vector import TransformObservation
from jaxtyping import Float

from pgutils import checks
from pgutils.softmax import draw, softmax
from pgutils.trajectories import Batch

UNITS = np.array([2.4, 2.0, 0.2095, 1.0], dtype=np.float32)
"""One unit of each feature: 2.4 m, 2 m/s, 0.2095 rad (12°) and 1 rad/s."""


def make_cartpole(num_envs: int) -> gym.vector.VectorEnv:
    """Return Gymnasium's own vectorised CartPole-v1, observed in the units of `UNITS`.

    Args:
        num_envs: number of carts that step together, at least 1.

    Raises:
        TypeError, ValueError: if num_envs is not a positive whole number.

    Derived in notebooks/09_cartpole_agent.ipynb. Barto, Sutton & Anderson (1983).
    """
    num_envs = checks.count("num_envs", num_envs)
    env = gym.make_vec("CartPole-v1", num_envs, vectorization_mode="vector_entry_point")
    return TransformObservation(env, lambda observation: observation / UNITS)


def run_episodes(
    env: gym.vector.VectorEnv,
    theta: Float[np.ndarray, "d k"],
    rng: np.random.Generator,
    *,
    greedy: bool = False,
) -> Batch:
    """Run one whole episode in each environment, under one fixed policy.

    An environment that has ended is stepped along by Gymnasium until the last one ends
    (first comes the step that resets it): `mask` keeps all of that out of the batch.

    Args:
        env: N environments with d features and k discrete actions.
        theta: parameters, shape (d, k).
        rng: random generator, for the starts and the actions.
        greedy: take the likeliest action instead of a random one.

    Returns:
        A batch of N episodes; `mask.size` is the number of steps that the environments
        took together.

    Raises:
        TypeError: if rng is not a generator or the actions are not discrete.
        ValueError: if theta's shape does not fit the environment, or is not finite.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    theta, rng = checks.fits(env, theta), checks.generator(rng)
    x, _ = env.reset(seed=int(rng.integers(2**31)))
    running = np.ones(env.num_envs, dtype=bool)
    states, steps = [x], []
    while running.any():
        probs = softmax(x @ theta)
        action = probs.argmax(axis=1) if greedy else draw(probs, rng)
        x, reward, terminated, truncated, _ = env.step(action)
        steps.append((action, reward * running, running))
        states.append(x)
        running = running & ~(terminated | truncated)
    actions, rewards, mask = (np.stack(part, axis=1) for part in zip(*steps))
    return Batch(np.stack(states, axis=1), actions, rewards, mask)
