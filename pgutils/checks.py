"""Checks of what comes in: each says what was wrong, what was expected, what was given.

Every function returns its argument, converted to an array where it is one, or raises a
TypeError for a wrong kind of thing, a ValueError for a wrong shape, size or value.
"""

import math
import numbers
import os
import reprlib
from fractions import Fraction

import numpy as np

LARGEST = 1e150
"""The largest number that comes in: products of two, and sums of those, are finite."""

LARGEST_NORM = math.sqrt(np.finfo(float).max)
"""Training goes on with parameters up to here: beyond, their norm is not finite."""

LARGEST_LOGIT = 1e300
"""Logits are subtracted from each other, and not multiplied."""

MANY = 10**6
"""The most environments side by side, and the most runs."""

MOST_STEPS = 10**15
"""The most steps of a run: one more or less is still another float."""

PLAIN = {int, float, bool, Fraction, np.float64}
"""Kinds of numbers that are taken as they are."""

_shortened = reprlib.Repr()
_shortened.maxother = _shortened.maxstring = _shortened.maxlong = 100


def shown(value) -> str:
    """Return a value as it is written, shortened if it is long."""
    try:
        if not isinstance(value, numbers.Number):
            return _shortened.repr(value)
        text = str(value)
        return text if len(text) <= 100 else f"{text[:99]}…"
    except ValueError:  # Python does not write an integer of more than 4300 digits
        return f"{type(value).__name__} with more than 4300 digits"


def as_array(name: str, value) -> np.ndarray:
    """Return `value` as an array of any kind, if nothing in it is hidden by a mask."""
    listed_ones = value if isinstance(value, list | tuple) else ()
    if np.ma.is_masked(value) or any(map(np.ma.is_masked, listed_ones)):
        raise ValueError(f"{name} must not hold masked numbers, got {shown(value)}")
    try:
        return np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(
            f"{name} must be an array whose rows are equally long, got {shown(value)}"
        ) from None


def array(
    name: str,
    value,
    *,
    ndim: int | None = None,
    minimum: int = 1,
    largest: float = LARGEST,
) -> np.ndarray:
    """Return `value` as a float array, not empty, with finite numbers only."""
    given = as_array(name, value)
    if given.dtype == object and all(map(_is_real, given.flat)):
        numbers_in = [number(name, v, largest=largest) for v in given.flat]
        given = np.array(numbers_in).reshape(given.shape)  # Fractions
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
    if given.dtype != np.float64:
        with np.errstate(over="ignore"):  # of long doubles; they are refused below
            given = given.astype(np.float64)
    if not np.abs(given).max() <= largest:  # NaN is not
        if not np.isfinite(given).all():
            bad = given[~np.isfinite(given)].ravel()[0]
            raise ValueError(f"{name} must hold only finite numbers, got {bad}")
        bad = given.ravel()[np.abs(given).argmax()]
        raise ValueError(f"{name} must hold numbers up to {largest:.3g}, got {bad}")
    return given


def _is_real(value) -> bool:
    """Tell whether this is a real number: Python's, NumPy's or SymPy's."""
    if getattr(value, "is_number", False):
        return value.is_real
    # NumPy counts spans of time among the whole numbers.
    return isinstance(value, numbers.Real) and not isinstance(value, np.timedelta64)


def _is_symbolic(value) -> bool:
    """Tell whether this is SymPy's; to look for its symbols would take time."""
    return hasattr(type(value), "free_symbols")


def number(name: str, value, *, largest: float = LARGEST) -> float:
    """Return `value`, a real number of any kind, as a float if it is finite."""
    if isinstance(value, bool) or not _is_real(value):
        raise TypeError(f"{name} must be a real number, got {shown(value)}")
    try:
        with np.errstate(over="ignore"):
            given = float(value)
    except OverflowError:
        given = math.inf
    if not math.isfinite(given):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    if abs(given) > largest:
        raise ValueError(f"{name} must be at most {largest:.3g}, got {shown(value)}")
    return given


