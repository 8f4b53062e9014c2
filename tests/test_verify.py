"""The check behind every equation: it passes, it fails, and it refuses nonsense."""

from fractions import Fraction as F

import mpmath
import numpy as np
import pytest
import sympy

from pgutils.verify import VerificationError, chi2_tail, verify

x, y = sympy.symbols("x y")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class TestExact:
    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ((x + 1) ** 2, x**2 + 2 * x + 1),
            (sympy.sin(x) ** 2, 1 - sympy.cos(x) ** 2),
            (1 / (1 + sympy.exp(-x)), sympy.exp(x) / (1 + sympy.exp(x))),
            (F(1, 3) + F(1, 6), F(1, 2)),
            (F(1, 2), sympy.Rational(1, 2)),
            (10**30 + 1, sympy.Integer(10) ** 30 + 1),
        ],
    )
    def test_equal_expressions_pass(self, left, right, capsys):
        verify("1.1", left, right)
        assert capsys.readouterr().out == "✓ (1.1) exact: the difference is 0\n"

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ([F(1, 2), x], [F(2, 4), sympy.sqrt(x) ** 2]),
            ((1, 2), np.array([1, 2])),
            (sympy.Matrix([x, y]), sympy.Matrix([1 * x, y])),
            (sympy.Matrix([[1, 2]]), np.array([[F(1), F(2)]])),
        ],
    )
    def test_equal_sequences_and_matrices_pass(self, left, right, capsys):
        verify("1.1", left, right)
        assert capsys.readouterr().out == "✓ (1.1) exact: all 2 differences are 0\n"

    def test_the_scope_is_printed(self, capsys):
        verify("1.1", 1, 1, scope="every θ")
        assert capsys.readouterr().out == (
            "✓ (1.1) exact (every θ): the difference is 0\n"
        )

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            (x, x + 1),
            (F(1, 3), F(333333333, 1000000000)),
            (sympy.pi, sympy.Rational(355, 113)),
            ([1, 2, 3], [1, 2, 4]),
            (sympy.Matrix([x, y]), sympy.Matrix([y, x])),
            (sympy.sqrt(x**2), x),
        ],
    )
    def test_unequal_sides_fail_and_print_nothing(self, left, right, capsys):
        with pytest.raises(VerificationError, match=r"\(1\.1\) does not hold exactly"):
            verify("1.1", left, right)
        assert capsys.readouterr().out == ""

    def test_the_error_shows_both_sides(self):
        with pytest.raises(VerificationError, match=r"left:  1/3\n  right: 1/4"):
            verify("1.1", F(1, 3), F(1, 4))

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("left", "right", "error", "message"),
        [
            (
                0.5,
                F(1, 2),
                TypeError,
                r"an exact check takes SymPy .* got 0\.5",
            ),
            (F(1, 2), np.float64(0.5), TypeError, "for floats give tol or level"),
            (np.array([0.5]), [F(1, 2)], TypeError, "for floats give tol or level"),
            (sympy.Float(0.5), F(1, 2), TypeError, "for floats give tol or level"),
            (0.5 * x, x / 2, TypeError, "for floats give tol or level"),
            (True, 1, TypeError, "got True"),
            ("x", x, TypeError, "got 'x'"),
            ({1}, {1}, TypeError, r"got \{1\}"),
            (None, 0, TypeError, "got None"),
            ([], np.array([]), ValueError, "nothing to compare: both sides are empty"),
            (
                sympy.Matrix(0, 0, []),
                [],
                ValueError,
                "shapes differ",
            ),
            (
                [1, 2, 3],
                [1, 2],
                ValueError,
                r"shapes differ: \(3,\) on the left",
            ),
            ([1, 2, 3], [[1], [2], [3]], ValueError, r"\(3,\) on the left, \(3, 1\)"),
            ([1, 2], sympy.Matrix([1, 2]), ValueError, r"\(2,\) on the left, \(2, 1\)"),
            (1, [1], ValueError, r"shapes differ: \(\) on the left, \(1,\) right"),
            (sympy.nan, x, ValueError, "not finite: nan on the left, x on the right"),
            (x, sympy.zoo, ValueError, "not finite: x on the left, zoo on the right"),
            (sympy.oo, 1 + sympy.oo * y, ValueError, "not finite"),
        ],
    )
    def test_what_cannot_be_compared_is_refused(
        self, left, right, error, message, capsys
    ):
        with pytest.raises(error, match=message):
            verify("1.1", left, right)
        assert capsys.readouterr().out == ""

    @pytest.mark.errors
    def test_lists_nested_in_another_way_are_refused(self):
        with pytest.raises(ValueError, match="shapes differ"):
            verify("1.1", [[1], [2, 3]], [[1, 2], [3]])


