"""What is right, and which mistakes are known, in the exercises of notebook 09."""

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise


def _sigmoid(u):
    return 1 / (1 + np.exp(-u))


_ANGLE, _RATE = np.deg2rad(3) / 0.2095, -1.0  # in units

push_right = Exercise(
    right=_sigmoid(4.0 * _ANGLE + 2.4 * _RATE),
    mistakes={
        "that is the chance of a push to the left": (
            _sigmoid(-4.0 * _ANGLE - 2.4 * _RATE)
        ),
        "that is w·x, the log-odds: and the probability?": 4.0 * _ANGLE + 2.4 * _RATE,
        "is the angle in the unit of (9.1)? Not in radians, but in fractions of 12°": (
            _sigmoid(4.0 * np.deg2rad(3) + 2.4 * _RATE)
        ),
        "is the angle in the unit of (9.1)? Not in degrees, but in fractions of 12°": (
            _sigmoid(4.0 * 3 + 2.4 * _RATE)
        ),
        "w is the difference of the columns already: what is the exponent in (9.2)?": (
            _sigmoid(2 * (4.0 * _ANGLE + 2.4 * _RATE))
        ),
        "the pole is moving: where is the angle rate?": _sigmoid(4.0 * _ANGLE),
        "the pole leans to the right, but where does it swing? Right is positive": (
            _sigmoid(4.0 * _ANGLE - 2.4 * _RATE)
        ),
        "two weights are exchanged: in which order are angle and rate in (9.1)?": (
            _sigmoid(2.4 * _ANGLE + 4.0 * _RATE)
        ),
        "those are the weights of position and velocity: which two features are 0?": (
            _sigmoid(1.1 * _ANGLE + 0.9 * _RATE)
        ),
        "in percent? A probability is at most 1": 100
        * round(_sigmoid(4.0 * _ANGLE + 2.4 * _RATE), 2),
        "in percent, with one decimal? A probability is at most 1": 100
        * _sigmoid(4.0 * _ANGLE + 2.4 * _RATE),
    },
    tol=0.006,
)

_eta, _A, _p, _x, _c = sp.symbols("eta A p x c")
log_odds_move = Exercise(
    right=2 * _eta * _A * (1 - _p) * _c**2 * _x**2,
    mistakes={
        "one column moves like that: and the other one?": (
            _eta * _A * (1 - _p) * _c**2 * _x**2
        ),
        "the score is c times larger. And what is the parameter multiplied with?": (
            2 * _eta * _A * (1 - _p) * _c * _x**2
        ),
        "that is how far the parameters move apart: by what is a parameter multiplied "
        "in a logit?": 2 * _eta * _A * (1 - _p) * _c * _x,
        "the feature comes in twice, in the score and in the logit: and your x?": (
            2 * _eta * _A * (1 - _p) * _c**2 * _x
        ),
        "a probability for a log: how much of a surprise is a push that had the "
        "probability p?": 2 * _eta * _A * _p * (1 - _p) * _c**2 * _x**2,
        "that is one column, in the old unit: what about the other, and c?": (
            _eta * _A * (1 - _p) * _x**2
        ),
        "that is the move in the old unit: where do the larger numbers come in?": (
            2 * _eta * _A * (1 - _p) * _x**2
        ),
        "a unit that is c times *smaller* makes the numbers larger, doesn't it?": (
            2 * _eta * _A * (1 - _p) * _x**2 / _c**2
        ),
        "that is −1 times the move: ascent or descent, for A > 0?": (
            -2 * _eta * _A * (1 - _p) * _c**2 * _x**2
        ),
        "p is the probability of the action that was taken: how much of a surprise is "
        "it, p or 1 − p?": 2 * _eta * _A * _p * _c**2 * _x**2,
    },
)

