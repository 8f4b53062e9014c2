"""Values and visits: by hand, by listing all trajectories, for symbols and floats."""

from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from strategies import with_policy

from pgutils.returns import discounted_sum
from pgutils.trajectories import all_trajectories, probability
from pgutils.values import action_values, values, visitation
from pgutils.world import HIGH, LOW, RAGGED_ROBOT, RECHARGE, ROBOT, WORK

WORLDS = pytest.mark.parametrize(
    "world", [ROBOT, RAGGED_ROBOT], ids=["robot", "ragged robot"]
)
COIN = [[F(1, 2), F(1, 2)]] * 2
EAGER = [[F(1, 10), F(9, 10)], [F(1, 7), F(6, 7)]]
CAUTIOUS = [[F(1, 3), F(2, 3)], [F(1), F(0)]]
POLICIES = pytest.mark.parametrize(
    "policy", [COIN, EAGER, CAUTIOUS], ids=["coin", "eager", "cautious"]
)
random_problems = given(with_policy())
slow_is_fine = settings(deadline=None, derandomize=True, max_examples=50)


def days_of(world, policy):
    """Every trajectory with its probability."""
    return [(day, probability(world, policy, day)) for day in all_trajectories(world)]


def listed_values(world, policy):
    """V_t(s) and Q_t(s, a) by (5.1): mean returns of the days that pass through there.

    None where no day does.
    """
    n_states, n_actions = len(policy), len(policy[0])
    V, Q = {}, {}
    for t, s in np.ndindex(world.horizon, n_states):
        for group in [range(n_actions), *([a] for a in range(n_actions))]:
            weight = total = 0
            for day, p in days_of(world, policy):
                if t < len(day.actions) and day.states[t] == s:
                    if day.actions[t] in group:
                        weight += p
                        total += p * discounted_sum(day.rewards[t:], world.gamma)
            mean = total / weight if weight else None
            if isinstance(group, range):
                V[t, s] = mean
            else:
                Q[t, s, group[0]] = mean
    return V, Q


def listed_visits(world, policy):
    """d_t(s) = γ^t Pr(s_t = s, t < T), by adding up days."""
    d = [[0] * len(policy) for _ in range(world.horizon)]
    for day, p in days_of(world, policy):
        for t in range(len(day.actions)):
            d[t][day.states[t]] += world.gamma**t * p
    return d


def check_values(world, policy):
    V, Q = values(world, policy)
    listed_V, listed_Q = listed_values(world, policy)
    assert all(V[t][s] == v for (t, s), v in listed_V.items() if v is not None)
    assert all(Q[t][s][a] == q for (t, s, a), q in listed_Q.items() if q is not None)


class TestActionValues:
    def test_by_hand(self):
        # high: recharging keeps high, 9/10 · 10 = 9; working pays 2 and leads to high
        # (2/3) or low (1/3): 2 + 9/10 · (2/3 · 10 + 1/3 · 20) = 2 + 12 = 14.
        # low: recharging: 9/10 · (4/5 · 10 + 1/5 · 20) = 54/5; working: rescued,
        # −3 + 9 = 6, or not, 2 + 18 = 20, on average 13.
        assert action_values(ROBOT, [10, 20]) == [[9, 14], [F(54, 5), 13]]

    def test_after_the_end_nothing_is_added(self):
        # As above, but the rescue is the end: (−3 + 20)/2 = 17/2.
        assert action_values(RAGGED_ROBOT, [10, 20]) == [[9, 14], [F(54, 5), F(17, 2)]]

    def test_with_nothing_to_come_they_are_mean_rewards(self):
        assert action_values(ROBOT, [0, 0]) == [[0, 2], [0, F(-1, 2)]]

    def test_without_a_tomorrow_nothing_is_added_either(self):
        blind = replace(ROBOT, gamma=F(0))
        assert action_values(blind, [10, 20]) == action_values(ROBOT, [0, 0])

    def test_symbols_stay_symbols(self):
        high, low = sympy.symbols("high low")
        worth = action_values(RAGGED_ROBOT, [high, low])[LOW][WORK]
        assert sympy.expand(worth - (-F(1, 2) + F(9, 20) * low)) == 0

    def test_arrays_are_fine_and_not_changed(self):
        V_next = np.array([10.0, 20.0])
        V_next.flags.writeable = False
        found = np.array(action_values(ROBOT, V_next), dtype=float)
        np.testing.assert_allclose(found, [[9, 14], [10.8, 13]], rtol=1e-15)

    @pytest.mark.errors
    @pytest.mark.parametrize("V_next", [[], [1], [1, 2, 3]])
    def test_a_number_too_few_or_too_many_is_refused(self, V_next):
        with pytest.raises(
            ValueError, match=r"V_next must hold one number per state, 2"
        ):
            action_values(ROBOT, V_next)


