"""Chapter 3: the log-derivative trick, on a coin, a die and two densities."""

from decimal import Decimal, localcontext
from fractions import Fraction as F
from math import factorial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    assert_close,
    identity,
    logits,
    of_any_size,
    rationals,
    rngs,
    tabular,
)

from pgutils.softmax import score, softmax
from pgutils.witnesses import complex_step

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(8)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)
POSITIVE_NODES, POSITIVE_WEIGHTS = np.polynomial.laguerre.laggauss(8)
# Both rules are exact for polynomials of degree 15 and less.

coefficients = rngs.map(lambda rng: rng.uniform(-10, 10, 5))
centres, scales = st.floats(-10, 10), st.floats(0.1, 10)
chances = st.floats(1e-250, 1, exclude_max=True)
faces = st.sampled_from((3, 2, 1, 5))


@st.composite
def dice(draw):
    """Draw the logits of a die and a payoff for each face."""
    k = draw(faces)
    return draw(logits((k,))), of_any_size(draw(rngs), (k,))


def gaussian_mean(g, mu, sigma):
    """E[g(x)] of a Gaussian, by quadrature."""
    return WEIGHTS @ g(mu + sigma * NODES)


def exponential_mean(g, rate):
    """E[g(x)] of an exponential law, by quadrature."""
    return POSITIVE_WEIGHTS @ g(POSITIVE_NODES / rate)


def gaussian_moments(mu, sigma):
    """E[x^n] for n = 0 … 5, from n − 1 and n − 2."""
    found = [1.0, mu]
    for n in range(2, 6):
        found.append(mu * found[-1] + (n - 1) * sigma**2 * found[-2])
    return found


def gaussian_scores(x, mu, sigma):
    """From the table of notebook 03: for μ and for σ."""
    return np.array([(x - mu) / sigma**2, ((x - mu) ** 2 - sigma**2) / sigma**3])


def die_scores(z):
    """The package's score of each face, shape (k faces, k logits)."""
    k = len(z)
    return score(z[None], np.ones((k, 1)), np.arange(k))[:, 0]


@identity("3.1")
@given(st.integers(1, 10**12), st.integers(1, 10**6))
def test_the_slope_of_the_logarithm_is_squeezed(n, d):
    # The logarithm bends down: 1/(u + h) < (log(u + h) − log u)/h < 1/u.
    with localcontext(prec=60):
        u = Decimal(n) / d
        h = u * Decimal("1e-20")
        quotient = ((u + h).ln() - u.ln()) / h
        assert 1 / (u + h) < quotient < 1 / u


@identity("3.1")
@given(coefficients, st.floats(-2, 2))
def test_a_function_of_a_function(c, u):
    def inner(u):
        return np.polynomial.polynomial.polyval(u, c)

    far = 1 + abs(u)
    high = np.polynomial.polynomial.polyval(far, np.abs(c))  # more than |inner(u)|
    slope = sum(n * c[n] * u ** (n - 1) for n in range(1, 5))
    steep = sum(n * abs(c[n]) * far ** (n - 1) for n in range(1, 5))
    for outer, outer_slope, size in [
        (np.sin, np.cos, 1 + high),  # the rounding of inner(u) moves the sine
        (lambda v: v**3, lambda v: 3 * v**2, 3 * high**2),
    ]:
        found = complex_step(lambda u, outer=outer: outer(inner(u)), u)
        assert_close(found, outer_slope(inner(u)) * slope, size * steep)


