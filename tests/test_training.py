"""Training: the step, the stopping rule, the history, and agents that are solved."""

import os
import warnings
from itertools import count

import gymnasium as gym
import numpy as np
import pytest

import pgutils.training
from pgutils.gradients import leave_one_out, policy_gradient
from pgutils.returns import discounted_returns
from pgutils.rollout import make_cartpole, run_episodes
from pgutils.softmax import score, softmax
from pgutils.training import (
    Training,
    evaluate,
    extend,
    gradient_step,
    is_solved,
    train,
    train_many,
    zero_theta,
)
from pgutils.trajectories import Batch
from pgutils.verify import verify

N = 10
CAREFUL = np.outer([0.5, 0.5, 1.0, 1.0], [-1.0, 1.0])
"""Parameters that keep the pole up for a long while."""


@pytest.fixture(autouse=True)
def no_progress_bar(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def start(seed=0, num_envs=N, **options):
    """Train a new agent on so many carts."""
    return train(make_cartpole(num_envs), np.random.default_rng(seed), **options)


def study(seed=0, runs=3, make_env=make_cartpole, **options):
    """Train so many runs side by side, of N carts each unless told otherwise."""
    return train_many(make_env, np.random.default_rng(seed), runs, **options)


def short(limit, threshold=475.0):
    """What makes CartPoles of at most so many steps, with this threshold."""

    def make_env(num_envs):
        env = gym.make_vec(
            "CartPole-v1",
            num_envs,
            vectorization_mode="vector_entry_point",
            max_episode_steps=limit,
        )
        env.spec.reward_threshold = threshold
        return env

    return make_env


def same(run, other):
    """Tell whether two runs agree in everything, to the last bit."""
    return all(
        np.array_equal(part, vars(other)[name]) for name, part in vars(run).items()
    )


class TestOver:
    """First in this file: a run that is never over would not end."""

    @pytest.mark.parametrize(
        ("solved", "diverged", "steps", "over"),
        [
            (False, False, [3, 4], False),
            (True, False, [3, 4], True),
            (False, True, [3, 4], True),
            (False, False, [3, 5], True),
            (False, False, [3, 4, 5], True),
            (False, False, [], False),
        ],
    )
    def test_solved_diverged_or_spent(self, solved, diverged, steps, over):
        returns = np.zeros((len(steps), 2))
        counts = np.array(steps, dtype=int)
        run = Training(np.zeros((1, 2)), returns, counts, solved, diverged)
        assert run.over(8) is over


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

    def test_runs_side_by_side_are_solved_all_of_them(self):
        runs = study(3003, runs=4)
        for run in runs:
            assert run.solved
            assert run.steps.sum() <= 200_000
            assert run.returns.ravel()[-100:].mean() >= 475
            assert not is_solved(run.returns[:-1], 475.0)
        thetas = np.stack([run.theta for run in runs])
        rng = np.random.default_rng(13_003)
        fresh = evaluate(make_cartpole(400), thetas, rng, greedy=True)
        assert (fresh.mean(axis=1) >= 475).all()


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
        run = train(short(5)(400), np.random.default_rng(0))
        assert run.steps.tolist() == [2000] * 100
        assert not run.solved

    def test_the_default_discount_is_99_hundredths_and_the_rate_6_hundredths(self):
        told = start(3, max_steps=1, gamma=0.99, learning_rate=0.06)
        assert (start(3, max_steps=1).theta == told.theta).all()

    @pytest.mark.parametrize("gamma", [0.0, 1.0])
    def test_no_discount_and_no_future_are_discounts_too(self, gamma):
        # With γ = 0 only first steps count, and each pays 1: there is nothing to learn.
        run = start(max_steps=1, num_envs=2, gamma=gamma, learning_rate=1e-9)
        assert run.theta.any() == (gamma == 1)
        assert np.abs(run.theta).max() < 1e-5

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

    def test_a_new_run_knows_nothing(self):
        theta = np.ones((4, 2))
        run = Training.begin(theta, 5)
        assert run.theta is theta
        assert run.returns.shape == (0, 5)
        assert run.steps.shape == (0,)
        assert run.steps.dtype.kind == "i"
        assert run.solved is False
        assert run.diverged is False

    @pytest.mark.parametrize(
        ("steps", "solved", "diverged", "over"),
        [
            ([4, 5], False, False, False),
            ([4, 6], False, False, True),
            ([4, 7], False, False, True),
            ([], False, False, False),
            ([1], True, False, True),
            ([1], False, True, True),
        ],
    )
    def test_a_run_is_over_when_solved_or_diverged_or_spent(
        self, steps, solved, diverged, over
    ):
        returns, steps = np.zeros((len(steps), 2)), np.array(steps, dtype=int)
        run = Training(np.zeros((4, 2)), returns, steps, solved, diverged)
        assert run.over(10) is over

    @pytest.mark.parametrize("runs", [(), (1,), (3,)])
    def test_it_begins_at_zero(self, runs):
        theta = zero_theta(make_cartpole(2), *runs)
        assert theta.shape == (*runs, 4, 2)
        assert not theta.any()


def reference(make_env, seed, thetas, max_steps, n, **options):
    """Train many runs, each with a batch, a step and a sum of its own."""
    rng, runs = np.random.default_rng(seed), range(len(thetas))
    thetas = list(thetas)
    returns, steps, solved = ([[] for _ in runs] for _ in range(3))
    going = list(runs)
    while going:
        env = make_env(n * len(going))
        batch = run_episodes(env, np.stack([thetas[i] for i in going]), rng)
        for j, i in enumerate(going):
            own = Batch(
                batch.states[j], batch.actions[j], batch.rewards[j], batch.mask[j]
            )
            thetas[i] = gradient_step(thetas[i], own, **options)
            returns[i].append(own.rewards.sum(axis=1).tolist())
            steps[i].append(n * max(row.sum() for row in own.mask))
            solved[i] = is_solved(np.array(returns[i]), env.spec.reward_threshold)
        going = [i for i in going if not solved[i] and sum(steps[i]) < max_steps]
    return [
        Training(thetas[i], np.array(returns[i]), np.array(steps[i]), solved[i])
        for i in runs
    ]


class TestManyRuns:
    def test_one_run_is_that_of_train_to_the_last_bit(self):
        (many,) = study(5, runs=1, max_steps=20_000)
        single = start(5, max_steps=20_000)
        assert len(single.steps) > 3
        assert same(many, single)

    def test_one_run_with_other_options_is_that_of_train_too(self):
        options = dict(gamma=0.9, learning_rate=0.2, max_steps=3000)
        (many,) = study(4, runs=1, batch_size=7, **options)
        assert same(many, start(4, num_envs=7, **options))

    def test_defaults_are_those_of_train(self):
        told = dict(batch_size=10, gamma=0.99, learning_rate=0.06)
        (run,) = study(3, runs=1, max_steps=5000)
        (other,) = study(3, runs=1, max_steps=5000, **told)
        assert same(run, other)
        assert same(run, start(3, max_steps=5000))

    def test_the_default_budget_is_200000_steps(self):
        (run,) = study(runs=1, make_env=short(5), batch_size=400)
        assert run.steps.tolist() == [2000] * 100
        assert not run.solved

    def test_each_run_has_the_history_of_its_own_loop(self):
        # 50 carts: run 1 is solved by its first 100 episodes, others later or never.
        make_env = short(20, threshold=18.0)
        thetas = np.stack([c * CAREFUL for c in (-1.0, 1.0, 0.0, 0.2, -3.0)])
        options = dict(gamma=0.9, learning_rate=0.06)
        runs = study(
            6,
            runs=5,
            make_env=make_env,
            batch_size=50,
            start=thetas,
            max_steps=8000,
            **options,
        )
        expected = reference(make_env, 6, thetas, 8000, n=50, **options)
        for run, other in zip(runs, expected, strict=True):
            assert same(run, other)
        # The cases that were meant.
        assert [run.solved for run in runs] == [False, True, True, True, False]
        assert len(runs[1].steps) == 2
        assert len({len(run.steps) for run in runs}) > 3

    def test_each_is_charged_its_own_longest_episode(self):
        runs = study(7, start=np.stack([-CAREFUL, 0 * CAREFUL, CAREFUL]), max_steps=1)
        for run in runs:
            assert run.returns.shape == (1, N)
            assert run.steps.tolist() == [N * run.returns.max()]
            assert run.steps.dtype.kind == "i"
        assert runs[0].steps < runs[1].steps < runs[2].steps

    def test_runs_differ_though_they_begin_alike(self):
        runs = study(8, runs=3, max_steps=1)
        assert len({run.theta.tobytes() for run in runs}) == 3

    def test_a_run_that_is_over_leaves_no_carts_behind(self):
        sizes, make_env = [], short(20, threshold=18.0)

        def recorded(num_envs):
            sizes.append(num_envs)
            return make_env(num_envs)

        thetas = np.stack([CAREFUL, -3 * CAREFUL])
        runs = study(
            9, 2, recorded, batch_size=50, start=thetas, max_steps=4000, step=keep
        )
        alone = len(runs[1].steps) - len(runs[0].steps)
        assert alone > 1
        assert sizes[-alone - 1 :] == [100] + alone * [50]

    def test_the_start_is_not_changed(self):
        thetas = np.stack([CAREFUL, -CAREFUL])
        thetas.flags.writeable = False
        runs = study(runs=2, start=thetas, max_steps=1)
        assert (thetas == np.stack([CAREFUL, -CAREFUL])).all()
        assert all((run.theta != theta).any() for run, theta in zip(runs, thetas))

    @pytest.mark.errors
    def test_lists_of_whole_numbers_will_do_as_a_start(self):
        listed = [[[1, -1]] * 4] * 3
        runs = study(4, start=listed, max_steps=1)
        floats = study(4, start=np.array(listed, dtype=float), max_steps=1)
        for run, other in zip(runs, floats):
            assert same(run, other)

        def interrupt(theta, batch):
            raise KeyboardInterrupt

        for run in uninterrupted(lambda: study(start=listed, step=interrupt)):
            assert run.theta.dtype == float

    def test_another_step_can_be_taken(self):
        calls = []

        def up_by_one(theta, batch, size):
            assert isinstance(batch, Batch)
            calls.append((theta.copy(), batch.mask.shape[:2], size))
            return theta + 1.0

        runs = study(runs=2, max_steps=1000, step=up_by_one, size="big")
        assert len(calls) == max(len(run.steps) for run in runs) > 1
        assert calls[0][1:] == ((2, N), "big")
        assert not calls[0][0].any()
        assert (calls[1][0] == 1).all()
        for run in runs:
            assert (run.theta == len(run.steps)).all()

    def test_in_distribution_they_are_single_runs(self):
        # At most 100 steps an episode, 1000 a batch: three batches are always taken.
        make_env, n = short(100), 100
        many = study(10, n, make_env, max_steps=2001)
        single = [
            train(make_env(N), np.random.default_rng([11, i]), max_steps=2001)
            for i in range(n)
        ]
        mean_lengths = [
            np.array([run.returns[:3].mean(axis=1) for run in runs])
            for runs in (many, single)
        ]
        assert mean_lengths[0].shape == (n, 3)
        verify("2.7", mean_lengths[0] - mean_lengths[1], np.zeros(3), level=1e-6)


def keep(theta, batch):
    """A step that goes nowhere."""
    return theta


class TestProgress:
    def test_a_bar_counts_environment_steps(self, monkeypatch, capsys):
        monkeypatch.delenv("TQDM_DISABLE")
        run = start(max_steps=1)
        assert f"{run.steps.sum()} steps" in capsys.readouterr().err

    def test_with_many_runs_it_counts_the_steps_of_all(self, monkeypatch, capsys):
        monkeypatch.delenv("TQDM_DISABLE")
        runs = study(max_steps=1)
        together = max(run.steps.sum() for run in runs) * len(runs)
        assert f"\r{together} steps" in capsys.readouterr().err

    @pytest.mark.parametrize("train", [start, study])
    def test_it_can_be_silenced(self, capsys, train):
        train(max_steps=1)
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

    def test_each_of_many_runs_keeps_what_it_has_learnt(self, monkeypatch):
        calls = count(1)

        def third_call_is_interrupted(*args, **options):
            if next(calls) == 3:
                raise KeyboardInterrupt
            return run_episodes(*args, **options)

        two = study(6, make_env=short(40), max_steps=1)
        with monkeypatch.context() as patch:
            patch.setattr(pgutils.training, "run_episodes", third_call_is_interrupted)
            runs = uninterrupted(study, 6, 3, short(40))
        for run, first in zip(runs, two, strict=True):
            assert run.returns.shape == (2, N)
            assert run.steps.shape == (2,)
            assert not run.solved
            assert not run.diverged
            assert (run.returns[:1] == first.returns).all()
            assert (run.theta != first.theta).any()

    def test_a_batch_whose_step_was_interrupted_is_no_runs(self):
        def interrupt(theta, batch):
            raise KeyboardInterrupt

        runs = uninterrupted(lambda: study(step=interrupt))
        assert len(runs) == 3
        for run in runs:
            assert not run.theta.any()
            assert run.returns.shape == (0, N)
            assert run.steps.sum() == 0
            assert run.solved is False

    @pytest.mark.parametrize("train", [start, study])
    def test_another_error_is_not_swallowed(self, monkeypatch, train):
        def fail(*args, **options):
            raise RuntimeError("broken")

        monkeypatch.setattr(pgutils.training, "run_episodes", fail)
        with pytest.raises(RuntimeError, match="broken"):
            train()


def diverging(function, *args, batch=1, **options):
    """Call a function that has to warn of one diverging run and of nothing else."""
    with pytest.warns(RuntimeWarning) as caught:
        result = function(*args, **options)
    assert [str(warning.message) for warning in caught] == [
        f"a run diverged in batch {batch}: its Θ is not finite any more. It keeps the "
        "last that was; a smaller learning rate may help"
    ]
    return result


def spoilt(bad, run, batch):
    """A step that gives one of many runs a bad number, in one batch; and its calls."""
    calls = []

    def step(theta, episodes):
        calls.append(theta.copy())
        stepped = gradient_step(theta, episodes)
        if len(calls) == batch:
            stepped[run, 0, 0] = bad
        return stepped

    return step, calls


class TestDiverging:
    # Beyond the square root of the largest number a norm cannot be computed.
    @pytest.mark.parametrize("learning_rate", [1e200, 1e308])
    def test_a_single_run_stops_at_once_and_says_so(self, learning_rate):
        run = diverging(start, 1, learning_rate=learning_rate)
        assert run.diverged is True
        assert run.solved is False
        assert run.theta.shape == (4, 2)
        assert not run.theta.any()
        assert run.returns.shape == (1, N)
        assert run.steps.tolist() == [N * run.returns.max()]
        assert (run.returns == start(1, max_steps=1).returns).all()

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200, -1e200])
    def test_it_keeps_the_last_finite_parameters(self, monkeypatch, bad):
        steps = []

        def second_is_bad(*args):
            steps.append(gradient_step(*args))
            return steps[-1] if len(steps) < 2 else np.full((4, 2), bad)

        monkeypatch.setattr(pgutils.training, "gradient_step", second_is_bad)
        run = diverging(start, 1, batch=2)
        assert run.diverged
        assert (run.theta == steps[0]).all()
        assert run.theta.any()
        assert run.returns.shape == (2, N)
        assert len(run.steps) == len(steps) == 2

    def test_a_run_that_does_not_diverge_says_so(self):
        with warnings.catch_warnings(action="error"):
            runs = [start(max_steps=5000), *study(max_steps=5000)]
        assert [run.diverged for run in runs] == [False] * 4

    def test_what_is_merely_large_goes_on(self):
        run = start(1, learning_rate=1e140, max_steps=2000)
        assert not run.diverged
        assert len(run.steps) > 1
        assert np.abs(run.theta).max() > 1e130

    @pytest.mark.parametrize("learning_rate", [1e200, 1e308])
    def test_many_runs_stop_and_each_says_so(self, learning_rate):
        with pytest.warns(RuntimeWarning) as caught:
            runs = study(1, learning_rate=learning_rate)
        said = [str(warning.message).partition(":")[0] for warning in caught]
        assert said == ["a run diverged in batch 1"] * 3
        for run in runs:
            assert run.diverged
            assert not run.theta.any()
            assert run.returns.shape == (1, N)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
    def test_the_others_go_on(self, bad):
        step, calls = spoilt(bad, run=1, batch=2)
        runs = diverging(study, 2, batch=2, max_steps=2000, step=step)
        assert [run.diverged for run in runs] == [False, True, False]
        assert (runs[1].theta == calls[1][1]).all()
        assert runs[1].theta.any()
        assert runs[1].returns.shape == (2, N)
        assert len(calls) > 2
        assert all(len(theta) <= 2 for theta in calls[2:])
        for run in (runs[0], runs[2]):
            assert run.steps.sum() >= 2000
            assert np.isfinite(run.theta).all()
        # The other two are what they would have been, up to the batch after.
        for run, clean in zip(runs, study(2, max_steps=2000)):
            assert (run.returns[:2] == clean.returns[:2]).all()

    def test_a_run_may_be_solved_and_diverge_in_the_same_batch(self):
        batch = Batch(
            states=np.zeros((100, 2, 4)),
            actions=np.zeros((100, 1), dtype=int),
            rewards=np.ones((100, 1)),
            mask=np.ones((100, 1), dtype=bool),
        )
        run = Training.begin(CAREFUL, 100)
        run = diverging(extend, run, batch, CAREFUL * np.nan, 1.0)
        assert run.solved is True
        assert run.diverged is True
        assert run.theta is CAREFUL

    @pytest.mark.errors  # the type hook has frames of its own, and mutmut too
    @pytest.mark.parametrize("train", [start, study])
    def test_the_warning_points_at_the_call(self, train):
        if "MUTANT_UNDER_TEST" in os.environ:
            pytest.skip("mutmut stands between")
        with pytest.warns(RuntimeWarning) as caught:
            train(learning_rate=1e200)
        assert {warning.filename for warning in caught} == {__file__}

    def test_it_is_told_to_point_past_train_and_extend(self, monkeypatch):
        levels = []

        def noted(message, category, stacklevel=1):
            levels.append(stacklevel)

        monkeypatch.setattr(warnings, "warn", noted)
        start(learning_rate=1e200)
        assert levels == [3]


