"""Checks of what comes in: each says what was wrong, what was expected, what was given.

Every function returns its argument, converted to an array where it is one, or raises a
TypeError for a wrong kind of thing, a ValueError for a wrong shape, size or value.
"""

import math
import numbers

import numpy as np


def array(name: str, value, *, ndim: int | None = None, minimum: int = 1) -> np.ndarray:
    """Return `value` as a float array, not empty, with finite numbers only."""
    given = np.asarray(value)
    if given.dtype == object and all(isinstance(v, numbers.Real) for v in given.flat):
        given = given.astype(np.float64)  # Fractions
    if given.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must be an array of real numbers, got {type(value).__name__} "
            f"of dtype {given.dtype}"
        )
    if ndim is not None and given.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {given.shape}")
    if given.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {given.shape}")
    if given.ndim and len(given) < minimum:
        raise ValueError(f"{name} needs at least {minimum} rows, got {len(given)}")
    if not np.isfinite(given).all():
        bad = given[~np.isfinite(given)].ravel()[0]
        raise ValueError(f"{name} must hold only finite numbers, got {bad}")
    return given if given.dtype == np.float64 else given.astype(np.float64)


def same_shape(name: str, value: np.ndarray, other: str, shape: tuple) -> None:
    """Raise ValueError unless `value` has the shape of `other`."""
    if value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape of {other}, {tuple(shape)}, got {value.shape}"
        )


def indices(name: str, value, k: int) -> np.ndarray:
    """Return `value` as an array of integers in 0..k-1."""
    given = np.asarray(value)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers in 0..{k - 1}, got {value!r}")
    if given.size and not (0 <= given.min() and given.max() < k):
        bad = given[(given < 0) | (given >= k)].ravel()[0]
        raise ValueError(f"{name} must be in 0..{k - 1}, got {bad}")
    return given


def probabilities(name: str, value, *, ndim: int | None = None) -> np.ndarray:
    """Return `value`, shape (..., k), if its last axis holds probabilities."""
    given = array(name, value, ndim=ndim)
    if given.min() < 0:
        raise ValueError(f"{name} must not be negative, got {given.min()}")
    sums = given.sum(axis=-1)
    if np.abs(sums - 1).max() > 1e-9:
        bad = np.ravel(sums)[np.abs(np.ravel(sums) - 1).argmax()]
        raise ValueError(f"{name} must sum to 1 along the last axis, got {bad}")
    return given


def discount(name: str, value):
    """Return `value`, a number of any kind (float, Fraction), if it is in [0, 1].

    A SymPy expression with free symbols is taken as it is: it has no value yet.
    """
    if getattr(value, "free_symbols", None):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number in [0, 1], got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}")
    return value


def positive(name: str, value) -> float:
    """Return `value` as a float if it is finite and above 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number above 0, got {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be finite and above 0, got {value}")
    return float(value)


def count(name: str, value, *, minimum: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def generator(value) -> np.random.Generator:
    """Return `value` if it is a NumPy random generator."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"rng must be a generator, np.random.default_rng(seed), got {value!r}"
        )
    return value


def pair(name: str, value):
    """Return `value` if it holds two things."""
    if len(value) != 2:
        raise ValueError(f"{name} must hold two numbers, one per state, got {value!r}")
    return value


def policy_table(policy, world) -> np.ndarray:
    """Return a table [s][a] of action probabilities that fits a world, as floats."""
    table = probabilities("policy", policy)
    shape = np.shape(world.transition)[:2]
    same_shape("policy", table, "the world's (states, actions)", shape)
    return table


def one_each(name: str, value, states):
    """Return `value` if it holds one number per state."""
    if len(value) != len(states):
        raise ValueError(
            f"{name} must hold one number per state, {len(states)}, got {len(value)}"
        )
    return value


def rows(policy, world):
    """Return a table [s][a], of any kind of number, whose shape fits a world."""
    n_states, n_actions, _ = np.shape(world.transition)
    if [len(row) for row in policy] != [n_actions] * n_states:
        raise ValueError(
            f"policy must have {n_states} rows of {n_actions} probabilities, "
            f"got rows of {[len(row) for row in policy]}"
        )
    return policy


def path(states, actions, world) -> None:
    """Check that states and actions can be those of one trajectory of a world."""
    if len(states) != len(actions) + 1:
        raise ValueError(
            "a trajectory must have one more state than actions, got "
            f"{len(states)} states and {len(actions)} actions"
        )
    n_states, n_actions, _ = np.shape(world.transition)
    indices("states", states, n_states)
    indices("actions", actions or (0,), n_actions)


