"""What is right, and which mistakes are known, in the exercises of notebook 03."""

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise

_x = sp.Symbol("x", real=True)
_lam, _theta = sp.symbols("lambda theta", positive=True)
_poisson = _lam**_x * sp.exp(-_lam) / sp.factorial(_x)

poisson_score = Exercise(
    right=_x / _lam - 1,
    mistakes={
        "that is −1 times the score: with x well above λ, should λ go up or down?": (
            1 - _x / _lam
        ),
        "that is the derivative of p, not of its logarithm: by what do you divide to "
        "get a relative change?": _poisson * (_x / _lam - 1),
        "its mean is 1, so the alarm of (3.4) rings: where is the derivative of the "
        "factor exp(−λ)?": _x / _lam,
        "that is log p itself: differentiate it, with respect to λ": (
            _x * sp.log(_lam) - _lam - sp.log(sp.factorial(_x))
        ),
        "that is the derivative with respect to log λ. The parameter is λ itself: what "
        "is the derivative of x log λ?": _x - _lam,
        "the first term is right; what is the derivative of −λ?": _x / _lam - _lam,
    },
)

poisson_information = Exercise(
    right=1 / _lam,
    mistakes={
        "that is the variance of x; by what is x − λ divided in the score?": _lam,
        "that is the curvature of −log p for one outcome; (3.5) has its mean": (
            _x / _lam**2
        ),
        "that is the square of the score for one outcome; (3.5) has its mean": (
            (_x / _lam - 1) ** 2
        ),
        "flipped sign: a variance below 0? In (3.5) it is the curvature of −log p": (
            -1 / _lam
        ),
        "that is the mean square of x/λ: did the −1 of the score get lost?": (
            1 + 1 / _lam
        ),
        "a score is (x − λ)/λ: is its variance divided by λ or by λ²?": sp.Integer(1),
    },
)

raised_payoffs = Exercise(
    right=("same", "changes", 30),
    mistakes={
        "the first is right, since scores average to 0. But the mean score of *these* "
        "100,000 darts is not exactly 0: what is 100 times it?": ("same", "same", 1),
        "the slope is right, and the scatter too. If every push moves by 100 times its "
        "score, does the mean of the pushes stay exactly where it is?": (
            "same",
            "same",
            30,
        ),
        "a constant alone has no scatter, that is the tempting thought. But a push is "
        "payoff times score: how much does 100 times the score scatter?": (
            "same",
            "changes",
            1,
        ),
        "the first two are right. The standard deviation of 100 · score is 100: how "
        "large was that of the pushes before, and how often does it go into 100?": (
            "same",
            "changes",
            6,
        ),
        "what happens to the estimate and its scatter is right. The expected slope "
        "moves by 100 times the mean score: how much is that?": (
            "changes",
            "changes",
            30,
        ),
        "turn to (3.4): what is the mean of 100 times the score?": (
            "changes",
            "changes",
            1,
        ),
    },
    tol=0.15,  # so that a measured 34 is as right as 30
)

_f0, _f1 = sp.symbols("f0 f1")
no_scatter = Exercise(
    right=(1 - _theta) * _f1 + _theta * _f0,
    mistakes={
        "that is the average payoff, a good guess, and it leaves some scatter. What do "
        "heads give with it, what do tails?": (_theta * _f1 + (1 - _theta) * _f0),
        "halfway between the payoffs: right for θ = 1/2 only. With θ = 3/5, do heads "
        "and tails give the same?": (_f0 + _f1) / 2,
        "that is the slope, which each play should give: which c makes it so?": (
            _f1 - _f0
        ),
        "that is right for the numbers of the text; the answer is wanted for every θ "
        "and every two payoffs": sp.Rational(16, 5),
    },
)

shakier_hand = Exercise(
    right="more",
    mistakes={
        "a shaky hand sounds bad. But two darts in three land within 1 cm of the aim: "
        "what do these earn?": "less",
    },
)


def _by_complex_step(darts, payoffs, aim, sigma):
    """Differentiate log p dart by dart, by a step of σ into the complex plane."""
    total, step = 0.0, 1e-30
    for dart, payoff in zip(darts, payoffs):
        moved = sigma + 1j * step
        log_p = -np.log(moved) - (dart - aim) ** 2 / (2 * moved**2)
        total += payoff * log_p.imag / step
    return total / len(darts)


def _density(darts, aim, sigma):
    z = (darts - aim) / sigma
    return np.exp(-(z**2) / 2) / (sigma * np.sqrt(2 * np.pi))


def _weighed(score):
    """Average payoff times a mistaken score, a function of (dart − aim) and σ."""
    return lambda darts, payoffs, aim, sigma: np.mean(
        payoffs * score(darts - aim, sigma)
    )


def _a_few_darts(rng):
    n, aim = int(rng.integers(3, 6)), float(rng.choice([-1, 1, 2]))
    sigma = float(rng.choice([0.5, 2.0]))
    darts = np.round(rng.normal(aim, sigma, size=n), 1)
    return darts, rng.integers(1, 6, size=n).astype(float), aim, sigma


