"""The comparison's own REINFORCE, its table, and its errors; no PyTorch needed."""

import gymnasium as gym
import numpy as np
import pytest

import compare
from pgutils.gradients import policy_gradient
from pgutils.softmax import score

HEADER = "contender,seed,solved,steps,seconds,greedy_mean\n"


def rows_of(tmp_path, text):
    """Read a csv with these lines."""
    path = tmp_path / "runs.csv"
    path.write_text(HEADER + text)
    return compare.read(path)


def cells(table, name):
    """Return the cells of one row of a Markdown table, without the name."""
    line = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


class TestReinforce:
    def test_step_is_the_estimator_of_one_recorded_episode(self):
        env, rng = gym.make("CartPole-v1"), np.random.default_rng(0)
        theta = rng.normal(size=(4, 2))
        x, _ = env.reset(seed=0)
        states, actions, rewards, over = [], [], [], False
        while not over:
            states.append(x)
            actions.append(int(rng.integers(2)))
            x, reward, terminated, truncated, _ = env.step(actions[-1])
            rewards.append(reward)
            over = terminated or truncated
        assert len(rewards) > 5
        states, actions, rewards = map(np.array, (states, actions, rewards))
        scores = np.array([score(theta, x, a) for x, a in zip(states, actions)])
        estimate = policy_gradient(
            scores[None], rewards[None], np.ones((1, len(rewards)), bool), gamma=1.0
        )
        stepped = compare.reinforce_step(theta, states, actions, rewards, rate=0.5)
        np.testing.assert_allclose(stepped, theta + 0.5 * estimate, rtol=1e-9)

    def test_actions_follow_theta(self, monkeypatch):
        """Pushed the way it falls, a pole stays up; pushed the other way, 10 steps."""
        updates = []

        def towards_the_fall(*_):
            updates.append(1)
            return np.array([[0, 0], [0, 0], [0, 100], [0, 100]], dtype=float)

        monkeypatch.setattr(compare, "reinforce_step", towards_the_fall)
        compare.numpy_reinforce(seed=3000, max_steps=2_000)
        assert len(updates) < 50

    def test_it_learns_and_stops_at_its_budget(self):
        outcome = compare.numpy_reinforce(seed=3000, max_steps=60_000)
        assert not outcome.solved
        assert 60_000 <= outcome.steps < 60_500
        assert compare.greedy_mean(outcome.act, seed=1) > 150


class TestTable:
    def test_medians_ranges_ratio_and_lowest_greedy_mean(self, tmp_path):
        rows = rows_of(
            tmp_path,
            "ours,1,True,50000,0.2,500.0\n"
            "A2C tuned,1,True,90000,6.0,490.0\n"
            "ours,2,True,60000,0.4,500.0\n"
            "A2C tuned,2,True,110000,9.0,480.5\n"
            "ours,3,True,52000,0.3,499.0\n"
            "A2C tuned,3,True,100000,7.5,500.0\n",
        )
        table = compare.table(rows)
        assert cells(table, "ours") == [
            "3/3",
            "52,000 (50,000 to 60,000)",
            "0.30 (0.20 to 0.40)",
            "1.0",
            "499.0",
        ]
        # 7.5 / 0.3 = 25
        assert cells(table, "A2C tuned") == [
            "3/3",
            "100,000 (90,000 to 110,000)",
            "7.50 (6.00 to 9.00)",
            "25.0",
            "480.5",
        ]

    def test_unsolved_runs_mark_only_what_hangs_on_them(self, tmp_path):
        rows = rows_of(
            tmp_path,
            "ours,1,True,50000,0.5,500.0\n"
            "PPO default,1,True,100000,10.0,500.0\n"
            "PPO default,2,False,300000,30.0,300.0\n"
            "PPO default,3,True,200000,20.0,500.0\n"
            "A2C default,1,False,300000,40.0,200.0\n",
        )
        table = compare.table(rows)
        assert cells(table, "PPO default")[:4] == [
            "2/3",
            "200,000 (100,000 to ≥ 300,000)",
            "20.00 (10.00 to ≥ 30.00)",
            "40.0",
        ]
        assert cells(table, "A2C default")[:4] == [
            "0/1",
            "≥ 300,000 (≥ 300,000 to ≥ 300,000)",
            "≥ 40.00 (≥ 40.00 to ≥ 40.00)",
            "≥ 80.0",
        ]

    def test_interrupted_measurement_gives_a_table_and_a_picture(self, tmp_path):
        rows = rows_of(
            tmp_path,
            "ours,1,True,50000,0.5,500.0\n"
            "NumPy REINFORCE,1,True,250000,3.0,500.0\n"
            "ours,2,True,51000,0.5,500.0\n",
        )
        table = compare.table(rows)
        assert len(table.splitlines()) == 4
        assert cells(table, "ours")[0] == "2/2"
        assert cells(table, "NumPy REINFORCE")[0] == "1/1"
        compare.plt.close(compare.picture(rows))

    def test_no_ratio_to_a_run_that_was_not_solved(self, tmp_path):
        rows = rows_of(
            tmp_path,
            "ours,1,False,300000,2.0,9.0\nPPO tuned,1,True,70000,14.0,500.0\n",
        )
        assert cells(compare.table(rows), "PPO tuned")[3] == "?"


class TestErrors:
    def test_unknown_contender(self):
        with pytest.raises(ValueError, match=r"one of ours, .*; got 'DQN'"):
            compare.measure("DQN", 1, 1_000)

    def test_unknown_contender_in_the_csv(self, tmp_path):
        with pytest.raises(ValueError, match="got 'DQN'"):
            rows_of(tmp_path, "DQN,1,True,1,1.0,1.0\n")

    def test_csv_without_runs(self, tmp_path):
        with pytest.raises(ValueError, match="at least one run"):
            rows_of(tmp_path, "")


def test_every_contender_has_its_look():
    assert list(compare.LOOKS) == list(compare.CONTENDERS)
    assert set(compare.QUICK) <= set(compare.CONTENDERS)


def test_evaluation_counts_the_first_episode_of_each_cart_only():
    """The first cart is held up, the other 99 fall within 11 steps, again and again."""

    def first_one_only(x):
        towards_the_fall = (x[:, 2] + x[:, 3] > 0).astype(int)
        return np.where(np.arange(len(x)) == 0, towards_the_fall, 0)

    assert 9 <= compare.greedy_mean(first_one_only, seed=1) <= (99 * 11 + 500) / 100


def test_our_own_agent_is_measured_by_the_same_code():
    row = compare.measure("ours", 3000, 200_000)
    assert row.solved
    assert row.steps <= 200_000
    assert row.greedy_mean >= 475


@pytest.mark.parametrize("contender", ["PPO tuned", "PPO tuned, linear policy"])
def test_stable_baselines_counts_the_steps_of_all_its_environments(contender):
    pytest.importorskip("stable_baselines3")
    row = compare.measure(contender, 3000, 1_000)
    assert row.steps == 1_024  # 4 times 32 steps of 8 environments
    assert not row.solved


def test_readme_shows_the_table_of_the_stored_runs():
    readme = (compare.HERE.parent / "README.md").read_text("utf-8")
    assert compare.table(compare.read(compare.CSV)) in readme
