"""The estimator of (4.6): its exact expectation, a loop beside it, its baselines."""

from dataclasses import dataclass
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgutils.gradients import leave_one_out, policy_gradient
from pgutils.returns import discounted_returns, discounted_sum
from pgutils.trajectories import all_trajectories, probability, sample
from pgutils.verify import verify
from pgutils.world import (
    RAGGED_ROBOT,
    ROBOT,
    WORK,
    World,
    robot_policy,
    robot_score,
)

GAMMA = 0.9
WORLDS = pytest.mark.parametrize(
    "world", [ROBOT, RAGGED_ROBOT], ids=["robot", "ragged robot"]
)
THETAS = pytest.mark.parametrize("theta", [(0.0, 0.0), (2.2, -2.2), (-0.7, 1.3)])


def objective(world: World, theta):
    """J(θ) by backward recursion on values: no trajectory, no score, no estimator."""
    initial, transition, reward, ends = world.arrays()
    policy = np.array(robot_policy(theta))
    values = np.zeros(2)
    for _ in range(world.horizon):
        following = GAMMA * np.where(ends, 0, values)
        action_values = (transition * (reward + following)).sum(axis=2)
        values = (policy * action_values).sum(axis=1)
    return initial @ values


def exact_gradient(world: World, theta):
    """∇J by a complex step through the backward recursion, good to 1e-15."""
    nudges = 1e-30j * np.eye(2)
    return np.array([objective(world, theta + nudge).imag for nudge in nudges]) / 1e-30


@dataclass
class Enumeration:
    """Every trajectory of a world as one padded row, with its probability."""

    probs: np.ndarray
    scores: np.ndarray
    rewards: np.ndarray
    mask: np.ndarray
    actions: np.ndarray

    def expectation(self, baseline=0.0):
        """The exact mean of the estimate from one trajectory (N = 1)."""
        baseline = np.broadcast_to(baseline, self.rewards.shape)
        total = np.zeros(2)
        for i, p in enumerate(self.probs):
            one = slice(i, i + 1)
            total += p * policy_gradient(
                self.scores[one],
                self.rewards[one],
                self.mask[one],
                gamma=GAMMA,
                baseline=baseline[one],
            )
        return total


def enumerate_world(world: World, theta) -> Enumeration:
    policy = robot_policy(theta)
    trajectories = list(all_trajectories(world))
    shape = (len(trajectories), world.horizon)
    table = Enumeration(
        probs=np.array([float(probability(world, policy, t)) for t in trajectories]),
        scores=np.zeros((*shape, 2)),
        rewards=np.zeros(shape),
        mask=np.zeros(shape, dtype=bool),
        actions=np.zeros(shape, dtype=int),
    )
    for i, (states, actions, rewards) in enumerate(trajectories):
        for t, a in enumerate(actions):
            table.scores[i, t] = robot_score(policy, states[t], a)
            table.rewards[i, t] = rewards[t]
            table.mask[i, t] = True
            table.actions[i, t] = a
    return table


class TestTheTruth:
    """The references themselves, on numbers that are known exactly."""

    def test_at_no_preference_the_gradient_is_known_in_fractions(self):
        fair = [[F(1, 2), F(1, 2)], [F(1, 2), F(1, 2)]]
        gradient = [F(0), F(0)]
        for t in all_trajectories(ROBOT):
            p = probability(ROBOT, fair, t)
            worth = discounted_sum(t.rewards, ROBOT.gamma)
            for state, action in zip(t.states, t.actions, strict=False):
                for s, slope in enumerate(robot_score(fair, state, action)):
                    gradient[s] += p * slope * worth
        assert gradient == [F(72219, 80000), F(-149359, 1280000)]

    def test_the_complex_step_finds_the_same(self):
        known = [72219 / 80000, -149359 / 1280000]
        np.testing.assert_allclose(exact_gradient(ROBOT, (0.0, 0.0)), known, rtol=1e-14)

    @WORLDS
    @THETAS
    def test_finite_differences_of_the_sum_over_trajectories_agree(self, world, theta):
        def summed(theta):
            policy = robot_policy(theta)
            return sum(
                probability(world, policy, t) * float(discounted_sum(t.rewards, GAMMA))
                for t in all_trajectories(world)
            )

        assert summed(theta) == pytest.approx(objective(world, theta), abs=1e-14)
        h = 1e-5 * np.eye(2)
        central = [(summed(theta + e) - summed(theta - e)) / 2e-5 for e in h]
        np.testing.assert_allclose(
            exact_gradient(world, theta), central, rtol=0, atol=1e-9
        )


