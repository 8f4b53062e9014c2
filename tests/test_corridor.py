"""REINFORCE on the corridor: exact values, updates by hand, a plain loop."""

import numpy as np
import pytest

from pgutils.corridor import START, reinforce_on_corridor
from pgutils.gradients import policy_gradient
from pgutils.softmax import score, softmax
from pgutils.verify import verify

RIGHT = 1


class Scripted(np.random.Generator):
    """A generator whose uniform numbers are written down beforehand."""

    def __init__(self, numbers):
        super().__init__(np.random.PCG64(0))
        self.numbers = list(numbers)

    def random(self, n):
        return np.array([self.numbers.pop(0) for _ in range(n)])


def script(*actions):
    """Uniform numbers that make a run take these actions, whatever its policy."""
    return [{"right": 0.0, "left": 1 - 1e-16}[action] for action in actions]


def exact_value(p):
    """v(p) from the three Bellman equations as a linear system."""
    q = 1 - p
    transition = np.array([[q, p, 0], [p, 0, q], [0, q, 0]])
    return np.linalg.solve(np.eye(3) - transition, -np.ones(3))[0]


def one_run(rng, step_size, episodes, beta):
    """The same run as a plain loop, with the estimator and score of the package."""
    theta, w, returns = np.array([[0.0, START]]), 0.0, []
    for _ in range(episodes):
        p = softmax(theta)[0, RIGHT]
        state, actions = 0, []
        while state < 3:
            actions.append(int(rng.random() < p))
            forward = (actions[-1] == RIGHT) != (state == 1)
            state = state + 1 if forward else max(state - 1, 0)
        T = len(actions)
        scores = score(theta, np.ones((T, 1)), np.array(actions))
        theta = theta + step_size * policy_gradient(
            scores[None],
            -np.ones((1, T)),
            np.ones((1, T), bool),
            gamma=1.0,
            baseline=w,
        )
        for t in range(T):
            w += (beta or 0.0) * (-(T - t) - w)
        returns.append(-T)
    return returns


def test_an_episode_by_hand():
    # right: s0 → s1; right is reversed: s1 → s0; left: stays; right: s0 → s1;
    # left is reversed: s1 → s2; left: s2 → s1; left: s1 → s2; right: the end.
    numbers = script("right", "right", "left", "right", "left", "left", "left", "right")
    options = {"step_sizes": [0.1], "runs": 1, "episodes": 1}
    assert reinforce_on_corridor(Scripted(numbers), **options).tolist() == [[[-8]]]


def test_an_update_by_hand():
    # The shortest episode, right left right, at p = 1/20. Column 'right' of the scores
    # is 19/20, −1/20, 19/20, the returns are −3, −2, −1, so the estimate is −37/10.
    # The log-odds move by twice η times that; η = 1/7.4 makes it −1.
    p = 1 / (1 + 19 * np.e)
    actions = script("right", "left", "right")
    for edge, rest, length in [
        (p - 1e-9, script("left", "right"), 3),  # below the new p: 'right'
        (p + 1e-9, actions, 4),  # above it: 'left', which stays in s0
    ]:
        options = {"step_sizes": [1 / 7.4], "runs": 1, "episodes": 2}
        returns = reinforce_on_corridor(Scripted([*actions, edge, *rest]), **options)
        assert returns.tolist() == [[[-3, -length]]]


def test_a_baseline_by_hand():
    # As above with β = 1/2: w ← (w + G)/2 goes from 0 to −3/2, −7/4, −11/8 by G = −3,
    # −2, −1. The update of the first episode still has w = 0. The second
    # episode has the same actions at p' = 1/(1 + 19e). Its scores
    # are 1 − p', −p', 1 − p', their sum is 2 − 3p', and Σ ψG = −4 + 6p'.
    eta, p1 = 1 / 7.4, 1 / (1 + 19 * np.e)
    log_odds = START - 1 + 2 * eta * ((-4 + 6 * p1) + 11 / 8 * (2 - 3 * p1))
    p2 = 1 / (1 + np.exp(-log_odds))
    actions = script("right", "left", "right")
    for edge, rest, length in [
        (p2 - 1e-9, script("left", "right"), 3),
        (p2 + 1e-9, actions, 4),
    ]:
        numbers = [*actions, *actions, edge, *rest]
        options = {"step_sizes": [eta], "runs": 1, "episodes": 3}
        returns = reinforce_on_corridor(
            Scripted(numbers), **options, baseline_step_size=0.5
        )
        assert returns.tolist() == [[[-3, -3, -length]]]


@pytest.mark.parametrize("beta", [None, 0.1, 1.0])
def test_one_run_is_the_plain_loop(beta):
    options = {"step_sizes": [2.0**-11], "runs": 1, "episodes": 60}
    returns = reinforce_on_corridor(
        np.random.default_rng(3), **options, baseline_step_size=beta
    )
    loop = one_run(np.random.default_rng(3), 2.0**-11, 60, beta)
    assert returns[0, 0].tolist() == loop
    assert len(set(loop)) > 5


def test_the_start_has_the_value_of_the_mostly_left_policy():
    returns = reinforce_on_corridor(
        np.random.default_rng(5), step_sizes=[1e-12], runs=400, episodes=20
    )
    assert round(exact_value(0.05), 1) == -82.1
    verify("7.4", returns.ravel(), exact_value(0.05), level=1e-4)


