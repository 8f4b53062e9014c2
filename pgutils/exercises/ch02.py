"""What is right, and which mistakes are known, in the exercises of notebook 02."""

from itertools import product

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise

_half = sp.Rational(1, 2)

by_hand = Exercise(
    right=(3, 3 * _half, 7 * _half**2),
    mistakes={
        "those are sums without a discount: where is γ?": (3, 3, 4),
        "off by one in the discount: is the next reward, r_{t+1}, discounted in G_t?": (
            3 * _half,
            3 * _half**2,
            7 * _half**3,
        ),
        "the numbers are right, the order is not: G_2 comes first": (
            7 * _half**2,
            3 * _half,
            3,
        ),
        "you count the waiting from the start of the day. G_t counts it from step t: "
        "which reward of G_2 has the weight 1?": (
            3 * _half**2,
            3 * _half**2,
            7 * _half**2,
        ),
        "that is the full return three times: from step 2, which rewards are still to "
        "come?": (7 * _half**2,) * 3,
    },
)


def _stream_returns(rewards, ends, gamma):
    """Add up what follows each step, up to the next end, straight from (2.1)."""
    returns = []
    for t in range(len(rewards)):
        stop = next(u for u in range(t, len(rewards)) if ends[u]) + 1
        returns.append(sum(gamma ** (u - t) * rewards[u] for u in range(t, stop)))
    return returns


def _first_steps(ends):
    """Return for each step the first step of its episode."""
    return [max([0, *(u + 1 for u in range(t) if ends[u])]) for t in range(len(ends))]


def _ends_seen_late(rewards, ends, gamma):
    returns, following = [], 0.0
    for reward, end in zip(rewards[::-1], ends[::-1]):
        returns.insert(0, reward + gamma * following)
        following = 0.0 if end else returns[0]
    return returns


def _past_in_place_of_future(rewards, ends, gamma):
    returns, past = [], 0.0
    for reward, end in zip(rewards, ends):
        returns.append(reward + gamma * past)
        past = 0.0 if end else returns[-1]
    return returns


def _full_returns(rewards, ends, gamma):
    returns = _stream_returns(rewards, ends, gamma)
    return [returns[first] for first in _first_steps(ends)]


def _discounted_twice(rewards, ends, gamma):
    returns = _stream_returns(rewards, ends, gamma)
    firsts = _first_steps(ends)
    return [gamma ** (t - first) * returns[t] for t, first in enumerate(firsts)]


def _two_episodes(rng):
    n = int(rng.integers(4, 7))
    ends = [False] * (n - 1) + [True]
    ends[rng.integers(1, n - 2)] = True
    return rng.integers(1, 6, size=n).tolist(), ends, float(rng.choice([0.5, 0.8]))


stream_returns = Exercise(
    right=_stream_returns,
    mistakes={
        "the next episode leaks into this one: what is still to come after an end?": (
            lambda r, ends, g: _stream_returns(r, [False] * (len(r) - 1) + [True], g)
        ),
        "off by one at the border: your last step of an episode still counts the next "
        "episode. Do you forget the rest before or after you use it?": _ends_seen_late,
        "off by one in the discount: is r_{t+1} discounted in G_t?": (
            lambda r, ends, g: np.multiply(g, _stream_returns(r, ends, g))
        ),
        "that is right for γ = 1: where is the discount?": (
            lambda r, ends, g: _stream_returns(r, ends, 1.0)
        ),
        "that is each episode's full return at all of its steps: what about the "
        "rewards that were paid before step t?": _full_returns,
        "you discount from the episode's start; G_t counts the waiting from step t "
        "on: which reward of G_t has the weight 1?": _discounted_twice,
        "those are the rewards of the past: in which direction does G_t look?": (
            _past_in_place_of_future
        ),
        "these are the right numbers from the last to the first: who turns them "
        "round?": lambda *arguments: _stream_returns(*arguments)[::-1],
    },
    inputs=_two_episodes,
)

_g, _q = sp.symbols("gamma q")
random_length = Exercise(
    right=1 / (1 - _g * (1 - _q)),
    mistakes={
        "that is the mean length of an episode: where is the discount?": 1 / _q,
        "that is worth an episode which never ends: where is q?": 1 / (1 - _g),
        "that is the return of an episode of mean length, 1/q. The gambler shows that "
        "the mean of the returns is something else: what is it?": (
            (1 - _g ** (1 / _q)) / (1 - _g)
        ),
        "is the first reward paid for sure? The episode can end only after it": (
            (1 - _q) / (1 - _g * (1 - _q))
        ),
        "off by one in the discount: is r_1 discounted?": _g / (1 - _g * (1 - _q)),
        "q is the probability that the episode ends; with which does it go on?": (
            1 / (1 - _g * _q)
        ),
    },
)

