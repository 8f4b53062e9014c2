"""Roll-outs: whole episodes, the autoreset step kept out, and nothing else."""

from itertools import islice

import gymnasium as gym
import numpy as np
import pytest

from pgutils.rollout import UNITS, make_cartpole, race, run_episodes
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


class Recorder(gym.vector.VectorEnv):
    """Environments of one feature, 1, that end after one step and keep the actions.

    Environment i pays i.
    """

    single_observation_space = gym.spaces.Box(0, 1, (1,))
    single_action_space = gym.spaces.Discrete(3)

    def __init__(self, num_envs):
        self.num_envs, self.actions = num_envs, []

    def reset(self, *, seed=None, options=None):
        return np.ones((self.num_envs, 1)), {}

    def step(self, actions):
        self.actions.append(actions.tolist())
        ended = np.ones(self.num_envs, dtype=bool)
        reward = np.arange(self.num_envs, dtype=float)
        return np.ones((self.num_envs, 1)), reward, ended, ~ended, {}


def draws(logits, n, seed=1):
    """The winners of n races between these logits, shape (n,)."""
    logits = np.array(logits)
    noises = islice(race(np.random.default_rng(seed), logits.shape), n)
    return np.array([(logits - noise).argmax() for noise in noises])


class TestRace:
    @pytest.mark.parametrize(
        "logits",
        [
            [0.0, 0.0],
            [1.0, -1.0],
            [0.3, -0.2, 1.5],
            [-2.0, 0.0, 0.0, 1.0, -1.0],
            [1e6, 1e6 + 1],
            [-1e6 + 0.5, -1e6, -1e6 - 1],
        ],
    )
    def test_winners_are_draws_from_the_softmax(self, logits):
        counts = np.bincount(draws(logits, 20_000), minlength=len(logits))
        verify("9.4", counts, softmax(np.array(logits)), level=1e-6)

    def test_the_hopeless_never_win_and_the_others_share(self):
        # The second is 2 million below the first, the third is 2 below.
        logits = [1e6, -1e6, 1e6 - 2]
        counts = np.bincount(draws(logits, 20_000), minlength=3)
        assert counts[1] == 0
        verify("9.4", counts[[0, 2]], softmax(np.array([0.0, -2.0])), level=1e-6)

    def test_one_race_and_another_are_independent(self):
        # Pairs of winners, of one step and the next, and of one row and the next.
        logits = np.array([0.5, -0.5])
        p = softmax(logits)
        both = np.outer(p, p).ravel()
        in_time = draws(logits, 20_000).reshape(-1, 2)
        noises = islice(race(np.random.default_rng(2), (2, 2)), 20_000)
        in_space = np.array([(logits - noise).argmax(axis=1) for noise in noises])
        for pairs in (in_time, in_space):
            counts = np.bincount(pairs @ [2, 1], minlength=4)
            verify("9.4", counts, both, level=1e-6)

    def test_noise_is_the_logarithm_of_exponential_numbers_in_order(self):
        found = list(islice(race(np.random.default_rng(3), (4, 2)), 20))
        rng = np.random.default_rng(3)
        expected = [np.log(rng.standard_exponential((4, 2))) for _ in range(20)]
        assert (np.array(found) == np.array(expected)).all()

    @pytest.mark.parametrize("shape", [(2,), (16, 2), (3, 5, 4)])
    def test_each_step_has_noise_of_its_own_and_there_is_no_last(self, shape):
        noises = list(islice(race(np.random.default_rng(4), shape), 600))
        assert len(noises) == 600
        assert {noise.shape for noise in noises} == {shape}
        assert len(np.unique(noises)) == 600 * np.prod(shape)

    def test_8_steps_are_drawn_at_a_time(self):
        # What is drawn afterwards, the next batch's starts, depends on it.
        rng, same = np.random.default_rng(5), np.random.default_rng(5)
        noises = race(rng, (3, 2))
        for blocks in (1, 2):
            same.standard_exponential((8, 3, 2))
            list(islice(noises, 8))
            assert rng.bit_generator.state == same.bit_generator.state, blocks

    def test_nothing_is_drawn_before_the_first_step(self):
        rng = np.random.default_rng(0)
        race(rng, (3, 2))
        assert rng.random() == np.random.default_rng(0).random()


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


