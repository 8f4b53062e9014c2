"""All trajectories of the robot, their probabilities, and samples of them."""

import dataclasses
from fractions import Fraction as F

import numpy as np
import pytest
import sympy

from pgutils.trajectories import (
    Batch,
    Trajectory,
    all_trajectories,
    probability,
    sample,
)
from pgutils.verify import verify
from pgutils.world import HIGH, LOW, RAGGED_ROBOT, RECHARGE, ROBOT, WORK

WORLDS = pytest.mark.parametrize(
    "world", [ROBOT, RAGGED_ROBOT], ids=["robot", "ragged robot"]
)
FAIR = [[F(1, 2), F(1, 2)], [F(1, 2), F(1, 2)]]
EAGER = [[F(1, 10), F(9, 10)], [F(1, 7), F(6, 7)]]
CAUTIOUS = [[F(1, 3), F(2, 3)], [F(1), F(0)]]


class Rationed(tuple):
    """A table that may be read so many times, and not once more."""

    def __getitem__(self, key):
        if self.left == 0:
            raise LookupError("read too often")
        self.left -= 1
        return super().__getitem__(key)


def as_floats(policy):
    return np.array(policy, dtype=float)


class TestAllTrajectories:
    def test_they_grow_step_by_step_and_no_further_than_the_horizon(self):
        # 7 trajectories of one step, 24 of two and 82 of three have a last reward.
        reward = Rationed(ROBOT.reward)
        world = dataclasses.replace(ROBOT, reward=reward)
        reward.left = 7 + 24 + 82
        assert len(list(all_trajectories(world))) == 82
        assert reward.left == 0

    @pytest.mark.parametrize(("world", "number"), [(ROBOT, 82), (RAGGED_ROBOT, 67)])
    def test_there_are_so_many_and_no_two_are_equal(self, world, number):
        assert len(list(all_trajectories(world))) == number
        assert len(set(all_trajectories(world))) == number

    def test_the_robot_always_takes_3_steps(self):
        assert {len(t.actions) for t in all_trajectories(ROBOT)} == {3}

    def test_the_ragged_robot_stops_at_a_rescue_and_only_there(self):
        for states, actions, _ in all_trajectories(RAGGED_ROBOT):
            steps = list(zip(states, actions, states[1:], strict=False))
            rescues = [step == (LOW, WORK, HIGH) for step in steps]
            assert not any(rescues[:-1])
            assert rescues[-1] or len(steps) == 3

    def test_no_trajectory_begins_where_none_can(self):
        # From high two steps lead to high and one to low, from low two and two:
        # 3 and 4 trajectories of one step, 10 and 14 of two, 34 and 48 of three.
        charged = dataclasses.replace(ROBOT, initial=(F(1), F(0)))
        empty = dataclasses.replace(ROBOT, initial=(F(0), F(1)))
        assert len(list(all_trajectories(charged))) == 34
        assert len(list(all_trajectories(empty))) == 48

    @WORLDS
    def test_rewards_are_those_of_the_steps_taken(self, world):
        for states, actions, rewards in all_trajectories(world):
            steps = zip(states, actions, states[1:], strict=False)
            assert rewards == tuple(world.reward[s][a][s2] for s, a, s2 in steps)

    @WORLDS
    def test_each_can_happen(self, world):
        assert all(probability(world, FAIR, t) > 0 for t in all_trajectories(world))


class TestProbability:
    def test_by_hand(self):
        # start high 3/4 · work 1/2 · to low 1/3 · work 1/2 · rescued 1/2 = 1/32
        rescued = Trajectory((HIGH, LOW, HIGH), (WORK, WORK), (2, -3))
        assert probability(RAGGED_ROBOT, FAIR, rescued) == F(1, 32)

    def test_an_impossible_step_has_probability_0(self):
        # A high battery that recharges cannot become low.
        drained = Trajectory((HIGH, LOW), (RECHARGE,), (0,))
        assert probability(ROBOT, FAIR, drained) == 0

    @WORLDS
    @pytest.mark.parametrize("policy", [FAIR, EAGER, CAUTIOUS])
    def test_they_sum_to_exactly_1(self, world, policy):
        total = sum(probability(world, policy, t) for t in all_trajectories(world))
        assert isinstance(total, F)
        assert total == 1

    @WORLDS
    def test_they_sum_to_exactly_1_for_every_policy_at_once(self, world):
        p, q = sympy.symbols("p q")
        policy = [[1 - p, p], [1 - q, q]]
        total = sum(probability(world, policy, t) for t in all_trajectories(world))
        assert sympy.expand(total) == 1

    def test_the_ragged_robot_takes_903_320ths_steps_on_average(self):
        # Half of the starts from low work, half of those are rescued: P(T = 1) = 1/16.
        lengths = {1: 0, 2: 0, 3: 0}
        for t in all_trajectories(RAGGED_ROBOT):
            lengths[len(t.actions)] += probability(RAGGED_ROBOT, FAIR, t)
        assert lengths[1] == F(1, 16)
        assert sum(n * p for n, p in lengths.items()) == F(903, 320)

    @pytest.mark.errors
    def test_a_missing_last_state_is_refused(self):
        with pytest.raises(ValueError, match="one more state than actions, got 2"):
            probability(ROBOT, FAIR, Trajectory((HIGH, LOW), (WORK, WORK), (2, 2)))


