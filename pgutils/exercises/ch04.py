"""Exercises of notebooks/04_policy_gradient.ipynb."""

from collections.abc import Callable
from itertools import combinations, permutations, product

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise

# 4.1: one day by hand, ((4.2) along high, along low), ((4.4) along high, along low)

BY_FULL = (3.62, -1.81)

one_day = Exercise(
    right=(BY_FULL, (2.62, -0.81)),
    mistakes={
        "(4.2) is right. In (4.4), G_t counts from step t. What brings it back to the "
        "start, from where J counts?": (BY_FULL, (2.81, -0.9)),
        "(4.2) is right. In (4.4) you discount some rewards twice: G_t begins with "
        "r_{t+1} as it is, and only then comes γ^t": (BY_FULL, (2.4661, -0.729)),
        "you gave (4.2) twice. Which rewards were paid before the second action, and "
        "which before the third?": (BY_FULL, BY_FULL),
        "your returns are not discounted: a reward that comes two steps later counts "
        "γ² = 0.81 of itself": ((4.0, -2.0), (3.0, -1.0)),
        "your returns are not discounted (the γ^t before them is there): a reward that "
        "comes two steps later counts γ² = 0.81 of itself": ((4.0, -2.0), (2.81, -0.9)),
        "(4.4) is right. In (4.2), G_0 is discounted as well": (
            (4.0, -2.0),
            (2.62, -0.81),
        ),
        "you discount the first reward: it comes right after the first action. To "
        "which power is γ raised for it?": ((3.258, -1.629), (2.358, -0.729)),
        "your scores are ±1. A score is what happened, 1 or 0, minus what was expected "
        "of a coin": ((7.24, -3.62), (5.24, -1.62)),
        "the sign of the second score: the robot recharged. Was that more work than "
        "you expect of a coin, or less?": ((3.62, 1.81), (2.62, 0.81)),
        "a mean for a sum: (4.2) and (4.4) add up the steps of a day; nothing divides "
        "by 3": ((3.62 / 3, -1.81 / 3), (2.62 / 3, -0.81 / 3)),
    },
    tol=1e-6,
)


# 4.2: the estimate from episodes of different lengths


def estimated(scores: list, rewards: list, gamma: float) -> float:
    """Return (4.6) with b = 0, one reward at a time, for all actions before it."""
    total = 0.0
    for psi, paid in zip(scores, rewards):
        for k, reward in enumerate(paid):
            total += gamma**k * reward * sum(psi[: k + 1])
    return total / len(scores)


def weighed(weight: Callable, share: Callable) -> Callable:
    """Return an estimate with weights of its own, Σ_i share · Σ_t weight · ψ_t."""

    def estimate(scores, rewards, gamma):
        lengths = [len(paid) for paid in rewards]
        return sum(
            share(lengths, i) * weight(gamma, paid, t) * psi[t]
            for i, (psi, paid) in enumerate(zip(scores, rewards))
            for t in range(len(paid))
        )

    return estimate


def togo(gamma: float, paid: list, t: int) -> float:
    """Return γ^t G_t."""
    return sum(gamma**k * paid[k] for k in range(t, len(paid)))


def never_reset(scores: list, rewards: list, gamma: float) -> float:
    """Return an estimate whose G goes on from one episode to the next."""
    total = G = 0.0
    for psi, paid in zip(scores, rewards):
        for t in reversed(range(len(paid))):
            G = paid[t] + gamma * G
            total += gamma**t * psi[t] * G
    return total / len(scores)


def one_in_n(lengths: list, i: int) -> float:
    """Return 1/N."""
    return 1 / len(lengths)


def of_episodes(rng: np.random.Generator) -> tuple:
    """Return the scores and rewards of two or three episodes, and γ."""
    lengths = rng.integers(1, 4, size=rng.integers(2, 4)).tolist()
    scores = [rng.choice([-0.5, 0.25, 0.5], T).tolist() for T in lengths]
    rewards = [rng.choice([-3, -1, 1, 2, 4], T).tolist() for T in lengths]
    return scores, rewards, float(rng.choice([0.5, 0.6, 0.8]))