class TestNumerical:
    @pytest.mark.parametrize(
        ("left", "right", "line"),
        [
            (1.0, 1.0 + 9e-13, "the two numbers agree within 1e-12"),
            (F(1, 3), 1 / 3, "the two numbers agree within 1e-12"),
            (sympy.pi, np.pi, "the two numbers agree within 1e-12"),
            ([1.0, 2.0], np.array([1, 2]), "all 2 numbers agree within 1e-12"),
            (np.eye(2), [[F(1), 0], [0, 1]], "all 4 numbers agree within 1e-12"),
        ],
    )
    def test_close_numbers_pass(self, left, right, line, capsys):
        verify("2.1", left, right, tol=1e-12)
        assert capsys.readouterr().out == f"✓ (2.1) numerical: {line}\n"

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            (1.0, 1.0 + 2e-12),
            (1e6, 1e6 + 1e-9),  # the tolerance is absolute, not a share of 1e6
            ([1.0, 2.0, 3.0], [1.0, 2.0, 3.1]),
            (-1.0, 1.0),
        ],
    )
    def test_numbers_further_apart_fail(self, left, right, capsys):
        with pytest.raises(VerificationError, match=r"\(2\.1\) does not hold numeric"):
            verify("2.1", left, right, tol=1e-12)
        assert capsys.readouterr().out == ""

    def test_the_error_shows_both_sides_and_the_distance(self):
        with pytest.raises(VerificationError) as caught:
            verify("2.1", [1.0, 2.0], [1.0, 2.25], tol=0.1)
        for part in ("differ by 0.25, more than 0.1", "left:  [1. 2.]", "[1.   2.25]"):
            assert part in str(caught.value)

    @pytest.mark.errors
    @pytest.mark.parametrize("tol", [0, -1e-9, np.nan, np.inf])
    def test_a_tolerance_that_means_nothing_is_refused(self, tol):
        with pytest.raises(ValueError, match="tol must be finite and above 0, got"):
            verify("2.1", 1.0, 1.5, tol=tol)

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("left", "right", "error", "message"),
        [
            (np.ones(3), np.ones((3, 1)), ValueError, r"\(3,\) left, \(3, 1\) right"),
            (np.ones(3), 1.0, ValueError, r"shapes differ: \(3,\) left, \(\) right"),
            (1.0, [1.0], ValueError, r"shapes differ: \(\) left, \(1,\) right"),
            (np.ones(3), np.ones(2), ValueError, r"shapes differ: \(3,\) left, \(2,\)"),
            ([], np.zeros(0), ValueError, r"left is empty, shape \(0,\)"),
            (np.nan, 1.0, ValueError, "left must hold only finite numbers, got nan"),
            ([1.0, 1.0], [1.0, np.nan], ValueError, "right must hold only finite"),
            (np.inf, -np.inf, ValueError, "left must hold only finite numbers"),
            ([None], [1.0], TypeError, "left must be an array of real numbers"),
            (1.0, 1.0 + 0j, TypeError, "right must be numbers, got dtype complex128"),
            ("1", 1.0, TypeError, "left must be numbers, got dtype <U1"),
            (True, 1.0, TypeError, "left must be numbers, got dtype bool"),
            (x, 1.0, TypeError, ""),
        ],
    )
    def test_what_cannot_be_compared_is_refused(self, left, right, error, message):
        with pytest.raises(error, match=message or None):
            verify("2.1", left, right, tol=1e-3)


