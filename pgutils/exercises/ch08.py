"""What is right, and which mistakes are known, in the exercises of notebook 08."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise
from pgutils.returns import discounted_sum
from pgutils.trajectories import all_trajectories, probability
from pgutils.world import ROBOT, robot_score

_EIGHT = ("yes", "no", "no", "yes", "yes", "no", "yes", "no")
_QUESTIONS = (
    "when the draw of a_t takes place, can these rewards still change?",
    "who decides when a ragged day is over: is it settled before a_t is drawn?",
    "it looks like a number of the policy: but which of the two probabilities is it?",
    "it is about an action, but does it depend on the one that is drawn?",
    "it is odd, but (8.1) does not ask for a mean: can a_t change another episode?",
    "is today's own G_t one of those from which the median is made?",
    "from which days was it fitted, and can today's draw change them?",
    "arrows of which batch choose the constant? Is today's among them?",
)


def _flipped(wrong):
    other = {"yes": "no", "no": "yes"}
    return tuple(other[w] if i in wrong else w for i, w in enumerate(_EIGHT))


def _hint(wrong):
    if len(wrong) == 1:
        return f"seven are right. Number {wrong[0] + 1}: {_QUESTIONS[wrong[0]]}"
    numbers = ", ".join(str(i + 1) for i in wrong)
    return f"look again at {numbers}: which of them could a_t, or what follows, change?"


eight = Exercise(
    right=_EIGHT,
    mistakes={
        _hint(wrong): _flipped(wrong)
        for size in (1, 2, 3)
        for wrong in combinations(range(8), size)
    }
    | {
        "all eight are the wrong way round: “yes” is for a baseline": _flipped(range(8))
    },
)

_TOP_ONLY = "2.7 is beyond b*, but that is only the lowest point: up to where is the "
two_point_seven = Exercise(
    right=("raises", "lowers", "lowers"),
    mistakes={
        _TOP_ONLY + "parabola below its height at 0?": ("raises", "raises", "raises"),
        "2.7 is near all three 2b*, but on which side of each?": (
            "lowers",
            "lowers",
            "lowers",
        ),
        "all three are the wrong way round: which constants are good, those between 0 "
        "and 2b*, or those beyond?": ("lowers", "raises", "raises"),
        "is it E[G_0] that you compare 2.7 with? It says nothing about the noise: what "
        "does (8.3) say?": ("raises", "lowers", "raises"),
        "the coin is a special case in many ways, but its parabola is like the others: "
        "is 2.7 below its 2b*?": ("lowers", "lowers", "raises"),
        "right for the coin and the reckless robot. Where is 2b* of the careful one?": (
            "raises",
            "raises",
            "lowers",
        ),
        "right for the reckless robot only: near b* a constant helps most, but where "
        "does it begin to do harm?": ("lowers", "raises", "lowers"),
    },
)

_p, _w, _r = sp.symbols("p w r")
_B = (1 - _p) * _w + _p * _r
_V = _p * _w + (1 - _p) * _r
_NOISE = _p * (1 - _p) * (1 - 2 * _p) ** 2 * (_w - _r) ** 2
one_shift = Exercise(
    right=(_B, _NOISE),
    mistakes={
        "that is V, the mean of what a shift pays: is it where the noise is lowest?": (
            _V,
            _NOISE,
        ),
        "that is b* of the coin: what if p is not one half?": ((_w + _r) / 2, _NOISE),
        "b* is right. 0 is the noise with b*: the question is about V": (_B, 0),
        "b* is right. That is the squared distance of the two values of g: how often "
        "does each come up?": (_B, (1 - 2 * _p) ** 2 * (_w - _r) ** 2),
        "b* is right. A noise is a square: can yours be negative?": (
            _B,
            _p * (1 - _p) * (1 - 2 * _p) * (_w - _r) ** 2,
        ),
        "b* is right. The distance of the two values is not yet squared": (
            _B,
            _p * (1 - _p) * (1 - 2 * _p) * (_w - _r),
        ),
        "b* is right. That is how much the *pay* scatters: which two values has g?": (
            _B,
            _p * (1 - _p) * (_w - _r) ** 2,
        ),
        "b* is right. That is the noise with nothing subtracted: what is g with V?": (
            _B,
            _p * (1 - _p) * _B**2,
        ),
        "b* is right. That is E[g²]: what must be taken away, by (8.2)?": (
            _B,
            (_p * (1 - _p) ** 4 + (1 - _p) * _p**4) * (_w - _r) ** 2,
        ),
    },
)

no_noise = Exercise(
    right=sp.Rational(1, 2),
    mistakes={
        "there the robot always recharges, and learns nothing. Which p is between 0 "
        "and 1?": 0,
        "there the robot always works, and learns nothing. Which p is between 0 and "
        "1?": 1,
    },
)

_NOT_MINE = (
    "does your a_t decide how long *another* episode runs? (8.1) asks for no more"
)
alive_others = Exercise(
    right=("yes", "same"),
    mistakes={
        _NOT_MINE: ("no", "same"),
        "the first word is right. With one other episode, what is the mean of its G_t "
        "while it runs, what afterwards, and what is leave-one-out then?": (
            "yes",
            "other",
        ),
        _NOT_MINE + ". And write down both baselines for one other episode": (
            "no",
            "other",
        ),
    },
)


def _alive_by_loops(returns, lengths):
    N, T = returns.shape
    b = np.zeros((N, T))
    for i in range(N):
        for t in range(T):
            found = [returns[j, t] for j in range(N) if j != i and t < lengths[j]]
            b[i, t] = sum(found) / max(len(found), 1)
    return b


def _running(returns, lengths):
    return np.arange(returns.shape[1]) < lengths[:, np.newaxis]


def _divided(returns, by, *, own=False):
    total = returns.sum(axis=0) + np.zeros(returns.shape) - (0 if own else returns)
    return total / np.maximum(by, 1)


def _all_steps_of_others(returns, lengths):
    total = returns.sum() - returns.sum(axis=1, keepdims=True)
    count = lengths.sum() - lengths[:, np.newaxis]
    return np.tile(total / count, (1, returns.shape[1]))


def _some_episodes(rng):
    N, T = 4, 4
    lengths = rng.integers(1, T + 1, size=N)
    rewards = rng.integers(-2, 3, size=(N, T)) / 2
    rewards[np.arange(T) >= lengths[:, np.newaxis]] = 0.0
    return np.cumsum(rewards[:, ::-1], axis=1)[:, ::-1].copy(), lengths


mean_of_alive_others = Exercise(
    right=_alive_by_loops,
    mistakes={
        "the episode's own return is in its mean, and that has seen a_t: is this a "
        "baseline by (8.1)?": lambda G, T: _divided(G, _running(G, T).sum(0), own=True),
        "that is leave-one-out: it divides by N − 1, however many still run": (
            lambda G, T: _divided(G, len(G) - 1)
        ),
        "that is the mean over all N episodes, own and ended ones too: who is to be "
        "left out?": lambda G, T: _divided(G, len(G), own=True),
        "your sum leaves its own episode out, and does your count?": (
            lambda G, T: _divided(G, _running(G, T).sum(0))
        ),
        "a return of 0 is not an end, it may be a matter of −1 and +1: what says when "
        "an episode is over?": lambda G, T: _divided(G, (G != 0).sum(0) - (G != 0)),
        "you count one less than all that run. But if episode i has ended itself, is "
        "it among them?": lambda G, T: _divided(G, _running(G, T).sum(0) - 1),
        "a sum for a mean: divide by the number of others that run": (
            lambda G, T: _divided(G, 1)
        ),
        "you count an episode of length T as running at step T: which is its last "
        "step, if the first is 0?": (
            lambda G, T: _divided(G, _running(G, T + 1).sum(0) - _running(G, T + 1))
        ),
        "after its own end an episode gets 0 from you: are these entries not wanted?": (
            lambda G, T: _alive_by_loops(G, T) * _running(G, T)
        ),
        "if nobody else runs, you take its own return, and that has seen a_t": (
            lambda G, T: np.where(
                _running(G, T).sum(0) - _running(G, T), _alive_by_loops(G, T), G
            )
        ),
        "one number for all steps: a return of step 0 is no yardstick for step 3. "
        "Along which axis is the mean?": _all_steps_of_others,
    },
    inputs=_some_episodes,
)


class Day(NamedTuple):
    """A day as in notebook 08: what an estimator looks at."""

    states: tuple
    actions: tuple
    rewards: tuple
    psi: np.ndarray
    phi: np.ndarray
    G: np.ndarray


_TRAJECTORIES = list(all_trajectories(ROBOT))


def _law(rng):
    """All days of a robot with random probabilities of working, as one argument."""
    high, low = rng.integers(1, 10, size=2) / 10
    policy = [[1 - high, high], [1 - low, low]]
    chance = {}
    for tau in _TRAJECTORIES:
        seen = tau.states[:-1], tau.actions, tuple(float(r) for r in tau.rewards)
        chance[seen] = chance.get(seen, 0) + float(probability(ROBOT, policy, tau))
    return ([(p, _day(policy, *seen)) for seen, p in chance.items()],)


def _day(policy, states, actions, rewards):
    psi = np.array([robot_score(policy, s, a) for s, a in zip(states, actions)], float)
    phi = 0.9 ** np.arange(len(psi))[:, np.newaxis] * psi
    G = np.array([discounted_sum(rewards[t:], 0.9) for t in range(len(rewards))])
    return Day(states, actions, rewards, psi, phi, G)


def _whole(day):
    return sum(phi * G for phi, G in zip(day.phi, day.G))


def _history(day, t):
    return day.states[: t + 1], day.actions[:t]


def _by_least_squares(law):
    """Noise of what no combination of the φ's can explain."""
    keys = sorted({_history(day, t) for _, day in law for t in range(len(day.phi))})
    column = {key: k for k, key in enumerate(keys)}
    A = np.zeros((len(law), 2, len(keys)))
    for row, (_, day) in zip(A, law):
        for t, phi in enumerate(day.phi):
            row[:, column[_history(day, t)]] = phi
    X = np.array([_whole(day) for _, day in law])
    p = np.array([chance for chance, _ in law])
    weights = np.sqrt(p)[:, np.newaxis]
    A_, X_ = (
        (weights[..., np.newaxis] * A).reshape(-1, len(keys)),
        (weights * X).ravel(),
    )
    b, *_ = np.linalg.lstsq(A_, X_, rcond=None)
    return ((X_ - A_ @ b) ** 2).sum() - ((p @ X) ** 2).sum()


