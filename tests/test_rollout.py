"""Roll-outs: whole episodes, the autoreset step kept out, and nothing else."""

import gymnasium as gym
import numpy as np
import pytest

from pgutils.rollout import UNITS, make_cartpole, run_episodes
from pgutils.softmax import softmax
from pgutils.verify import verify

FAIR = np.zeros((4, 2))
CLUMSY = np.outer([0.25, 0.25, 0.5, 0.5], [-1.0, 1.0])
"""Pushes after the falling pole, but with much doubt: lasts some 10 to 200 steps."""

CAREFUL = 2 * CLUMSY
"""The same with less doubt: about half of its episodes reach 500 steps."""

THETAS = pytest.mark.parametrize("theta", [FAIR, CLUMSY], ids=["fair", "clumsy"])


def run(theta, seed=1, num_envs=16, **options):
    env = make_cartpole(num_envs)
    return run_episodes(env, theta, np.random.default_rng(seed), **options)


def lengths(batch):
    return batch.mask.sum(axis=1)


class Scripted(gym.vector.VectorEnv):
    """Two environments whose every step is written down; their state is the time.

    A step beyond the last one is an IndexError: who never stops is found out.
    """

    num_envs = 2
    single_observation_space = gym.spaces.Box(0, 9, (1,))
    single_action_space = gym.spaces.Discrete(2)

    def __init__(self, *steps):
        self.steps = steps

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros((2, 1)), {}

    def step(self, actions):
        reward, terminated, truncated = map(np.array, self.steps[self.time])
        self.time += 1
        return np.full((2, 1), float(self.time)), reward, terminated, truncated, {}


class TestByHand:
    def test_one_ends_by_itself_and_one_by_the_clock(self):
        # The first episode terminates after 2 steps, the second is truncated after 3.
        # The 9 of the third step belongs to the first environment's next episode.
        env = Scripted(
            ([1.0, 2.0], [False, False], [False, False]),
            ([3.0, 4.0], [True, False], [False, False]),
            ([9.0, 6.0], [False, False], [False, True]),
        )
        batch = run_episodes(env, np.zeros((1, 2)), np.random.default_rng(0))
        assert batch.states[:, :, 0].tolist() == [[0, 1, 2, 3]] * 2
        assert batch.rewards.tolist() == [[1, 3, 0], [2, 4, 6]]
        assert batch.mask.tolist() == [[True, True, False], [True, True, True]]


class TestBatch:
    def test_shapes_and_kinds(self):
        batch = run(FAIR)
        N, T = batch.mask.shape
        assert N == 16
        assert batch.states.shape == (N, T + 1, 4)
        assert batch.actions.shape == batch.rewards.shape == (N, T)
        assert batch.mask.dtype == bool
        assert batch.actions.dtype.kind == "i"
        assert set(np.unique(batch.actions)) == {0, 1}

    @THETAS
    def test_the_mask_is_one_stretch_from_the_first_step(self, theta):
        mask = run(theta).mask
        assert mask[:, 0].all()
        assert not (mask[:, 1:] & ~mask[:, :-1]).any()

    def test_it_is_as_long_as_its_longest_episode(self):
        batch = run(FAIR)
        assert lengths(batch).max() == batch.mask.shape[1]
        assert lengths(batch).min() < batch.mask.shape[1]

    @THETAS
    def test_every_step_of_an_episode_pays_1_and_none_after(self, theta):
        batch = run(theta)
        assert (batch.rewards == batch.mask).all()

    @THETAS
    def test_an_episode_ends_where_the_state_first_leaves_the_limits(self, theta):
        # Units of 2.4 m and (a little more than) 12°, so the limits are 1.
        batch = run(theta)
        limits = np.array([2.4, 12 * 2 * np.pi / 360]) / UNITS[[0, 2]]
        outside = (np.abs(batch.states[:, :, [0, 2]]) > limits).any(axis=2)
        for i, n in enumerate(lengths(batch)):
            assert not outside[i, :n].any()
            assert outside[i, n] or n == 500

    def test_the_states_after_an_end_are_another_episodes(self):
        # What the mask keeps out is real: the cart starts afresh and goes on.
        batch = run(FAIR)
        i = lengths(batch).argmin()
        n = lengths(batch)[i]
        start = np.abs(batch.states[i, n + 1] * UNITS).max()
        assert start <= 0.05 * (1 + 1e-6)

    def test_a_time_limit_ends_an_episode(self):
        env = gym.make_vec(
            "CartPole-v1",
            32,
            vectorization_mode="vector_entry_point",
            max_episode_steps=15,
        )
        batch = run_episodes(env, FAIR, np.random.default_rng(0))
        assert lengths(batch).max() == batch.mask.shape[1] == 15
        assert lengths(batch).min() < 15

    def test_the_time_limit_is_500_steps(self):
        batch = run(CAREFUL, num_envs=32)
        assert lengths(batch).max() == batch.mask.shape[1] == 500
        assert lengths(batch).min() < 500

    def test_one_cart_is_enough(self):
        batch = run(FAIR, num_envs=1)
        assert batch.mask.all()
        assert batch.mask.shape[0] == 1


