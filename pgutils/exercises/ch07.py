"""Exercises of notebook 07: one update by hand, the corridor, and what a step gains."""

from collections import Counter
from fractions import Fraction as F
from itertools import combinations_with_replacement, product
from math import factorial, prod

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise
from pgutils.softmax import softmax

by_hand_estimate = Exercise(
    right=F(-7, 2),
    mistakes={
        "that is −1 times it: is a return of −4 a reason to repeat the action?": F(
            7, 2
        ),
        "that multiplies every score by the whole return: which rewards came after "
        "the second action, and which after the third?": F(-36, 5),
        "your returns are one too high: what does the step pay that gets out?": (
            F(-17, 10)
        ),
        "are your returns −1, −2, −3, −4? Those are the rewards *so far*: which come "
        "after an action? Or did you exchange the actions in s_1? The world does "
        "that, not the policy": F(-11, 2),
        "p and 1 − p are exchanged: p is the probability of right, so after which "
        "action is the score of its column large?": F(11, 2),
        "a sign is lost: in which direction does a left move the column of right?": (
            F(-41, 10)
        ),
        "that is a mean over the four steps: what does (4.6) divide by, with N = 1?": (
            F(-7, 8)
        ),
    },
)

by_hand_rate = Exercise(
    right=F(1, 7),
    mistakes={
        "the column of left moves as well: by how much does the difference move?": (
            F(2, 7)
        ),
        "with this η the log-odds move by −1/2: is there a factor 2 too many?": (
            F(1, 14)
        ),
        "a learning rate is positive: which signs have the estimate and the move?": (
            F(-1, 7)
        ),
    },
)

ten_more = Exercise(
    right=("stays", "more"),
    mistakes={
        "the mean does not change, true. But a single pull never sees the mean: by "
        "what is its score multiplied now? Still by 1, 2 and 6?": (
            "stays",
            "as many",
        ),
        "the mean stays, and single directions became longer: is a long step in a "
        "random direction a help?": ("stays", "fewer"),
        "right for the learners. But look at μ_b − J in (7.3): what do the 10 coins do "
        "to μ_b, and what to J?": ("changes", "more"),
        "look at μ_b − J in (7.3) first: what do the 10 coins do to μ_b, and what to "
        "J? Then at a single pull": ("changes", "as many"),
        "(7.3) has μ_b − J: what do the 10 coins do to each of the two? And does a "
        "larger reward make a single direction shorter or longer?": (
            "changes",
            "fewer",
        ),
    },
)

ten_more_noise = Exercise(
    right=F(1028, 9),
    mistakes={
        "that is E‖X‖²: what must be taken away to have the variances?": F(1042, 9),
        "that is the noise of the old levers: which numbers multiply the scores now?": (
            F(68, 9)
        ),
        "that is the mean over the three components: what is a trace?": F(1028, 27),
    },
)

_SIXTEENTH = sp.Rational(1, 16)
two_levers = Exercise(
    right=(sp.sqrt(3) / 18, _SIXTEENTH, 3 * sp.sqrt(3)),
    mistakes={
        "right, as decimal numbers: and exactly, with sp.sqrt and sp.Rational?": (
            3**0.5 / 18,
            1 / 16,
            3 * 3**0.5,
        ),
        "1/4 is the largest slope of σ: (7.1) wants the largest second derivative": (
            sp.Rational(1, 4),
            _SIXTEENTH,
            sp.Integer(2),
        ),
        "1/8 is E[X²], so what must be taken away to have the variance?": (
            sp.sqrt(3) / 18,
            sp.Rational(1, 8),
            2 * sp.sqrt(3),
        ),
        "your X is 1/2 or −1/2, as the score is: what does the other lever pay?": (
            sp.sqrt(3) / 18,
            sp.Rational(1, 4),
            6 * sp.sqrt(3) / 5,
        ),
        "is your X never 0? Its score is 1/2 or −1/2: what is each multiplied with?": (
            sp.sqrt(3) / 18,
            sp.Rational(3, 16),
            3 * sp.sqrt(3) / 2,
        ),
        "L and tr Σ are right. Is your η* that of a step without noise?": (
            sp.sqrt(3) / 18,
            _SIXTEENTH,
            6 * sp.sqrt(3),
        ),
        "L and tr Σ are right. In η* the share of the signal stands on top: is 1/L "
        "multiplied by it, or L?": (sp.sqrt(3) / 18, _SIXTEENTH, sp.sqrt(3) / 36),
    },
)