solved_by_luck = Exercise(
    right=("nearly all", "a third"),
    mistakes={
        "a third is right for fresh episodes, as for any one window. But how many "
        "windows do 1,000 episodes have, and is one good one enough?": (
            "a third",
            "a third",
        ),
        "the second is right. Two chances of a third would be more than a half: how "
        "many windows of 100 that share nothing are there in 1,000 episodes, and how "
        "many others?": ("two thirds", "a third"),
        "the second is right, so how can the first be less? The first 100 episodes "
        "are as good as fresh, and others follow": ("hardly any", "a third"),
        "the first is right. But a window was *chosen* because it is good: do fresh "
        "episodes know of that?": ("nearly all", "nearly all"),
        "the first is right. How many of 100 fresh episodes may be short, and how "
        "many are, on average? That is below one half": ("nearly all", "two thirds"),
        "the first is right. 470 is below 475, but the mean of 100 episodes scatters: "
        "how many of them may be short, and how many are, on average?": (
            "nearly all",
            "hardly any",
        ),
    },
)


def _first_window(returns, size, threshold):
    for n in range(size, len(returns) + 1):
        if sum(returns[n - size : n]) >= size * threshold:
            return n
    return -1


def _ends(returns, size, threshold):
    """For each n ≥ 1, whether the last `size` of n episodes reach the threshold."""
    n = np.arange(1, len(returns) + 1)
    sums = np.append(0.0, np.cumsum(returns))
    return n, sums[n] - sums[np.maximum(n - size, 0)], np.minimum(n, size)


def _where(good, n):
    return int(n[good][0]) if good.any() else -1


def _strictly(returns, size, threshold):
    n, sums, counts = _ends(returns, size, threshold)
    return _where((counts == size) & (sums > size * threshold), n)


def _too_early(returns, size, threshold):
    n, sums, counts = _ends(returns, size, threshold)
    return _where(sums >= counts * threshold, n)


def _disjoint(returns, size, threshold):
    n, sums, _ = _ends(returns, size, threshold)
    return _where((n % size == 0) & (sums >= size * threshold), n)


def _best(returns, size, threshold):
    n, sums, counts = _ends(returns, size, threshold)
    sums = np.where(counts == size, sums, -np.inf)
    return int(n[sums.argmax()]) if sums.max() >= size * threshold else -1


def _so_far(returns, size, threshold):
    n = np.arange(1, len(returns) + 1)
    return _where((n >= size) & (np.cumsum(returns) >= n * threshold), n)


def _shifted(by):
    def function(returns, size, threshold):
        n = _first_window(returns, size, threshold)
        return n if n < 0 else n - (size if by == "size" else by)

    return function


def _curves(rng):
    size = int(rng.choice([2, 4]))
    returns = rng.integers(0, 5, size=(3, 12)).astype(float)
    return returns, size, 3.0 if size == 2 else 2.5


def _each_run(function):
    return lambda returns, *settings: [function(row, *settings) for row in returns]


solved_after = Exercise(
    right=_each_run(_first_window),
    mistakes={
        "off by one: that is the index of the last episode. How many were played?": (
            _each_run(_shifted(1))
        ),
        "that is where the window begins: when is it known to be good?": (
            _each_run(_shifted("size"))
        ),
        "(9.5) says ≥: what if the mean is exactly the threshold?": _each_run(
            _strictly
        ),
        "you are content with fewer episodes than `size`: what does `is_solved` ask?": (
            _each_run(_too_early)
        ),
        "your windows do not overlap: after which episodes is (9.5) looked at?": (
            _each_run(_disjoint)
        ),
        "that is the best window. Which is the first that is good enough?": _each_run(
            _best
        ),
        "that is the mean of all episodes so far, not of the last `size`": _each_run(
            _so_far
        ),
        "one good episode is not enough: over how many is the mean?": (
            _each_run(lambda row, size, level: _first_window(row, 1, level))
        ),
    },
    inputs=_curves,
)