def by_hand(thetas, num_envs, seed, greedy):
    """Step carts one action after another; cart i obeys thetas[i].

    Returns lists by cart: of states, and of actions, of one episode each.
    """
    rng = np.random.default_rng(seed)
    env, runs = make_cartpole(num_envs), len(thetas)
    x, _ = env.reset(seed=int(rng.integers(2**31)))
    noises = race(rng, (num_envs, 2))
    states, actions = [[row] for row in x], [[] for _ in x]
    ended = np.zeros(num_envs, dtype=bool)
    while not ended.all():
        noise = np.zeros((num_envs, 2)) if greedy else next(noises)
        chosen = np.zeros(num_envs, dtype=int)
        for i in range(num_envs):
            theta = thetas[i // (num_envs // runs)]
            left, right = (
                sum(float(x[i, j]) * theta[j, a] for j in range(4)) - noise[i, a]
                for a in range(2)
            )
            chosen[i] = int(right > left)
        x, _, terminated, truncated, _ = env.step(chosen)
        for i in np.flatnonzero(~ended):
            states[i].append(x[i])
            actions[i].append(chosen[i])
        ended |= terminated | truncated
    return states, actions


class TestManyRuns:
    LOPSIDED = np.outer([1.0, -1.0, 3.0, 0.5], [0.0, 1.0])
    FOUR = np.stack([FAIR, CLUMSY, -CLUMSY, LOPSIDED])

    def test_each_part_has_one_axis_more(self):
        batch = run(self.FOUR, num_envs=20)
        R, N, T = batch.mask.shape
        assert (R, N) == (4, 5)
        assert batch.states.shape == (R, N, T + 1, 4)
        assert batch.actions.shape == batch.rewards.shape == (R, N, T)
        assert batch.mask.dtype == bool
        assert batch.actions.dtype.kind == "i"
        assert (batch.rewards == batch.mask).all()
        assert batch.mask.sum(axis=2).max() == T

    def test_carts_of_one_run_stand_side_by_side_and_obey_its_parameters(self):
        # Run r prefers action r by far; environment i pays i.
        env = Recorder(6)
        thetas = 1e6 * np.eye(3)[:, None]
        for greedy in (True, False):
            batch = run_episodes(env, thetas, np.random.default_rng(0), greedy=greedy)
            assert env.actions.pop() == [0, 0, 1, 1, 2, 2]
            assert batch.actions.tolist() == [[[0], [0]], [[1], [1]], [[2], [2]]]
            assert batch.rewards.tolist() == [[[0], [1]], [[2], [3]], [[4], [5]]]

    @pytest.mark.parametrize("greedy", [True, False])
    def test_each_cart_lives_as_stepped_by_hand(self, greedy):
        thetas, n = self.FOUR, 3
        batch = run(thetas, seed=12, num_envs=4 * n, greedy=greedy)
        states, actions = by_hand(thetas, 4 * n, seed=12, greedy=greedy)
        assert batch.mask.sum(axis=2).ravel().tolist() == [len(a) for a in actions]
        for i, (x, a) in enumerate(zip(states, actions, strict=True)):
            here = i // n, i % n
            assert (batch.states[here][: len(x)] == x).all()
            assert (batch.actions[here][: len(a)] == a).all()
        # And the runs differ, so that a mix-up would have been seen.
        assert len(np.unique(batch.actions[:, :, :8].reshape(4, -1), axis=0)) == 4

    def test_one_run_is_what_it_is_without_its_axis(self):
        single, many = run(CLUMSY), run(CLUMSY[None])
        for name, part in vars(single).items():
            assert part.dtype == vars(many)[name].dtype
            assert (part == vars(many)[name][0]).all()
            assert part.shape == vars(many)[name].shape[1:]

    def test_a_run_does_not_see_the_parameters_of_another(self):
        one, other = (
            run(np.stack([CLUMSY, theta]), num_envs=8) for theta in (FAIR, -CLUMSY)
        )
        lived = [batch.mask.sum(axis=2) for batch in (one, other)]
        assert (lived[0][0] == lived[1][0]).all()
        assert (lived[0][1] != lived[1][1]).any()
        for i, n in enumerate(lived[0][0]):
            for part in ("states", "actions"):
                mine, same = (getattr(batch, part)[0, i, :n] for batch in (one, other))
                assert (mine == same).all()

    def test_runs_start_and_act_at_random_each_for_itself(self):
        batch = run(np.stack([FAIR, FAIR]), num_envs=16)
        assert (batch.states[0, :, 0] != batch.states[1, :, 0]).all()
        assert (batch.actions[0] != batch.actions[1]).any(axis=0).any()
        assert (batch.actions[0] != batch.actions[1]).mean() > 0.25

    def test_actions_follow_the_policy_of_their_run(self):
        # Σ (a_t − p_t) has mean 0 in every episode, whatever the policy.
        thetas = np.stack([CLUMSY, self.LOPSIDED])
        batch = run(thetas, seed=6, num_envs=4000)
        for r, theta in enumerate(thetas):
            own = batch.of(r)
            p_right = softmax(own.states[:, :-1] @ theta)[:, :, 1]
            surprise = ((own.actions - p_right) * own.mask).sum(axis=1)
            verify("6.9", surprise, 0.0, level=1e-6)


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

    def test_greedy_sees_the_smallest_difference(self):
        batch, tiny = run(1e-20 * CLUMSY, greedy=True), run(CLUMSY, greedy=True)
        assert (batch.actions == tiny.actions).all()

    def test_greedy_draws_nothing_but_the_starts(self):
        rng, same = np.random.default_rng(9), np.random.default_rng(9)
        run_episodes(make_cartpole(4), CLUMSY, rng, greedy=True)
        same.integers(2**31)
        assert rng.bit_generator.state == same.bit_generator.state

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
            (np.zeros(8), ValueError, r"theta must have the shape of .* got \(8,\)"),
            (np.zeros((2, 2, 4)), ValueError, r"theta must have .* got \(2, 2, 4\)"),
            (
                np.zeros((3, 4, 2)),
                ValueError,
                "environments must be a multiple of theta's 3 runs, got 2",
            ),
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
        with pytest.raises(ValueError, match="theta must have the shape of"):
            run_episodes(make_cartpole(2), np.zeros(8), rng)
        assert rng.random() == np.random.default_rng(0).random()
