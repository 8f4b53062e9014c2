"""The checks at the entry points: good input goes through, bad input is named."""

from fractions import Fraction
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import sympy

from pgutils import checks
from pgutils.rollout import make_cartpole
from pgutils.trajectories import Batch, Trajectory
from pgutils.world import ROBOT

ONES = np.ones((2, 3))
SCORES = np.ones((2, 3, 4))
MASK = np.ones((2, 3), dtype=bool)


def recorded(*runs, actions=1):
    """A batch of 2 episodes of 3 steps (of each run), 4 features a state."""
    return Batch(
        states=np.ones((*runs, 2, 4, 4)),
        actions=np.full((*runs, 2, 3), actions),
        rewards=np.ones((*runs, 2, 3)),
        mask=np.ones((*runs, 2, 3), dtype=bool),
    )


class TestGoodInput:
    def test_arrays_come_back_as_floats(self):
        given = checks.array("x", [1, 2])
        assert given.dtype == np.float64
        assert given.tolist() == [1.0, 2.0]

    def test_fractions_come_back_as_floats(self):
        halves = checks.array("x", [[Fraction(1, 2), 0], [0.25, Fraction(3, 4)]])
        assert halves.dtype == np.float64
        assert halves.tolist() == [[0.5, 0.0], [0.25, 0.75]]

    def test_float_arrays_are_not_copied(self):
        x = np.ones(3)
        assert checks.array("x", x) is x

    @pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
    def test_every_kind_of_integer_is_an_index(self, kind):
        assert checks.indices("action", kind(1), 2) == 1

    def test_no_indices_are_fine(self):
        assert checks.indices("action", np.zeros(0, dtype=int), 2).size == 0

    def test_probabilities_may_round(self):
        # In floats 1/3 + 1/3 + 1/3 or 10 times 1/10 may miss 1 by an ulp or two.
        assert checks.probabilities("p", np.full((2, 10), 0.1)).shape == (2, 10)

    @pytest.mark.parametrize("gamma", [0, 1, 0.9, np.float32(0.5), Fraction(9, 10)])
    def test_a_discount_comes_back_unchanged(self, gamma):
        found = checks.discount("gamma", gamma)
        assert found == gamma
        assert not isinstance(found, np.float32)  # powers of it would round

    def test_a_symbolic_discount_comes_back_unchanged(self):
        gamma = sympy.Symbol("gamma")
        assert checks.discount("gamma", gamma) is gamma

    def test_positive_numbers_come_back_as_floats(self):
        assert checks.positive("rate", Fraction(1, 2)) == 0.5
        assert isinstance(checks.positive("rate", np.float32(2)), float)

    def test_counts_come_back_as_ints(self):
        assert type(checks.count("n", np.int64(3))) is int

    def test_a_generator_comes_back(self):
        rng = np.random.default_rng(0)
        assert checks.generator(rng) is rng

    @pytest.mark.parametrize("theta", [-1e9, -710, -745.5, -1e9 + 1e-30j])
    def test_log_odds_of_almost_never_do_not_overflow(self, theta):
        low, high = checks.log_odds("theta", (theta, 1), np.exp)
        assert 0 < abs(1 / (1 + np.exp(-low))) < 1e-300
        assert high == 1

    def test_log_odds_for_another_exponential_are_left_alone(self):
        x = sympy.Symbol("x")
        assert checks.log_odds("theta", (x, Fraction(-800)), sympy.exp) == [x, -800]

    @pytest.mark.parametrize("value", [[1, 2], (Fraction(1, 2), 0), np.ones(2)])
    def test_one_number_per_state_comes_back(self, value):
        assert checks.one_each("V", value, ROBOT) == list(value)

    @pytest.mark.parametrize(
        "policy", [[[0, 1], [1, 0]], ((Fraction(1, 2),) * 2,) * 2, np.eye(2)]
    )
    def test_rows_of_any_kind_of_number_come_back(self, policy):
        assert np.array_equal(checks.rows(policy, ROBOT), policy)

    def test_rows_of_symbols_come_back(self):
        p = sympy.Symbol("p")
        policy = [[1 - p, p], [p, 1 - p]]
        assert checks.rows(policy, ROBOT) == ((1 - p, p), (p, 1 - p))

    @pytest.mark.parametrize("path", [((0, 1), (1,), (2,)), ((0,), (), ())])
    def test_paths_of_the_world_pass(self, path):
        day = Trajectory(*path)
        assert checks.path(day, ROBOT) is day

    def test_cartpole_needs_four_features_and_two_actions(self):
        assert checks.linear_shape(make_cartpole(2)) == (4, 2)

    @pytest.mark.parametrize("shape", [(4, 2), (1, 4, 2), (3, 4, 2), (2, 3, 4, 2)])
    def test_parameters_of_one_run_or_of_many_fit(self, shape):
        theta = np.ones(shape)
        assert checks.fits(make_cartpole(6), theta) is theta

    def test_two_episodes_are_enough_for_a_baseline(self):
        for shape in [(2, 1), (1, 2, 3)]:
            returns = np.ones(shape)
            assert checks.episodes("returns", returns) is returns

    @pytest.mark.parametrize("runs", [(), (1,), (3,)])
    def test_parameters_fit_the_batch_of_as_many_runs(self, runs):
        theta = np.ones((*runs, 4, 2))
        assert checks.fits_batch(theta, recorded(*runs), 0.1) is theta

    def test_the_smallest_training_run_may_start(self):
        rng = np.random.default_rng(0)
        found = checks.training(make_cartpole(2), rng, Fraction(1, 2), 1, 1)
        assert found == (0.5, 1.0)

    @pytest.mark.parametrize("start", [None, np.ones((1, 4, 2)), [[[0, 1]] * 4]])
    def test_the_smallest_study_may_start(self, start):
        rng = np.random.default_rng(0)
        options = {"gamma": Fraction(1, 2), "size": "big"}
        found = checks.many(make_cartpole, rng, 1, 2, start, print, 1, options)
        assert found == (1, 2, {"gamma": 0.5, "size": "big"})


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "options", "error", "message"),
    [
        ("abc", {}, TypeError, "x must be an array of real numbers, got str"),
        ([1j], {}, TypeError, "real numbers, got list of dtype complex128"),
        ([None], {}, TypeError, "real numbers, got list of dtype object"),
        ([1.0], {"ndim": 2}, ValueError, r"x must have 2 axes, got shape \(1,\)"),
        ([], {}, ValueError, r"x must not be empty, got shape \(0,\)"),
        (np.zeros((0, 3)), {}, ValueError, r"x must not be empty, got shape \(0, 3\)"),
        ([1.0, np.nan], {}, ValueError, "x must hold only finite numbers, got nan"),
        ([-np.inf, 1.0], {}, ValueError, "x must hold only finite numbers, got -inf"),
    ],
)
def test_array_refuses(value, options, error, message):
    with pytest.raises(error, match=message):
        checks.array("x", value, **options)