class TestExpectation:
    @WORLDS
    @THETAS
    def test_it_is_the_gradient(self, world, theta):
        np.testing.assert_allclose(
            enumerate_world(world, theta).expectation(),
            exact_gradient(world, theta),
            rtol=0,
            atol=1e-14,
        )

    @WORLDS
    @THETAS
    def test_a_baseline_that_sees_only_the_clock_keeps_it(self, world, theta):
        np.testing.assert_allclose(
            enumerate_world(world, theta).expectation(np.array([3.0, -1.0, 0.5])),
            exact_gradient(world, theta),
            rtol=0,
            atol=1e-14,
        )

    @WORLDS
    def test_a_baseline_that_sees_the_action_does_not(self, world):
        # E[γ^t ψ_t b(a_t)] with b = 1 for work is γ^t π'(work) Pr(s_t = s): not 0.
        theta = (0.0, 0.0)
        table = enumerate_world(world, theta)
        seen = table.expectation(1.0 * (table.actions == WORK))
        off = np.abs(seen - exact_gradient(world, theta))
        assert off.min() > 0.1

    @WORLDS
    def test_leave_one_out_keeps_it_over_all_pairs_of_trajectories(self, world):
        theta = (0.4, -0.3)
        table = enumerate_world(world, theta)
        n, T = table.rewards.shape
        i, j = (k.ravel() for k in np.indices((n, n)))
        returns = discounted_returns(table.rewards, GAMMA)
        # Two rows of episodes, all pairs one after the other along the steps.
        both = np.stack([returns[i].ravel(), returns[j].ravel()])
        baseline = leave_one_out(both).reshape(2 * n * n, T)
        # The estimate is linear in the scores: weigh them by 2n²·P(pair)/2, so that
        # the mean over all 2n² rows is Σ_pairs P(pair) · (mean over its two rows).
        rows = np.concatenate([i, j])
        weights = n * n * np.tile(table.probs[i] * table.probs[j], 2)
        expectation = policy_gradient(
            weights[:, None, None] * table.scores[rows],
            table.rewards[rows],
            table.mask[rows],
            gamma=GAMMA,
            baseline=baseline,
        )
        np.testing.assert_allclose(
            expectation, exact_gradient(world, theta), rtol=0, atol=1e-12
        )

    @WORLDS
    def test_sampled_estimates_scatter_around_it(self, world):
        theta, n = (0.4, -0.3), 4000
        policy = np.array(robot_policy(theta))
        batch = sample(world, policy, n, np.random.default_rng(11))
        scores = np.zeros((*batch.actions.shape, 2))
        for i in np.ndindex(batch.actions.shape):
            scores[i] = robot_score(policy, batch.states[i], batch.actions[i])
        each = np.stack(
            [
                policy_gradient(s[None], r[None], m[None], gamma=GAMMA)
                for s, r, m in zip(scores, batch.rewards, batch.mask, strict=True)
            ]
        )
        verify("4.6", each, exact_gradient(world, theta), level=1e-6)
        whole = policy_gradient(scores, batch.rewards, batch.mask, gamma=GAMMA)
        np.testing.assert_allclose(each.mean(axis=0), whole, rtol=0, atol=1e-13)


def ragged_batch(seed, n, T, parameters=(2, 3)):
    """Random scores, rewards and a mask of episodes of different lengths."""
    rng = np.random.default_rng(seed)
    mask = np.arange(T) < rng.integers(1, T + 1, size=(n, 1))
    rewards = rng.normal(size=(n, T)) * mask
    return rng.normal(size=(n, T, *parameters)), rewards, mask, rng.normal(size=(n, T))


