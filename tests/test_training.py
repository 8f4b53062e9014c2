"""Training: the step, the stopping rule, the history, and agents that are solved."""

from itertools import count

import gymnasium as gym
import numpy as np
import pytest

import pgutils.training
from pgutils.rollout import make_cartpole, run_episodes
from pgutils.softmax import softmax
from pgutils.training import Training, evaluate, gradient_step, is_solved, train
from pgutils.trajectories import Batch

N = 16


@pytest.fixture(autouse=True)
def no_progress_bar(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def start(seed=0, num_envs=N, **options):
    """Train a new agent on so many carts."""
    return train(make_cartpole(num_envs), np.random.default_rng(seed), **options)


class TestLearning:
    @pytest.mark.parametrize("seed", [3000, 3001, 3002])
    def test_cartpole_is_solved_within_200000_steps(self, seed):
        run = start(seed)
        assert run.solved
        assert run.steps.sum() <= 200_000
        assert run.returns.ravel()[-100:].mean() >= 475
        # It stopped at the first batch that solved it, and not earlier or later.
        assert not is_solved(run.returns[:-1], 475.0)
        # Fresh episodes, and not the ones that ended the training, decide.
        rng = np.random.default_rng(seed + 10_000)
        fresh = evaluate(make_cartpole(100), run.theta, rng, greedy=True)
        assert fresh.mean() >= 475


class TestHistory:
    def test_every_step_of_every_cart_counts(self):
        # The carts step together until the last one ends; each pays 1 a step.
        run = start(max_steps=5000)
        assert (run.steps == N * run.returns.max(axis=1)).all()

    def test_there_is_one_row_a_batch_and_one_column_a_cart(self):
        run = start(max_steps=5000, num_envs=5)
        assert run.returns.shape == (len(run.steps), 5)
        assert len(run.steps) > 1
        assert run.theta.shape == (4, 2)

    def test_an_unsolved_run_stops_after_the_batch_that_reaches_max_steps(self):
        run = start(max_steps=5000)
        assert not run.solved
        assert run.steps.sum() >= 5000
        assert run.steps[:-1].sum() < 5000

    def test_one_step_allowed_is_one_batch(self):
        assert start(max_steps=1).returns.shape == (1, N)

    def test_a_batch_that_reaches_max_steps_exactly_is_the_last(self):
        steps = start(max_steps=1).steps[0]
        assert len(start(max_steps=int(steps)).steps) == 1
        assert len(start(max_steps=int(steps) + 1).steps) == 2

    def test_the_default_budget_is_200000_steps(self):
        # No pole falls within 5 steps: 400 carts take 2000 steps a batch.
        env = gym.make_vec(
            "CartPole-v1",
            400,
            vectorization_mode="vector_entry_point",
            max_episode_steps=5,
        )
        run = train(env, np.random.default_rng(0))
        assert run.steps.tolist() == [2000] * 100
        assert not run.solved

    def test_the_default_discount_is_99_hundredths_and_the_rate_a_tenth(self):
        told = start(3, max_steps=1, gamma=0.99, learning_rate=0.1)
        assert (start(3, max_steps=1).theta == told.theta).all()

    def test_one_seed_one_run(self):
        first, second, other = (start(s, max_steps=5000) for s in (1, 1, 2))
        assert (first.theta == second.theta).all()
        assert (first.returns == second.returns).all()
        assert (first.theta != other.theta).all()

    def test_what_was_done_before_with_the_environment_does_not_matter(self):
        env = make_cartpole(N)
        env.reset(seed=99)
        env.step(np.zeros(N, dtype=int))
        run = train(env, np.random.default_rng(1), max_steps=3000)
        assert (run.theta == start(1, max_steps=3000).theta).all()

    def test_it_is_the_loop_of_rollout_and_step(self):
        env, rng = make_cartpole(N), np.random.default_rng(4)
        theta, total = np.zeros((4, 2)), 0
        while total < 3000:
            batch = run_episodes(env, theta, rng)
            theta = gradient_step(theta, batch, gamma=0.9, learning_rate=0.2)
            total += batch.mask.size
        run = start(4, max_steps=3000, gamma=0.9, learning_rate=0.2)
        assert (run.theta == theta).all()
        assert run.steps.sum() == total


class TestProgress:
    def test_a_bar_counts_environment_steps(self, monkeypatch, capsys):
        monkeypatch.delenv("TQDM_DISABLE")
        run = start(max_steps=1)
        assert f"{run.steps.sum()} steps" in capsys.readouterr().err

    def test_it_can_be_silenced(self, capsys):
        start(max_steps=1)
        assert capsys.readouterr() == ("", "")


def uninterrupted(function, *args):
    """Call a function; a KeyboardInterrupt that it lets out fails this test alone."""
    try:
        return function(*args)
    except KeyboardInterrupt:
        pytest.fail("the interrupt was not caught")


class TestInterrupt:
    @pytest.mark.parametrize("interrupted", ["run_episodes", "gradient_step"])
    def test_the_whole_batches_before_it_are_kept(self, monkeypatch, interrupted):
        calls, original = count(1), getattr(pgutils.training, interrupted)

        def third_call_is_interrupted(*args, **options):
            if next(calls) == 3:
                raise KeyboardInterrupt
            return original(*args, **options)

        two = start(6, max_steps=1)
        with monkeypatch.context() as patch:
            patch.setattr(pgutils.training, interrupted, third_call_is_interrupted)
            run = uninterrupted(start, 6)
        assert isinstance(run, Training)
        assert run.returns.shape == (2, N)
        assert run.steps.shape == (2,)
        assert not run.solved
        assert (run.returns[:1] == two.returns).all()
        assert (run.theta != two.theta).any()

    def test_before_the_first_batch_nothing_was_learnt(self, monkeypatch):
        def interrupt(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(pgutils.training, "run_episodes", interrupt)
        run = uninterrupted(start)
        assert not run.theta.any()
        assert run.returns.shape == (0, N)
        assert run.steps.sum() == 0
        assert run.solved is False

    def test_another_error_is_not_swallowed(self, monkeypatch):
        def fail(*args, **options):
            raise RuntimeError("broken")

        monkeypatch.setattr(pgutils.training, "run_episodes", fail)
        with pytest.raises(RuntimeError, match="broken"):
            start()


def small_batch():
    """Three episodes of up to 4 steps with 2 features and 3 actions."""
    rng = np.random.default_rng(12)
    mask = np.arange(4) < np.array([[4], [1], [3]])
    return Batch(
        states=rng.normal(size=(3, 5, 2)),
        actions=rng.integers(3, size=(3, 4)),
        rewards=rng.normal(size=(3, 4)) * mask,
        mask=mask,
    )


class TestGradientStep:
    def test_four_loops_find_the_same(self):
        batch, gamma, rate = small_batch(), 0.8, 0.3
        theta = np.random.default_rng(13).normal(size=(2, 3))
        returns = np.zeros((3, 4))
        for i in range(3):
            for t in range(4):
                for k in range(t, 4):
                    returns[i, t] += gamma ** (k - t) * batch.rewards[i, k]
        estimate = np.zeros((2, 3))
        for i in range(3):
            for t in range(int(batch.mask[i].sum())):
                x, a = batch.states[i, t], batch.actions[i, t]
                psi = np.outer(x, np.eye(3)[a] - softmax(x @ theta))
                others = (returns[:, t].sum() - returns[i, t]) / 2
                estimate += gamma**t * psi * (returns[i, t] - others) / 3
        np.testing.assert_allclose(
            gradient_step(theta, batch, gamma, rate),
            theta + rate * estimate,
            rtol=0,
            atol=1e-13,
        )

    def test_it_goes_up(self):
        # Two one-step episodes from x = 1 at Θ = 0: action 1 pays 1, action 0 pays 0.
        # Baselines are the other's return: advantages 1 and −1; ψ = (−1/2, 1/2), and
        # (1/2, −1/2).  ĝ = 1/2 [(−1/2, 1/2) − (1/2, −1/2)] = (−1/2, 1/2).
        batch = Batch(
            states=np.ones((2, 2, 1)),
            actions=np.array([[1], [0]]),
            rewards=np.array([[1.0], [0.0]]),
            mask=np.ones((2, 1), dtype=bool),
        )
        stepped = gradient_step(np.zeros((1, 2)), batch, 0.9, 0.1)
        np.testing.assert_allclose(stepped, [[-0.05, 0.05]], rtol=1e-15)

    def test_equal_episodes_teach_nothing(self):
        batch = small_batch()
        same = Batch(*(np.repeat(part[:1], 3, axis=0) for part in vars(batch).values()))
        theta = np.ones((2, 3))
        stepped = gradient_step(theta, same, 0.9, 1.0)
        np.testing.assert_allclose(stepped, theta, rtol=1e-14)

    def test_nothing_is_changed(self):
        batch, theta = small_batch(), np.zeros((2, 3))
        for part in (*vars(batch).values(), theta):
            part.flags.writeable = False
        assert gradient_step(theta, batch, 0.9, 0.1).any()
        assert not theta.any()

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            (
                {"learning_rate": 0.0},
                ValueError,
                "learning_rate must be finite and ab",
            ),
            ({"learning_rate": "1"}, TypeError, "learning_rate must be a number above"),
            ({"gamma": 1.5}, ValueError, r"gamma must be in \[0, 1\], got 1.5"),
            ({"gamma": None}, TypeError, r"gamma must be a number in \[0, 1\]"),
            ({"theta": np.zeros((3, 3))}, ValueError, "x must have 3 features"),
            (
                {"theta": np.zeros((2, 2))},
                ValueError,
                r"action must be in 0\.\.1, got",
            ),
            ({"theta": [["a"] * 3] * 2}, TypeError, "theta must be an array of real"),
        ],
    )
    def test_bad_input_is_refused(self, changed, error, message):
        good = dict(theta=np.zeros((2, 3)), gamma=0.9, learning_rate=0.1)
        with pytest.raises(error, match=message):
            gradient_step(batch=small_batch(), **(good | changed))

    @pytest.mark.errors
    def test_a_single_episode_is_refused(self):
        single = Batch(*(part[:1] for part in vars(small_batch()).values()))
        with pytest.raises(ValueError, match="returns needs at least 2 rows, got 1"):
            gradient_step(np.zeros((2, 3)), single, 0.9, 0.1)