@pytest.mark.errors
def test_same_shape_refuses_a_shape_that_would_broadcast():
    with pytest.raises(ValueError, match=r"a must have the shape of b, \(3, 1\)"):
        checks.same_shape("a", np.ones(3), "b", (3, 1))


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1.0, TypeError, r"action must be integers in 0\.\.1, got 1\.0"),
        ([True], TypeError, r"action must be integers in 0\.\.1, got \[True\]"),
        ([0, 2], ValueError, r"action must be in 0\.\.1, got 2"),
        ([0, -1], ValueError, r"action must be in 0\.\.1, got -1"),
    ],
)
def test_indices_refuse(value, error, message):
    with pytest.raises(error, match=message):
        checks.indices("action", value, 2)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (["a"], TypeError, "p must be an array of real numbers"),
        ([1.5, -0.5], ValueError, "p must not be negative, got -0.5"),
        ([0.5, 0.4], ValueError, "p must sum to 1 along the last axis, got 0.9"),
        ([[1.0, 0.0], [1.0, 0.1]], ValueError, "p must sum to 1 .* got 1.1"),
        ([1.0, np.nan], ValueError, "p must hold only finite numbers, got nan"),
    ],
)
def test_probabilities_refuse(value, error, message):
    with pytest.raises(error, match=message):
        checks.probabilities("p", value)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("0.9", TypeError, r"gamma must be a number in \[0, 1\], got '0.9'"),
        (True, TypeError, r"gamma must be a number in \[0, 1\], got True"),
        (1j, TypeError, r"gamma must be a number in \[0, 1\], got 1j"),
        (-0.1, ValueError, r"gamma must be in \[0, 1\], got -0.1"),
        (1.1, ValueError, r"gamma must be in \[0, 1\], got 1.1"),
        (np.nan, ValueError, r"gamma must be in \[0, 1\], got nan"),
    ],
)
def test_discount_refuses(value, error, message):
    with pytest.raises(error, match=message):
        checks.discount("gamma", value)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("1", TypeError, "rate must be a number above 0, got '1'"),
        (True, TypeError, "rate must be a number above 0, got True"),
        (0.0, ValueError, "rate must be finite and above 0, got 0.0"),
        (-1, ValueError, "rate must be finite and above 0, got -1"),
        (np.inf, ValueError, "rate must be finite and above 0, got inf"),
        (np.nan, ValueError, "rate must be finite and above 0, got nan"),
    ],
)
def test_positive_refuses(value, error, message):
    with pytest.raises(error, match=message):
        checks.positive("rate", value)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (2.0, TypeError, "n must be a whole number, got 2.0"),
        (True, TypeError, "n must be a whole number, got True"),
        (1, ValueError, "n must be at least 2, got 1"),
    ],
)
def test_count_refuses(value, error, message):
    with pytest.raises(error, match=message):
        checks.count("n", value, minimum=2)