class TestPolicyGradient:
    def test_by_hand(self):
        # γ = 1/2, episode 1: rewards 4, 2 → G = (5, 2); episode 2: reward 6 → G = 6.
        # ĝ = 1/2 [1·10·5 + 1/2·100·2 + 1·1000·6] = 1/2 [50 + 100 + 6000] = 3075
        scores = np.array([[[10.0], [100.0]], [[1000.0], [7.0]]])
        rewards = np.array([[4.0, 2.0], [6.0, 0.0]])
        mask = np.array([[True, True], [True, False]])
        estimate = policy_gradient(scores, rewards, mask, gamma=0.5)
        assert estimate.tolist() == [3075]

    def test_a_baseline_by_hand(self):
        # as above, with b = (1, 4) and 2: 1/2 [10·4 + 1/2·100·(−2) + 1000·4] = 1970
        scores = np.array([[[10.0], [100.0]], [[1000.0], [7.0]]])
        rewards = np.array([[4.0, 2.0], [6.0, 0.0]])
        mask = np.array([[True, True], [True, False]])
        baseline = np.array([[1.0, 4.0], [2.0, 99.0]])
        estimate = policy_gradient(scores, rewards, mask, gamma=0.5, baseline=baseline)
        assert estimate.tolist() == [1970]

    @settings(deadline=None, derandomize=True)
    @given(
        seed=st.integers(0, 2**32 - 1),
        n=st.integers(1, 5),
        T=st.integers(1, 6),
        gamma=st.floats(0, 1),
    )
    def test_three_loops_find_the_same(self, seed, n, T, gamma):
        scores, rewards, mask, baseline = ragged_batch(seed, n, T)
        total = np.zeros((2, 3))
        for i in range(n):
            for t in range(int(mask[i].sum())):
                following = 0.0
                for k in range(t, int(mask[i].sum())):
                    following += gamma ** (k - t) * rewards[i, k]
                total += gamma**t * scores[i, t] * (following - baseline[i, t])
        np.testing.assert_allclose(
            policy_gradient(scores, rewards, mask, gamma=gamma, baseline=baseline),
            total / n,
            rtol=0,
            atol=1e-12,
        )

    def test_one_number_is_a_baseline_for_every_step(self):
        scores, rewards, mask, _ = ragged_batch(3, n=4, T=5)
        one = policy_gradient(scores, rewards, mask, gamma=GAMMA, baseline=2.5)
        full = np.full(rewards.shape, 2.5)
        many = policy_gradient(scores, rewards, mask, gamma=GAMMA, baseline=full)
        assert (one == many).all()

    @pytest.mark.parametrize("parameters", [(1,), (2,), (4, 2), (2, 3, 4)])
    def test_the_result_is_shaped_like_the_parameters(self, parameters):
        scores, rewards, mask, _ = ragged_batch(4, 3, 5, parameters)
        estimate = policy_gradient(scores, rewards, mask, gamma=GAMMA)
        assert estimate.shape == parameters

    def test_what_stands_after_the_end_does_not_matter(self):
        scores, rewards, mask, baseline = ragged_batch(5, n=6, T=5)
        assert not mask.all()
        args = (rewards, mask)
        clean = policy_gradient(scores, *args, gamma=GAMMA, baseline=baseline)
        scores[~mask], baseline[~mask] = 1e6, -1e6
        dirty = policy_gradient(scores, *args, gamma=GAMMA, baseline=baseline)
        assert (clean == dirty).all()

    def test_nothing_is_changed(self):
        given_arrays = ragged_batch(6, n=3, T=4)
        for part in given_arrays:
            part.flags.writeable = False
        scores, rewards, mask, baseline = given_arrays
        policy_gradient(scores, rewards, mask, gamma=GAMMA, baseline=baseline)
        for part, fresh in zip(given_arrays, ragged_batch(6, n=3, T=4), strict=True):
            assert (part == fresh).all()

    @pytest.mark.errors
    def test_integer_rewards_are_fine(self):
        scores, mask = np.ones((1, 2, 1)), np.ones((1, 2), dtype=bool)
        # γ = 1/2: 1·(1 + 1/2) + 1/2·1 = 2
        assert policy_gradient(scores, np.array([[1, 1]]), mask, gamma=0.5) == 2

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"scores": [["a"]]}, TypeError, "scores must be an array of real numbers"),
            ({"rewards": [["a"]]}, TypeError, "rewards must be an array of real"),
            (
                {"mask": np.ones((2, 3))},
                TypeError,
                "mask must hold booleans, got",
            ),
            ({"baseline": "b"}, TypeError, "baseline must be an array of real numbers"),
            pytest.param({"gamma": "1"}, TypeError, "gamma must be a number in"),
            pytest.param({"gamma": 1e200}, ValueError, r"gamma must be in"),
            ({"scores": np.ones((2, 2, 1))}, ValueError, "scores must have shape"),
            ({"rewards": np.ones((2, 1))}, ValueError, "mask must have the shape of"),
            (
                {"mask": np.ones((1, 3), bool)},
                ValueError,
                "mask must have the shape of",
            ),
            ({"baseline": np.ones((2, 1))}, ValueError, "baseline must have the shape"),
            ({"scores": np.ones((0, 3, 1))}, ValueError, "scores must not be empty"),
            ({"rewards": np.ones((0, 3))}, ValueError, "rewards must not be empty"),
            ({"rewards": np.full((2, 3), np.inf)}, ValueError, "rewards .* finite"),
            ({"scores": np.full((2, 3, 1), np.nan)}, ValueError, "scores .* finite"),
            (
                {"baseline": np.nan},
                ValueError,
                "baseline must hold only finite",
            ),
            ({"gamma": 1.5}, ValueError, r"gamma must be in \[0, 1\], got 1.5"),
            ({"gamma": -0.5}, ValueError, r"gamma must be in \[0, 1\], got -0.5"),
            ({"mask": np.zeros((2, 3), bool)}, ValueError, "mask must be true from"),
            (
                {"mask": np.array([[True, False, True]] * 2)},
                ValueError,
                "mask must be true from",
            ),
            (
                {"mask": np.array([[True, True, False]] * 2)},
                ValueError,
                "rewards must be 0 after",
            ),
        ],
    )
    def test_bad_input_is_refused(self, changed, error, message):
        good = dict(scores=np.ones((2, 3, 1)), rewards=np.ones((2, 3)))
        good |= dict(mask=np.ones((2, 3), dtype=bool), gamma=GAMMA, baseline=0.0)
        with pytest.raises(error, match=message):
            policy_gradient(**(good | changed))