def test_the_best_policy_has_its_exact_value(monkeypatch):
    best = 2 - np.sqrt(2)
    monkeypatch.setattr("pgutils.corridor.START", np.log(best / (1 - best)))
    returns = reinforce_on_corridor(
        np.random.default_rng(6), step_sizes=[1e-12], runs=400, episodes=50
    )
    assert abs(exact_value(best) - (-6 - 4 * np.sqrt(2))) < 1e-12
    verify("7.5", returns.ravel(), -6 - 4 * np.sqrt(2), level=1e-4)


def test_it_learns_and_a_baseline_helps():
    options = {"runs": 30, "episodes": 400}
    rng = np.random.default_rng(7)
    plain = reinforce_on_corridor(rng, step_sizes=[2.0**-12, 2.0**-14], **options)
    helped = reinforce_on_corridor(
        rng, step_sizes=[2.0**-9], baseline_step_size=2.0**-6, **options
    )
    early, late = (
        plain[:, :, :50].mean(axis=(1, 2)),
        plain[:, :, -50:].mean(axis=(1, 2)),
    )
    assert (late > early + 20).all()
    assert late[0] > late[1] + 5
    assert helped[0, :, 50:100].mean() > plain[0, :, 50:100].mean() + 10


def test_the_seed_decides_everything():
    options = {"step_sizes": (2.0**-12, 2.0**-13), "runs": 5, "episodes": 10}
    runs = [
        reinforce_on_corridor(np.random.default_rng(s), **options) for s in (1, 1, 2)
    ]
    assert runs[0].shape == (2, 5, 10)
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


def test_every_return_is_a_possible_length():
    # The shortest way, right left right, has three steps.
    returns = reinforce_on_corridor(
        np.random.default_rng(8), step_sizes=[2.0**-12], runs=50, episodes=200
    )
    assert returns.max() == -3
    assert np.isfinite(returns).all()
    assert (returns == np.round(returns)).all()


def test_a_run_that_never_ends_is_lost_from_then_on_and_stops_nobody_else():
    # At this step size one episode makes the policy certain, of the wrong thing.
    returns = reinforce_on_corridor(
        np.random.default_rng(9), step_sizes=[50.0, 1e-9], runs=20, episodes=30,
        max_steps=3_000,
    )  # fmt: skip
    lost = np.isneginf(returns)
    assert lost[0].any(axis=1).all()
    assert (lost == np.maximum.accumulate(lost, axis=2)).all()
    assert not lost[1].any()
    assert returns[~lost].min() >= -3_000


def test_an_episode_of_exactly_max_steps_is_not_lost():
    numbers = script("right", "left", "right")
    options = {"step_sizes": [0.1], "runs": 1, "episodes": 1, "max_steps": 3}
    assert reinforce_on_corridor(Scripted(numbers), **options).tolist() == [[[-3]]]
    numbers = script("left", "right", "left", "right")
    assert np.isneginf(reinforce_on_corridor(Scripted(numbers), **options)).all()


def test_an_impossible_right_is_never_taken(monkeypatch):
    # exp(−1000) is 0 in float64, and random() may return exactly 0: nothing is below.
    monkeypatch.setattr("pgutils.corridor.START", -1000.0)
    numbers = script("right", "left", "right")
    options = {"step_sizes": [0.1], "runs": 1, "episodes": 1, "max_steps": 3}
    assert np.isneginf(reinforce_on_corridor(Scripted(numbers), **options)).all()


def test_the_default_patience_is_20000_steps():
    rng = Scripted(script(*["left"] * 20_000))
    returns = reinforce_on_corridor(rng, step_sizes=[0.1], runs=1, episodes=1)
    assert np.isneginf(returns).all()
    assert not rng.numbers


@pytest.mark.errors
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"rng": 3}, TypeError, "rng must be a generator"),
        ({"step_sizes": []}, ValueError, "step_sizes must not be empty"),
        ({"step_sizes": 0.1}, ValueError, "step_sizes must have 1 axes"),
        ({"step_sizes": [0.1, 0.0]}, ValueError, "step_sizes must be finite and above"),
        ({"step_sizes": [0.1, np.nan]}, ValueError, "step_sizes must hold only finite"),
        ({"step_sizes": ["a"]}, TypeError, "step_sizes must be an array of real"),
        ({"runs": 0}, ValueError, "runs must be at least 1"),
        ({"runs": 2.0}, TypeError, "runs must be a whole number"),
        ({"episodes": 0}, ValueError, "episodes must be at least 1"),
        ({"max_steps": 0}, ValueError, "max_steps must be at least 1"),
        ({"baseline_step_size": 0.0}, ValueError, "baseline_step_size must be finite"),
        ({"baseline_step_size": 1.5}, ValueError, r"must be in \(0, 1\], got 1.5"),
        ({"baseline_step_size": "x"}, TypeError, "baseline_step_size must be a number"),
    ],
)
def test_bad_input_is_refused(changed, error, message):
    given = {"rng": np.random.default_rng(0), "step_sizes": [0.1], "runs": 2}
    given |= {"episodes": 3} | changed
    with pytest.raises(error, match=message):
        reinforce_on_corridor(given.pop("rng"), **given)
