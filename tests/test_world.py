"""The robot's world, its policy and its score."""

import dataclasses
from fractions import Fraction as F

import numpy as np
import pytest
import sympy

from pgutils.trajectories import sample
from pgutils.world import (
    HIGH,
    LOW,
    RAGGED_ROBOT,
    RECHARGE,
    ROBOT,
    WORK,
    World,
    robot_policy,
    robot_score,
    robot_scores,
)

COIN = World(
    initial=(F(1), F(0)),
    transition=(((F(1, 2), F(1, 2)),), ((F(1, 2), F(1, 2)),)),
    reward=(((0, 1),), ((0, 1),)),
    ends=(((False, False),), ((False, False),)),
    horizon=2,
    gamma=F(1),
)


class TestRobot:
    def test_probabilities_sum_to_exactly_1(self):
        assert sum(ROBOT.initial) == 1
        for s in (HIGH, LOW):
            for a in (RECHARGE, WORK):
                assert sum(ROBOT.transition[s][a]) == 1

    def test_working_pays_2_and_a_rescue_costs_3(self):
        # E[r | high, work] = 2;  E[r | low, work] = 1/2·(−3) + 1/2·2 = −1/2
        def mean(s, a):
            pairs = zip(ROBOT.transition[s][a], ROBOT.reward[s][a], strict=True)
            return sum(p * r for p, r in pairs)

        assert mean(HIGH, WORK) == 2
        assert mean(LOW, WORK) == F(-1, 2)
        assert mean(HIGH, RECHARGE) == mean(LOW, RECHARGE) == 0

    def test_only_a_rescue_ends_an_episode_of_the_ragged_robot(self):
        changed = dataclasses.replace(RAGGED_ROBOT, ends=ROBOT.ends)
        assert changed == ROBOT
        assert np.argwhere(RAGGED_ROBOT.ends).tolist() == [[LOW, WORK, HIGH]]
        assert not np.any(ROBOT.ends)

    def test_arrays_hold_the_same_numbers(self):
        initial, transition, reward, ends = ROBOT.arrays()
        assert initial.tolist() == [0.75, 0.25]
        assert transition[LOW, RECHARGE].tolist() == [0.8, 0.2]
        assert reward[LOW, WORK].tolist() == [-3, 2]
        assert initial.dtype == transition.dtype == reward.dtype == float
        assert ends.dtype == bool

    def test_ends_may_be_written_0_and_1(self):
        # ~1 is −2, which counts as true: sampling needs booleans.
        ends = (((0, 0), (0, 0)), ((0, 0), (1, 0)))
        written = dataclasses.replace(ROBOT, ends=ends).arrays()[3]
        assert written.dtype == bool
        assert (written == RAGGED_ROBOT.arrays()[3]).all()

    def test_a_world_cannot_be_changed(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            ROBOT.horizon = 4


class TestPolicy:
    def test_no_preference_is_a_fair_coin(self):
        assert robot_policy((0.0, 0.0)) == [[0.5, 0.5], [0.5, 0.5]]

    @pytest.mark.parametrize("theta", [(-3.0, 2.0), (0.5, -0.25), (20.0, -20.0)])
    def test_theta_is_the_log_odds_of_working(self, theta):
        policy = np.array(robot_policy(theta))
        odds = policy[:, WORK] / policy[:, RECHARGE]
        np.testing.assert_allclose(np.log(odds), theta, rtol=1e-7)
        np.testing.assert_allclose(policy.sum(axis=1), 1, rtol=0, atol=1e-15)

    def test_fractions_stay_fractions(self):
        # With 2 in the place of e: 1/(1 + 2^−1) = 2/3 and 1/(1 + 2^2) = 1/5.
        policy = robot_policy((F(1), F(-2)), exp=lambda t: F(2) ** t)
        assert policy == [[F(1, 3), F(2, 3)], [F(4, 5), F(1, 5)]]

    def test_symbols_stay_symbols(self):
        h, low = sympy.symbols("h low", real=True)
        policy = robot_policy((h, low), exp=sympy.exp)
        assert sympy.simplify(policy[LOW][WORK] - 1 / (1 + sympy.exp(-low))) == 0
        assert sympy.simplify(sum(policy[HIGH]) - 1) == 0

    def test_arrays_are_taken_and_not_changed(self):
        theta = np.array([1.0, -1.0])
        theta.flags.writeable = False
        policy = robot_policy(theta)
        assert policy[HIGH][WORK] == pytest.approx(policy[LOW][RECHARGE], abs=1e-15)

    @pytest.mark.errors
    @pytest.mark.parametrize("theta", [(1.0,), (1.0, 2.0, 3.0), np.zeros((3, 2))])
    def test_another_number_of_parameters_is_refused(self, theta):
        with pytest.raises(ValueError, match="theta must hold two numbers, one per"):
            robot_policy(theta)


class TestScore:
    def test_by_hand(self):
        # π(work|low) = 1/5: working scores 1 − 1/5, recharging 0 − 1/5.
        policy = [[F(1, 3), F(2, 3)], [F(4, 5), F(1, 5)]]
        assert robot_score(policy, LOW, WORK) == [0, F(4, 5)]
        assert robot_score(policy, LOW, RECHARGE) == [0, F(-1, 5)]
        assert robot_score(policy, HIGH, RECHARGE) == [F(-2, 3), 0]

    @pytest.mark.parametrize("state", [HIGH, LOW])
    def test_its_mean_is_exactly_zero(self, state):
        policy = [[F(1, 3), F(2, 3)], [F(4, 5), F(1, 5)]]
        for s in (HIGH, LOW):
            terms = (
                policy[state][a] * robot_score(policy, state, a)[s] for a in (0, 1)
            )
            assert sum(terms) == 0

    @pytest.mark.parametrize("state", [HIGH, LOW])
    @pytest.mark.parametrize("action", [RECHARGE, WORK])
    def test_it_is_the_derivative_that_sympy_finds(self, state, action):
        theta = sympy.symbols("theta_high theta_low", real=True)
        policy = robot_policy(theta, exp=sympy.exp)
        for t, mine in zip(theta, robot_score(policy, state, action), strict=True):
            derivative = sympy.diff(sympy.log(policy[state][action]), t)
            assert sympy.simplify(derivative - mine) == 0

    def test_numpy_integers_are_indices(self):
        policy = robot_policy((0.0, 0.0))
        assert robot_score(policy, np.int64(HIGH), np.int64(WORK)) == [0.5, 0.0]

    @pytest.mark.errors
    @pytest.mark.parametrize(("state", "action", "bad"), [(2, 0, 2), (0, -1, -1)])
    def test_an_index_out_of_range_is_refused(self, state, action, bad):
        with pytest.raises(ValueError, match=rf"must be in 0\.\.1, got {bad}"):
            robot_score(robot_policy((0.0, 0.0)), state, action)


@pytest.mark.errors
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"initial": (F(1, 2), F(1, 3))}, "initial must sum to 1 .* got 0.8333"),
        ({"initial": (F(3, 2), F(-1, 2))}, "initial must not be negative, got -0.5"),
        ({"transition": (((1, 1),), ((1, 0),))}, "transition must sum to 1 .* got 2.0"),
        ({"reward": ((0, 1), (0, 1))}, "reward must have the shape of transition"),
        ({"ends": (((False,),),)}, "ends must have the shape of transition"),
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"gamma": F(11, 10)}, r"gamma must be in \[0, 1\], got 11/10"),
    ],
)
def test_an_impossible_world_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(COIN, **changed)