class TestSimulation:
    @THETAS
    def test_each_episode_is_one_that_a_single_cart_would_live(self, theta):
        seed, N = 4, 6
        batch = run(theta, seed=seed, num_envs=N)
        # Not for much longer episodes: nothing catches an open-loop pole, so the last
        # bit in which the two simulations differ grows by about e^4 a second.
        # The starts, in full precision, from the seed that the roll-out drew first.
        start = gym.make_vec("CartPole-v1", N, vectorization_mode="vector_entry_point")
        start.reset(seed=int(np.random.default_rng(seed).integers(2**31)))
        single = gym.make("CartPole-v1")
        for i in range(N):
            single.reset()
            single.unwrapped.state = start.unwrapped.state[:, i].copy()
            states, T, ended = [single.unwrapped.state], 0, False
            while not ended:
                _, reward, terminated, truncated, _ = single.step(
                    int(batch.actions[i, T])
                )
                assert reward == batch.rewards[i, T]
                states.append(single.unwrapped.state)
                T, ended = T + 1, terminated or truncated
            assert T == lengths(batch)[i]
            np.testing.assert_allclose(
                batch.states[i, : T + 1] * UNITS, np.stack(states), rtol=1e-6, atol=1e-7
            )

    def test_actions_follow_the_policy(self):
        # Σ (a_t − p_t) has mean 0 in every episode, whatever the policy.
        env, rng = make_cartpole(2000), np.random.default_rng(5)
        for theta in (FAIR, np.outer([1.0, -1.0, 3.0, 0.5], [0.0, 1.0])):
            batch = run_episodes(env, theta, rng)
            p_right = softmax(batch.states[:, :-1] @ theta)[:, :, 1]
            surprise = ((batch.actions - p_right) * batch.mask).sum(axis=1)
            verify("6.9", surprise, 0.0, level=1e-6)

    def test_no_preference_is_a_fair_coin(self):
        right = run(FAIR, num_envs=4000).actions[:, 0].sum()
        verify("6.3", np.array([4000 - right, right]), [0.5, 0.5], level=1e-6)

    def test_greedy_takes_the_likelier_action(self):
        batch = run(CLUMSY, greedy=True)
        likelier = (batch.states[:, :-1] @ CLUMSY).argmax(axis=2)
        assert (batch.actions == likelier)[batch.mask].all()

    def test_sampling_sometimes_takes_the_other(self):
        batch = run(CLUMSY)
        likelier = (batch.states[:, :-1] @ CLUMSY).argmax(axis=2)
        assert not (batch.actions == likelier)[batch.mask].all()