def _noise(law, key=_history, *, top=None, bottom=None, centre=True):
    """Noise with the best number for each key, with room for mistakes."""
    top = top or (lambda day, t: day.psi[t] @ _whole(day))
    bottom = bottom or (lambda day, t: day.psi[t] @ day.phi[t])
    above, below = {}, {}
    for p, day in law:
        for t in range(len(day.phi)):
            k = key(day, t)
            above[k] = above.get(k, 0) + p * top(day, t)
            below[k] = below.get(k, 0) + p * bottom(day, t)
    b = {k: above[k] / below[k] for k in above}
    steps = [range(len(day.phi)) for _, day in law]
    g = np.array(
        [
            sum(day.phi[t] * (day.G[t] - b[key(day, t)]) for t in ts)
            for (_, day), ts in zip(law, steps)
        ]
    )
    p = np.array([chance for chance, _ in law])
    return p @ (g**2).sum(axis=1) - centre * ((p @ g) ** 2).sum()


noise_by_history = Exercise(
    right=_by_least_squares,
    mistakes={
        "that is the best table b*_t(s): is a history more than its last state?": (
            lambda law: _noise(law, lambda day, t: (t, day.states[t]))
        ),
        "your history has the states only: may a number depend on what was done "
        "before?": lambda law: _noise(law, lambda day, t: day.states[: t + 1]),
        "a history is longer: does your key forget all actions but the last?": (
            lambda law: _noise(
                law, lambda day, t: (day.states[: t + 1], day.actions[:t][-1:])
            )
        ),
        "your key has the last state and the last action only: what of the earlier?": (
            lambda law: _noise(
                law, lambda day, t: (t, day.states[t], day.actions[:t][-1:])
            )
        ),
        "an action-dependent baseline: your key has seen a_t. Which actions are there "
        "before step t?": (
            lambda law: _noise(
                law, lambda day, t: (day.states[: t + 1], day.actions[: t + 1])
            )
        ),
        "that subtracts the mean return of each history: does the best number weigh "
        "all days alike?": (
            lambda law: _noise(
                law, top=lambda day, t: day.G[t], bottom=lambda day, t: 1.0
            )
        ),
        "in the numerator stands the part of step t: (8.4) has the whole X. Which "
        "other parts scatter together with ψ_t?": (
            lambda law: _noise(
                law, top=lambda day, t: day.psi[t] @ day.phi[t] * day.G[t]
            )
        ),
        "a missing γ^t: by what is b multiplied in g, by ψ_t or by γ^t ψ_t?": (
            lambda law: _noise(law, bottom=lambda day, t: day.psi[t] @ day.psi[t])
        ),
        "that is E‖g‖²: what is still to be taken away, by (8.2)?": (
            lambda law: _noise(law, centre=False)
        ),
        "that is the noise with nothing subtracted: where does b enter your arrow?": (
            lambda law: _noise(law, top=lambda day, t: 0.0)
        ),
    },
    inputs=_law,
)
