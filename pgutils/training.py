"""Train the linear softmax policy by gradient ascent, and evaluate it."""

import os
from contextlib import suppress
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from jaxtyping import Float, Integer
from tqdm.auto import tqdm

from pgutils import checks
from pgutils.gradients import leave_one_out, policy_gradient
from pgutils.returns import discounted_returns
from pgutils.rollout import run_episodes
from pgutils.softmax import score
from pgutils.trajectories import Batch


@dataclass(frozen=True)
class Training:
    """What a training run has learnt, and how it went.

    Attributes:
        theta: the parameters, shape (d, k).
        returns: undiscounted return of each episode, in reward; shape (batches, N), a
            row a batch and a column a slot.
        steps: environment steps of each batch, shape (batches,), those of environments
            that had ended and were stepped along included.
        solved: whether the last 100 episodes reached the threshold on average.
    """

    theta: Float[np.ndarray, "d k"]
    returns: Float[np.ndarray, "batches N"]
    steps: Integer[np.ndarray, " batches"]
    solved: bool


def is_solved(returns: Float[np.ndarray, "batches N"], threshold: float) -> bool:
    """Tell whether the last 100 episodes average to the threshold, equation (9.4).

    Args:
        returns: return of each episode, ordered by batch and slot.
        threshold: the mean to reach, in reward.

    Raises:
        TypeError: if returns are not real numbers.
        ValueError: if returns are empty or not finite.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    returns = checks.array("returns", returns)
    last = returns.ravel()[-100:]
    return len(last) == 100 and bool(last.mean() >= threshold)


def gradient_step(
    theta: Float[np.ndarray, "d k"], batch: Batch, gamma: float, learning_rate: float
) -> Float[np.ndarray, "d k"]:
    """Return the parameters after one step of ascent, Θ + η ĝ, equation (2.7).

    The estimate ĝ is (4.6) with the leave-one-out baseline of (9.3).

    Args:
        theta: parameters under which the batch was collected, shape (d, k).
        batch: N whole episodes, N at least 2.
        gamma: discount per step, in [0, 1].
        learning_rate: η, above 0.

    Raises:
        TypeError: if an input is not made of numbers.
        ValueError: if the learning rate is not above 0, gamma is outside [0, 1], theta
            does not fit the batch, or the batch holds fewer than 2 episodes.

    Derived in notebooks/09_cartpole_agent.ipynb. Williams (1992).
    """
    learning_rate = checks.positive("learning_rate", learning_rate)
    scores = score(theta, batch.states[:, :-1], batch.actions)
    baseline = leave_one_out(discounted_returns(batch.rewards, gamma))
    gradient = policy_gradient(
        scores, batch.rewards, batch.mask, gamma=gamma, baseline=baseline
    )
    return theta + learning_rate * gradient


def train(
    env: gym.vector.VectorEnv,
    rng: np.random.Generator,
    *,
    gamma: float = 0.99,
    learning_rate: float = 0.1,
    max_steps: int = 200_000,
) -> Training:
    """Climb from Θ = 0, one batch of whole episodes a step, until the task is solved.

    A progress bar is shown unless the environment variable TQDM_DISABLE is set. An
    interrupt (Ctrl-C, or a notebook's stop button) ends the run: what was learnt up to
    the last whole batch is returned, with its history.

    Args:
        env: N environments, at least 2, whose `spec` names the threshold.
        rng: random generator.
        gamma: discount per step, in [0, 1].
        learning_rate: η, above 0.
        max_steps: stop after the batch that reaches this many environment steps.

    Raises:
        TypeError: if env is not vectorised, its actions are not discrete, rng is not a
            generator, or a hyperparameter is not a number.
        ValueError: if there are fewer than 2 environments, the environment names no
            threshold, or a hyperparameter is out of range.

    Derived in notebooks/09_cartpole_agent.ipynb. Williams (1992).
    """
    checks.training(env, rng, gamma, learning_rate, max_steps)
    shape = *env.single_observation_space.shape, env.single_action_space.n
    run = Training(
        np.zeros(shape), np.zeros((0, env.num_envs)), np.zeros(0, int), False
    )
    bar = tqdm(unit=" steps", disable="TQDM_DISABLE" in os.environ)
    with bar, suppress(KeyboardInterrupt):
        while run.steps.sum() < max_steps and not run.solved:
            batch = run_episodes(env, run.theta, rng)
            returns = np.vstack([run.returns, batch.rewards.sum(axis=1)])
            run = Training(
                theta=gradient_step(run.theta, batch, gamma, learning_rate),
                returns=returns,
                steps=np.append(run.steps, batch.mask.size),
                solved=is_solved(returns, env.spec.reward_threshold),
            )
            bar.update(batch.mask.size)
    return run


def evaluate(
    env: gym.vector.VectorEnv,
    theta: Float[np.ndarray, "d k"],
    rng: np.random.Generator,
    *,
    greedy: bool = False,
) -> Float[np.ndarray, " N"]:
    """Return the undiscounted return of one fresh episode in each environment.

    Args:
        env: N environments.
        theta: parameters, shape (d, k).
        rng: random generator, not the one of the training run.
        greedy: take the likeliest action instead of a random one.

    Returns:
        Shape (N,), in reward.

    Raises:
        TypeError, ValueError: what `run_episodes` raises.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    return run_episodes(env, theta, rng, greedy=greedy).rewards.sum(axis=1)