@identity("3.2")
@given(chances, centres, scales, st.floats(-5, 5))
def test_scores_are_relative_changes(p, mu, sigma, off):
    theta = np.array([p])
    for x, by_hand in [(1, 1 / p), (0, -1 / (1 - p))]:
        slope = complex_step(lambda t, x=x: (t if x else 1 - t)[0], theta, h=p * 1e-20)
        assert_close(slope[0] / (p if x else 1 - p), by_hand, abs(by_hand))

    x = mu + sigma * off

    def density(parameters):
        m, s = parameters
        return np.exp(-((x - m) ** 2) / (2 * s**2)) / (s * np.sqrt(2 * np.pi))

    at = np.array([mu, sigma])
    slopes = complex_step(density, at) / density(at)
    size = 100 * (1 + off**2) / sigma  # the exponent is at most 25/2
    assert_close(slopes, gaussian_scores(x, mu, sigma), size)

    rate, waiting = sigma, abs(off)
    slope = complex_step(lambda r: (r * np.exp(-r * waiting))[0], np.array([rate]))
    found = slope[0] / (rate * np.exp(-rate * waiting))
    assert_close(found, 1 / rate - waiting, 100 * (1 / rate + waiting))


@identity("3.2")
@given(faces.flatmap(lambda k: logits((k,), limit=75)))
def test_the_score_of_a_die_is_the_relative_change(z):
    # Here p must not be 0 in floats: exp(−150) is not.
    p = tabular(z + 0j).real
    slopes = [complex_step(lambda z, a=a: tabular(z)[a], z) for a in range(len(z))]
    assert_close(die_scores(z), np.array(slopes) / p[:, None], 1.0)


@identity("3.3")
@given(dice())
def test_the_trick_on_a_die(problem):
    z, f = problem
    weighted = (softmax(z) * f) @ die_scores(z)
    slope = complex_step(lambda z: tabular(z) @ f, z)
    assert_close(weighted, slope, softmax(z) @ np.abs(f) * 2)


def gaussian_size(c, mu, sigma, power):
    """What the terms of E[f(x) (x − μ)^power] add up to."""
    far = np.abs(mu) + sigma * np.abs(NODES)
    return WEIGHTS @ (np.polynomial.polynomial.polyval(far, np.abs(c)) * far**power)


@identity("3.3")
@given(coefficients, centres, scales)
def test_the_trick_on_two_densities(c, mu, sigma):
    def f(x):
        return np.polynomial.polynomial.polyval(x, c)

    def by_moments(parameters):
        return c @ np.array(gaussian_moments(*parameters)[:5])

    slopes = complex_step(by_moments, np.array([mu, sigma]))
    weighted = [
        gaussian_mean(lambda x, i=i: f(x) * gaussian_scores(x, mu, sigma)[i], mu, sigma)
        for i in (0, 1)
    ]
    far = 1 + gaussian_size(c, mu, sigma, 2)
    assert_close(weighted, slopes, far * (1 / sigma**3 + 1 / sigma))

    rate = sigma  # E[x^n] = n!/λ^n, and its slope −n n!/λ^(n+1)
    slope = sum(-n * factorial(n) * c[n] / rate ** (n + 1) for n in range(5))
    weighted = exponential_mean(lambda x: f(x) * (1 / rate - x), rate)
    terms = [factorial(n + 2) * abs(c[n]) / rate ** (n + 1) for n in range(5)]
    assert_close(weighted, slope, sum(terms))


@identity("3.4")
@given(dice(), chances, centres, scales)
def test_scores_average_to_0(problem, p, mu, sigma):
    z, _ = problem
    assert_close(softmax(z) @ die_scores(z), np.zeros(len(z)), 1.0)
    p = F(p)
    assert p * (1 / p) + (1 - p) * (-1 / (1 - p)) == 0
    means = [
        gaussian_mean(lambda x, i=i: gaussian_scores(x, mu, sigma)[i], mu, sigma)
        for i in (0, 1)
    ]
    size = (1 + abs(mu) / sigma) ** 2 / sigma
    assert_close(means, np.zeros(2), 10 * size)
    assert_close(exponential_mean(lambda x: 1 / sigma - x, sigma), 0.0, 2 / sigma)