class TestExtend:
    def test_by_hand(self):
        # Episodes of 3 and 1 steps: the two carts take 2 · 3 steps together.
        batch = Batch(
            states=np.zeros((2, 4, 1)),
            actions=np.zeros((2, 3), dtype=int),
            rewards=np.array([[1.0, 2.0, 4.0], [8.0, 0.0, 0.0]]),
            mask=np.array([[True, True, True], [True, False, False]]),
        )
        before = Training(
            np.zeros((1, 2)), np.array([[5.0, 6.0]]), np.array([9]), False
        )
        theta = np.array([[1.0, -1.0]])
        after = extend(before, batch, theta, 475.0)
        assert after.theta is theta
        assert after.returns.tolist() == [[5, 6], [7, 8]]
        assert after.steps.tolist() == [9, 6]
        assert after.solved is False
        assert after.diverged is False
        assert before.returns.tolist() == [[5, 6]]

    def test_steps_of_the_padding_are_not_charged(self):
        # As part of a batch of many runs it is as long as the longest of them all.
        batch = Batch(
            states=np.zeros((2, 6, 1)),
            actions=np.zeros((2, 5), dtype=int),
            rewards=np.zeros((2, 5)),
            mask=np.arange(5) < np.array([[2], [3]]),
        )
        run = extend(Training.begin(np.zeros((1, 2)), 2), batch, np.zeros((1, 2)), 1.0)
        assert run.steps.tolist() == [6]

    @pytest.mark.parametrize(("threshold", "solved"), [(1.0, True), (1.01, False)])
    def test_the_threshold_decides(self, threshold, solved):
        batch = Batch(
            states=np.zeros((50, 2, 1)),
            actions=np.zeros((50, 1), dtype=int),
            rewards=np.ones((50, 1)),
            mask=np.ones((50, 1), dtype=bool),
        )
        theta = np.zeros((1, 2))
        first = extend(Training.begin(theta, 50), batch, theta, threshold)
        assert first.solved is False
        assert extend(first, batch, theta, threshold).solved is solved

    @pytest.mark.errors
    def test_a_step_that_returns_another_shape_is_refused(self):
        def summed(theta, batch):
            return gradient_step(theta, batch).sum(axis=1)

        with pytest.raises(ValueError, match=r"theta must have the shape of the run's"):
            train_many(make_cartpole, np.random.default_rng(0), 2, step=summed)