def _by_loops(w, x, actions, rewards, lengths, gamma):
    N, T = rewards.shape
    G = [
        [sum(gamma ** (k - t) * rewards[i, k] for k in range(t, T)) for t in range(T)]
        for i in range(N)
    ]
    total = np.zeros(len(w))
    for i in range(N):
        for t in range(lengths[i]):
            b = sum(G[j][t] for j in range(N) if j != i) / (N - 1)
            score = x[i, t] * (actions[i, t] - _sigmoid(w @ x[i, t]))
            total += gamma**t * score * (G[i][t] - b)
    return total / N


def _score(a, p):
    return a - p


def _baseline(G, running):
    return (G.sum(axis=0) - G) / (len(G) - 1)


def _alive_only(G, running):
    count = running.sum(axis=0) - running
    return (G.sum(axis=0) - G) / np.maximum(count, 1)


def _in_arrays(
    w,
    x,
    actions,
    rewards,
    lengths,
    gamma,
    *,
    score=_score,
    baseline=_baseline,
    discount=lambda gamma, t: gamma**t,
    full=False,
    end=0,
    by=None,
):
    """The same in arrays, with room for mistakes."""
    N, T = rewards.shape
    t = np.arange(T)
    G = np.stack([rewards[:, k:] @ gamma ** t[: T - k] for k in t], axis=1)
    if full:
        G = np.tile(G[:, :1], T)
    b = baseline(G, t < lengths[:, np.newaxis])
    mask = t < lengths[:, np.newaxis] + end
    weights = mask * discount(gamma, t) * (G - b) * score(actions, _sigmoid(x @ w))
    return np.einsum("nt,ntd->d", weights, x) / (by or N)


def _with(**wrong):
    return lambda *arguments: _in_arrays(*arguments, **wrong)


def _episodes(rng):
    N, T, d = 3, 4, 2
    lengths = np.append(rng.integers(1, T, size=N - 1), T)
    rewards = rng.integers(-5, 6, size=(N, T)) / 2
    rewards[np.arange(T) >= lengths[:, np.newaxis]] = 0.0
    x, actions = rng.normal(size=(N, T, d)).round(1), rng.integers(0, 2, size=(N, T))
    w = rng.normal(size=d).round(1)
    return w, x, actions, rewards, lengths, rng.integers(5, 10) / 10


gradient_in_w = Exercise(
    right=_by_loops,
    mistakes={
        "that is −1 times the gradient: ascent or descent? Is the surprise a − p or "
        "p − a?": lambda *arguments: -_by_loops(*arguments),
        "a missing γ^t: what does (4.6) multiply each score with, besides G − b?": (
            _with(discount=lambda gamma, t: 1.0)
        ),
        "an off-by-one in the discount: which power of γ has the first step?": (
            _with(discount=lambda gamma, t: gamma ** (t + 1))
        ),
        "you give every step the full return: which rewards can a_t still change?": (
            _with(full=True)
        ),
        "the baseline contains the episode's own return: that is (N − 1)/N times the "
        "gradient. Whom does (9.3) leave out?": _with(baseline=lambda G, _: G.mean(0)),
        "where is the baseline?": _with(baseline=lambda G, _: 0.0),
        "your baseline is G_0 of the others: from which step does (9.3) take theirs?": (
            _with(baseline=lambda G, _: _baseline(G, _)[:, :1])
        ),
        "you ask only the others that still run. (8.1) allows that too, but what does "
        "(9.3) do with an episode that has ended?": _with(baseline=_alive_only),
        "a sum for a mean: N episodes, and (4.6) divides by …?": _with(by=1),
        "a probability for a log: you have ∇π(a) where ∇ log π(a) should be": (
            _with(score=lambda a, p: (a - p) * np.where(a == 1, p, 1 - p))
        ),
        "after a left your score is p x: does a left make the logit of right rise?": (
            _with(score=lambda a, p: np.abs(a - p))
        ),
        "after a left your score is −(1 − p) x. There 1 − p is the probability of "
        "left itself: how large is the surprise?": (
            _with(score=lambda a, p: np.where(a == 1, 1, -1) * (1 - p))
        ),
        "after a left your score is 0: what is the derivative of log(1 − p)?": (
            _with(score=lambda a, p: a * (1 - p))
        ),
        "steps after an episode's end push as well: their return is 0, and is G − b?": (
            _with(end=9)
        ),
        "your mask has one step too many: which is the last of T_i steps from 0 on?": (
            _with(end=1)
        ),
        "twice too much: that is the difference of the two columns of ∇_Θ J. A step in "
        "w is a step along ∂J/∂w: what is ∂p/∂w?": (
            lambda *arguments: 2 * _by_loops(*arguments)
        ),
        "you divide by the number of steps: (4.6) takes the mean over what?": (
            lambda w, x, a, r, lengths, gamma: _in_arrays(
                w, x, a, r, lengths, gamma, by=lengths.sum()
            )
        ),
    },
    inputs=_episodes,
)


