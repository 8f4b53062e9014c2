"""Checks of arrays and of sequences, of floats and of any kind of number."""

import math

import numpy as np

from pgutils.checks.single import (
    LARGEST,
    MANY,
    any_number,
    count,
    function,
    is_real,
    number,
    positive,
    shown,
)

LARGEST_LOGIT = 1e300
"""Logits are subtracted from each other, and not multiplied."""


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
    largest: float = LARGEST,
) -> np.ndarray:
    """Return `value` as a float array, not empty, with finite numbers only."""
    given = as_array(name, value)
    if given.dtype == object and all(map(is_real, given.flat)):
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


def same_shape(name: str, value: np.ndarray, other: str, shape: tuple) -> None:
    """Raise ValueError unless `value` has the shape of `other`."""
    if value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape of {other}, {tuple(shape)}, got {value.shape}"
        )


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


def shape(name: str, value) -> tuple:
    """Return `value`, a tuple of sizes, if an array of it can be held in memory."""
    sizes = tuple(count(name, size, minimum=0) for size in listed(name, value))
    if math.prod(sizes) > 100 * MANY:
        raise ValueError(
            f"{name} must hold at most {100 * MANY} numbers, got {shown(sizes)}"
        )
    return sizes


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


def slope(f, theta, h) -> tuple:
    """Return a function, the array where its slopes are wanted, and a small step."""
    function("f", f)
    return f, array("theta", theta), positive("h", h, maximum=1.0)


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