class TestIsSolved:
    def test_99_episodes_are_too_few(self):
        assert not is_solved(np.full((9, 11), 500.0), 475.0)
        assert is_solved(np.full((10, 10), 500.0), 475.0)

    def test_exactly_475_is_enough(self):
        # 50 · 450 + 50 · 500 = 100 · 475
        returns = np.repeat([450.0, 500.0], 50).reshape(10, 10)
        assert is_solved(returns, 475.0)
        returns[0, 0] -= 1
        assert not is_solved(returns, 475.0)

    def test_only_the_last_100_count_by_batch_and_slot(self):
        returns = np.full((7, 16), 500.0)
        returns.flat[:12] = 0
        assert is_solved(returns, 500.0)
        returns.flat[12] = 499
        assert not is_solved(returns, 500.0)

    def test_the_answer_is_a_plain_bool(self):
        assert is_solved(np.full((10, 10), 500.0), 475.0) is True
        assert is_solved(np.full((1, 10), 500.0), 475.0) is False

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("returns", "error", "message"),
        [
            ([["a"]], TypeError, "returns must be an array of real numbers"),
            (np.zeros((0, 16)), ValueError, "returns must not be empty"),
            (
                np.full((10, 10), np.nan),
                ValueError,
                "returns must hold only finite",
            ),
        ],
    )
    def test_bad_input_is_refused(self, returns, error, message):
        with pytest.raises(error, match=message):
            is_solved(returns, 475.0)


