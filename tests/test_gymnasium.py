"""What we rely on in Gymnasium's CartPole-v1: if one of these changes, so must we."""

import math
from itertools import combinations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from pgutils.rollout import UNITS, make_cartpole

ONE_LEFT, ONE_RIGHT = np.array([0]), np.array([1])
FALLING = np.array([0.0, 0.0, 0.2, 3.0])  # 0.2 rad + 0.02 s · 3 rad/s > 12° = 0.2094


def bare(num_envs, **options):
    """Gymnasium's vectorised CartPole as it is, without our wrapper."""
    return gym.make_vec(
        "CartPole-v1", num_envs, vectorization_mode="vector_entry_point", **options
    )


MAKERS = {
    "CartPole": lambda: bare(2),
    "CartPole in our units": lambda: make_cartpole(2),
    "Acrobot": lambda: gym.make_vec("Acrobot-v1", 2),
}
MAKERS = [pytest.param(make, id=name) for name, make in MAKERS.items()]


def place(env, state):
    """Put the first cart of an environment into a state."""
    env.unwrapped.state[:, 0] = state


class TestSpec:
    def test_the_threshold_is_475_of_500_steps(self):
        for env in (gym.make("CartPole-v1"), bare(2), make_cartpole(2)):
            assert env.spec.reward_threshold == 475
            assert env.spec.max_episode_steps == 500

    def test_the_limits_are_12_degrees_and_2_4_metres(self):
        for env in (gym.make("CartPole-v1").unwrapped, bare(2).unwrapped):
            assert env.theta_threshold_radians == pytest.approx(math.radians(12))
            assert env.x_threshold == 2.4

    def test_a_step_is_a_50th_of_a_second(self):
        for env in (gym.make("CartPole-v1").unwrapped, bare(2).unwrapped):
            assert env.tau == 0.02

    def test_four_features_and_two_actions(self):
        env = bare(3)
        assert env.single_action_space == gym.spaces.Discrete(2)
        assert env.single_observation_space.shape == (4,)

    def test_starts_lie_within_a_20th_and_differ(self):
        observation, _ = bare(500).reset(seed=1)
        assert np.abs(observation).max() <= 0.05
        assert np.abs(observation).max() > 0.049
        assert len(np.unique(observation, axis=0)) == len(observation)


class TestKinds:
    def test_observations_and_rewards_are_float32_and_flags_are_booleans(self):
        env = bare(2)
        first, _ = env.reset(seed=1)
        observation, reward, terminated, truncated, info = env.step(np.array([0, 1]))
        assert first.dtype == observation.dtype == reward.dtype == np.float32
        assert terminated.dtype == truncated.dtype == bool
        assert observation.shape == (2, 4)
        assert info == {}

    @pytest.mark.parametrize("make", MAKERS)
    def test_what_comes_back_is_fresh_each_step(self, make):
        # A roll-out keeps the arrays as they are, and stacks them in the end.
        env = make()
        parts = [env.reset(seed=1)[0]]
        kept = [parts[0].copy()]
        for _ in range(30):
            new = env.step(np.zeros(env.num_envs, dtype=int))[:4]
            parts += new
            kept += [part.copy() for part in new]
        assert not any(np.shares_memory(a, b) for a, b in combinations(parts, 2))
        for part, copy in zip(parts, kept, strict=True):
            assert (part == copy).all()

    def test_our_wrapper_keeps_them_float32(self):
        env = make_cartpole(2)
        assert env.reset(seed=1)[0].dtype == np.float32
        assert env.step(np.array([0, 1]))[0].dtype == np.float32

    def test_actions_must_be_an_array_of_0_and_1(self):
        env = bare(1)
        env.reset(seed=1)
        with pytest.raises(TypeError, match="unsupported operand"):
            env.step([0])
        with pytest.raises(AssertionError, match="invalid"):
            env.step(np.array([2]))