bonus = Exercise(
    right=("same", "less"),
    mistakes={
        "the first is right: three shifts, three bonuses, whatever the robot does. In "
        "the second world a rescue ends the day: which bonuses are then not paid?": (
            "same",
            "same",
        ),
        "the bonus is paid for recharging, too. How many bonuses does a day of three "
        "shifts bring, and can the robot change that?": ("more", "more"),
        "the second is right. But a day of the first world always has three shifts: "
        "how many bonuses does it bring?": ("more", "less"),
        "the second is right. In the first world a rescue does not shorten the day: "
        "how many bonuses does it bring?": ("less", "less"),
        "have the two robots changed places? How many bonuses does each day bring, "
        "and can working on low change that number?": ("less", "same"),
        "the first is right: the robot cannot change the sum of the bonuses. In the "
        "second world, does it lose or win bonuses by a rescue?": ("same", "more"),
    },
)

random_morning = Exercise(
    right=7,
    mistakes={
        "that is the mean of the two variances, the scatter of days that begin alike. "
        "But a high day has the mean 4 and a low one 0: does that not scatter?": 4,
        "that is how much the two means scatter; what about days that begin alike?": 3,
        "that is halfway between 3 and 7: do as many days begin low as high, and what "
        "of the two means?": 5,
        "that is the mean of G_0²: what do you take away?": 16,
        "that is the standard deviation: the variance is asked for": sp.sqrt(7),
        "squared weights belong to a sum of independent numbers. Here a day is of the "
        "one kind or of the other": sp.Rational(17, 8),
    },
)


def _distribution(policy, transition, reward, gamma, horizon, start):
    """Return probabilities and returns of all that can happen from one state."""
    chances, returns = [], []
    for path in product(np.ndindex(2, 2), repeat=horizon):
        state, p, total = start, 1.0, 0.0
        for t, (a, s2) in enumerate(path):
            p *= policy[state][a] * transition[state][a][s2]
            total += gamma**t * reward[state][a][s2]
            state = s2
        chances.append(p)
        returns.append(total)
    return np.array(chances), np.array(returns)


def _variances(*world):
    """List everything, and take the variance by its definition."""
    found = []
    for p, G in (_distribution(*world, start) for start in (0, 1)):
        found.append(p @ (G - p @ G) ** 2)
    return found


def _mistaken(*, cross=2.0, power=2, now=False, fewer=0, g=None, finish=None):
    """Walk back with means V and mean squares M, and one thing wrong."""
    finish = finish or (lambda V, M: M - V**2)

    def variances(policy, transition, reward, gamma, horizon):
        chance = np.array(policy)[:, :, None] * np.array(transition)
        r, d, V, M = np.array(reward), g or gamma, 0.0, 0.0
        for _ in range(horizon - fewer):
            V, later = np.sum(chance * (r + d * V), axis=(1, 2)), V
            mixed = cross * d * r * (V if now else later)
            M = np.sum(chance * (r**2 + mixed + d**power * M), axis=(1, 2))
        return finish(V, M)

    return variances


def _as_if_independent(policy, transition, reward, gamma, horizon):
    chance, r = np.array(policy)[:, :, None] * np.array(transition), np.array(reward)
    variance, step = np.zeros(2), np.sum(chance * r**2, axis=(1, 2))
    step = step - np.sum(chance * r, axis=(1, 2)) ** 2
    for _ in range(horizon):
        variance = step + gamma**2 * np.sum(chance * variance, axis=(1, 2))
    return variance


def _small_world(rng):
    def row():
        p = int(rng.integers(2, 9))
        return [p / 10, (10 - p) / 10]

    policy = [row(), row()]
    transition = [[row() for action in range(2)] for state in range(2)]
    reward = rng.integers(-3, 4, size=(2, 2, 2)).tolist()
    return policy, transition, reward, float(rng.choice([0.5, 0.8])), 3


variance_of_return = Exercise(
    right=_variances,
    mistakes={
        "that is the mean of G², not yet the variance: what do you take away?": (
            _mistaken(finish=lambda V, M: M)
        ),
        "that is the standard deviation: the variance is asked for": (
            _mistaken(finish=lambda V, M: np.sqrt(M - V**2))
        ),
        "(r + γG)² has three terms: where is the mixed one?": _mistaken(cross=0.0),
        "the mixed term of (r + γG)² comes how often?": _mistaken(cross=1.0),
        "in (r + γG)², by what is G² multiplied?": _mistaken(power=1),
        "that is right for γ = 1: where is the discount?": _mistaken(g=1.0),
        "V_t stands where V_{t+1} belongs: which of them is the mean of what follows "
        "this step?": _mistaken(now=True),
        "off by one: you took one step fewer than the horizon. Does your walk begin at "
        "T, where V and M are 0?": _mistaken(fewer=1),
        "you add the variances of the steps, as if they were independent. But a good "
        "step can lead to a good state: try the mean of G_t² instead": (
            _as_if_independent
        ),
    },
    inputs=_small_world,
)