class TestValues:
    def test_by_hand(self):
        # The last step: Q_2 is the mean reward, and V_2 the mean of its two entries.
        # Before: Q_1(high, work) = 2 + 9/10 · (2/3 · 1 + 1/3 · (−1/4)) = 2 + 21/40.
        V, Q = values(ROBOT, COIN)
        assert Q[2] == [[0, 2], [0, F(-1, 2)]]
        assert V[2] == [1, F(-1, 4)]
        assert Q[1][HIGH] == [F(9, 10), F(101, 40)]
        assert V[1][HIGH] == F(137, 80)

    @WORLDS
    @POLICIES
    def test_they_are_the_mean_returns_of_all_days(self, world, policy):
        check_values(world, policy)

    @slow_is_fine
    @random_problems
    def test_they_are_the_mean_returns_in_random_worlds(self, problem):
        check_values(*problem)

    @WORLDS
    def test_they_are_the_mean_returns_for_every_policy_at_once(self, world):
        h, ell, gamma = sympy.symbols("h l gamma")
        policy, free = [[1 - h, h], [1 - ell, ell]], [(0, 1), (0, 1)]
        world = self.with_symbol(world, gamma)
        V, Q = values(world, policy)
        J = sum(
            p * discounted_sum(day.rewards, gamma) for day, p in days_of(world, policy)
        )
        start = sum(p * v for p, v in zip(world.initial, V[0]))
        assert sympy.expand(start - J) == 0
        for t, s in np.ndindex(3, len(free)):
            mean = sum(policy[s][a] * Q[t][s][a] for a in free[s])
            assert sympy.expand(V[t][s] - mean) == 0

    @staticmethod
    def with_symbol(world, gamma):
        """The same world with a symbol for γ, past the annotation of `World`."""
        changed = replace(world)
        object.__setattr__(changed, "gamma", gamma)
        return changed

    @WORLDS
    @POLICIES
    def test_floats_agree_with_fractions(self, world, policy):
        floats = values(world, np.array(policy, dtype=float))
        for found, exact in zip(floats, values(world, policy)):
            exact = np.array(exact, dtype=float)
            np.testing.assert_allclose(
                np.array(found, float), exact, rtol=0, atol=1e-14
            )

    def test_fractions_stay_fractions(self):
        V, Q = values(RAGGED_ROBOT, EAGER)
        assert all(isinstance(v, F) for row in V[:-1] for v in row)
        assert all(isinstance(q, F) for table in Q for row in table for q in row)

    def test_complex_policies_are_fine(self):
        # What the complex step needs: the imaginary part is the slope.
        nudged = [[0.5 - 1e-30j, 0.5 + 1e-30j], [0.5, 0.5]]
        V, _ = values(replace(ROBOT, horizon=1), nudged)
        assert V[0][HIGH].imag == 2e-30

    @pytest.mark.parametrize("horizon", [1, 2, 7])
    def test_there_is_one_row_per_step_and_zeros_at_the_end(self, horizon):
        V, Q = values(replace(ROBOT, horizon=horizon), COIN)
        assert np.shape(V) == (horizon + 1, 2)
        assert np.shape(Q) == (horizon, 2, 2)
        assert V[horizon] == [0, 0]

    def test_a_longer_day_begins_before_the_shorter_one(self):
        V, Q = values(ROBOT, EAGER)
        V_longer, Q_longer = values(replace(ROBOT, horizon=5), EAGER)
        assert V_longer[2:] == V
        assert Q_longer[2:] == Q

    @WORLDS
    def test_the_policy_is_not_changed(self, world):
        policy = np.array(EAGER, dtype=float)
        policy.flags.writeable = False
        values(world, policy)
        assert (policy == np.array(EAGER, dtype=float)).all()