def linear_policy(theta, x, action) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return parameters (d, k), features (..., d) and actions (...) that fit."""
    theta, x = array("theta", theta, ndim=2), array("x", x)
    action = indices("action", action, theta.shape[1])
    if x.ndim == 0 or x.shape[-1] != len(theta):
        raise ValueError(
            f"x must have {len(theta)} features, like theta's rows, got shape {x.shape}"
        )
    same_shape("action", action, "x without its features", x.shape[:-1])
    return theta, x, action


def batch(
    scores, rewards, mask, baseline, gamma
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores (N, T, ...), rewards (N, T) and mask (N, T) that fit together."""
    discount("gamma", gamma)
    scores, rewards = array("scores", scores), array("rewards", rewards, ndim=2)
    mask, baseline = np.asarray(mask), array("baseline", baseline)
    if mask.dtype != bool:
        raise TypeError(f"mask must hold booleans, got dtype {mask.dtype}")
    same_shape("mask", mask, "rewards", rewards.shape)
    if scores.shape[:2] != rewards.shape or scores.ndim < 3:
        raise ValueError(
            f"scores must have shape {(*rewards.shape, '...')}, one score per reward, "
            f"got {scores.shape}"
        )
    if baseline.ndim:
        same_shape("baseline", baseline, "rewards", rewards.shape)
    if not mask[:, 0].all() or (mask[:, 1:] & ~mask[:, :-1]).any():
        raise ValueError(
            "mask must be true from the first step to the last of each row"
        )
    if rewards[~mask].any():
        raise ValueError(
            "rewards must be 0 after an episode's end (where mask is false)"
        )
    return scores, rewards, mask


def episodes(name: str, value) -> np.ndarray:
    """Return `value`, shape (..., N, T), if N is at least 2."""
    given = array(name, value)
    if given.ndim < 2:
        raise ValueError(f"{name} must have at least 2 axes, got shape {given.shape}")
    if given.shape[-2] < 2:
        raise ValueError(
            f"{name} needs at least 2 episodes, got {given.shape[-2]}: with one there "
            "is no other to take the baseline from"
        )
    return given


def fits(env, theta) -> np.ndarray:
    """Return parameters (..., d, k) that fit a vectorised environment."""
    shape = linear_shape(env)
    theta = array("theta", theta)
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


def linear_shape(env) -> tuple[int, int]:
    """Return (d, k), the numbers of features and actions of a vectorised env."""
    actions = getattr(env, "single_action_space", None)
    states = getattr(env, "single_observation_space", None)
    if actions is None or states is None:
        raise TypeError(f"env must be a vectorised Gymnasium environment, got {env!r}")
    if type(actions).__name__ != "Discrete":
        raise TypeError(f"the environment's actions must be discrete, got {actions}")
    if type(states).__name__ != "Box" or len(states.shape) != 1:
        raise TypeError(f"the environment's states must be vectors, got {states}")
    return states.shape[0], int(actions.n)


def fits_batch(theta, batch, learning_rate) -> np.ndarray:
    """Return parameters (..., d, k) that fit a batch of whole episodes."""
    positive("learning_rate", learning_rate)
    theta = array("theta", theta)
    *runs, d, k = theta.shape if theta.ndim > 1 else (0, 0)
    given = (*batch.states.shape[:-3], batch.states.shape[-1])
    if (*runs, d) != given:
        raise ValueError(
            f"theta must have shape {(*given, 'k')}, after the batch's states, "
            f"got {theta.shape}"
        )
    indices("actions", batch.actions, k)
    return theta


def training(env, rng, max_steps) -> None:
    """Check that a training run can start."""
    linear_shape(env)
    generator(rng)
    count("max_steps", max_steps)
    count("the number of environments", env.num_envs, minimum=2)
    if getattr(env.spec, "reward_threshold", None) is None:
        raise ValueError(f"env must name a reward_threshold, its spec is {env.spec}")


def many(make_env, rng, runs, batch_size, start, max_steps) -> None:
    """Check that many training runs can start, on a few environments."""
    count("runs", runs)
    count("batch_size", batch_size, minimum=2)
    if not callable(make_env):
        raise TypeError(
            "make_env must be a function that makes so many environments, like "
            f"make_cartpole, got {make_env!r}"
        )
    env = make_env(batch_size)
    training(env, rng, max_steps)
    if start is not None:
        shape = runs, *linear_shape(env)
        same_shape("start", array("start", start), "(runs, features, actions)", shape)


def corridor_runs(
    rng, step_sizes, runs, episodes, baseline_step_size, max_steps
) -> None:
    """Check that runs on the corridor can start."""
    generator(rng)
    for value in array("step_sizes", step_sizes, ndim=1):
        positive("step_sizes", float(value))
    count("runs", runs)
    count("episodes", episodes)
    count("max_steps", max_steps)
    if baseline_step_size is not None:
        if positive("baseline_step_size", baseline_step_size) > 1:
            raise ValueError(
                f"baseline_step_size must be in (0, 1], got {baseline_step_size}"
            )