@pytest.mark.errors
def test_generator_refuses_a_seed():
    with pytest.raises(TypeError, match=r"default_rng\(seed\), got 42"):
        checks.generator(42)


@pytest.mark.errors
@pytest.mark.parametrize(("value", "given"), [((), 0), ([1], 1), ([1, 2, 3], 3)])
def test_one_each_refuses(value, given):
    with pytest.raises(ValueError, match=f"V must hold one .* state, 2, got {given}"):
        checks.one_each("V", value, ROBOT)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("policy", "sizes"),
    [
        ([], r"\[\]"),
        ([[0, 1]], r"\[2\]"),
        ([[0, 1]] * 3, r"\[2, 2, 2\]"),
        ([[1], [1]], r"\[1, 1\]"),
        ([[0, 1], [0, 0, 1]], r"\[2, 3\]"),
    ],
)
def test_rows_refuse(policy, sizes):
    message = rf"policy must have 2 rows of 2 probabilities, got rows of {sizes}"
    with pytest.raises(ValueError, match=message):
        checks.rows(policy, ROBOT)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("states", "actions", "message"),
    [
        ((0, 1), (0, 1), "got 2 states and 2 actions"),
        ((0, -1), (0,), r"states must be in 0\.\.1, got -1"),
        ((0, 7), (0,), r"states must be in 0\.\.1, got 7"),
        ((0, 1), (2,), r"actions must be in 0\.\.1, got 2"),
    ],
)
def test_path_refuses(states, actions, message):
    with pytest.raises(ValueError, match=message):
        checks.path(Trajectory(states, actions, ()), ROBOT)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("theta", "x", "action", "error", "message"),
    [
        (np.ones(4), np.ones(4), 0, ValueError, "theta must have 2 axes"),
        (ONES, np.ones(3), 0, ValueError, r"x must have 2 features, .* shape \(3,\)"),
        (ONES, 1.0, 0, ValueError, r"x must have 2 features, .* shape \(\)"),
        (ONES, [1.0, np.nan], 0, ValueError, "x must hold only finite numbers"),
        (ONES * np.inf, [1.0, 1.0], 0, ValueError, "theta must hold only finite"),
        (ONES, ["a", "b"], 0, TypeError, "x must be an array of real numbers"),
        (ONES, [1.0, 1.0], 0.0, TypeError, "action must be integers"),
        (ONES, [1.0, 1.0], 3, ValueError, r"action must be in 0\.\.2, got 3"),
        (ONES, np.ones((5, 2)), 0, ValueError, "action must have the shape of x"),
        (ONES, [1.0, 1.0], [0], ValueError, "action must have the shape of x"),
    ],
)
def test_linear_policy_refuses(theta, x, action, error, message):
    with pytest.raises(error, match=message):
        checks.linear_policy(theta, x, action)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("scores", "rewards", "mask", "baseline", "error", "message"),
    [
        (SCORES * np.nan, ONES, MASK, 0, ValueError, "scores must hold only finite"),
        (SCORES, ONES * np.nan, MASK, 0, ValueError, "rewards must hold only finite"),
        (SCORES, ONES, MASK, np.inf, ValueError, "baseline must hold only finite"),
        (SCORES, ONES, MASK * 1, 0, TypeError, "mask must hold booleans, got dtype"),
        (SCORES, ONES, MASK, "0", TypeError, "baseline must be an array of real"),
        (SCORES, ["r"], MASK, 0, TypeError, "rewards must be an array of real"),
        (["s"], ONES, MASK, 0, TypeError, "scores must be an array of real"),
        (SCORES, np.ones(3), MASK, 0, ValueError, "rewards must have 2 axes"),
        (SCORES, np.ones((0, 3)), MASK, 0, ValueError, "rewards must not be empty"),
        (SCORES, ONES, MASK[:, :2], 0, ValueError, "mask must have the shape of"),
        (SCORES, ONES, MASK[:1], 0, ValueError, "mask must have the shape of rewards"),
        (ONES, ONES, MASK, 0, ValueError, r"scores must have shape \(2, 3, '...'\)"),
        (SCORES[:1], ONES, MASK, 0, ValueError, r"one score per reward, got \(1, 3"),
        (SCORES, ONES, MASK, [1.0, 1, 1], ValueError, "baseline must have the shape"),
        (SCORES, ONES, ~MASK, 0, ValueError, "mask must be true from the first"),
    ],
)
def test_batch_refuses(scores, rewards, mask, baseline, error, message):
    with pytest.raises(error, match=message):
        checks.batch(scores, rewards, mask, baseline, 0.9)