@pytest.mark.errors
@pytest.mark.parametrize("name", ["reward", "ends"])
def test_words_in_the_place_of_numbers_are_refused(name):
    with pytest.raises(TypeError, match=f"{name} must be an array of real numbers"):
        dataclasses.replace(COIN, **{name: ((("yes", "no"),),) * 2})


THIRDS = ((F(1, 3), F(1, 3), F(1, 3)),)


@pytest.mark.errors
@pytest.mark.parametrize(
    "changed",
    [
        {"initial": THIRDS[0]},
        {
            "transition": (THIRDS, THIRDS),
            "reward": (((0, 0, 0),),) * 2,
            "ends": (((False,) * 3,),) * 2,
        },
    ],
    ids=["three starts for two states", "two states that lead to three"],
)
def test_another_number_of_states_is_refused(changed):
    with pytest.raises(ValueError, match="must have the shape"):
        dataclasses.replace(COIN, **changed)


def test_scores_of_a_batch_are_those_of_its_steps():
    policy = [[F(1, 3), F(2, 3)], [F(3, 4), F(1, 4)]]
    batch = sample(RAGGED_ROBOT, policy, 50, np.random.default_rng(4))
    scores = robot_scores(batch, policy)
    assert scores.dtype == float
    for i, t in np.ndindex(batch.actions.shape):
        step = robot_score(policy, batch.states[i, t], batch.actions[i, t])
        assert np.allclose(scores[i, t], np.array(step, dtype=float), atol=1e-15)


@pytest.mark.errors
def test_scores_of_a_batch_need_a_policy_of_the_robot():
    batch = sample(ROBOT, np.full((2, 2), 0.5), 3, np.random.default_rng(4))
    with pytest.raises(ValueError, match="policy must have the shape of"):
        robot_scores(batch, np.full((3, 2), 0.5))