class TestLeaveOneOut:
    def test_by_hand(self):
        # each step: the mean of the other two; the second episode ended after 1 step
        returns = np.array([[6.0, 3.0], [2.0, 0.0], [4.0, 1.0]])
        assert leave_one_out(returns).tolist() == [[3, 0.5], [5, 2], [4, 1.5]]

    @pytest.mark.parametrize("n", [2, 3, 16])
    def test_a_loop_over_the_others_finds_the_same(self, n):
        returns = np.random.default_rng(n).normal(size=(n, 7))
        for i, row in enumerate(leave_one_out(returns)):
            others = np.delete(returns, i, axis=0)
            np.testing.assert_allclose(row, others.mean(axis=0), rtol=0, atol=1e-14)

    @pytest.mark.parametrize("shape", [(3, 2, 5), (1, 4, 1), (4, 10, 1), (2, 3, 16, 7)])
    def test_many_runs_are_each_by_itself_to_the_last_bit(self, shape):
        returns = np.random.default_rng(20).normal(size=shape)
        found = leave_one_out(returns)
        assert found.shape == shape
        for run in np.ndindex(shape[:-2]):
            assert (found[run] == leave_one_out(returns[run])).all()

    def test_its_own_return_does_not_enter(self):
        returns = np.random.default_rng(0).integers(9, size=(4, 3)).astype(float)
        before = leave_one_out(returns)[2]
        returns[2] += 1000
        assert (leave_one_out(returns)[2] == before).all()

    def test_the_returns_are_not_changed(self):
        returns = np.array([[1.0], [2.0]])
        returns.flags.writeable = False
        assert leave_one_out(returns).tolist() == [[2], [1]]

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("returns", "error", "message"),
        [
            ([["a"], ["b"]], TypeError, "returns must be an array of real numbers"),
            (
                [[1.0, 2.0]],
                ValueError,
                "returns needs at least 2 episodes, got 1: with",
            ),
            (np.ones((5, 1, 3)), ValueError, "at least 2 episodes, got 1"),
            ([1.0, 2.0], ValueError, "returns must have at least 2 axes"),
            (np.ones((2, 0)), ValueError, "returns must not be empty"),
            ([[1.0], [np.nan]], ValueError, "returns must hold only finite numbers"),
        ],
    )
    def test_bad_input_is_refused(self, returns, error, message):
        with pytest.raises(error, match=message):
            leave_one_out(returns)
