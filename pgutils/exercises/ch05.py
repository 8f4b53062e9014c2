"""Exercises of notebooks/05_theorem.ipynb."""

from collections.abc import Callable
from fractions import Fraction as F

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise
from pgutils.world import ROBOT

# 5.1: Q_1(high, recharge), Q_1(high, work) and c_1(high) of the coin, by hand

by_hand = Exercise(
    right=(F(9, 10), F(101, 40), F(13, 32)),
    mistakes={
        "no discount: what comes one shift later counts γ = 9/10 of itself": (
            F(1),
            F(31, 12),
            F(19, 48),
        ),
        "your V_2 is the worth of the better action. What does a coin choose?": (
            F(9, 5),
            F(16, 5),
            F(7, 20),
        ),
        "29/10 is 2 + γ · 1, as if V_2 were 1 in both states. Does work always leave "
        "the battery high? And on low, work pays 2 or costs 3": (
            F(9, 10),
            F(29, 10),
            F(1, 2),
        ),
        "after work on a high battery it is low one time in three, not always": (
            F(9, 10),
            F(71, 40),
            F(7, 32),
        ),
        "1/3 and 2/3 are swapped: from high, work leads to low one time in three": (
            F(9, 10),
            F(43, 20),
            F(5, 16),
        ),
        "the action values are right. But c is not V_1, their mean: it weighs them "
        "with the slopes of the probabilities, and one of these falls": (
            F(9, 10),
            F(101, 40),
            F(137, 80),
        ),
        "the action values are right. The own share is not the whole gap: how fast "
        "does the probability of working rise with θ_high?": (
            F(9, 10),
            F(101, 40),
            F(13, 8),
        ),
        "the action values are right. The slope of a probability is not the "
        "probability: what is p(1 − p) for a coin?": (
            F(9, 10),
            F(101, 40),
            F(13, 16),
        ),
    },
)


# 5.2: predict how much longer U is than ∇J after 100 shifts, then compute it

longer_guess = Exercise(
    right=10,
    mistakes={
        "12% too long: that was three shifts. What do shifts 30, 40, 50 add to U, and "
        "what to ∇J?": 1,
        "that is about right for 30 shifts. What have the later ones added to U?": 3,
        "the weights of U sum to 100, true. But those of ∇J do not sum to 1: what is "
        "1 + γ + γ² + … for γ = 9/10?": 100,
    },
)


def both(shifts: int, discount_of_values: float = 0.9) -> np.ndarray:
    """Return ∇J and U for a coin, the two rows, from gaps and matrix powers."""
    _, transition, reward, _ = ROBOT.arrays()
    mean_reward, P = (transition * reward).sum(axis=2), transition.mean(axis=1)
    arrows = np.zeros((2, 2))
    for t in range(shifts):
        later = np.zeros(2)  # values of the shift after this one
        for _ in range(shifts - t - 1):
            later = mean_reward.mean(axis=1) + discount_of_values * P @ later
        Q = mean_reward + discount_of_values * transition @ later
        there = np.array([0.75, 0.25]) @ np.linalg.matrix_power(P, t)
        arrows += np.outer([0.9**t, 1], there * (Q @ [-1, 1]) / 4)
    return arrows


def lengths(shifts: int, discount_of_values: float = 0.9) -> np.ndarray:
    """Return the lengths of ∇J and of U for a coin."""
    return np.linalg.norm(both(shifts, discount_of_values), axis=1)


(TRUE, WITHOUT), (TRUE_HIGH, WITHOUT_HIGH) = lengths(100), both(100)[:, 0]

longer = Exercise(
    right=WITHOUT / TRUE,
    mistakes={
        "upside down: that is the length of ∇J over that of U": TRUE / WITHOUT,
        "that is the number for three shifts: replace the horizon": (
            lengths(3)[1] / lengths(3)[0]
        ),
        "in U only the visits are without discount: its action values keep γ = 9/10": (
            lengths(100, 1.0)[1] / TRUE
        ),
        "that is the ratio of the entries for high alone: a length has both entries": (
            WITHOUT_HIGH / TRUE_HIGH
        ),
    },
    tol=2e-4,
)


# 5.3: the difference of two policies

h_new, h_old, gap = sp.symbols("h_new h_old gap", real=True)
MOVED = (h_new - h_old) * gap