estimate = Exercise(
    right=estimated,
    mistakes={
        "that is −1 times the gradient: ascent or descent?": weighed(
            lambda g, paid, t: -togo(g, paid, t), one_in_n
        ),
        "γ^t is missing: from where does G_t count, and from where does J?": weighed(
            lambda g, paid, t: togo(g, paid, t) / g**t, one_in_n
        ),
        "every score has the full return G_0. That is (4.2): right on average, but "
        "noisier. Which rewards can a_t have influenced?": weighed(
            lambda g, paid, t: togo(g, paid, 0), one_in_n
        ),
        "off by one in the discount: to which power is γ raised for the very first "
        "reward?": weighed(lambda g, paid, t: g * togo(g, paid, t), one_in_n),
        "discounted twice: does your G_t, before γ^t, count from step t?": (
            weighed(lambda g, paid, t: g**t * togo(g, paid, t), one_in_n)
        ),
        "the rewards within G_t are not discounted": weighed(
            lambda g, paid, t: g**t * sum(paid[t:]), one_in_n
        ),
        "G starts at 0 in each episode: does yours go on from the one before?": (
            never_reset
        ),
        "off by one in the rewards: you leave out the one right after the action. "
        "rewards[i][t] is r_{t+1}, the first summand of G_t": weighed(
            lambda g, paid, t: togo(g, paid, t + 1) / g, one_in_n
        ),
        "only the first episode is in it: is your `return` inside the loop?": weighed(
            togo, lambda T, i: (i == 0) / len(T)
        ),
        "a mean over steps: you divide by the number of all steps, and long episodes "
        "lose. Of what is (4.6) a mean?": weighed(togo, lambda T, i: 1 / sum(T)),
        "a mean for a sum: within each episode you divide by its length": weighed(
            togo, lambda T, i: 1 / len(T) / T[i]
        ),
        "a sum for a mean: twice as many episodes should not make the arrow twice as "
        "long": weighed(togo, lambda T, i: 1.0),
    },
    inputs=of_episodes,
)


# 4.3: E[ψ_t r_k | h_t] of a robot with a memory: recharge, work; and r_{t+1}

q, dq, r = sp.symbols("q dq r", real=True)

memory = Exercise(
    right=(-r * dq, r * dq, 2 * dq),
    mistakes={
        "these are scores times the reward, without the chance of each action. What "
        "weighs the terms of a mean?": (-r * dq / (1 - q), r * dq / q, 2 * dq / q),
        "their sum is 0, that is (4.3). But what is each of the two terms?": (
            0,
            0,
            2 * dq,
        ),
        "the derivative of log(1 − q): what does the inner function give?": (
            r * dq,
            r * dq,
            2 * dq,
        ),
        "the sign: if q rises, which of the two probabilities falls?": (
            r * dq,
            -r * dq,
            -2 * dq,
        ),
        "you put in q(1 − q), the slope of the sigmoid. Here q may depend on θ and on "
        "the history in any way: leave its slope as dq": (
            -r * q * (1 - q),
            r * q * (1 - q),
            2 * q * (1 - q),
        ),
        "the first two are right. But is r_{t+1} fixed before a_t is chosen?": (
            -r * dq,
            r * dq,
            0,
        ),
        "the first two are right. The third is a mean as well: how likely is it that "
        "the 2 is paid?": (-r * dq, r * dq, 2 * dq / q),
        "the first two are right. In the third, the score is the slope of log q, not "
        "of q": (-r * dq, r * dq, 2 * q * dq),
        "the first two are right. The third is the mean reward: where is the score?": (
            -r * dq,
            r * dq,
            2 * q,
        ),
        "the first two are right. The third asks for the reward after the action "
        "alone: what does r, which was paid before, do there?": (
            -r * dq,
            r * dq,
            2 * dq * r,
        ),
    },
)