def any_number(name: str, value):
    """Return `value`, a number of any kind: float, complex, Fraction or SymPy.

    Numbers of few digits become floats: what follows is computed in full precision.
    """
    if type(value) in PLAIN and -LARGEST <= value <= LARGEST:
        return value
    if _is_symbolic(value):
        import sympy

        if not isinstance(value, sympy.Expr | sympy.Poly):
            raise TypeError(f"{name} must hold numbers, got {shown(value)}")
        infinite = (sympy.nan, sympy.oo, -sympy.oo, sympy.zoo)
        if any(value is one for one in infinite):
            raise ValueError(f"{name} must hold only finite numbers, got {value}")
        return value
    if isinstance(value, np.bool_) or (
        isinstance(value, np.ndarray) and not value.ndim
    ):
        value = value.item()
    if not isinstance(value, numbers.Complex) or isinstance(value, np.timedelta64):
        raise TypeError(f"{name} must hold numbers, got {shown(value)}")
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, np.floating):
        with np.errstate(over="ignore"):
            value = np.float64(value)
    if isinstance(value, np.complexfloating):
        value = np.complex128(value)
    if isinstance(value, float | complex) and not np.isfinite(value):
        raise ValueError(f"{name} must hold only finite numbers, got {value}")
    if not max(abs(value.real), abs(value.imag)) <= LARGEST:
        raise ValueError(
            f"{name} must hold numbers up to {LARGEST:g}, got {shown(value)}"
        )
    return value


def listed(name: str, value) -> list:
    """Return what stands in a sequence or in an array: its numbers, or its rows."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} must not hold masked numbers, got {shown(value)}")
    ordered = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    ordered = ordered and getattr(value, "shape", None) != ()
    if not ordered or isinstance(value, str | bytes | dict):
        raise TypeError(f"{name} must be a sequence, got {shown(value)}")
    return list(value)


def series(name: str, value) -> list:
    """Return a sequence of numbers of any kind as a list."""
    return [any_number(name, part) for part in listed(name, value)]


def nested(name: str, value, ndim: int):
    """Return a table of numbers of any kind, with so many axes, as nested tuples."""
    if not ndim:
        return any_number(name, value)
    found = tuple(nested(name, part, ndim - 1) for part in listed(name, value))
    kept = isinstance(value, tuple) and all(a is b for a, b in zip(found, value))
    return value if kept else found


def steps(name: str, value) -> np.ndarray:
    """Return `value`, shape (..., T), as a float array."""
    given = array(name, value)
    if given.ndim == 0:
        raise ValueError(f"{name} must have an axis of steps, got {given}")
    return given


def logits(value) -> np.ndarray:
    """Return logits, shape (..., k), as a float array."""
    given = array("logits", value, largest=LARGEST_LOGIT)
    if given.ndim == 0:
        raise ValueError(f"logits must have an axis of actions, got {given}")
    return given


def results(returns, threshold) -> tuple[np.ndarray, float]:
    """Return returns as a float array, and the threshold as a float."""
    return array("returns", returns), number("threshold", threshold)


def slope(f, theta, h) -> tuple:
    """Return a function, the array where its slopes are wanted, and a small step."""
    function("f", f)
    return f, array("theta", theta), positive("h", h, maximum=1.0)


def direction(name: str, value) -> np.ndarray:
    """Return an arrow of the plane that points somewhere, of length about 1.

    It is scaled by a power of two, exactly: products of small numbers do not vanish.
    """
    given = array(name, value, ndim=1)
    if given.shape != (2,):
        raise ValueError(f"{name} must hold two numbers, got {given}")
    if not given.any():
        raise ValueError(f"{name} must not be 0: it points nowhere, got {given}")
    return np.ldexp(given, -np.frexp(np.abs(given).max())[1])


def same_shape(name: str, value: np.ndarray, other: str, shape: tuple) -> None:
    """Raise ValueError unless `value` has the shape of `other`."""
    if value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape of {other}, {tuple(shape)}, got {value.shape}"
        )


def indices(name: str, value, k: int) -> np.ndarray:
    """Return `value` as an array of integers in 0..k-1."""
    given = as_array(name, value)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers in 0..{k - 1}, got {shown(value)}")
    if given.size and not (0 <= given.min() and given.max() < k):
        bad = given[(given < 0) | (given >= k)].ravel()[0]
        raise ValueError(f"{name} must be in 0..{k - 1}, got {bad}")
    return given.astype(np.intp, copy=False)  # of a small kind, −1 may be 255


def one_index(name: str, value, k: int) -> np.ndarray:
    """Return `value` if it is one integer in 0..k-1."""
    given = indices(name, value, k)
    if given.ndim:
        raise ValueError(f"{name} must be one integer, got {shown(value)}")
    return given


def probabilities(name: str, value, *, ndim: int | None = None) -> np.ndarray:
    """Return `value`, shape (..., k), if its last axis holds probabilities."""
    given = array(name, value, ndim=ndim)
    if given.ndim == 0:
        raise ValueError(f"{name} must have an axis of probabilities, got {given}")
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
    if getattr(value, "free_symbols", None) and not hasattr(value, "shape"):
        return value
    if isinstance(value, bool) or not _is_real(value):
        raise TypeError(f"{name} must be a number in [0, 1], got {shown(value)}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {shown(value)}")
    return any_number(name, value)


def known_discount(name: str, value) -> float:
    """Return `value` as a float, if it is a number in [0, 1] and not a symbol."""
    value = discount(name, value)
    if not _is_real(value):
        raise TypeError(f"{name} must be a number in [0, 1], got {shown(value)}")
    return float(value)


def positive(name: str, value, *, maximum: float = math.inf) -> float:
    """Return `value` as a float if it is finite, above 0, and at most `maximum`."""
    if isinstance(value, bool) or not _is_real(value):
        raise TypeError(f"{name} must be a number above 0, got {shown(value)}")
    try:
        given = number(name, value, largest=math.inf)
    except ValueError:
        given = math.inf
    if not (math.isfinite(given) and given > 0):
        raise ValueError(f"{name} must be finite and above 0, got {shown(value)}")
    if given > maximum:
        raise ValueError(f"{name} must be at most {maximum:g}, got {shown(value)}")
    return given


def count(name: str, value, *, minimum: int = 1, maximum: int | None = None) -> int:
    """Return `value` as an int if it is a whole number from `minimum` to `maximum`."""
    wrong = bool, np.timedelta64  # both count as whole numbers
    if isinstance(value, wrong) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {shown(value)}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {shown(value)}")
    return int(value)


def text(name: str, value) -> str:
    """Return `value` if it is words."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be words, got {shown(value)}")
    return value


