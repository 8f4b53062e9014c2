"""Exercises of notebooks/06_softmax_policy.ipynb."""

from collections.abc import Callable

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise

# 6.1: one ticket against three, by hand: p, e_1 − p, and the first row of the Jacobian

tickets = Exercise(
    right=((0.25, 0.75), (-0.25, 0.25), (0.1875, -0.1875)),
    mistakes={
        "you took the logits for tickets: how many tickets is a logit z?": (
            (0, 1),
            (0, 0),
            (0, 0),
        ),
        "p is right. Actions are counted from 0: which entry of e_1 is the 1?": (
            (0.25, 0.75),
            (0.75, -0.75),
            (0.1875, -0.1875),
        ),
        "p is right. The sign: what happened minus what was expected": (
            (0.25, 0.75),
            (0.25, -0.25),
            (0.1875, -0.1875),
        ),
        "p and e_1 − p are right. The first row of the Jacobian: if logit 1 is pushed, "
        "does action 0 gain or lose?": (
            (0.25, 0.75),
            (-0.25, 0.25),
            (0.1875, 0.1875),
        ),
        "p and e_1 − p are right. That is the row of action 1: which one gains if its "
        "own logit is pushed?": ((0.25, 0.75), (-0.25, 0.25), (-0.1875, 0.1875)),
        "p and e_1 − p are right. In the row you have p_0 [0 = b]: what of the other "
        "part, −p_0 p_b?": ((0.25, 0.75), (-0.25, 0.25), (0.25, 0)),
        "p and e_1 − p are right. The second number of the row is −p_0 p_b: which p "
        "belongs to b = 1?": ((0.25, 0.75), (-0.25, 0.25), (0.1875, -0.0625)),
        "p and e_1 − p are right. Your row is that of log p_0: how do ∂p and ∂ log p "
        "differ?": ((0.25, 0.75), (-0.25, 0.25), (0.75, -0.75)),
        "odds are not probabilities: 1 to 3 is a share of which total?": (
            (1 / 3, 2 / 3),
            (-1 / 3, 1 / 3),
            (2 / 9, -2 / 9),
        ),
    },
)


# 6.2: log-probabilities at a temperature, for logits of any size


def cooled(logits: np.ndarray, tau: float) -> np.ndarray:
    """Return log p row by row, by numpy's log(e^u + e^v), which is stable."""
    scaled = np.asarray(logits) / tau
    return scaled - np.logaddexp.reduce(scaled, axis=-1, keepdims=True)


def stable(z: np.ndarray) -> np.ndarray:
    """Return z less the largest of each row."""
    return z - z.max(axis=-1, keepdims=True)


def row_sums(weights: np.ndarray) -> np.ndarray:
    """Return the sum of each row, kept beside it."""
    return weights.sum(axis=-1, keepdims=True)


def by_one_maximum(logits: np.ndarray, tau: float) -> np.ndarray:
    """Return log p, shifted by the largest logit of the whole table."""
    shifted = (logits - logits.max()) / tau
    return shifted - np.log(row_sums(np.exp(shifted)))


def of_logits(rng: np.random.Generator) -> tuple:
    """Return two rows of logits, one near 0 and one far from 0 and apart, and τ."""
    small = rng.choice([-2, -1, 0, 1, 3], size=(2, 3))
    far = [[0, 0, 0], rng.permutation([-2000, 2000, 2000])]
    return (small + far).astype(float), float(rng.choice([0.5, 1.5, 2.0]))