# 4.4: predict the bias of leaving out γ^t

bias_signs = Exercise(
    right=("up", "down"),
    mistakes={
        'the right signs: write them as words, "up" and "down"': ("+", "-"),
        "too much weight on late steps does not make every number larger: G_t comes "
        "with a score. Does a late shift of work on a low battery pay?": ("up", "up"),
        "the two weights are never negative: 1 − γ^t ≥ 0. Is working in a late shift "
        "worse than recharging, on a high battery?": ("down", "down"),
        "that would be so if too little weight were on late steps: is 1 − γ^t above "
        "or below 0?": ("down", "up"),
    },
)

larger_bias = Exercise(
    right=0.5,
    mistakes={
        "near γ = 1 the late rewards are large, that is true. But what does the "
        "factor 1 − γ^t do there, and how large can a return of three shifts get?": 0.99
    },
)


# 4.5: of three robots the first two to finish are kept


def kept(days: list) -> float:
    """Return the mean over all triples of days, ties broken by all orders."""
    total = 0.0
    for three in product(days, repeat=3):
        chance = np.prod([p for p, _, _ in three])
        orders = [
            sorted(order, key=lambda day: day[1]) for order in permutations(three)
        ]
        total += chance * np.mean([(one[2] + two[2]) / 2 for one, two, _ in orders])
    return float(total)


def keeping(
    rule: Callable,
    triples: Callable = lambda days: product(days, repeat=3),
    key: Callable = lambda day: day[1],
) -> Callable:
    """Return the mean of rule(the first, the second, the last), ordered by key."""

    def mean(days):
        total = 0.0
        for three in triples(days):
            chance = np.prod([p for p, _, _ in three])
            total += chance * rule(sorted(three, key=key))
        return float(total)

    return mean


def of_two(three: list) -> float:
    """Return the mean of the first two."""
    return (three[0][2] + three[1][2]) / 2


def without_tied(three: list) -> float:
    """Return the mean of all that are as fast as the second."""
    return float(np.mean([X for _, T, X in three if T <= three[1][1]]))


def three_kinds(rng: np.random.Generator) -> tuple:
    """Return a law of four days, (probability, length, worth)."""
    chances = rng.permutation([0.5, 0.25, 0.125, 0.125]).tolist()
    lengths = [*rng.permutation([1, 2, 3]).tolist(), int(rng.integers(1, 4))]
    worths = rng.choice([-4, -1, 1, 2, 3, 5], 4, replace=False).tolist()
    return ([*zip(chances, lengths, worths)],)


two_of_three = Exercise(
    right=kept,
    mistakes={
        "a sum for a mean: two days are kept, so divide by 2": keeping(
            lambda three: three[0][2] + three[1][2]
        ),
        "you keep only the very first to finish": keeping(lambda three: three[0][2]),
        "you keep the last two, the slow ones: which end of the order do you want?": (
            keeping(lambda three: (three[1][2] + three[2][2]) / 2)
        ),
        "that is the mean of all three robots, Σ p X, where lengths play no part: the "
        "unbiased estimate. Who is left out?": keeping(
            lambda three: sum(X for _, _, X in three) / 3
        ),
        "in a tie for the second place you keep all who tie: two are kept, never "
        "three": keeping(without_tied),
        "your three robots always have three different days. May two of them live "
        "the same day?": keeping(of_two, lambda days: permutations(days, 3)),
        "you take each set of three different days once. But the robots are not the "
        "same robot: in how many ways can they share out three days, and may two of "
        "them live the same day?": keeping(of_two, lambda days: combinations(days, 3)),
        "in a tie you keep the smaller X. Do you sort whole tuples? They compare the "
        "next entry if the lengths are equal": keeping(
            of_two, key=lambda day: (day[1], day[2])
        ),
        "you sort by probability, the first entry of a day: which is its length?": (
            keeping(of_two, key=lambda day: day)
        ),
    },
    inputs=three_kinds,
)