def file(name: str, value, ending: str):
    """Return `value` if it names a file with this ending."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must name a file, got {shown(value)}")
    if not os.fspath(value).lower().endswith(ending):
        raise ValueError(f"{name} must end in {ending}, got {shown(value)}")
    return value


def pictures(name: str, value) -> np.ndarray:
    """Return RGB images of one size, shape (n, height, width, 3), at least one."""
    given = as_array(name, value)
    if given.dtype != np.uint8:
        raise TypeError(f"{name} must hold bytes, uint8, got dtype {given.dtype}")
    if given.ndim != 4 or given.shape[-1] != 3 or 0 in given.shape:
        raise ValueError(
            f"{name} must have shape (n, height, width, 3), got {given.shape}"
        )
    return given


def flag(name: str, value) -> bool:
    """Return `value` if it is true or false."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def function(name: str, value):
    """Return `value` if it can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {shown(value)}")
    return value


def draws(name: str, value) -> int:
    """Return `value` if it is a number of episodes that memory can hold."""
    return count(name, value, maximum=10 * MANY)


def shape(name: str, value) -> tuple:
    """Return `value`, a tuple of sizes, if an array of it can be held in memory."""
    sizes = tuple(count(name, size, minimum=0) for size in listed(name, value))
    if math.prod(sizes) > 100 * MANY:
        raise ValueError(
            f"{name} must hold at most {100 * MANY} numbers, got {shown(sizes)}"
        )
    return sizes


def generator(value) -> np.random.Generator:
    """Return `value` if it is a NumPy random generator."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"rng must be a generator, np.random.default_rng(seed), got {shown(value)}"
        )
    return value


def log_odds(name: str, value, exp) -> list:
    """Return two numbers as floats, if `exp` is NumPy's, or as they are.

    Below −709 exp(−θ) is not finite, and 1 / (1 + exp(−θ)) is 0 as a float.
    """
    function("exp", exp)
    parts = listed(name, value)
    if len(parts) != 2:
        raise ValueError(
            f"{name} must hold two numbers, one per state, got {shown(value)}"
        )
    parts = [any_number(name, part) for part in parts]
    if exp is not np.exp:
        return parts
    if any(map(_is_symbolic, parts)):
        raise TypeError(
            f"{name} must hold floats, or exp be SymPy's, got {shown(value)}"
        )
    floats = [
        np.complex128(part) if isinstance(part, complex) else np.float64(part)
        for part in parts
    ]
    return [part - min(part.real + 709, 0.0) for part in floats]