def batch_of(runs, n, T, d=4, k=2, seed=14):
    """Random batches of many runs, with episodes of different lengths, and their Θ."""
    rng = np.random.default_rng(seed)
    mask = np.arange(T) < rng.integers(1, T + 1, size=(runs, n, 1))
    batch = Batch(
        states=rng.normal(size=(runs, n, T + 1, d)),
        actions=rng.integers(k, size=(runs, n, T)),
        rewards=rng.normal(size=(runs, n, T)) * mask,
        mask=mask,
    )
    return rng.normal(size=(runs, d, k)), batch


class TestGradientStepOfManyRuns:
    @pytest.mark.parametrize(
        "shape",
        [(3, 4, 5, 2, 3), (5, 10, 60, 4, 2), (1, 2, 1, 1, 1), (7, 16, 1, 4, 2)],
    )
    def test_to_the_last_bit_that_of_one_run_at_a_time(self, shape):
        thetas, batch = batch_of(*shape)
        stepped = gradient_step(thetas, batch, 0.97, 0.3)
        assert stepped.shape == thetas.shape
        for r, theta in enumerate(thetas):
            assert (stepped[r] == gradient_step(theta, batch.of(r), 0.97, 0.3)).all()

    def test_to_the_last_bit_on_recorded_episodes_of_cartpole(self):
        thetas = np.stack([0 * CAREFUL, CAREFUL / 2, CAREFUL, -CAREFUL])
        batch = run_episodes(make_cartpole(4 * N), thetas, np.random.default_rng(15))
        stepped = gradient_step(thetas, batch)
        for r, theta in enumerate(thetas):
            assert (stepped[r] == gradient_step(theta, batch.of(r))).all()
            assert (stepped[r] != theta).any()

    def test_it_is_the_estimator_of_the_gradient(self):
        thetas, batch = batch_of(3, 5, 7, d=3, k=4)
        stepped = gradient_step(thetas, batch, 0.9, 0.5)
        for r, theta in enumerate(thetas):
            own = batch.of(r)
            estimate = policy_gradient(
                score(theta, own.states[:, :-1], own.actions),
                own.rewards,
                own.mask,
                gamma=0.9,
                baseline=leave_one_out(discounted_returns(own.rewards, 0.9)),
            )
            np.testing.assert_allclose(
                stepped[r], theta + 0.5 * estimate, rtol=0, atol=1e-12
            )

    def test_what_stands_after_the_end_does_not_matter(self):
        thetas, batch = batch_of(3, 4, 6)
        clean = gradient_step(thetas, batch, 0.9, 0.5)
        batch.states[:, :, :-1][~batch.mask] = 1e6
        batch.actions[~batch.mask] = 0
        assert (gradient_step(thetas, batch, 0.9, 0.5) == clean).all()

    def test_defaults_are_those_of_train(self):
        thetas, batch = batch_of(2, 3, 4)
        stepped = gradient_step(thetas, batch)
        told = gradient_step(thetas, batch, gamma=0.99, learning_rate=0.06)
        assert (stepped == told).all()


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
            (
                {"theta": np.zeros((3, 3))},
                ValueError,
                r"theta must have shape \(2, 'k'\), after the .* got \(3, 3\)",
            ),
            (
                {"theta": np.zeros((1, 2, 3))},
                ValueError,
                r"theta must have shape \(2, 'k'\), after the .* got \(1, 2, 3\)",
            ),
            (
                {"theta": np.zeros((2, 2))},
                ValueError,
                r"actions must be in 0\.\.1, got 2",
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
        message = "returns needs at least 2 episodes, got 1: with one there is no other"
        with pytest.raises(ValueError, match=message):
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

    def test_many_parameters_have_a_row_each(self):
        thetas = np.stack([0 * CAREFUL, CAREFUL, -CAREFUL])
        returns = evaluate(make_cartpole(60), thetas, np.random.default_rng(3))
        batch = run_episodes(make_cartpole(60), thetas, np.random.default_rng(3))
        assert returns.shape == (3, 20)
        assert (returns == batch.mask.sum(axis=2)).all()
        fair, careful, reckless = returns.mean(axis=1)
        assert reckless < fair < careful

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

    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
            ({"runs": -1}, ValueError, "runs must be at least 1, got -1"),
            ({"runs": 3.0}, TypeError, "runs must be a whole number, got 3.0"),
            ({"batch_size": 1}, ValueError, "batch_size must be at least 2, got 1"),
            ({"batch_size": 10.0}, TypeError, "batch_size must be a whole number"),
            (
                {"make_env": make_cartpole(30)},
                TypeError,
                "make_env must be a function that makes so many environments",
            ),
            (
                {"make_env": lambda n: gym.make_vec("CartPool-v1", n)},
                gym.error.NameNotFound,
                "CartPool",
            ),
            (
                {"make_env": lambda n: gym.make_vec("Pendulum-v1", n)},
                TypeError,
                "actions must be discrete, got Box",
            ),
            ({"make_env": short(5, None)}, ValueError, "must name a reward_threshold"),
            ({"start": np.zeros((4, 2))}, ValueError, r"\(3, 4, 2\), got \(4, 2\)"),
            ({"start": np.zeros((2, 4, 2))}, ValueError, r"got \(2, 4, 2\)"),
            (
                {"start": np.full((3, 4, 2), np.nan)},
                ValueError,
                "start must hold only finite numbers, got nan",
            ),
            ({"gamma": 1.1}, ValueError, r"gamma must be in \[0, 1\], got 1.1"),
            (
                {"learning_rate": 0.0},
                ValueError,
                "learning_rate must be finite and above 0, got 0.0",
            ),
            ({"max_steps": 0}, ValueError, "max_steps must be at least 1, got 0"),
            ({"max_steps": 1e5}, TypeError, "max_steps must be a whole number, got"),
            ({"size": 1}, TypeError, "size"),
        ],
    )
    def test_many_runs_that_cannot_start_are_refused(self, changed, error, message):
        with pytest.raises(error, match=message):
            study(**changed)

    def test_many_runs_need_a_generator(self):
        with pytest.raises(TypeError, match="rng must be a generator"):
            train_many(make_cartpole, 3000, 3)