class TestEndOfAnEpisode:
    def test_autoreset_is_announced_as_happening_on_the_next_step(self):
        assert bare(2).metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
        assert make_cartpole(2).metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP

    def test_the_last_observation_is_the_true_final_one(self):
        env = bare(2)
        env.reset(seed=1)
        place(env, FALLING)
        observation, _, terminated, truncated, info = env.step(np.array([0, 0]))
        # angle 0.2 + 0.02 s · 3 rad/s = 0.26 rad, beyond 12°, and not a new start
        assert observation[0, 2] == pytest.approx(0.26)
        assert terminated.tolist() == [True, False]
        assert truncated.tolist() == [False, False]
        assert info == {}

    def test_the_failing_step_still_pays_1(self):
        env = bare(1)
        env.reset(seed=1)
        place(env, FALLING)
        _, reward, terminated, _, _ = env.step(ONE_LEFT)
        assert terminated.tolist() == [True]
        assert reward.tolist() == [1.0]

    def test_the_next_step_resets_pays_0_and_ends_nothing(self):
        env = bare(2)
        env.reset(seed=1)
        place(env, FALLING)
        env.step(np.array([0, 0]))
        observation, reward, terminated, truncated, _ = env.step(np.array([0, 0]))
        assert np.abs(observation[0]).max() <= 0.05
        assert reward.tolist() == [0.0, 1.0]
        assert not terminated.any()
        assert not truncated.any()

    def test_the_next_step_ignores_the_action(self):
        starts = []
        for action in (ONE_LEFT, ONE_RIGHT):
            env = bare(1)
            env.reset(seed=1)
            place(env, FALLING)
            env.step(ONE_LEFT)
            starts.append(env.step(action)[0])
        assert (starts[0] == starts[1]).all()

    def test_the_step_after_that_counts_again(self):
        env = bare(1)
        env.reset(seed=1)
        place(env, FALLING)
        rewards = [env.step(ONE_LEFT)[1].item() for _ in range(3)]
        assert rewards == [1.0, 0.0, 1.0]

    def test_reset_in_the_middle_starts_every_cart_afresh(self):
        # A cart that has just ended does not spend the first step on its autoreset.
        env = bare(2)
        env.reset(seed=1)
        place(env, FALLING)
        env.step(np.array([0, 0]))
        observation, _ = env.reset(seed=2)
        assert np.abs(observation).max() <= 0.05
        assert env.step(np.array([0, 0]))[1].tolist() == [1.0, 1.0]

    @pytest.mark.parametrize(
        ("feature", "inside", "outside"),
        [(0, 2.399, 2.401), (2, math.radians(11.99), math.radians(12.01))],
        ids=["position", "angle"],
    )
    @pytest.mark.parametrize("side", [1, -1])
    def test_only_beyond_a_limit_it_terminates(self, feature, inside, outside, side):
        # Position and angle move by dt · their rate, which is 0 here.
        env = bare(2)
        env.reset(seed=1)
        env.unwrapped.state[:] = 0
        env.unwrapped.state[feature] = [side * inside, side * outside]
        terminated = env.step(np.array([0, 1]))[2]
        assert terminated.tolist() == [False, True]


def hold_upright(env, steps):
    """Step with the cart put back to the middle each time; return what comes back."""
    for _ in range(steps):
        env.unwrapped.state[:] = 0
        result = env.step(np.zeros(env.num_envs, dtype=int))
    return result


class TestTruncation:
    def test_it_comes_at_exactly_500_steps(self):
        env = bare(2)
        env.reset(seed=1)
        _, reward, terminated, truncated, _ = hold_upright(env, 499)
        assert not truncated.any()
        _, reward, terminated, truncated, _ = hold_upright(env, 1)
        assert truncated.all()
        assert not terminated.any()
        assert (reward == 1).all()

    def test_a_single_cart_is_truncated_at_500_too(self):
        env = gym.make("CartPole-v1")
        env.reset(seed=1)
        flags = []
        for _ in range(500):
            env.unwrapped.state = np.zeros(4)
            flags.append(env.step(0)[2:4])
        assert flags == [(False, False)] * 499 + [(False, True)]

    def test_a_fall_at_step_500_is_both(self):
        env = bare(1)
        env.reset(seed=1)
        hold_upright(env, 499)
        place(env, FALLING)
        _, _, terminated, truncated, _ = env.step(ONE_LEFT)
        assert (terminated & truncated).all()

    def test_each_cart_counts_its_own_steps(self):
        # The first cart falls at step 1 and is reset at step 2: 498 steps by 500.
        env = bare(2)
        env.reset(seed=1)
        place(env, FALLING)
        env.step(np.array([0, 0]))
        _, _, _, truncated, _ = hold_upright(env, 499)
        assert truncated.tolist() == [False, True]
        _, _, _, truncated, _ = hold_upright(env, 1)
        assert truncated.tolist() == [False, False]
        _, _, _, truncated, _ = hold_upright(env, 1)
        assert truncated.tolist() == [True, False]

    def test_a_shorter_limit_can_be_asked_for(self):
        env = bare(1, max_episode_steps=7)
        env.reset(seed=1)
        assert not hold_upright(env, 6)[3].any()
        assert hold_upright(env, 1)[3].all()