difference = Exercise(
    right=(MOVED, 0, sp.Rational(13, 16)),
    mistakes={
        "the third: you took the whole gaps. How often does a coin work already?": (
            MOVED,
            0,
            sp.Rational(13, 8),
        ),
        "the third: how likely is each of the two states in the morning?": (
            MOVED,
            0,
            sp.Rational(5, 4),
        ),
        "the third: that is J of the new robot. How much of it had the coin?": (
            MOVED,
            0,
            sp.Rational(3, 2),
        ),
        "the first: you averaged Q (and left out recharge's part). An advantage "
        "subtracts V, which belongs to the old policy": (
            h_new * gap,
            0,
            sp.Rational(13, 16),
        ),
        "the first has the wrong sign: if work is the better action, and the new "
        "policy works more, is that a gain?": (-MOVED, 0, sp.Rational(13, 16)),
        "the second: that multiplies d. At ∇d' stands Σ_a π'(a|s) A(s, a), taken where "
        "the two policies are the same. What is the policy's mean advantage?": (
            MOVED,
            h_old * (1 - h_old) * gap,
            sp.Rational(13, 16),
        ),
        "the second: put h_new = h_old into your first": (
            MOVED,
            gap,
            sp.Rational(13, 16),
        ),
        "the third: on a low battery the new robot works less, and the gap there is "
        "below 0. Is that a loss? (By chance 11/16 is also J of the coin.)": (
            MOVED,
            0,
            sp.Rational(11, 16),
        ),
        "the third: one day in four begins on a low battery; there is something to "
        "gain there, too": (MOVED, 0, sp.Rational(3, 4)),
    },
)


# 5.4: the clock in the state


def clocked(transition: list, ends: list, T: int) -> np.ndarray:
    """Return the table of the states (s, t), one step at a time."""
    S, A, _ = np.shape(transition)
    table = np.zeros((S * T, A, S * T))
    for t in range(T - 1):
        for s, a, s2 in np.ndindex(S, A, S):
            if not ends[s][a][s2]:
                table[S * t + s, a, S * (t + 1) + s2] = transition[s][a][s2]
    return table


def stopped(transition: list, ends: list) -> np.ndarray:
    """Return the chances of going on."""
    return np.where(ends, 0, transition)


def renormalised(transition: list, ends: list) -> np.ndarray:
    """Return the chances of going on, scaled so that they sum to 1."""
    going_on = stopped(transition, ends)
    return going_on / going_on.sum(axis=2, keepdims=True)


def with_steps(steps: Callable, order: str = "tsaux", chance=stopped) -> Callable:
    """Return a table whose clock goes from t to u where steps(T)[t, u] is 1."""

    def table(transition, ends, T):
        S, A, _ = np.shape(transition)
        blocks = np.einsum(f"tu,sax->{order}", steps(T), chance(transition, ends))
        return blocks.reshape(S * T, A, S * T)

    return table


def by_twos(transition: list, ends: list, T: int) -> np.ndarray:
    """Return a table whose states are numbered 2t + s."""
    S, A, _ = np.shape(transition)
    table = np.zeros((S * T, A, S * T))
    for t in range(T - 1):
        for s, a, s2 in np.ndindex(S, A, S):
            table[2 * t + s, a, 2 * (t + 1) + s2] = stopped(transition, ends)[s, a, s2]
    return table


def one_later(T: int) -> np.ndarray:
    """Return 1 where u = t + 1, a matrix (T, T)."""
    return np.eye(T, k=1)


def of_a_world(rng: np.random.Generator) -> tuple:
    """Return the tables of three states, one of whose steps ends the day, and T."""
    row = [0.5, 0.25, 0.25]
    transition = [[rng.permutation(row).tolist() for _ in range(2)] for _ in range(3)]
    ends = np.zeros((3, 2, 3), dtype=bool)
    ends[tuple(rng.integers([3, 2, 3]))] = True
    return transition, ends.tolist(), int(rng.choice([2, 4, 5]))


clock = Exercise(
    right=clocked,
    mistakes={
        "the clock stands still: from (s, t) you get to (s', t)": with_steps(np.eye),
        "the clock goes backwards: which shift comes after shift t?": with_steps(
            lambda T: np.eye(T, k=-1)
        ),
        "after the last shift you go on with the first: is the day not over?": (
            with_steps(lambda T: np.roll(np.eye(T), 1, axis=1))
        ),
        "the last shift leads to itself: from there you get nowhere, the day is over": (
            with_steps(lambda T: one_later(T) + np.diag(np.arange(T) == T - 1))
        ),
        "from (s, t) you get to all later shifts: how many does one step take?": (
            with_steps(lambda T: np.triu(np.ones((T, T)), 1))
        ),
        "you number the states T·s + t. The exercise asks for S·t + s: all states of "
        "one shift side by side": with_steps(one_later, "staxu"),
        "a transpose: the first index is where a step begins. Where is it in yours?": (
            with_steps(one_later, "uxats")
        ),
        "the clock is right, but s and s' are swapped: which of them comes first?": (
            with_steps(one_later, "txaus")
        ),
        "a step that ends the episode leads nowhere: what do you make of `ends`?": (
            with_steps(one_later, chance=lambda transition, ends: transition)
        ),
        "you scale the rows to sum to 1. But what is missing there is the chance that "
        "the episode is over": with_steps(one_later, chance=renormalised),
        "you number the states 2t + s, as for the robot. How many states has this "
        "world?": by_twos,
    },
    inputs=of_a_world,
)