def _steps_onwards(right, swapped):
    """Minus the expected steps to get from each state to the next, added up."""
    onwards = []
    for p, exchanged in zip(right, swapped):
        f = 1 - p if exchanged else p
        onwards.append((1 + (1 - f) * (onwards[-1] if onwards else 0)) / f)
    return -np.cumsum(onwards[::-1])[::-1]


def _bellman(forward, *, wall=0, last=-1.0, transposed=False, overwritten=False):
    """Values by (I − P) v = r, with room for mistakes."""
    n = len(forward)
    P = np.zeros((n, n + 1))
    for i, f in enumerate(forward):
        P[i, i + 1] += f
        P[i, i - 1 if i else wall] += 1 - f
    r = P[:, :n].sum(axis=1) * -1 + P[:, n] * last
    A = np.eye(n) - P[:, :n]
    if overwritten:
        A[0, 0] = forward[0] - 1
    return np.linalg.solve(A.T if transposed else A, r)


def _forward(right, swapped):
    return np.where(swapped, 1 - right, right)


def _corridor(rng):
    n = rng.integers(1, 4)
    return rng.integers(2, 9, size=n) / 10, (rng.random(n) < 0.5).tolist()


corridor_values = Exercise(
    right=_steps_onwards,
    mistakes={
        "that is −1 times the values: does a step pay, or cost?": (
            lambda right, swapped: -_steps_onwards(right, swapped)
        ),
        "the step that gets out pays −1 too: which equation has no −1 for it?": (
            lambda right, swapped: _bellman(_forward(right, swapped), last=0.0)
        ),
        "nothing happens where `swapped` is true: where does right lead there?": (
            lambda right, swapped: _bellman(right)
        ),
        "the wrong way round: is right exchanged where `swapped` is False?": (
            lambda right, swapped: _bellman(1 - _forward(right, swapped))
        ),
        "is it always s_1 that is exchanged? Only where `swapped` is True": (
            lambda right, swapped: _bellman(_forward(right, np.arange(len(right)) == 1))
        ),
        "v_0 stands on both sides of its own equation: is what you write into A[0, 0] "
        "added to the 1 there, or in its place?": (
            lambda right, swapped: _bellman(_forward(right, swapped), overwritten=True)
        ),
        "your matrix is transposed: a value looks ahead, so does row i hold the ways "
        "out of s_i, or the ways into it?": (
            lambda right, swapped: _bellman(_forward(right, swapped), transposed=True)
        ),
        "there is a wall at s_0, but your agent walks through it: what is the index "
        "0 − 1 in Python?": (
            lambda right, swapped: _bellman(_forward(right, swapped), wall=-2)
        ),
    },
    inputs=_corridor,
)


def _J(logits, pays):
    return softmax(logits) @ pays


def _by_counts(logits, pays, N, learning_rate):
    """The mean gain, from how often each lever is pulled."""
    p, k, gained = softmax(logits), len(pays), 0.0
    for pulled in combinations_with_replacement(range(k), N):
        times = np.array([Counter(pulled)[a] for a in range(k)])
        chance = factorial(N) * prod(p**times) / prod(map(factorial, times.tolist()))
        g = (times * pays - (times @ pays) * p) / N
        gained += chance * (_J(logits + learning_rate * g, pays) - _J(logits, pays))
    return gained