CONTINUOUS = gym.spaces.Box(-1, 1, shape=(1,))
VECTORS = gym.spaces.Box(-1, 1, shape=(4,))
PICTURES = gym.spaces.Box(0, 1, shape=(4, 4))
DISCRETE = gym.spaces.Discrete(2)


def fake(actions=DISCRETE, states=VECTORS, num_envs=2, threshold=475.0):
    """Something with the few attributes of an environment that the checks look at."""
    return SimpleNamespace(
        single_action_space=actions,
        single_observation_space=states,
        num_envs=num_envs,
        spec=SimpleNamespace(reward_threshold=threshold),
    )


@pytest.mark.errors
@pytest.mark.parametrize(
    ("env", "message"),
    [
        (gym.make("CartPole-v1"), "env must be a vectorised Gymnasium environment"),
        (None, "env must be a vectorised Gymnasium environment, got None"),
        (fake(actions=CONTINUOUS), "actions must be discrete, got Box"),
        (fake(states=DISCRETE), r"states must be vectors, got Discrete\(2\)"),
        (fake(states=PICTURES), "states must be vectors, got Box"),
    ],
)
def test_linear_shape_refuses(env, message):
    for check in (checks.linear_shape, lambda e: checks.fits(e, np.ones((4, 2)))):
        with pytest.raises(TypeError, match=message):
            check(env)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("theta", "message"),
    [
        (
            np.ones((2, 4)),
            r"shape of \(features, actions\), \(4, 2\), or .* got \(2, 4\)",
        ),
        (np.ones((3, 2, 4)), r"or of \(runs, features, actions\), got \(3, 2, 4\)"),
        (np.ones(4), r"theta must have the shape of .* got \(4,\)"),
        (np.ones((0, 4, 2)), r"theta must not be empty, got shape \(0, 4, 2\)"),
        (np.ones((3, 4, 2)), "must be a multiple of theta's 3 runs, got 2"),
        (np.ones((4, 4, 2)), "must be a multiple of theta's 4 runs, got 2"),
        (np.full((4, 2), np.nan), "theta must hold only finite numbers"),
    ],
)
def test_fits_refuses_parameters(theta, message):
    with pytest.raises(ValueError, match=message):
        checks.fits(fake(), theta)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(3), r"G must have at least 2 axes, got shape \(3,\)"),
        (np.ones((1, 3)), "G needs at least 2 episodes, got 1: with one there is no"),
        (np.ones((5, 1, 3)), "G needs at least 2 episodes, got 1"),
        (np.ones((2, 0)), "G must not be empty"),
        (np.full((2, 1), np.inf), "G must hold only finite numbers, got inf"),
    ],
)
def test_episodes_refuse(value, message):
    with pytest.raises(ValueError, match=message):
        checks.episodes("G", value)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"learning_rate": 0}, ValueError, "learning_rate must be finite and above"),
        ({"learning_rate": "1"}, TypeError, "learning_rate must be a number above"),
        ({"theta": ["a"]}, TypeError, "theta must be an array of real numbers"),
        ({"theta": np.full((4, 2), np.nan)}, ValueError, "theta must hold only finite"),
        ({"theta": np.ones(4)}, ValueError, r"shape \(4, 'k'\), .* got \(4,\)"),
        (
            {"theta": np.ones((3, 2))},
            ValueError,
            r"shape \(4, 'k'\), after the batch's",
        ),
        ({"theta": np.ones((3, 4, 2))}, ValueError, r"'k'\), .* got \(3, 4, 2\)"),
        ({"batch": recorded(3)}, ValueError, r"shape \(3, 4, 'k'\), .* got \(4, 2\)"),
        (
            {"batch": recorded(actions=2)},
            ValueError,
            r"actions must be in 0\.\.1, got 2",
        ),
    ],
)
def test_step_refuses(changed, error, message):
    good = dict(theta=np.ones((4, 2)), batch=recorded(), learning_rate=0.1)
    with pytest.raises(error, match=message):
        checks.fits_batch(**(good | changed))


