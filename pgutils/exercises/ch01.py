"""What is right, and which mistakes are known, in the exercises of notebook 01."""

import math
from fractions import Fraction as F
from math import prod

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise
from pgutils.world import HIGH, LOW, ROBOT, WORK

by_hand = Exercise(
    right=(sp.Rational(1, 144), -3),
    mistakes={
        "the probability is right; but who brought the robot from low to high while it "
        "worked, and what does that cost?": (sp.Rational(1, 144), 2),
        "the world's part is right; where is the coin, which has to say *work* three "
        "times?": (sp.Rational(1, 18), -3),
        "every step is there; what about the morning?": (sp.Rational(1, 36), -3),
        "this day begins with a low battery: how often does a morning?": (
            sp.Rational(1, 48),
            -3,
        ),
    },
)

likeliest_days = Exercise(
    right=(0, 3),
    mistakes={
        "the coin shows *work* once or twice on most days. But a day is one sequence, "
        "and each of the eight has the probability 1/8: what does the world add?": (
            1,
            3,
        ),
        "the coin has no favourite sequence of actions, each has the probability 1/8. "
        "Which action has an outcome that is certain?": (2, 3),
        "that is the day which earns most; asked is the likeliest, and a coin does not "
        "know what pays. Which action has an outcome that is certain?": (3, 3),
        "so many shifts are usual, but many days share them. Which single day, shift "
        "by shift, is likelier than every other?": (1, 2),
        "2 of 3 is a usual number, but many days share it. Which single day, shift by "
        "shift, is likelier than every other?": (2, 2),
        "the coin is right. The second robot works on a high battery with probability "
        "0.95: can it afford to recharge there?": (0, 0),
        "the coin is right. The second robot does recharge when low; but is there a "
        "likelier day on which it never gets there?": (0, 2),
    },
)

how_many_days = Exercise(
    right=(280, 2 + sp.sqrt(2)),
    mistakes={
        "four ways on from every state? From high one of them cannot happen": (328, 4),
        "3 and 4 have the mean 3½; but are there as many histories that stand at high "
        "as histories that stand at low?": (287, sp.Rational(7, 2)),
        "280 is right. 280/82 is near the factor, but the factor of the next shift is "
        "another one: where do they settle?": (280, sp.Rational(140, 41)),
        "280 is right. The equation is right, too, but it has two solutions; with a "
        "factor below 1, would there be more days or fewer?": (280, 2 - sp.sqrt(2)),
    },
)


def _exact_log_ratio(first, second):
    """Multiply as fractions, exactly, and take the logarithm of whole numbers."""
    ratio = prod(map(F, first)) / prod(map(F, second))
    return math.log(ratio.numerator) - math.log(ratio.denominator)


def _four_long_episodes(rng):
    def chances(low, high):
        return [float(f"{p:.1e}") for p in 10 ** rng.uniform(low, high, size=4)]

    return chances(-250, -240), chances(-155, -150)


log_ratio = Exercise(
    right=_exact_log_ratio,
    mistakes={
        "here is the underflow: a product of the four is 0 for the computer before you "
        "take its logarithm. What is the logarithm of a product?": lambda a, b: (
            np.log(np.prod(a)) - np.log(np.prod(b))
        ),
        "each ratio is a number that the computer can hold; but what is the product of "
        "four? Take the logarithm before you multiply": lambda a, b: np.log(
            np.prod(np.divide(a, b))
        ),
        "that is the ratio itself, out of range, too: where is the logarithm?": (
            lambda a, b: np.prod(np.divide(a, b))
        ),
        "flipped sign: you divide the second policy by the first; which of the two "
        "should come out ahead if your number is large?": lambda a, b: (
            -_exact_log_ratio(a, b)
        ),
        "that is a mean over the episodes; a product of four turns into a sum, over "
        "what do you divide?": lambda a, b: _exact_log_ratio(a, b) / 4,
        "that is the logarithm of sums; which sum belongs to the logarithm of a "
        "product?": lambda a, b: np.log(sum(a) / sum(b)),
        "a logarithm to another base: log without a number means base e": lambda a, b: (
            _exact_log_ratio(a, b) / math.log(10)
        ),
    },
    inputs=_four_long_episodes,
)


def _warm_world(initial, transition):
    """Number the states 2·battery + warm, with warm = the action before (1 is work)."""
    moves = np.einsum("bac,aw->bacw", np.array(transition, dtype=float), np.eye(2))
    moves = np.repeat(moves[:, None], 2, axis=1)  # [battery, warm, action, next two]
    pay = np.zeros((2, 2, 2, 2, 2))
    pay[HIGH, 0, WORK, :, 1], pay[HIGH, 1, WORK, :, 1] = 1, 2
    pay[LOW, :, WORK, HIGH, 1], pay[LOW, :, WORK, LOW, 1] = -3, 2
    start = np.outer(np.array(initial, dtype=float), [1, 0])
    return start.reshape(4), moves.reshape(4, 2, 4), pay.reshape(4, 2, 4)


def _mistaken(*, remember=None, pays=None, start=0, place=(2, 1), everywhere=False):
    """Build a mistaken world in loops; `remember` makes the next w of w, s, a, s'."""
    remember, pays = remember or (lambda w, s, a, s2: a), pays or (lambda w: 1 + w)

    def build(initial, transition):
        rho, P, R = np.zeros(4), np.zeros((4, 2, 4)), np.zeros((4, 2, 4))
        for s in (HIGH, LOW):
            rho[np.dot(place, (s, start))] = initial[s]
        for s, w, a, s2, w2 in np.ndindex(2, 2, 2, 2, 2):
            i, j = np.dot(place, (s, w)), np.dot(place, (s2, w2))
            possible = w2 == remember(w, s, a, s2)
            P[i, a, j] = transition[s][a][s2] * possible
            if a == WORK and (possible or everywhere):
                R[i, a, j] = pays(w) if s == HIGH else ROBOT.reward[s][a][s2]
        return rho, P, R

    return build


def _robot_tables(rng):
    def row():
        p = int(rng.integers(1, 10))
        return [p / 10, (10 - p) / 10]

    return row(), [[row() for action in range(2)] for state in range(2)]


warm_motor = Exercise(
    right=_warm_world,
    mistakes={
        "your motor never changes its w: what decides whether it is warm in the *next* "
        "shift?": _mistaken(remember=lambda w, s, a, s2: w),
        "once warm, your motor stays warm; what if the robot recharges in between?": (
            _mistaken(remember=lambda w, s, a, s2: max(w, a))
        ),
        "only work on high warms your motor: what does the exercise say of low?": (
            _mistaken(remember=lambda w, s, a, s2: a * (s == HIGH))
        ),
        "after a rescue your motor is cold; but did the robot work in that shift?": (
            _mistaken(remember=lambda w, s, a, s2: a * ((s, s2) != (LOW, HIGH)))
        ),
        "your motor is warm in the morning: did the robot work in the shift before?": (
            _mistaken(start=1)
        ),
        "off by one: working on high always pays 2 in your table. It asks about the "
        "shift *before*: where is that written?": _mistaken(pays=lambda w: 2),
        "the states are right, but the pays 1 and 2 have changed places: which w is "
        "the cold motor?": _mistaken(pays=lambda w: 2 - w),
        "you numbered the states 2w + s: the exercise asks for 2s + w": (
            _mistaken(place=(1, 2))
        ),
        "all is right for the steps that can happen; the reward of a step that cannot "
        "happen should be 0": _mistaken(everywhere=True),
    },
    inputs=_robot_tables,
)
