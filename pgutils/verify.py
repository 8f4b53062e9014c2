"""`verify`: the check behind every equation of the series."""

import math
from collections.abc import Iterator
from numbers import Rational, Real

import numpy as np

from pgutils import checks

MIN_SAMPLES = 100  # below this the normal approximation is not to be trusted
MIN_EXPECTED = 5  # the usual rule for the cells of a χ² test


class VerificationError(AssertionError):
    """The two sides of an equation do not agree."""


def verify(
    tag: str, left, right, *, tol: float | None = None, level=None, scope: str = ""
) -> None:
    """Check that two computations of one quantity agree, and print one line.

    Without `tol` or `level` the check is *exact*: both sides are SymPy expressions,
    Fractions or integers (or equally long sequences, arrays or matrices of them), and
    every difference must simplify to 0.

    With `tol` it is *numerical*: arrays of one shape whose entries differ by at most
    `tol`, absolutely.

    With `level` it is *statistical*: a true equation fails with about this
    probability. `left` of shape (N,) or (N, d) holds N independent samples, and `right`
    of shape () or (d,) the claimed mean (a z test, or the joint χ² test of d means).
    Otherwise both have shape (m,): observed counts and claimed probabilities (Pearson's
    χ² test).

    Args:
        tag: the equation's number, "4.1".
        left: one side.
        right: the other side, from another computation.
        tol: largest allowed absolute difference, above 0.
        level: probability of a false alarm, in (0, 0.01].
        scope: for what it is checked, in a few words, "every θ"; it is printed.

    Raises:
        VerificationError: if the sides disagree; the message shows both.
        ValueError, TypeError: if they cannot be compared: empty, NaN, unequal shapes,
            floats in an exact check, one array or list given twice, too few samples.
    """
    tag, scope = checks.text("tag", tag), checks.text("scope", scope)
    if left is right and hasattr(left, "__len__"):  # SymPy keeps one object per atom
        raise ValueError(f"({tag}): both sides are one object: compute them separately")
    if tol is not None and level is not None:
        raise ValueError(f"({tag}): give tol or level, not both")
    if level is not None:
        kind, done = "statistical", _statistical(tag, left, right, level)
    elif tol is not None:
        kind, done = "numerical", _numerical(tag, left, right, tol)
    else:
        kind, done = "exact", _exact(tag, left, right)
    print(f"✓ ({tag}) {kind}{f' ({scope})' if scope else ''}: {done}")


def _exact(tag: str, left, right) -> str:
    import sympy

    lefts, rights = list(_flatten(tag, left)), list(_flatten(tag, right))
    nested = [(_shape(left), len(lefts)), (_shape(right), len(rights))]
    if _shape(left) != _shape(right) or any(math.prod(s) != n for s, n in nested):
        raise ValueError(
            f"({tag}): shapes differ: {_shape(left)} on the left, {_shape(right)} right"
        )
    if not lefts:
        raise ValueError(f"({tag}): nothing to compare: both sides are empty")
    for a, b in zip(lefts, rights, strict=True):
        difference = sympy.sympify(a) - sympy.sympify(b)
        if difference.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            raise ValueError(f"({tag}): not finite: {a} on the left, {b} on the right")
        if not _is_zero(difference):
            raise VerificationError(
                f"({tag}) does not hold exactly\n  left:  {a}\n  right: {b}"
            )
    one = len(lefts) == 1
    what = "the difference is" if one else f"all {len(lefts)} differences are"
    return f"{what} 0"


def _is_zero(difference) -> bool:
    import sympy

    expanded = sympy.expand(difference)
    if expanded == 0 or _is_rational_polynomial(expanded):
        return expanded == 0
    for step in (lambda d: sympy.cancel(sympy.together(d)), sympy.simplify):
        try:
            if step(difference) == 0:
                return True
        except StopIteration:  # SymPy 1.14's simplify, on some products of sums
            pass
    return False


def _is_rational_polynomial(expanded) -> bool:
    """Tell whether nothing is left to simplify; that would take seconds."""
    import sympy

    symbols = expanded.free_symbols
    if not symbols or not expanded.is_polynomial(*symbols):
        return False
    return all(c.is_Rational for c in sympy.Poly(expanded, *symbols).coeffs())


def _flatten(tag: str, side) -> Iterator:
    import sympy

    if isinstance(side, (sympy.MatrixBase, np.ndarray)):
        side = side.tolist()
    if isinstance(side, (list, tuple)):
        for part in side:
            yield from _flatten(tag, part)
    elif isinstance(side, sympy.Poly):
        yield side.as_expr()
    elif isinstance(side, sympy.Basic) and not side.has(sympy.Float):
        yield side
    elif isinstance(side, (Rational, np.integer)) and not isinstance(side, bool):
        yield sympy.Rational(int(side.numerator), int(side.denominator))
    else:
        raise TypeError(
            f"({tag}): an exact check takes SymPy expressions, Fractions and integers, "
            f"got {side!r}; for floats give tol or level"
        )


def _shape(side) -> tuple:
    return tuple(getattr(side, "shape", ())) or np.shape(np.array(side, dtype=object))