def _by_batches(
    logits,
    pays,
    N,
    rate,
    *,
    score=None,
    mean=True,
    likely=True,
    before=1,
    batches=lambda levers, N: product(levers, repeat=N),
):
    """The same from all batches one by one, with room for mistakes."""
    p, k, reached = softmax(logits), len(pays), 0.0
    scores = np.eye(k) - p if score is None else score(p)
    for batch in map(list, batches(range(k), N)):
        g = pays[batch] @ scores[batch] / (N if mean else 1)
        chance = prod(p[batch]) if likely else 1 / k**N
        reached += chance * _J(logits + rate * g, pays)
    return reached - before * _J(logits, pays)


def _slope(logits, pays):
    p = softmax(logits)
    return p * (pays - p @ pays)


def _levers(rng):
    logits = rng.integers(-10, 11, size=3) / 10
    pays = rng.permutation(np.arange(7.0))[:3]
    return logits, pays, int(rng.integers(2, 4)), rng.integers(2, 11) / 10


mean_gain = Exercise(
    right=_by_counts,
    mistakes={
        "that is −1 times the step: ascent or descent?": (
            lambda z, pays, N, rate: _by_batches(z, pays, N, -rate)
        ),
        "you add up the N estimates: what does (4.6) divide by?": (
            lambda z, pays, N, rate: _by_batches(z, pays, N, rate, mean=False)
        ),
        "that is one step along the mean of all batches. Is the mean of J after the "
        "steps the same as J after the mean step?": (
            lambda z, pays, N, rate: _J(z + rate * _slope(z, pays), pays) - _J(z, pays)
        ),
        "that is η‖∇J‖², the gain to first order: where is the bending?": (
            lambda z, pays, N, rate: rate * _slope(z, pays) @ _slope(z, pays)
        ),
        "you count every batch as equally likely: how often is each lever pulled?": (
            lambda z, pays, N, rate: _by_batches(z, pays, N, rate, likely=False)
        ),
        "do your probabilities sum to 1? Pulls 0, 1 and pulls 1, 0 are two batches": (
            lambda z, pays, N, rate: _by_batches(
                z, pays, N, rate, batches=combinations_with_replacement
            )
        ),
        "that is the gain with one pull: where does N come in?": (
            lambda z, pays, N, rate: _by_batches(z, pays, 1, rate)
        ),
        "that is J after the step: and before it?": (
            lambda z, pays, N, rate: _by_batches(z, pays, N, rate, before=0)
        ),
        "is e_a the score? The other logits do not move in your step": (
            lambda z, pays, N, rate: _by_batches(
                z, pays, N, rate, score=lambda p: np.eye(3)
            )
        ),
        "a probability for a log: your score is ∇p_a. What is ∇ log p_a?": (
            lambda z, pays, N, rate: _by_batches(
                z, pays, N, rate, score=lambda p: p[:, np.newaxis] * (np.eye(3) - p)
            )
        ),
    },
    inputs=_levers,
)

_AT, _PAYS = np.zeros(3), np.array([1.0, 2.0, 6.0])
_ALONG = _J(_AT + _slope(_AT, _PAYS), _PAYS) - _J(_AT, _PAYS)
_ONE, _THREE = (_by_counts(_AT, _PAYS, N, 1.0) for N in (1, 3))
_STRAIGHT = _slope(_AT, _PAYS) @ _slope(_AT, _PAYS)

shares_of_the_gain = Exercise(
    right=(_ONE / _ALONG, _THREE / _ALONG),
    mistakes={
        "those are percent, and parts of 1 are wanted": (32, 77),
        "those are the gains in coins: what is the gain along the exact gradient?": (
            _ONE,
            _THREE,
        ),
        "you divide by η‖∇J‖², but J bends: what is J after a step along ∇J?": (
            _ONE / _STRAIGHT,
            _THREE / _STRAIGHT,
        ),
    },
    tol=0.006,
)