@pytest.mark.errors
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"env": gym.make("CartPole-v1")}, TypeError, "env must be a vectorised"),
        ({"env": fake(actions=CONTINUOUS)}, TypeError, "actions must be discrete"),
        ({"max_steps": 0}, ValueError, "max_steps must be at least 1, got 0"),
        ({"env": fake(num_envs=1)}, ValueError, "number of environments must be at"),
        ({"env": fake(threshold=None)}, ValueError, "must name a reward_threshold"),
    ],
)
def test_training_refuses(changed, error, message):
    good = dict(env=fake(), rng=np.random.default_rng(0), max_steps=1)
    good |= dict(gamma=0.5, learning_rate=1.0)
    with pytest.raises(error, match=message):
        checks.training(**(good | changed))


def never(num_envs):
    pytest.fail("an environment was made before the numbers were checked")


@pytest.mark.errors
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"runs": 0, "make_env": never}, ValueError, "runs must be at least 1, got 0"),
        ({"runs": -3}, ValueError, "runs must be at least 1, got -3"),
        ({"runs": 2.0}, TypeError, "runs must be a whole number, got 2.0"),
        (
            {"batch_size": 1, "make_env": never},
            ValueError,
            "batch_size must be at least 2, got 1",
        ),
        ({"make_env": fake()}, TypeError, "make_env must be a function that makes"),
        ({"make_env": "CartPole-v1"}, TypeError, "make_cartpole, got 'CartPole-v1'"),
        ({"make_env": lambda n: None}, TypeError, "env must be a vectorised"),
        (
            {"make_env": lambda n: fake(num_envs=n, threshold=None)},
            ValueError,
            "must name a reward_threshold",
        ),
        ({"max_steps": 0}, ValueError, "max_steps must be at least 1, got 0"),
        ({"start": np.ones((4, 2))}, ValueError, r"\(3, 4, 2\), got \(4, 2\)"),
        ({"start": np.ones((2, 4, 2))}, ValueError, r"\(3, 4, 2\), got \(2, 4, 2\)"),
        ({"start": np.full((3, 4, 2), np.inf)}, ValueError, "start must hold only fin"),
        ({"start": "zero"}, TypeError, "start must be an array of real numbers"),
    ],
)
def test_many_refuses(changed, error, message):
    good = dict(make_env=lambda n: fake(num_envs=n), rng=np.random.default_rng(0))
    good |= dict(runs=3, batch_size=2, start=None, max_steps=1, step=print, options={})
    with pytest.raises(error, match=message):
        checks.many(**(good | changed))