step_of_w = Exercise(
    right=2,
    mistakes={
        "two columns of Θ have a gradient: what is each, in terms of ĝ, and what does "
        "their difference do?": 1,
        "the other way round: is w the mean of the columns, or their difference?": 0.5,
        "both columns move, but not in the same direction": 0,
    },
)


def _paid(states, rewards, cost):
    x = np.take(np.take(states, 0, axis=-1), range(1, states.shape[-2]), axis=-1)
    return rewards - rewards * cost * x * x


def _tracks(rng):
    grid = (2,) if rng.random() < 0.5 else (2, 2)
    rewards = (np.arange(3) < rng.integers(1, 4, size=(*grid, 1))).astype(float)
    states = rng.integers(-9, 10, size=(*grid, 4, 4)) / 10
    return states, rewards, rng.integers(1, 9) / 4


pay_for_the_middle = Exercise(
    right=_paid,
    mistakes={
        "that is the position before the step. The reward r_{t+1} follows a_t: where "
        "did that push take the cart?": (
            lambda s, r, cost: r * (1 - cost * s[..., :-1, 0] ** 2)
        ),
        "a flipped sign: that pays for being away from the middle": (
            lambda s, r, cost: r * (1 + cost * s[..., 1:, 0] ** 2)
        ),
        "after the end a step pays, or costs, nothing: what are your rewards there?": (
            lambda s, r, cost: r - cost * s[..., 1:, 0] ** 2
        ),
        "the first feature is in units of 2.4 m already: are you back at metres?": (
            lambda s, r, cost: r * (1 - cost * (2.4 * s[..., 1:, 0]) ** 2)
        ),
        "that takes |x|, and the square is wanted: it forgives the small distances": (
            lambda s, r, cost: r * (1 - cost * np.abs(s[..., 1:, 0]))
        ),
        "without the square, one side of the track pays more than the other": (
            lambda s, r, cost: r * (1 - cost * s[..., 1:, 0])
        ),
        "that is the pole's angle: which of the four features is the position?": (
            lambda s, r, cost: r * (1 - cost * s[..., 1:, 2] ** 2)
        ),
        "after the end a step pays 1 here: the old rewards know when that is": (
            lambda s, r, cost: 1 - cost * s[..., 1:, 0] ** 2
        ),
        "where is `cost`?": lambda s, r, cost: r * (1 - s[..., 1:, 0] ** 2),
        "only the penalty is left: where is the 1 for the step itself? An agent that "
        "only pays is glad to fall": (
            lambda s, r, cost: -r * cost * s[..., 1:, 0] ** 2
        ),
    },
    inputs=_tracks,
)

measured_by = Exercise(
    right="length",
    mistakes={
        "(9.5) would wait for 475 of what? Each step pays less than 1 now": "return",
        "the agent climbs J, but the task's threshold is about something else": "J",
    },
)