scale_slope = Exercise(
    right=_by_complex_step,
    mistakes={
        "that is the score of the mean, and says where to aim. Which of the Gaussian's "
        "two scores is about its scale?": _weighed(lambda d, s: d / s**2),
        "your scores do not average to 0: which factor of the density, besides the "
        "exponential, contains σ?": _weighed(lambda d, s: d**2 / s**3),
        "right if σ is 1: what is taken away from (x − μ)²?": (
            _weighed(lambda d, s: (d**2 - 1) / s**3)
        ),
        "that is right at σ = 1 only; the scale can be any: where is it?": (
            _weighed(lambda d, s: d**2 - 1)
        ),
        "that is the slope in σ², the variance; asked is the slope in σ. How fast does "
        "σ² grow with σ?": _weighed(lambda d, s: (d**2 - s**2) / (2 * s**4)),
        "you take the mean payoff away first: a good idea, but that mean contains each "
        "dart's own payoff, so on average n darts give (n − 1)/n of the slope. Leave "
        "the payoffs as they are": (
            lambda d, f, a, s: _by_complex_step(d, f - np.mean(f), a, s)
        ),
        "a score is measured in 1/cm: in what is yours?": (
            _weighed(lambda d, s: (d**2 - s**2) / s**2)
        ),
        "differentiate (x − μ)²/2σ² with respect to σ: which power of σ is left?": (
            _weighed(lambda d, s: d**2 - s**2)
        ),
        "that is −1 times the slope: what should a dart say that lands far out and "
        "pays well?": _weighed(lambda d, s: (s**2 - d**2) / s**3),
        "a sum in place of a mean: twice as many darts would double your slope": (
            lambda d, f, a, s: len(d) * _by_complex_step(d, f, a, s)
        ),
        "the probability in place of its logarithm: your weights are ∇p. But these "
        "darts were drawn, so the factor p is there already": lambda d, f, a, s: (
            np.mean(f * _density(d, a, s) * ((d - a) ** 2 - s**2) / s**3)
        ),
        "that is payoff times log p: its value means nothing. What is still to do with "
        "log p?": lambda d, f, a, s: np.mean(f * np.log(_density(d, a, s))),
        "how far is a dart from where you aim? Only for an aim of 0 it is x": (
            lambda d, f, a, s: np.mean(f * (d**2 - s**2) / s**3)
        ),
    },
    inputs=_a_few_darts,
)


def _nudged_window(payoffs, at_low, at_high, theta):
    """Nudge θ in ∫ f / 2θ, by a complex step: both ends move, and the height falls."""
    step = 1e-30
    area = 2 * theta * np.mean(payoffs)
    grown = area + 1j * step * (3 * at_high - at_low)
    return (grown / (2 * (theta + 1j * step))).imag / step


def _ends_and_trick(high, low, trick=-1.0, average=np.mean):
    """Make a mistake in one of the three terms, each times θ."""

    def slope(payoffs, at_low, at_high, theta):
        return (high * at_high + low * at_low + trick * average(payoffs)) / theta

    return slope


def _a_window(rng):
    payoffs = rng.integers(1, 9, size=4).astype(float)
    at_low, at_high = (float(payoff) for payoff in rng.integers(1, 9, size=2))
    return payoffs, at_low, at_high, float(rng.choice([0.5, 2.0, 4.0]))


window_slope = Exercise(
    right=_nudged_window,
    mistakes={
        "that is the trick alone: what do the strips earn that no sample speaks for?": (
            _ends_and_trick(0, 0)
        ),
        "those are the two ends alone: what do the samples say, which all become less "
        "likely when θ grows?": _ends_and_trick(1.5, -0.5, trick=0),
        "if θ grows by h, by how much does the upper end move?": (
            _ends_and_trick(0.5, -0.5)
        ),
        "one end is missing: at the lower one ground is lost": _ends_and_trick(1.5, 0),
        "one end is missing: at the upper one ground is won": _ends_and_trick(0, -0.5),
        "one of the ends has a wrong sign: does the window win or lose ground at its "
        "lower end?": _ends_and_trick(1.5, 0.5),
        "how high is the density? The window is 2θ wide": _ends_and_trick(3, -1),
        "that is −1 times the slope: ascent or descent?": _ends_and_trick(-1.5, 0.5, 1),
        "both ends are right. In the trick, differentiate the logarithm of 1/2θ once "
        "more: what becomes of the 2?": _ends_and_trick(1.5, -0.5, trick=-0.5),
        "both ends are right. In the trick, does an x inside become likelier when θ "
        "grows?": _ends_and_trick(1.5, -0.5, trick=1.0),
        "if θ grows by h, which of the two ends moves further?": (
            _ends_and_trick(0.5, -1.5)
        ),
        "a sum in place of a mean: more samples must not make the slope steeper": (
            _ends_and_trick(1.5, -0.5, average=np.sum)
        ),
    },
    inputs=_a_window,
)