class TestEvaluate:
    def test_one_fresh_episode_a_cart(self):
        returns = evaluate(make_cartpole(5), np.zeros((4, 2)), np.random.default_rng(2))
        batch = run_episodes(
            make_cartpole(5), np.zeros((4, 2)), np.random.default_rng(2)
        )
        assert (returns == batch.mask.sum(axis=1)).all()

    def test_greedy_and_sampled_differ(self):
        theta = np.outer([0.5, 0.5, 1.0, 1.0], [-1.0, 1.0])
        sampled, greedy = (
            evaluate(make_cartpole(20), theta, np.random.default_rng(2), greedy=g)
            for g in (False, True)
        )
        assert greedy.mean() > sampled.mean()

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("theta", "rng", "error", "message"),
        [
            (np.zeros((2, 4)), None, ValueError, "theta must have the shape of"),
            (np.zeros((4, 2)), 0, TypeError, "rng must be a generator"),
        ],
    )
    def test_bad_input_is_refused(self, theta, rng, error, message):
        rng = np.random.default_rng(0) if rng is None else rng
        with pytest.raises(error, match=message):
            evaluate(make_cartpole(2), theta, rng)


@pytest.mark.errors
class TestErrors:
    def test_a_single_cart_is_refused(self):
        # With one episode there is no other to take the baseline from.
        with pytest.raises(ValueError, match="environments must be at least 2, got 1"):
            start(num_envs=1)

    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"gamma": 1.1}, ValueError, r"gamma must be in \[0, 1\], got 1.1"),
            ({"gamma": "1"}, TypeError, r"gamma must be a number in \[0, 1\], got '1'"),
            (
                {"learning_rate": 0},
                ValueError,
                "learning_rate must be finite and ab",
            ),
            (
                {"learning_rate": -1.0},
                ValueError,
                "learning_rate must be finite and ab",
            ),
            ({"max_steps": 0}, ValueError, "max_steps must be at least 1, got 0"),
            (
                {"max_steps": 1e5},
                TypeError,
                "max_steps must be a whole number, got",
            ),
        ],
    )
    def test_hyperparameters_out_of_range_are_refused(self, changed, error, message):
        with pytest.raises(error, match=message):
            start(**changed)

    def test_a_seed_in_place_of_a_generator_is_refused(self):
        with pytest.raises(TypeError, match="rng must be a generator"):
            train(make_cartpole(2), 3000)

    @pytest.mark.parametrize(
        ("env", "message"),
        [
            (gym.make("CartPole-v1"), "env must be a vectorised Gymnasium environment"),
            (
                gym.make_vec("Pendulum-v1", 2, vectorization_mode="sync"),
                "actions must be discrete, got Box",
            ),
        ],
    )
    def test_other_environments_are_refused(self, env, message):
        with pytest.raises(TypeError, match=message):
            train(env, np.random.default_rng(0))

    def test_an_environment_without_a_threshold_is_refused(self):
        env = make_cartpole(2)
        env.unwrapped.spec = None
        with pytest.raises(ValueError, match="must name a reward_threshold, its spec"):
            train(env, np.random.default_rng(0))
