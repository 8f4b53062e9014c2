"""Checks before something learns: environment, parameters, budget."""

import math

import numpy as np

from pgutils.checks.arrays import array, as_array, indices, same_shape, shape
from pgutils.checks.batches import a_batch, whole
from pgutils.checks.single import (
    MANY,
    count,
    flag,
    function,
    generator,
    known_discount,
    number,
    positive,
    shown,
)

LARGEST_NORM = math.sqrt(np.finfo(float).max)
"""Training goes on with parameters up to here: beyond, their norm is not finite."""

MOST_STEPS = 10**15
"""The most steps of a run: one more or less is still another float."""


def linear_shape(env) -> tuple[int, int]:
    """Return (d, k), the numbers of features and actions of a vectorised env."""
    actions = getattr(env, "single_action_space", None)
    states = getattr(env, "single_observation_space", None)
    if actions is None or states is None:
        raise TypeError(
            f"env must be a vectorised Gymnasium environment, got {shown(env)}"
        )
    if type(actions).__name__ != "Discrete":
        raise TypeError(f"the environment's actions must be discrete, got {actions}")
    if type(states).__name__ != "Box" or len(states.shape) != 1:
        raise TypeError(f"the environment's states must be vectors, got {states}")
    return states.shape[0], int(actions.n)


def fits(env, theta) -> np.ndarray:
    """Return parameters (..., d, k) that fit a vectorised environment."""
    shape = linear_shape(env)
    theta = array("theta", theta, largest=LARGEST_NORM)
    if theta.shape[-2:] != shape:
        raise ValueError(
            f"theta must have the shape of (features, actions), {shape}, or of (runs, "
            f"features, actions), got {theta.shape}"
        )
    runs = theta.size // math.prod(shape)
    if env.num_envs % runs:
        raise ValueError(
            f"the number of environments must be a multiple of theta's {runs} runs, "
            f"got {env.num_envs}"
        )
    return theta


def fits_batch(theta, batch, learning_rate) -> np.ndarray:
    """Return parameters (..., d, k) that fit a batch of whole episodes."""
    positive("learning_rate", learning_rate)
    whole(batch, ndim=a_batch(batch).mask.ndim + 1)
    theta = array("theta", theta, largest=LARGEST_NORM)
    *runs, d, k = theta.shape if theta.ndim > 1 else (0, 0)
    given = (*batch.states.shape[:-3], batch.states.shape[-1])
    if (*runs, d) != given:
        raise ValueError(
            f"theta must have shape {(*given, 'k')}, after the batch's states, "
            f"got {theta.shape}"
        )
    indices("actions", batch.actions, k)
    return theta


def episode(env, theta, rng, greedy) -> tuple:
    """Return parameters that fit an environment, a generator, and a choice."""
    return fits(env, theta), generator(rng), flag("greedy", greedy)


def learning(env, rng, max_steps) -> None:
    """Check that environments, generator and budget are there to learn with."""
    linear_shape(env)
    generator(rng)
    count("max_steps", max_steps, maximum=MOST_STEPS)
    count("the number of environments", env.num_envs, minimum=2)
    if getattr(env.spec, "reward_threshold", None) is None:
        raise ValueError(f"env must name a reward_threshold, its spec is {env.spec}")


def training(env, rng, gamma, learning_rate, max_steps) -> tuple[float, float]:
    """Return gamma and the learning rate as floats if a training run can start."""
    learning(env, rng, max_steps)
    return known_discount("gamma", gamma), positive("learning_rate", learning_rate)


def many(
    make_env, rng, runs, batch_size, start, step, max_steps, options
) -> tuple[int, int, dict]:
    """Return runs, batch_size and options if that many training runs can start."""
    runs = count("runs", runs, maximum=MANY)
    batch_size = count("batch_size", batch_size, minimum=2, maximum=MANY)
    count("runs × batch_size", runs * batch_size, maximum=MANY)
    if not callable(make_env):
        raise TypeError(
            "make_env must be a function that makes so many environments, like "
            f"make_cartpole, got {shown(make_env)}"
        )
    function("step", step)
    env = make_env(batch_size)
    learning(env, rng, max_steps)
    if start is not None:
        shape = runs, *linear_shape(env)
        start = array("start", start, largest=LARGEST_NORM)
        same_shape("start", start, "(runs, features, actions)", shape)
    known = {"gamma": known_discount, "learning_rate": positive}
    known = {name: check for name, check in known.items() if name in options}
    checked = {name: check(name, options[name]) for name, check in known.items()}
    return runs, batch_size, options | checked


def results(returns, threshold) -> tuple[np.ndarray, float]:
    """Return returns as a float array, and the threshold as a float."""
    return array("returns", returns), number("threshold", threshold)


def longer(run, batch, theta, threshold) -> np.ndarray:
    """Return parameters if they and their batch can continue a run.

    If they have diverged, return NaN: their norm is computed without a warning.
    """
    if not (hasattr(run, "returns") and hasattr(run, "theta")):
        raise TypeError(f"run must be a Training, got {shown(run)}")
    number("threshold", threshold)
    new = as_array("theta", theta)
    if new.dtype.kind not in "biuf":
        raise TypeError(f"theta must hold real numbers, got dtype {new.dtype}")
    same_shape("theta", new, "the run's theta", run.theta.shape)
    fitting = run.returns.shape[1], *a_batch(batch).mask.shape[1:2]
    same_shape("mask", batch.mask, "(the run's environments, steps)", fitting)
    with np.errstate(over="ignore"):
        diverged = not np.isfinite(np.linalg.norm(new))
    return np.full(new.shape, np.nan) if diverged else theta


def corridor_runs(
    rng, step_sizes, runs, episodes, baseline_step_size, max_steps
) -> tuple[np.ndarray, float | None]:
    """Return both kinds of step sizes as floats if runs on the corridor can start."""
    generator(rng)
    rates = array("step_sizes", step_sizes, ndim=1)
    for value in rates:
        positive("step_sizes", float(value))
    count("runs", runs)
    count("episodes", episodes)
    shape("step_sizes × runs × episodes", (len(rates), runs, episodes))
    count("max_steps", max_steps, maximum=MOST_STEPS)
    if baseline_step_size is None:
        return rates, None
    rate = positive("baseline_step_size", baseline_step_size)
    if rate > 1:
        raise ValueError(f"baseline_step_size must be in (0, 1], got {rate}")
    if rate < 1e-8:  # it would be lost in the rounding of 1 / rate
        raise ValueError(f"baseline_step_size must be at least 1e-8, got {rate}")
    return rates, rate
