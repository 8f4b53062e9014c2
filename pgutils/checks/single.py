"""Checks of one thing: a number, a word, a function, a generator."""

import math
import numbers
import os
import reprlib
from fractions import Fraction

import numpy as np

LARGEST = 1e150
"""The largest number that comes in: products of two, and sums of those, are finite."""

MANY = 10**6
"""The most environments and the most runs. Of episodes ten times as many can be asked
for, and of numbers in an array a hundred times."""

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


def is_real(value) -> bool:
    """Tell whether this is a real number: Python's, NumPy's or SymPy's."""
    if getattr(value, "is_number", False):
        return value.is_real
    # NumPy counts spans of time among the whole numbers.
    return isinstance(value, numbers.Real) and not isinstance(value, np.timedelta64)


def is_symbolic(value) -> bool:
    """Tell whether this is SymPy's; to look for its symbols would take time."""
    return hasattr(type(value), "free_symbols")


def number(name: str, value, *, largest: float = LARGEST) -> float:
    """Return `value`, a real number of any kind, as a float if it is finite."""
    if isinstance(value, bool) or not is_real(value):
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
    if is_symbolic(value):
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


def discount(name: str, value):
    """Return `value`, a number of any kind (float, Fraction), if it is in [0, 1].

    A SymPy expression with free symbols is taken as it is: it has no value yet.
    """
    if getattr(value, "free_symbols", None) and not hasattr(value, "shape"):
        return value
    if isinstance(value, bool) or not is_real(value):
        raise TypeError(f"{name} must be a number in [0, 1], got {shown(value)}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {shown(value)}")
    return any_number(name, value)


def known_discount(name: str, value) -> float:
    """Return `value` as a float, if it is a number in [0, 1] and not a symbol."""
    value = discount(name, value)
    if not is_real(value):
        raise TypeError(f"{name} must be a number in [0, 1], got {shown(value)}")
    return float(value)


def positive(name: str, value, *, maximum: float = math.inf) -> float:
    """Return `value` as a float if it is finite, above 0, and at most `maximum`."""
    if isinstance(value, bool) or not is_real(value):
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


def draws(name: str, value) -> int:
    """Return `value` if it is a number of episodes that memory can hold."""
    return count(name, value, maximum=10 * MANY)


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


def generator(value) -> np.random.Generator:
    """Return `value` if it is a NumPy random generator."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"rng must be a generator, np.random.default_rng(seed), got {shown(value)}"
        )
    return value