def _numbers(tag: str, name: str, side) -> np.ndarray:
    given = checks.as_array(f"({tag}): {name}", side)
    if given.dtype.kind not in "iufO":
        raise TypeError(f"({tag}): {name} must be numbers, got dtype {given.dtype}")
    if given.size == 0:
        raise ValueError(f"({tag}): {name} is empty, shape {given.shape}")
    return checks.array(f"({tag}): {name}", given)


def _numerical(tag: str, left, right, tol: float) -> str:
    tol = checks.positive(f"({tag}): tol", tol)
    a, b = _numbers(tag, "left", left), _numbers(tag, "right", right)
    if a.shape != b.shape:
        raise ValueError(f"({tag}): shapes differ: {a.shape} left, {b.shape} right")
    worst = float(np.abs(a - b).max())
    if worst > tol:
        raise VerificationError(
            f"({tag}) does not hold numerically: the sides differ by {worst:.3g}, "
            f"more than {tol:g}\n  left:  {a}\n  right: {b}"
        )
    numbers = "the two numbers agree" if a.size == 1 else f"all {a.size} numbers agree"
    return f"{numbers} within {tol:g}"


def _statistical(tag: str, left, right, level: float) -> str:
    if isinstance(level, bool) or not isinstance(level, Real):
        raise TypeError(f"({tag}): level must be a number, got {checks.shown(level)}")
    if not 0 < level <= 0.01:
        raise ValueError(
            f"({tag}): level must be in (0, 0.01], got {checks.shown(level)}"
        )
    level = float(level)
    a, b = _numbers(tag, "left", left), _numbers(tag, "right", right)
    if a.ndim == 1 and a.shape == b.shape:
        statistic, dof = _pearson(tag, a, b)
        what = f"χ² test of {len(a)} counts, {a.sum():,.0f} samples"
    elif a.ndim in (1, 2) and a.shape[1:] == b.shape:
        statistic, dof = _joint(tag, a, b)
        test = "z test" if dof == 1 else f"joint χ² test of {dof} means"
        what = f"{test}, {len(a):,} samples"
    else:
        raise ValueError(
            f"({tag}): samples of shape (N,) or (N, d) go with a value of shape () or "
            f"(d,), counts (m,) with probabilities (m,); got {a.shape} and {b.shape}"
        )
    p_value = chi2_tail(statistic, dof)
    if p_value < level:
        shown = a.mean(axis=0) if a.shape != b.shape else a / a.sum()
        raise VerificationError(
            f"({tag}) does not hold statistically: p-value {p_value:.2g} is below the "
            f"level {level:g}\n  left:  {shown} (estimated)\n  right: {b}"
        )
    return f"{what}, level {level:g}"


def _pearson(tag: str, counts: np.ndarray, probs: np.ndarray) -> tuple[float, int]:
    if (counts != np.round(counts)).any() or counts.min() < 0 or len(counts) < 2:
        raise ValueError(
            f"({tag}): left must be at least two whole counts, got {counts}"
        )
    if probs.min() < 0 or abs(probs.sum() - 1) > 1e-9:
        raise ValueError(f"({tag}): right must be probabilities, got {probs}")
    expected = counts.sum() * probs
    if expected.min() < MIN_EXPECTED:
        raise ValueError(
            f"({tag}): every cell needs {MIN_EXPECTED} expected samples, the smallest "
            f"has {expected.min():.3g}: draw more, or merge cells"
        )
    return float(((counts - expected) ** 2 / expected).sum()), len(counts) - 1


def _joint(tag: str, samples: np.ndarray, mean: np.ndarray) -> tuple[float, int]:
    if len(samples) < MIN_SAMPLES:
        raise ValueError(
            f"({tag}): at least {MIN_SAMPLES} samples are needed, got {len(samples)}"
        )
    samples = samples.reshape(len(samples), -1)
    scale = samples.std(axis=0)  # brings all columns to like units
    if (scale <= 1e-12 * np.abs(samples).max(axis=0)).any():
        raise ValueError(f"({tag}): the samples do not vary: compare with tol instead")
    error = (samples.mean(axis=0) - mean.reshape(-1)) / scale
    covariance = np.atleast_2d(np.cov(samples / scale, rowvar=False)) / len(samples)
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(error):
        raise ValueError(
            f"({tag}): some combination of the samples does not vary: compare "
            "that part numerically and test the rest"
        )
    return float(error @ np.linalg.solve(covariance, error)), len(error)


def chi2_tail(statistic: float, dof: int) -> float:
    """Probability that χ² with `dof` degrees of freedom exceeds `statistic`.

    Raises:
        TypeError: if statistic is not a real number or dof not a whole number.
        ValueError: if statistic is negative or not finite, or dof not in 1..10,000.
    """
    import sympy

    statistic = checks.number("statistic", statistic)
    if statistic < 0:
        raise ValueError(f"statistic must not be negative, got {statistic}")
    dof = checks.count("dof", dof, maximum=10_000)

    a, x = sympy.Rational(dof, 2), sympy.Float(statistic) / 2
    return float((sympy.uppergamma(a, x) / sympy.gamma(a)).evalf())