class TestMeans:
    def test_a_true_mean_passes(self, capsys):
        verify("3.1", normal(5000), 0.0, level=1e-4)
        line = "✓ (3.1) statistical: z test, 5,000 samples, level 0.0001\n"
        assert capsys.readouterr().out == line

    def test_true_means_pass_together(self, capsys):
        verify("3.1", normal(5000, 3) + np.array([1, 2, 3]), [1, 2, 3], level=1e-4)
        line = "✓ (3.1) statistical: joint χ² test of 3 means, 5,000 samples, level 0.0"
        assert capsys.readouterr().out.startswith(line)

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_mean_6_standard_errors_away_fails(self, sign, capsys):
        samples = normal(5000)
        error = samples.std(ddof=1) / np.sqrt(5000)
        # P(|Z| > 6) = 2.0e-9, P(|Z| > 2) = 0.046
        with pytest.raises(VerificationError, match=r"p-value 2e-09 is below"):
            verify("3.1", samples, samples.mean() + sign * 6 * error, level=1e-6)
        assert capsys.readouterr().out == ""
        verify("3.1", samples, samples.mean() + sign * 2 * error, level=0.01)

    def test_it_fails_from_the_level_on(self):
        # P(|Z| > 2.57) = 0.01017, P(|Z| > 2.58) = 0.00988
        samples = normal(5000)
        error = samples.std(ddof=1) / np.sqrt(5000)
        verify("3.1", samples, samples.mean() + 2.57 * error, level=0.01)
        with pytest.raises(
            VerificationError, match=r"p-value 0\.0099 is below the lev"
        ):
            verify("3.1", samples, samples.mean() + 2.58 * error, level=0.01)

    def test_one_wrong_mean_among_three_fails(self):
        samples = normal(5000, 3)
        means = samples.mean(axis=0) + np.array([0, 8 / np.sqrt(5000), 0])
        with pytest.raises(VerificationError, match="does not hold statistically"):
            verify("3.1", samples, means, level=1e-6)

    def test_correlated_means_are_judged_by_their_covariance(self):
        # Two samples that agree to 1%: means that differ by 10% cannot both be right,
        # though each alone is within its own standard error of 1/√5000 = 1.4%.
        common, own = normal(5000, 1), 0.01 * normal(5000, 2, seed=1)
        samples = common + own
        middle, off = samples.mean(axis=0), 0.01 * np.array([1, -1])
        verify("3.1", samples, middle + abs(off), level=1e-6)
        with pytest.raises(VerificationError):
            verify("3.1", samples, middle + off, level=1e-6)

    def test_the_error_shows_both_sides(self):
        samples = np.tile([4.5, 5.5], 500)
        with pytest.raises(VerificationError) as caught:
            verify("3.1", samples, 4.0, level=1e-3)
        for part in ("(3.1)", "level 0.001", "left:  5.0 (estimated)", "right: 4.0"):
            assert part in str(caught.value)

    def test_one_column_is_a_z_test(self, capsys):
        verify("3.1", normal(500, 1), [0.0], level=1e-4)
        assert "z test, 500 samples" in capsys.readouterr().out


class TestCounts:
    def test_true_probabilities_pass(self, capsys):
        # χ² = (52−50)²/50 + (23−25)²/25 + 0 = 0.24
        verify("4.1", [52, 23, 25], [0.5, 0.25, 0.25], level=1e-4)
        line = "✓ (4.1) statistical: χ² test of 3 counts, 100 samples, level 0.0001\n"
        assert capsys.readouterr().out == line

    def test_wrong_probabilities_fail(self, capsys):
        # χ² = 20²/50 + 20²/50 = 16, one degree of freedom: p = 6.3e-5
        with pytest.raises(VerificationError, match=r"p-value 6\.3e-05 is below"):
            verify("4.1", np.array([70, 30]), [0.5, 0.5], level=1e-4)
        assert capsys.readouterr().out == ""
        verify("4.1", np.array([70, 30]), [0.5, 0.5], level=1e-5)

    def test_the_error_shows_both_sides(self):
        with pytest.raises(VerificationError) as caught:
            verify("4.1", np.array([70, 30]), [0.5, 0.5], level=1e-3)
        for part in ("left:  [0.7 0.3] (estimated)", "right: [0.5 0.5]"):
            assert part in str(caught.value)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (np.full(500, 0.1), 0.1, "the samples do not vary: compare with tol"),
        (np.zeros(500), 0.0, "the samples do not vary"),
        (np.stack([normal(500), np.ones(500)], axis=1), [0.0, 1.0], "do not vary"),
        (normal(500, 1) * [1.0, 2.0], [0.0, 0.0], "some combination of the samples"),
        (normal(99), 0.0, "at least 100 samples are needed, got 99"),
        (normal(99, 2), [0.0, 0.0], "at least 100 samples are needed, got 99"),
        (
            [3, 97],
            [0.04, 0.96],
            "every cell needs 5 .* the smallest has 4",
        ),
        ([100, 0], [1.0, 0.0], "every cell needs 5 expected samples, .* has 0"),
        ([0, 0], [0.5, 0.5], "every cell needs 5 expected samples"),
        ([100], [1.0], "left must be at least two whole counts"),
        ([50.5, 49.5], [0.5, 0.5], "left must be at least two whole counts"),
        ([-1, 101], [0.5, 0.5], "left must be at least two whole counts"),
        ([50, 50], [0.5, 0.4], "right must be probabilities"),
        ([50, 50], [1.5, -0.5], "right must be probabilities"),
        (normal(500), [0.0], "samples of shape .* got"),
        (normal(500, 1), 0.0, "samples of shape .* got"),
        (normal(500, 3), [0.0, 0.0], "samples of shape .* got"),
        (normal(3, 500), [0.0, 0.0, 0.0], "samples of shape .* got"),
        (normal(500, 2, 2), np.zeros((2, 2)), "samples of shape .* got"),
        (1.0, 1.5, "samples of shape .* got"),
        ([], 0.0, "left is empty"),
        ([np.nan] * 500, 0.0, "left must hold only finite"),
        (normal(500), np.inf, "right must hold only finite"),
    ],
)
def test_samples_that_cannot_be_tested_are_refused(left, right, message, capsys):
    with pytest.raises(ValueError, match=message):
        verify("3.1", left, right, level=0.01)
    assert capsys.readouterr().out == ""