@identity("3.5")
@given(dice(), chances, centres, scales)
def test_their_variance_is_the_mean_curvature(problem, p, mu, sigma):
    z, _ = problem
    k, scores = len(z), die_scores(z)
    variance = np.einsum("a,ai,aj->ij", softmax(z), scores, scores)
    # The second derivatives of log p_a, from first ones without a cut at 0 and 1.
    curvature = np.zeros((k, k))
    for a, j in np.ndindex(k, k):
        slopes = complex_step(lambda z, a=a, j=j: (np.eye(k)[a] - tabular(z))[j], z)
        curvature[j] += softmax(z)[a] * slopes
    assert_close(variance, -curvature, 4.0)

    q = F(p)
    bends = {1: -1 / q**2, 0: -1 / (1 - q) ** 2}  # of log θ and log(1 − θ)
    squares = q * (1 / q) ** 2 + (1 - q) * (1 / (1 - q)) ** 2
    assert squares == -(q * bends[1] + (1 - q) * bends[0]) == 1 / (q * (1 - q))

    def bend(x):
        """−∇² log p of the Gaussian, in (μ, σ)."""
        off = x - mu
        mixed = 2 * off / sigma**3
        last = 3 * off**2 / sigma**4 - 1 / sigma**2 + 0 * x
        return np.array([[1 / sigma**2 + 0 * x, mixed], [mixed, last]])

    x = mu + sigma * NODES
    v = gaussian_scores(x, mu, sigma)
    size = 100 * (1 + abs(mu) / sigma) ** 4 / sigma**2
    assert_close((v[:, None] * v[None]) @ WEIGHTS, bend(x) @ WEIGHTS, size)
    exponential = exponential_mean(lambda x: (1 / sigma - x) ** 2, sigma)
    assert_close(exponential, 1 / sigma**2, 4 / sigma**2)


@identity("3.6")
@given(
    st.lists(rationals, min_size=1, max_size=5),
    st.fractions("1/9", 9),
    st.integers(0, 3),
)
def test_a_moving_end_adds_its_strip(c, theta, m):
    # The density is (m + 1) x^m / θ^(m+1) on [0, θ], so E[x^n] = θ^n (m+1)/(m+n+1).
    def mean(coefficients):
        return sum(
            a * theta**n * F(m + 1, m + n + 1) for n, a in enumerate(coefficients)
        )

    whole = sum(a * n * theta ** (n - 1) * F(m + 1, m + n + 1) for n, a in enumerate(c))
    strip = sum(a * theta**n for n, a in enumerate(c)) * (m + 1) / theta
    trick = mean([a * F(-(m + 1)) / theta for a in c])
    assert whole == strip + trick


@identity("3.7")
@given(coefficients, centres, scales)
def test_pathwise_has_the_same_mean(c, mu, sigma):
    def f(x):
        return np.polynomial.polynomial.polyval(x, c)

    by_score = gaussian_mean(lambda x: f(x) * (x - mu) / sigma**2, mu, sigma)
    moments = gaussian_moments(mu, sigma)
    by_path = sum(n * c[n] * moments[n - 1] for n in range(1, 5))
    held = WEIGHTS @ [complex_step(f, x) for x in mu + sigma * NODES]
    size = gaussian_size(c, mu, sigma, 1) / sigma**2 + gaussian_size(c, mu, sigma, 0)
    assert_close(by_score, by_path, 10 * size)
    assert_close(held, by_path, 10 * size)


@identity("3.8")
@given(dice(), rngs)
def test_a_payoff_with_theta_in_it_has_one_more_term(problem, rng):
    z, f = problem
    k = len(z)
    prices = rng.uniform(-10, 10, (k, k))

    def payoff(z):
        """f_a plus a fee that depends on the knobs."""
        return f + prices @ np.sin(z)

    whole = complex_step(lambda z: tabular(z) @ payoff(z), z)
    extra = softmax(z) @ (prices * np.cos(z))
    rest = (softmax(z) * payoff(z)) @ die_scores(z)
    assert_close(whole, extra + rest, softmax(z) @ (np.abs(f) + 20 * k) * 2)
