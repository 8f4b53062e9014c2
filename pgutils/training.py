"""Train the linear softmax policy by gradient ascent, and evaluate it."""

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from jaxtyping import Float, Integer
from tqdm.auto import tqdm

from pgutils import checks
from pgutils.gradients import leave_one_out
from pgutils.returns import discounted_returns
from pgutils.rollout import run_episodes
from pgutils.softmax import softmax
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
        diverged: whether the run stopped because the next Θ would not have been finite;
            then `theta` is the last finite one.
    """

    theta: Float[np.ndarray, "d k"]
    returns: Float[np.ndarray, "batches N"]
    steps: Integer[np.ndarray, " batches"]
    solved: bool
    diverged: bool = False

    @classmethod
    def begin(cls, theta: Float[np.ndarray, "d k"], num_envs: int) -> "Training":
        """Return a run that has these parameters and no history."""
        num_envs = checks.count("num_envs", num_envs, maximum=checks.MANY)
        theta = checks.array("theta", theta, largest=checks.LARGEST_NORM)
        return cls(theta, np.zeros((0, num_envs)), np.zeros(0, int), False)

    def over(self, max_steps: int) -> bool:
        """Tell whether the run has solved the task, diverged, or spent its steps."""
        max_steps = checks.count("max_steps", max_steps, maximum=checks.MOST_STEPS)
        return bool(self.solved or self.diverged or self.steps.sum() >= max_steps)


def is_solved(returns: Float[np.ndarray, "batches N"], threshold: float) -> bool:
    """Tell whether the last 100 episodes average to the threshold, equation (9.5).

    Args:
        returns: return of each episode, ordered by batch and slot.
        threshold: the mean to reach, in reward.

    Raises:
        TypeError: if returns or threshold are not real numbers.
        ValueError: if returns are empty, or a number is not finite.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    returns, threshold = checks.results(returns, threshold)
    last = returns.ravel()[-100:]
    return len(last) == 100 and bool(last.mean() >= threshold)


def gradient_step(
    theta: Float[np.ndarray, "*runs d k"],
    batch: Batch,
    gamma: float = 0.99,
    learning_rate: float = 0.06,
) -> Float[np.ndarray, "*runs d k"]:
    """Return the parameters after one step of ascent, Θ + η ĝ, equation (2.7).

    The estimate ĝ is (4.6) with the leave-one-out baseline of (9.3). Each score is an
    outer product, x (e_a − p)ᵀ by (6.8), so their weighted sum is one product of
    matrices: features times weighted surprises.

    Args:
        theta: parameters under which the batch was collected, shape (d, k), or
            (runs, d, k) for many runs side by side.
        batch: N whole episodes (of each run), N at least 2.
        gamma: discount per step, in [0, 1].
        learning_rate: η, above 0.

    Returns:
        An array like theta.

    Raises:
        TypeError: if an input is not made of numbers.
        ValueError: if the learning rate is not above 0, gamma is outside [0, 1], theta
            does not fit the batch, or the batch holds fewer than 2 episodes.

    Derived in notebooks/09_cartpole_agent.ipynb. Williams (1992).
    """
    theta = checks.fits_batch(theta, batch, learning_rate)
    *runs, N, T = batch.actions.shape
    d, k = theta.shape[-2:]
    returns = discounted_returns(batch.rewards, gamma)
    weights = batch.mask * gamma ** np.arange(T) * (returns - leave_one_out(returns))
    x = batch.states[..., :-1, :].reshape(*runs, N * T, d)
    surprise = np.eye(k)[batch.actions].reshape(*runs, N * T, k) - softmax(x @ theta)
    gradient = x.mT @ (weights.reshape(*runs, N * T, 1) * surprise) / N
    return theta + learning_rate * gradient


def zero_theta(env: gym.vector.VectorEnv, *runs: int) -> Float[np.ndarray, "*runs d k"]:
    """Return Θ = 0, with one row a feature and one column an action.

    Args:
        env: environments with d features and k discrete actions.
        runs: number of runs, if there is an axis of runs.

    Raises:
        TypeError: if env is not vectorised, its actions are not discrete, or a number
            of runs is not a whole number.
        ValueError: if a number of runs is negative, or too large.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    checks.linear_shape(env), checks.shape("runs", runs)
    d, k = env.single_observation_space.shape[0], env.single_action_space.n
    return np.zeros((*runs, d, k))


def extend(
    run: Training, batch: Batch, theta: Float[np.ndarray, "d k"], threshold: float
) -> Training:
    """Return the run with one batch more, and the parameters that came of it.

    Parameters that are not finite, or whose norm is not, are not taken: the run has
    diverged, a warning says so, and it keeps those that it had.

    Args:
        run: the run so far, with N episodes a batch.
        batch: N episodes more; each of the N environments is charged for the longest.
        theta: parameters after the step, shape (d, k).
        threshold: the mean return that solves the task, in reward.

    Raises:
        TypeError: if run or batch is something else, or threshold is not a number.
        ValueError: if theta has not the shape of the run's, or the batch has not as
            many episodes as the run has environments.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    theta = checks.longer(run, batch, theta, threshold)
    lengths = batch.mask.sum(axis=1)
    returns = np.vstack([run.returns, batch.rewards.sum(axis=1)])
    steps = np.append(run.steps, len(lengths) * lengths.max())
    diverged = not np.isfinite(np.linalg.norm(theta))
    if diverged:
        warnings.warn(
            f"a run diverged in batch {len(steps)}: its Θ is not finite any more. It "
            "keeps the last that was; a smaller learning rate may help",
            RuntimeWarning,
            stacklevel=3,
        )
    theta = run.theta if diverged else theta
    return Training(theta, returns, steps, is_solved(returns, threshold), diverged)