class TestSeeding:
    def test_one_seed_one_run(self):
        def run(seed):
            env, actions = bare(8), np.random.default_rng(5)
            parts = [env.reset(seed=seed)[0]]
            parts += [env.step(actions.integers(2, size=8))[0] for _ in range(100)]
            return np.stack(parts)

        assert (run(3) == run(3)).all()
        assert (run(3) != run(4)).any()

    def test_a_list_of_seeds_is_refused(self):
        with pytest.raises(gym.error.Error, match="Seed must be a python integer"):
            bare(2).reset(seed=[0, 1])


class TestDynamics:
    def test_the_vectorised_and_the_single_cart_move_alike(self):
        rng = np.random.default_rng(6)
        many, one = bare(4), gym.make("CartPole-v1").unwrapped
        many.reset(seed=7)
        one.reset(seed=7)
        for _ in range(200):
            state = rng.uniform(-1, 1, size=(4, 4)) * [[2.4], [3.0], [0.2], [3.0]]
            actions = rng.integers(2, size=4)
            many.reset(seed=7)
            many.unwrapped.state = state.copy()
            many.step(actions)
            for i in range(4):
                one.state, one.steps_beyond_terminated = state[:, i], None
                one.step(int(actions[i]))
                np.testing.assert_allclose(
                    many.unwrapped.state[:, i], one.state, rtol=0, atol=1e-12
                )

    def test_one_step_by_hand(self):
        # At rest and upright, pushed right by 10 N. Total mass 1.1 kg, pole 0.1 kg and
        # half length 0.5 m:  temp = 10/1.1,  angle'' = −temp / (0.5 (4/3 − 0.1/1.1)),
        # position'' = temp − 0.05 angle'' / 1.1.  After dt = 0.02 s of Euler's method
        # only the rates have changed.
        env = bare(1)
        env.reset(seed=1)
        place(env, np.zeros(4))
        env.step(ONE_RIGHT)
        temp = 10 / 1.1
        angle_acc = -temp / (0.5 * (4 / 3 - 0.1 / 1.1))
        expected = [0, 0.02 * (temp - 0.05 * angle_acc / 1.1), 0, 0.02 * angle_acc]
        np.testing.assert_allclose(env.unwrapped.state[:, 0], expected, rtol=1e-14)

    def test_our_wrapper_changes_the_units_and_nothing_else(self):
        plain, ours = bare(8), make_cartpole(8)
        actions = np.random.default_rng(9)
        np.testing.assert_allclose(
            ours.reset(seed=3)[0] * UNITS, plain.reset(seed=3)[0], rtol=3e-7
        )
        for _ in range(100):
            action = actions.integers(2, size=8)
            mine, theirs = ours.step(action), plain.step(action)
            np.testing.assert_allclose(mine[0] * UNITS, theirs[0], rtol=3e-7)
            for part, other in zip(mine[1:4], theirs[1:4], strict=True):
                assert (part == other).all()
            assert (ours.unwrapped.state == plain.unwrapped.state).all()

    def test_our_units_are_the_limits(self):
        env = bare(1).unwrapped
        assert UNITS[0] == pytest.approx(env.x_threshold)
        assert UNITS[2] == pytest.approx(env.theta_threshold_radians, abs=1e-4)
