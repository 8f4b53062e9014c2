"""Returns: one number for a trajectory, and one for each of its steps."""

from fractions import Fraction as F

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pgutils.returns import discounted_returns, discounted_sum

slow_is_fine = settings(deadline=None, derandomize=True)
gammas = st.floats(0, 1)
rewards = arrays(float, array_shapes(max_dims=3, max_side=6), elements=st.floats(-9, 9))


class TestDiscountedSum:
    def test_by_hand(self):
        # 1 + 2/2 + 3/4 = 11/4
        assert discounted_sum([1, 2, 3], F(1, 2)) == F(11, 4)

    def test_no_steps_no_return(self):
        assert discounted_sum([], F(1, 2)) == 0

    @pytest.mark.parametrize("T", [1, 2, 7])
    def test_a_constant_reward_gives_a_geometric_sum(self, T):
        gamma = F(9, 10)
        assert discounted_sum([1] * T, gamma) == (1 - gamma**T) / (1 - gamma)
        assert discounted_sum([1] * T, 1) == T

    def test_symbols_stay_symbols(self):
        gamma, r = sympy.Symbol("gamma"), sympy.symbols("r1:4")
        expected = r[0] + gamma * r[1] + gamma**2 * r[2]
        assert sympy.expand(discounted_sum(r, gamma) - expected) == 0

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("gamma", "error"), [(-0.1, ValueError), (1.1, ValueError), ("1", TypeError)]
    )
    def test_a_discount_outside_0_to_1_is_refused(self, gamma, error):
        with pytest.raises(error, match=r"gamma must be .*\[0, 1\], got"):
            discounted_sum([1, 2], gamma)


class TestDiscountedReturns:
    def test_by_hand(self):
        # G_2 = 3,  G_1 = 2 + 3/2 = 3.5,  G_0 = 1 + 3.5/2 = 2.75
        assert discounted_returns(np.array([1.0, 2.0, 3.0]), 0.5).tolist() == [
            2.75,
            3.5,
            3.0,
        ]

    @slow_is_fine
    @given(rewards, gammas)
    def test_each_is_the_discounted_sum_of_what_follows(self, rewards, gamma):
        returns = discounted_returns(rewards, gamma)
        for i in np.ndindex(rewards.shape[:-1]):
            for t in range(rewards.shape[-1]):
                loop = sum(
                    gamma ** (k - t) * rewards[(*i, k)]
                    for k in range(t, rewards.shape[-1])
                )
                assert returns[(*i, t)] == pytest.approx(loop, rel=1e-12, abs=1e-12)

    @slow_is_fine
    @given(rewards, gammas)
    def test_the_first_is_the_return_of_the_trajectory(self, rewards, gamma):
        for row in rewards.reshape(-1, rewards.shape[-1]):
            first = discounted_returns(row, gamma)[0]
            assert first == pytest.approx(
                discounted_sum(row.tolist(), gamma), rel=1e-12, abs=1e-12
            )

    @slow_is_fine
    @given(rewards, gammas)
    def test_zeros_after_the_end_change_nothing(self, rewards, gamma):
        T = rewards.shape[-1]
        padded = np.concatenate([rewards, np.zeros_like(rewards)], axis=-1)
        returns = discounted_returns(padded, gamma)
        assert (returns[..., :T] == discounted_returns(rewards, gamma)).all()
        assert not returns[..., T:].any()

    def test_no_discount_sums_up_and_full_discount_forgets(self):
        rewards = np.array([[1.0, 2.0, 4.0]])
        assert discounted_returns(rewards, 1.0).tolist() == [[7, 6, 4]]
        assert discounted_returns(rewards, 0.0).tolist() == [[1, 2, 4]]

    def test_the_rewards_are_not_changed(self):
        rewards = np.array([1.0, 2.0])
        rewards.flags.writeable = False
        assert discounted_returns(rewards, 1.0).tolist() == [3, 2]

    @pytest.mark.errors
    def test_integer_rewards_do_not_truncate(self):
        assert discounted_returns(np.array([1, 1]), 0.5).tolist() == [1.5, 1]

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("rewards", "gamma", "error", "message"),
        [
            (["a"], 0.9, TypeError, "rewards must be an array of real numbers"),
            (np.zeros((3, 0)), 0.9, ValueError, "rewards must not be empty"),
            ([1.0, np.nan], 0.9, ValueError, "rewards must hold only finite numbers"),
            ([1.0], -0.1, ValueError, r"gamma must be in \[0, 1\], got -0.1"),
            ([1.0], 1.1, ValueError, r"gamma must be in \[0, 1\], got 1.1"),
            ([1.0], "1", TypeError, r"gamma must be a number in \[0, 1\], got '1'"),
        ],
    )
    def test_bad_input_is_refused(self, rewards, gamma, error, message):
        with pytest.raises(error, match=message):
            discounted_returns(rewards, gamma)