def train(
    env: gym.vector.VectorEnv,
    rng: np.random.Generator,
    *,
    gamma: float = 0.99,
    learning_rate: float = 0.06,
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

    Warns:
        RuntimeWarning: if the run diverges; see `Training.diverged`.

    Derived in notebooks/09_cartpole_agent.ipynb. Williams (1992).
    """
    gamma, learning_rate = checks.training(env, rng, gamma, learning_rate, max_steps)
    run = Training.begin(zero_theta(env), env.num_envs)
    bar = tqdm(unit=" steps", disable="TQDM_DISABLE" in os.environ)
    with suppress(KeyboardInterrupt), bar, np.errstate(over="ignore"):
        while not run.over(max_steps):
            batch = run_episodes(env, run.theta, rng)
            theta = gradient_step(run.theta, batch, gamma, learning_rate)
            run = extend(run, batch, theta, env.spec.reward_threshold)
            bar.update(batch.mask.size)
    return run


def train_many(
    make_env: Callable[[int], gym.vector.VectorEnv],
    rng: np.random.Generator,
    runs: int,
    *,
    batch_size: int = 10,
    start: Float[np.ndarray, "runs d k"] | None = None,
    step: Callable = gradient_step,
    max_steps: int = 200_000,
    **options,
) -> list[Training]:
    """Train many independent runs side by side, each like `train`.

    The carts of all runs step together, and one computation over (run, episode, step)
    takes the gradient steps of all. A run that is over is taken out. Each run is
    charged the steps that it would have taken alone: N times its own longest episode,
    batch by batch.

    Progress bar and interrupt are those of `train`: every run keeps what it has learnt.

    Args:
        make_env: makes so many environments, like `make_cartpole`.
        rng: random generator, one for all runs.
        runs: number of runs.
        batch_size: N, episodes in each batch of each run, at least 2.
        start: parameters to begin with, shape (runs, d, k); zeros if not given.
        step: what makes Θ of Θ: a function like `gradient_step`, of theta (runs, d, k)
            and the batch.
        max_steps: a run stops after the batch that reaches this many steps of its own.
        options: for `step`: gamma and learning_rate.

    Returns:
        One `Training` a run, each of its own length.

    Raises:
        TypeError, ValueError: what `train` raises, and if make_env is not a function,
            runs is not a positive whole number, or start does not fit.

    Warns:
        RuntimeWarning: for each run that diverges; see `Training.diverged`.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    runs, batch_size, options = checks.many(
        make_env, rng, runs, batch_size, start, step, max_steps, options
    )
    env = make_env(runs * batch_size)
    start = zero_theta(env, runs) if start is None else np.asarray(start, float)
    study = [Training.begin(theta, batch_size) for theta in start]
    threshold = env.spec.reward_threshold
    bar = tqdm(unit=" steps", disable="TQDM_DISABLE" in os.environ)
    with suppress(KeyboardInterrupt), bar, np.errstate(over="ignore"):
        while going := [i for i in range(runs) if not study[i].over(max_steps)]:
            thetas = np.stack([study[i].theta for i in going])
            batch = run_episodes(make_env(batch_size * len(going)), thetas, rng)
            stepped = step(thetas, batch, **options)
            for j, i in enumerate(going):
                study[i] = extend(study[i], batch.of(j), stepped[j], threshold)
            bar.update(batch.mask.size)
    return study


def evaluate(
    env: gym.vector.VectorEnv,
    theta: Float[np.ndarray, "*runs d k"],
    rng: np.random.Generator,
    *,
    greedy: bool = False,
) -> Float[np.ndarray, "*runs N"]:
    """Return the undiscounted return of one fresh episode in each environment.

    Args:
        env: N environments for each run, as `run_episodes` takes them.
        theta: parameters, shape (d, k), or (runs, d, k) for many runs side by side.
        rng: random generator, not the one of the training run.
        greedy: take the likeliest action instead of a random one.

    Returns:
        Shape (N,), or (runs, N), in reward.

    Raises:
        TypeError, ValueError: what `run_episodes` raises.

    Derived in notebooks/09_cartpole_agent.ipynb.
    """
    return run_episodes(env, theta, rng, greedy=greedy).rewards.sum(axis=-1)