class TestSeeding:
    def test_one_seed_one_batch(self):
        first, second, other = run(CLUMSY, 7), run(CLUMSY, 7), run(CLUMSY, 8)
        assert (first.states == second.states).all()
        assert (first.actions == second.actions).all()
        assert (first.states[:, 0] != other.states[:, 0]).all()

    def test_what_the_environment_did_before_does_not_matter(self):
        env = make_cartpole(16)
        run_episodes(env, CAREFUL, np.random.default_rng(0))
        again = run_episodes(env, CLUMSY, np.random.default_rng(7))
        assert (again.states == run(CLUMSY, 7).states).all()

    def test_the_next_batch_starts_elsewhere(self):
        env, rng = make_cartpole(4), np.random.default_rng(0)
        first, second = (run_episodes(env, FAIR, rng) for _ in range(2))
        assert (first.states[:, 0] != second.states[:, 0]).all()

    def test_the_parameters_are_not_changed(self):
        theta = CLUMSY.copy()
        theta.flags.writeable = False
        run(theta)
        assert (theta == CLUMSY).all()


class TestMakeCartpole:
    def test_it_is_cartpole_v1_with_so_many_carts(self):
        env = make_cartpole(3)
        assert env.spec.id == "CartPole-v1"
        assert env.num_envs == 3
        assert isinstance(env, gym.vector.VectorEnv)

    def test_states_are_seen_in_the_units_of_notebook_09(self):
        bare = gym.make_vec("CartPole-v1", 3, vectorization_mode="vector_entry_point")
        raw, _ = bare.reset(seed=5)
        seen, _ = make_cartpole(3).reset(seed=5)
        np.testing.assert_allclose(seen, raw / [2.4, 2, 0.2095, 1], rtol=1e-6)
        assert seen.dtype == raw.dtype

    @pytest.mark.errors
    def test_numpy_integers_count(self):
        assert make_cartpole(np.int64(2)).num_envs == 2

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("num_envs", "error", "message"),
        [
            (0, ValueError, "num_envs must be at least 1, got 0"),
            (-1, ValueError, "num_envs must be at least 1, got -1"),
            (2.0, TypeError, "num_envs must be a whole number, got 2.0"),
        ],
    )
    def test_bad_numbers_are_refused(self, num_envs, error, message):
        with pytest.raises(error, match=message):
            make_cartpole(num_envs)


@pytest.mark.errors
class TestErrors:
    @pytest.mark.parametrize(
        ("theta", "error", "message"),
        [
            (np.zeros((2, 4)), ValueError, r"theta must have the shape of .* \(4, 2\)"),
            (np.zeros(8), ValueError, "theta must have 2 axes"),
            (
                np.full((4, 2), np.nan),
                ValueError,
                "theta must hold only finite numbers",
            ),
            ([["a", "b"]] * 4, TypeError, "theta must be an array of real numbers"),
        ],
    )
    def test_parameters_that_do_not_fit_are_refused(self, theta, error, message):
        with pytest.raises(error, match=message):
            run_episodes(make_cartpole(2), theta, np.random.default_rng(0))

    def test_a_seed_in_place_of_a_generator_is_refused(self):
        with pytest.raises(TypeError, match="rng must be a generator"):
            run_episodes(make_cartpole(2), FAIR, 0)

    def test_continuous_actions_are_refused(self):
        env = gym.make_vec("Pendulum-v1", 2, vectorization_mode="sync")
        with pytest.raises(TypeError, match="actions must be discrete, got Box"):
            run_episodes(env, FAIR, np.random.default_rng(0))

    def test_an_environment_of_its_own_is_refused(self):
        with pytest.raises(TypeError, match="env must be a vectorised Gymnasium env"):
            run_episodes(gym.make("CartPole-v1"), FAIR, np.random.default_rng(0))

    def test_nothing_is_drawn_before_the_input_is_checked(self):
        rng = np.random.default_rng(0)
        with pytest.raises(ValueError, match="theta must have 2 axes"):
            run_episodes(make_cartpole(2), np.zeros(8), rng)
        assert rng.random() == np.random.default_rng(0).random()