log_policy = Exercise(
    right=cooled,
    mistakes={
        "there is an overflow or an underflow, your softmax is unstable: logits of "
        "2000 are among the inputs. By (6.4) you may subtract what from them?": (
            lambda z, tau: np.log(np.exp(z / tau) / row_sums(np.exp(z / tau)))
        ),
        "there is still an infinity: e^z overflows inside log Σ e^z": (
            lambda z, tau: z / tau - np.log(row_sums(np.exp(z / tau)))
        ),
        "log of a softmax: e^−2000 is 0 in float64, and its logarithm −∞. Take the "
        "logarithm by hand first, as in (6.5)": (
            lambda z, tau: np.log(
                np.exp(stable(z / tau)) / row_sums(np.exp(stable(z / tau)))
            )
        ),
        "that is p: a probability for its logarithm": lambda z, tau: np.exp(
            cooled(z, tau)
        ),
        "the temperature is left out": lambda z, tau: cooled(z, 1.0),
        "you multiply by τ: does heat bring the probabilities closer together, or "
        "further apart?": lambda z, tau: cooled(z, 1 / tau),
        "one maximum for the whole table: what becomes of e^z in a row that lies 2000 "
        "below the other?": by_one_maximum,
        "the rows are mixed: each is one state, and has a sum of its own": (
            lambda z, tau: z / tau - np.logaddexp.reduce(z / tau, axis=None)
        ),
        "p no longer sums to 1: you take the largest logit off inside log Σ e^z, but "
        "not outside": (
            lambda z, tau: z / tau - np.log(row_sums(np.exp(stable(z / tau))))
        ),
        "τ divides only the z in front: what does it do to those in the sum?": (
            lambda z, tau: z / tau - np.logaddexp.reduce(z, axis=-1, keepdims=True)
        ),
        "your columns sum to 1, not your rows: over which axis is the sum?": (
            lambda z, tau: cooled(z.T, tau).T
        ),
        "you divide log p by τ: then p no longer sums to 1. What is divided, the "
        "logits or their log-softmax?": lambda z, tau: cooled(z, 1.0) / tau,
    },
    inputs=of_logits,
    tol=1e-8,
)


# 6.3: slopes and second derivatives of log p_0, with p_2 = 1 − p_0 − p_1

p0, p1 = sp.symbols("p0 p1", real=True)
p2 = 1 - p0 - p1

slopes = Exercise(
    right=(1 - p0, -p1, -p1 * (1 - p1), p1 * p2),
    mistakes={
        "these are slopes of the probability p_0, not of its logarithm: what does the "
        "logarithm divide by?": (
            p0 * (1 - p0),
            -p0 * p1,
            p0 * p1 * (2 * p1 - 1),
            2 * p0 * p1 * p2,
        ),
        "the last two are right. The first two are slopes of p_0, not of log p_0: what "
        "does the logarithm divide by?": (
            p0 * (1 - p0),
            -p0 * p1,
            -p1 * (1 - p1),
            p1 * p2,
        ),
        "the first two are right. In the last two you took z_0 instead of z_1": (
            1 - p0,
            -p1,
            -p0 * (1 - p0),
            p0 * p2,
        ),
        "all have the wrong sign: what happened minus what was expected": (
            p0 - 1,
            p1,
            p1 * (1 - p1),
            -p1 * p2,
        ),
        "the first two are right. The last two have the wrong sign: in −p_1, what does "
        "z_1 do to p_1?": (1 - p0, -p1, p1 * (1 - p1), -p1 * p2),
        "the first two are right. Of p_1, not of log p_1, you want the slopes now": (
            1 - p0,
            -p1,
            -(1 - p1),
            p2,
        ),
        "e_a has its 1 at the action taken, which is 0 here: and at z_1?": (
            1 - p0,
            1 - p1,
            -p1 * (1 - p1),
            p1 * p2,
        ),
        "the last: p_1 depends on z_2 as well, since all share one sum": (
            1 - p0,
            -p1,
            -p1 * (1 - p1),
            0,
        ),
    },
)


# 6.4: make an unchosen action rise

rise_or_fall = Exercise(
    right=("falls", "rises"),
    mistakes={
        'the right way round: write "falls" and "rises"': ("fall", "rise"),
        "its logit falls in both, that is true. But a probability is a share: what if "
        "the favourite's logit falls much further?": ("falls", "falls"),
        "the favourite pays, that is true. But is it large enough to pay for two? "
        "Compute Σ p² − p_a − p_b": ("rises", "rises"),
        "the other way round: in which of the two is there a favourite to pay?": (
            "rises",
            "falls",
        ),
    },
)