class TestVisitation:
    def test_by_hand(self):
        # From high (3/4) the coin goes to low by work and 1/3: 1/6. From low (1/4) it
        # stays by recharge and 1/5 or by work and 1/2: 7/20.
        # low at step 1: 3/4 · 1/6 + 1/4 · 7/20 = 17/80, times γ = 9/10.
        d = visitation(ROBOT, COIN)
        assert d[0] == [F(3, 4), F(1, 4)]
        assert d[1] == [F(9, 10) * F(63, 80), F(9, 10) * F(17, 80)]

    def test_nobody_arrives_after_the_end(self):
        # A rescue, 1/4 · 1/2 · 1/2 = 1/16, does not arrive on high.
        d = visitation(RAGGED_ROBOT, COIN)
        assert d[1] == [F(9, 10) * (F(63, 80) - F(1, 16)), F(9, 10) * F(17, 80)]

    @WORLDS
    @POLICIES
    def test_they_are_the_days_that_pass_through(self, world, policy):
        assert visitation(world, policy) == listed_visits(world, policy)

    @slow_is_fine
    @random_problems
    def test_they_are_the_days_that_pass_through_in_random_worlds(self, problem):
        assert visitation(*problem) == listed_visits(*problem)

    def test_they_are_the_days_that_pass_through_for_every_policy_at_once(self):
        h, ell = sympy.symbols("h l")
        policy = [[1 - h, h], [1 - ell, ell]]
        found = sympy.Matrix(visitation(RAGGED_ROBOT, policy))
        listed = sympy.Matrix(listed_visits(RAGGED_ROBOT, policy))
        assert sympy.expand(found - listed) == sympy.zeros(3, 2)

    @POLICIES
    def test_where_nothing_ends_each_step_weighs_its_discount(self, policy):
        assert [sum(row) for row in visitation(ROBOT, policy)] == [
            1,
            F(9, 10),
            F(81, 100),
        ]

    def test_where_days_end_it_weighs_less(self):
        # P(T = 1) = 1/16 for the coin, as notebook 04 says.
        assert sum(visitation(RAGGED_ROBOT, COIN)[1]) == F(9, 10) * F(15, 16)

    def test_without_a_discount_they_are_probabilities(self):
        d = visitation(replace(ROBOT, gamma=F(1)), EAGER)
        assert [sum(row) for row in d] == [1, 1, 1]

    def test_with_full_discount_only_the_start_counts(self):
        d = visitation(replace(ROBOT, gamma=F(0)), EAGER)
        assert d == [[F(3, 4), F(1, 4)], [0, 0], [0, 0]]

    @WORLDS
    @POLICIES
    def test_floats_agree_with_fractions(self, world, policy):
        found = visitation(world, np.array(policy, dtype=float))
        exact = np.array(visitation(world, policy), dtype=float)
        np.testing.assert_allclose(np.array(found, float), exact, rtol=0, atol=1e-15)

    def test_a_day_of_one_step_has_its_start_only(self):
        assert visitation(replace(ROBOT, horizon=1), COIN) == [[F(3, 4), F(1, 4)]]

    def test_the_world_is_not_changed(self):
        d = visitation(ROBOT, COIN)
        d[0][HIGH] = 0
        assert ROBOT.initial == (F(3, 4), F(1, 4))

    def test_a_robot_that_always_recharges_ends_up_high(self):
        always = [[0, 0], [0, 0]]
        for s in (HIGH, LOW):
            always[s][RECHARGE] = 1
        d = visitation(replace(ROBOT, horizon=30, gamma=F(1)), always)
        assert d[-1][LOW] == F(1, 4) * F(1, 5) ** 29


@pytest.mark.errors
@pytest.mark.parametrize("function", [values, visitation])
@pytest.mark.parametrize(
    ("policy", "sizes"),
    [
        ([], r"\[\]"),
        ([[0.5, 0.5]], r"\[2\]"),
        ([[0.5, 0.5]] * 3, r"\[2, 2, 2\]"),
        ([[1.0], [1.0]], r"\[1, 1\]"),
        ([[0.5, 0.5], [0.2, 0.3, 0.5]], r"\[2, 3\]"),
    ],
)
def test_a_policy_of_another_world_is_refused(function, policy, sizes):
    message = rf"policy must have 2 rows of 2 probabilities, got rows of {sizes}"
    with pytest.raises(ValueError, match=message):
        function(ROBOT, policy)