def world(value):
    """Return `value` if it is a world of states and actions."""
    if not hasattr(value, "transition"):
        raise TypeError(f"world must be a World, like ROBOT, got {shown(value)}")
    return value


def world_tables(given) -> tuple:
    """Return initial, transition, reward and ends of a world as nested tuples."""
    probabilities("initial", given.initial, ndim=1)
    transition = probabilities("transition", given.transition, ndim=3)
    n = len(given.initial)
    fitting = (n, transition.shape[1], n)
    same_shape("transition", transition, "(states, actions, states)", fitting)
    for name in ("reward", "ends"):
        table = array(name, getattr(given, name))
        same_shape(name, table, "transition", fitting)
    if not np.isin(table, (0, 1)).all():
        raise ValueError(f"ends must hold True and False only, got {shown(given.ends)}")
    axes = {"initial": 1, "transition": 3, "reward": 3, "ends": 3}
    return tuple(nested(name, getattr(given, name), n) for name, n in axes.items())


def _sizes(given) -> tuple[int, int]:
    """Return the numbers of states and actions of a world."""
    table = world(given).transition
    return len(table), len(table[0])


def policy_table(policy, world) -> np.ndarray:
    """Return a table [s][a] of action probabilities that fits a world, as floats."""
    sizes = _sizes(world)
    table = probabilities("policy", policy)
    same_shape("policy", table, "the world's (states, actions)", sizes)
    return table


def one_each(name: str, value, given) -> list:
    """Return `value`, numbers of any kind, if it holds one per state of a world."""
    n_states, _ = _sizes(given)
    found = series(name, value)
    if len(found) != n_states:
        raise ValueError(
            f"{name} must hold one number per state, {n_states}, got {len(found)}"
        )
    return found


def rows(policy, world, name: str = "policy") -> tuple:
    """Return a table [s][a], of any kind of number, whose shape fits a world."""
    n_states, n_actions = _sizes(world)
    table = nested(name, policy, 2)
    if [len(row) for row in table] != [n_actions] * n_states:
        raise ValueError(
            f"{name} must have {n_states} rows of {n_actions} probabilities, "
            f"got rows of {[len(row) for row in table]}"
        )
    return table


def one_step(policy, state, action, world) -> tuple:
    """Return a policy of the robot's world, and a state and an action of it."""
    step = indices("state and action", (state, action), 2)
    if step.ndim != 1:
        raise ValueError(f"state and action must be two integers, got {shown(step)}")
    return rows(policy, world), step


def of_robot(batch, policy, world) -> np.ndarray:
    """Return a policy (states, actions) if a batch holds states and actions of it."""
    n_states, n_actions = _sizes(world)
    batch = a_batch(batch)
    if indices("states", batch.states, n_states).ndim != 2:
        raise ValueError(f"states must have 2 axes, got shape {batch.states.shape}")
    indices("actions", batch.actions, n_actions)
    return policy_table(policy, world)


def weighed(day, weights, world) -> tuple:
    """Return a day of a world, and weights, if there is one for each of its actions.

    Weights for steps after its end are not used.
    """
    day, found = path(day, world), series("weights", weights)
    if len(found) < len(day.actions):
        raise ValueError(
            f"weights must hold a number for each action, {len(day.actions)}, "
            f"got {len(found)}"
        )
    return day, found


def witnessed(world, objective, expected, estimates, theta, rng, scope) -> tuple:
    """Return theta as two floats, and rng, if four witnesses can speak."""
    if _sizes(world) != (2, 2):
        raise ValueError(f"world must have 2 states and 2 actions, got {_sizes(world)}")
    text("scope", scope)
    function("objective", objective)
    function("expected", expected)
    function("estimates", estimates)
    theta = array("theta", theta)
    same_shape("theta", theta, "(high, low)", (2,))
    return theta, generator(rng)