@pytest.mark.errors
@pytest.mark.parametrize("level", [0, -0.01, 0.02, 1, np.nan])
def test_a_level_that_means_little_is_refused(level):
    with pytest.raises(ValueError, match=r"level must be in \(0, 0\.01\], got"):
        verify("3.1", normal(500), 0.0, level=level)


@pytest.mark.errors
@pytest.mark.parametrize("kind", [{}, {"tol": 1e-9}, {"level": 1e-3}])
@pytest.mark.parametrize(
    "side", [np.arange(500), [1, 2], (F(1, 2), F(1, 3)), sympy.Matrix([1, x])]
)
def test_one_object_on_both_sides_is_refused(side, kind):
    with pytest.raises(ValueError, match="both sides are one object: compute them sep"):
        verify("1.1", side, side, **kind)


def test_two_computations_that_end_in_one_cached_object_pass(capsys):
    # Python keeps small integers, SymPy its atoms and recent results.
    verify("1.1", len(range(82)), 82)
    verify("1.1", sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2), sympy.S.One)
    verify("1.1", sympy.diff(sympy.exp(x), x), sympy.exp(x))
    assert capsys.readouterr().out.count("✓") == 3


@pytest.mark.errors
def test_two_kinds_at_once_are_refused():
    with pytest.raises(ValueError, match="give tol or level, not both"):
        verify("1.1", 1.0, 1.5, tol=0.1, level=0.01)


def alarms(runs, draw, right):
    """Count how often a true equation fails at level 0.01."""
    count = 0
    for seed in range(runs):
        try:
            verify("3.1", draw(np.random.default_rng(seed)), right, level=0.01)
        except VerificationError:
            count += 1
    return count


class TestFalseAlarms:
    """True equations fail about as often as the level says.

    Out of 1000 at level 0.01 that is Binomial(1000, 0.01): mean 10, deviation 3.1;
    fewer than 1 or more than 25 has a probability of 7e-5. The seeds are fixed.
    """

    def test_of_a_mean(self):
        assert 1 <= alarms(1000, lambda rng: rng.exponential(size=2000), 1.0) <= 25

    def test_of_means_together(self):
        mix = np.array([[1.0, 0.9], [0.0, 0.1]])
        draw = lambda rng: rng.normal(size=(500, 2)) @ mix  # noqa: E731
        assert 1 <= alarms(1000, draw, np.zeros(2)) <= 25

    def test_of_counts(self):
        p = np.array([0.2, 0.3, 0.5])
        assert 1 <= alarms(1000, lambda rng: rng.multinomial(1000, p), p) <= 25


@pytest.mark.parametrize("dof", [1, 2, 3, 10, 81])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 1.0, 1.5, 4.0])
def test_the_chi2_tail_is_the_one_of_mpmath(dof, ratio):
    reference = mpmath.gammainc(dof / 2, dof * ratio / 2, regularized=True)
    assert chi2_tail(dof * ratio, dof) == pytest.approx(float(reference), rel=1e-10)


def test_the_chi2_tail_at_known_points():
    # the 95% points of χ² with 1 and 2 degrees of freedom; the latter is −2 log 0.05
    assert chi2_tail(3.841458820694124, 1) == pytest.approx(0.05, rel=1e-10)
    assert chi2_tail(-2 * np.log(0.05), 2) == pytest.approx(0.05, rel=1e-12)


def test_an_expression_that_sympy_cannot_simplify_is_not_taken_for_zero(monkeypatch):
    def simplify(expression):  # as SymPy 1.14 does on some products of sums
        raise StopIteration

    monkeypatch.setattr(sympy, "simplify", simplify)
    x = sympy.symbols("x")
    verify("6.12", (x + 1) ** 2, x**2 + 2 * x + 1)
    with pytest.raises(VerificationError, match=r"\(6.12\) does not hold exactly"):
        verify("6.12", sympy.sin(x), sympy.cos(x))


def test_a_polynomial_that_is_not_zero_is_not_simplified(monkeypatch):
    monkeypatch.setattr(sympy, "simplify", lambda expression: 1 / 0)
    x, y = sympy.symbols("x y")
    with pytest.raises(VerificationError):
        verify("7.1", (x + y) ** 2, x**2 + y**2)


def test_coefficients_that_only_look_different_are_simplified():
    x = sympy.symbols("x")
    verify("7.1", x * (sympy.sin(1) ** 2 + sympy.cos(1) ** 2), x)


def test_a_poly_is_compared_as_an_expression():
    x = sympy.symbols("x")
    verify("8.3", sympy.Poly(x**2 + x, x), x * (x + 1))
    with pytest.raises(VerificationError):
        verify("8.3", sympy.Poly(x**2 + x, x), x**2)