# 5.5: one table for every shift, from a diary


def visits_of(diary: list, gamma: float) -> np.ndarray:
    """Return Σ γ^t for each (s, a)."""
    visits = np.zeros((2, 2))
    for day in diary:
        for t, (s, a, _) in enumerate(day):
            visits[s, a] += gamma**t
    return visits


def averaged(diary: list, gamma: float) -> np.ndarray:
    """Return Σ γ^t G_t / Σ γ^t for each (s, a), one reward at a time."""
    paid = np.zeros((2, 2))
    for day in diary:
        for k, (_, _, reward) in enumerate(day):
            for s, a, _ in day[: k + 1]:
                paid[s, a] += gamma**k * reward
    return paid / visits_of(diary, gamma)


def tabled(worth: Callable, visit: Callable, *, swap=False, state=False) -> Callable:
    """Return Σ γ^t-like worths over Σ visits, for each (s, a)."""

    def table(diary, gamma):
        above, below = np.zeros((2, 2)), np.zeros((2, 2))
        for day in diary:
            paid = [reward for _, _, reward in day]
            for t, (s, a, _) in enumerate(day):
                above[s, a] += worth(gamma, paid, t)
                below[s] += visit(gamma, t) * (1 if state else np.eye(2)[a])
        return (above / below).T if swap else above / below

    return table


def first_visits(diary: list, gamma: float) -> np.ndarray:
    """Return the table from the first visit to each (s, a) in a day alone."""
    above, below = np.zeros((2, 2)), np.zeros((2, 2))
    for day in diary:
        paid, pairs = [r for _, _, r in day], [(s, a) for s, a, _ in day]
        for pair in set(pairs):
            t = pairs.index(pair)
            above[pair] += to_go(gamma, paid, t)
            below[pair] += gamma**t
    return above / below


def to_go(gamma: float, paid: list, t: int) -> float:
    """Return γ^t G_t."""
    return sum(gamma**k * paid[k] for k in range(t, len(paid)))


def power(gamma: float, t: int) -> float:
    """Return γ^t."""
    return gamma**t


def of_days(rng: np.random.Generator) -> tuple:
    """Return a day of five steps and one of two, which try everything, and γ."""
    pairs = rng.permutation([[0, 0], [0, 1], [1, 0], [1, 1], [0, 1], [1, 0], [1, 1]])
    steps = [(*pair, int(rng.choice([-3, 1, 2, 4]))) for pair in pairs.tolist()]
    return [steps[:5], steps[5:]], float(rng.choice([0.5, 0.6, 0.8]))


average_values = Exercise(
    right=averaged,
    mistakes={
        "all visits count the same, whatever the shift. How does d_t weigh?": tabled(
            lambda g, paid, t: to_go(g, paid, t) / g**t, lambda g, t: 1
        ),
        "the returns are weighted with γ^t, but you divide by the number of visits: a "
        "weighted mean divides by the sum of its weights": tabled(
            to_go, lambda g, t: 1
        ),
        "γ^t is missing above, and stands below: the weights of a mean are the same in "
        "both": tabled(lambda g, paid, t: to_go(g, paid, t) / g**t, power),
        "you average the full return G_0. Which rewards come after (s, a)?": tabled(
            lambda g, paid, t: g**t * to_go(g, paid, 0), power
        ),
        "you average only the next reward: that is R(s, a). What comes later?": tabled(
            lambda g, paid, t: g**t * paid[t], power
        ),
        "you divide by all visits to s: which of them are followed by a?": tabled(
            to_go, power, state=True
        ),
        "discounted twice: G_t counts from step t, and then gets the weight γ^t": (
            tabled(lambda g, paid, t: g**t * to_go(g, paid, t), power)
        ),
        "one denominator for all: each (s, a) has a mean of its own": (
            lambda diary, g: (
                averaged(diary, g) * visits_of(diary, g) / visits_of(diary, g).sum()
            )
        ),
        "you take only the first visit to (s, a) in a day: the others count, too": (
            first_visits
        ),
        "a sum for a mean: a diary twice as long should not make choices worth more": (
            lambda diary, g: averaged(diary, g) * visits_of(diary, g)
        ),
        "a transpose: the state comes first, then the action": tabled(
            to_go, power, swap=True
        ),
    },
    inputs=of_days,
)