border = Exercise(
    right=(1 / sp.sqrt(3), 3),
    mistakes={
        "the tickets are right, but that is p_0: what is left for p_2?": (
            (3 - sp.sqrt(3)) / 6,
            3,
        ),
        "right as a number. Write it exactly, with sp.sqrt": (3**-0.5, 3),
        "a probability is not negative: take the other root": (-1 / sp.sqrt(3), 3),
        "p_2 is right. With two tickets it is 2/4: is that above the border?": (
            1 / sp.sqrt(3),
            2,
        ),
        "p_2 is right. 1 + √3 = 2.73… tickets are on the border: which is the least "
        "whole number above it?": (1 / sp.sqrt(3), 1 + sp.sqrt(3)),
        "one half is what makes the favourite as likely as the others together. Put "
        "p_0 = p_1 = (1 − p_2)/2 into Σ p² = p_0 + p_1": (sp.Rational(1, 2), 3),
    },
)


# 6.5: logistic regression with the softmax score


def climbed(
    data: np.ndarray, labels: np.ndarray, rate: float, steps: int
) -> np.ndarray:
    """Return the difference of the columns, by the sigmoid of that difference alone."""
    w = np.zeros(data.shape[1])
    for _ in range(steps):
        up = [(y - 1 / (1 + np.exp(-(x @ w)))) * x for x, y in zip(data, labels)]
        w = w + 2 * rate * np.mean(up, axis=0)  # each column moves, in opposite ways
    return w


def climbing(step: Callable) -> Callable:
    """Return w after steps of another kind; step takes x, e_y and p of all rows."""

    def fit(data, labels, rate, steps):
        theta = np.zeros((data.shape[1], 2))
        for _ in range(steps):
            weights = np.exp(data @ theta)
            p = weights / weights.sum(axis=1, keepdims=True)
            theta = theta + rate * step(data, np.eye(2)[labels], p)
        return theta[:, 1] - theta[:, 0]

    return fit


def of_rows(rng: np.random.Generator) -> tuple:
    """Return six rows of 3 to 5 features, their labels, a rate, a number of steps."""
    data = rng.choice([-1.0, -0.5, 0.5, 2.0], size=(6, rng.integers(3, 6)))
    labels = rng.permutation([0, 1, 1, 0, 1, 1])
    return data, labels, float(rng.choice([0.1, 0.2])), int(rng.integers(2, 6))


fit = Exercise(
    right=climbed,
    mistakes={
        "that is the way down: ascent or descent?": climbing(
            lambda x, e, p: -x.T @ (e - p) / len(x)
        ),
        "a sum for a mean: twice the rows should not make the step twice as long": (
            climbing(lambda x, e, p: x.T @ (e - p))
        ),
        "half as fast: you climb with w alone. With two columns both move, in opposite "
        "ways, and w is their difference": (
            lambda data, labels, rate, steps: climbed(data, labels, rate / 2, steps)
        ),
        "columns or labels swapped: for which label should w point upwards?": (
            lambda *given: -climbed(*given)
        ),
        "that is column 1 alone: what counts is its lead over column 0": (
            lambda *given: climbed(*given) / 2
        ),
        "your w grows by the same in each step. Is there a −p, as in x (e_a − p)ᵀ, "
        "and is p computed anew?": climbing(lambda x, e, p: x.T @ e / len(x)),
        "your w stays at 0: a mean over all axes loses the columns. What do you want "
        "the mean of, and over which axis?": climbing(lambda x, e, p: 0.0),
        "one step is missing: how often does your loop run?": (
            lambda data, labels, rate, steps: climbed(data, labels, rate, steps - 1)
        ),
        "one step too many: how often does your loop run?": (
            lambda data, labels, rate, steps: climbed(data, labels, rate, steps + 1)
        ),
    },
    inputs=of_rows,
)