class TestBatchOfManyRuns:
    def test_a_run_has_its_own_part_of_everything(self):
        rng, shape = np.random.default_rng(6), (3, 2, 4)
        many = Batch(
            states=rng.normal(size=(3, 2, 5, 6)),
            actions=rng.integers(9, size=shape),
            rewards=rng.normal(size=shape),
            mask=rng.random(shape) < 0.5,
        )
        for run in (0, 1, 2):
            one = many.of(run)
            assert isinstance(one, Batch)
            for name in ("states", "actions", "rewards", "mask"):
                part, whole = getattr(one, name), getattr(many, name)
                assert part.dtype == whole.dtype
                assert part.shape == whole.shape[1:]
                assert (part == whole[run]).all()

    def test_there_is_no_run_after_the_last(self):
        ones = np.ones((2, 3, 4), dtype=int)
        many = Batch(np.ones((2, 3, 5, 1)), ones, ones, ones == 1)
        with pytest.raises(ValueError, match=r"run must be in 0\.\.1, got 2"):
            many.of(2)


def keys(batch):
    """Name each episode of a batch by its states and actions, up to its end."""
    for states, actions, mask in zip(
        batch.states.tolist(), batch.actions.tolist(), batch.mask, strict=True
    ):
        T = int(mask.sum())
        yield tuple(states[: T + 1]), tuple(actions[:T])


class TestSample:
    @WORLDS
    @pytest.mark.parametrize("policy", [FAIR, EAGER], ids=["fair", "eager"])
    def test_every_trajectory_comes_as_often_as_it_should(self, world, policy):
        exact = {
            (t.states, t.actions): float(probability(world, policy, t))
            for t in all_trajectories(world)
        }
        counts = dict.fromkeys(exact, 0)
        n = 60_000
        for key in keys(sample(world, as_floats(policy), n, np.random.default_rng(1))):
            counts[key] += 1
        # Cells with few expected samples are merged into one, as the χ² test needs.
        likely = [key for key, p in exact.items() if n * p >= 10]
        observed = [counts[key] for key in likely]
        expected = [exact[key] for key in likely]
        if len(likely) < len(exact):
            observed.append(n - sum(observed))
            expected.append(1 - sum(expected))
        assert len(observed) > 40
        verify("1.4", np.array(observed), np.array(expected), level=1e-6)

    def test_shapes_and_kinds(self):
        batch = sample(ROBOT, as_floats(FAIR), 5, np.random.default_rng(0))
        assert batch.states.shape == (5, 4)
        assert batch.actions.shape == batch.rewards.shape == batch.mask.shape == (5, 3)
        assert batch.mask.dtype == bool
        assert batch.actions.dtype.kind == batch.states.dtype.kind == "i"

    def test_the_mask_is_one_stretch_from_the_first_step(self):
        batch = sample(RAGGED_ROBOT, as_floats(FAIR), 2000, np.random.default_rng(2))
        assert batch.mask[:, 0].all()
        assert not (batch.mask[:, 1:] & ~batch.mask[:, :-1]).any()
        assert {1, 2, 3} == set(batch.mask.sum(axis=1).tolist())

    def test_the_robot_never_stops_early(self):
        assert sample(ROBOT, as_floats(FAIR), 500, np.random.default_rng(3)).mask.all()

    def test_rewards_are_0_after_the_end_and_the_worlds_before(self):
        batch = sample(RAGGED_ROBOT, as_floats(FAIR), 2000, np.random.default_rng(4))
        table = np.array(RAGGED_ROBOT.reward, dtype=float)
        s, s2 = batch.states[:, :-1], batch.states[:, 1:]
        expected = np.where(batch.mask, table[s, batch.actions, s2], 0)
        assert (batch.rewards == expected).all()
        assert not batch.rewards[~batch.mask].any()
        assert (~batch.mask).any()

    def test_one_seed_one_batch(self):
        def draw(seed):
            return sample(ROBOT, as_floats(FAIR), 50, np.random.default_rng(seed))

        assert (draw(5).states == draw(5).states).all()
        assert (draw(5).actions == draw(5).actions).all()
        assert (draw(5).actions != draw(6).actions).any()

    def test_the_policy_is_not_changed(self):
        policy = as_floats(EAGER)
        policy.flags.writeable = False
        sample(ROBOT, policy, 3, np.random.default_rng(0))
        assert (policy == as_floats(EAGER)).all()

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("policy", "n", "rng", "error", "message"),
        [
            (FAIR, 0, None, ValueError, "n must be at least 1, got 0"),
            (FAIR, 2.5, None, TypeError, "n must be a whole number, got 2.5"),
            ([[0.5, 0.4]] * 2, 1, None, ValueError, "policy must sum to 1 along"),
            (FAIR, 1, 7, TypeError, "rng must be a generator"),
        ],
    )
    def test_bad_input_is_refused(self, policy, n, rng, error, message):
        rng = np.random.default_rng(0) if rng is None else rng
        with pytest.raises(error, match=message):
            sample(ROBOT, as_floats(policy), n, rng)

    @pytest.mark.errors
    @pytest.mark.parametrize("shape", [(2, 1), (2, 3), (3, 2)])
    def test_a_policy_of_another_world_is_refused(self, shape):
        policy = np.full(shape, 1 / shape[1])
        with pytest.raises(ValueError, match="policy must have the shape of"):
            sample(ROBOT, policy, 100, np.random.default_rng(0))