def path(trajectory, world):
    """Return a trajectory if its states and actions are of a world."""
    n_states, n_actions = _sizes(world)
    if not (hasattr(trajectory, "states") and hasattr(trajectory, "actions")):
        raise TypeError(f"a Trajectory is needed, got {shown(trajectory)}")
    states = listed("states", trajectory.states)
    actions = listed("actions", trajectory.actions)
    if len(states) != len(actions) + 1:
        raise ValueError(
            "a trajectory must have one more state than actions, got "
            f"{len(states)} states and {len(actions)} actions"
        )
    for name, steps, k in (
        ("states", states, n_states),
        ("actions", actions, n_actions),
    ):
        if steps and indices(name, steps, k).ndim != 1:
            raise ValueError(f"{name} must have 1 axis, got {shown(steps)}")
    return trajectory


def parts(batch) -> None:
    """Check that the parts of a batch are arrays whose shapes fit together."""
    for name, kinds, wanted in (
        ("states", "biuf", "real numbers"),
        ("actions", "iu", "integers"),
        ("rewards", "biuf", "real numbers"),
        ("mask", "b", "booleans"),
    ):
        part = getattr(batch, name)
        if not isinstance(part, np.ndarray) or isinstance(part, np.ma.MaskedArray):
            raise TypeError(f"{name} must be an array, got {shown(part)}")
        if part.dtype.kind not in kinds:
            raise TypeError(f"{name} must hold {wanted}, got dtype {part.dtype}")
    steps = batch.mask.shape
    if len(steps) < 2 or 0 in steps:
        raise ValueError(f"mask must have shape (episodes, steps), got {steps}")
    same_shape("actions", batch.actions, "mask", steps)
    same_shape("rewards", batch.rewards, "mask", steps)
    one_more = (*steps[:-1], steps[-1] + 1)
    if (
        batch.states.shape[: len(steps)] != one_more
        or batch.states.ndim > len(steps) + 1
    ):
        raise ValueError(
            f"states must have shape {one_more}, one state more than actions, or one "
            f"axis more, of features, got {batch.states.shape}"
        )


def a_batch(value):
    """Return `value` if it is a batch of episodes."""
    if not (hasattr(value, "states") and hasattr(value, "mask")):
        raise TypeError(f"batch must be a Batch, got {shown(value)}")
    return value


def whole_rows(mask: np.ndarray, rewards: np.ndarray) -> None:
    """Check that each row of a mask is an episode, with no reward after its end."""
    if not mask[..., 0].all() or (mask[..., 1:] & ~mask[..., :-1]).any():
        raise ValueError(
            "mask must be true from the first step to the last of each row"
        )
    if rewards[~mask].any():
        raise ValueError(
            "rewards must be 0 after an episode's end (where mask is false)"
        )


def whole(batch, *, ndim: int):
    """Return `batch` if it is one of whole episodes, with so many axes of states."""
    mask = a_batch(batch).mask
    array("states", batch.states, ndim=ndim)
    array("rewards", batch.rewards)
    whole_rows(mask, batch.rewards)
    return batch


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


def batch(scores, rewards, mask, baseline, gamma) -> tuple:
    """Return scores (N, T, ...), rewards (N, T) and mask (N, T) that fit together.

    After them the baseline, of one axis less or none, and gamma.
    """
    gamma = known_discount("gamma", gamma)
    scores, rewards = array("scores", scores), array("rewards", rewards, ndim=2)
    mask, baseline = as_array("mask", mask), array("baseline", baseline)
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
    whole_rows(mask, rewards)
    return scores, rewards, mask, baseline, gamma


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


def episode(env, theta, rng, greedy) -> tuple:
    """Return parameters that fit an environment, a generator, and a choice."""
    return fits(env, theta), generator(rng), flag("greedy", greedy)


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


def training(env, rng, gamma, learning_rate, max_steps) -> tuple[float, float]:
    """Return gamma and the learning rate as floats if a training run can start."""
    learning(env, rng, max_steps)
    return known_discount("gamma", gamma), positive("learning_rate", learning_rate)


def learning(env, rng, max_steps) -> None:
    """Check that environments, generator and budget are there to learn with."""
    linear_shape(env)
    generator(rng)
    count("max_steps", max_steps, maximum=MOST_STEPS)
    count("the number of environments", env.num_envs, minimum=2)
    if getattr(env.spec, "reward_threshold", None) is None:
        raise ValueError(f"env must name a reward_threshold, its spec is {env.spec}")


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
