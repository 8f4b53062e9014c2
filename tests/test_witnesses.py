"""The witnesses: each part alone, and all forms of the gradient on three robots."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction as F
from functools import cache

import numpy as np
import pytest
import sympy as sp

from pgutils.gradients import leave_one_out
from pgutils.returns import discounted_returns, discounted_sum
from pgutils.trajectories import Trajectory, all_trajectories, probability, sample
from pgutils.values import values, visitation
from pgutils.verify import VerificationError
from pgutils.witnesses import (
    GAMMA,
    P_HIGH,
    P_LOW,
    angle,
    central_difference,
    complex_step,
    each_day,
    expected_return,
    four_witnesses,
    frozen_return,
    length,
    nabla,
    over_all_days,
    over_sampled_days,
    weigh,
)
from pgutils.world import (
    HIGH,
    LOW,
    RAGGED_ROBOT,
    RECHARGE,
    ROBOT,
    WORK,
    robot_policy,
    robot_score,
    robot_scores,
)

COIN = [[F(1, 2), F(1, 2)]] * 2
EAGER = [[F(1, 10), F(9, 10)], [F(1, 7), F(6, 7)]]
THETA = np.array([0.4, -0.7])
PLACES = list(np.ndindex(2, 2))
WORLDS = pytest.mark.parametrize(
    "world", [ROBOT, RAGGED_ROBOT], ids=["robot", "ragged robot"]
)


class TestDerivatives:
    def test_nabla_is_the_chain_rule(self):
        # ∂p/∂θ = p (1 − p), and p² differentiates to 2p.
        p, q = P_HIGH, P_LOW
        found = nabla(p**2 * q)
        expected = [2 * p**2 * (1 - p) * q, p**2 * q * (1 - q)]
        assert [sp.expand(x - y) for x, y in zip(found, expected)] == [0, 0]

    def test_nabla_is_the_slope_in_the_log_odds(self):
        t, u = sp.symbols("t u", real=True)
        at = {P_HIGH: 1 / (1 + sp.exp(-t)), P_LOW: 1 / (1 + sp.exp(-u))}
        f = P_HIGH / (1 + P_LOW)
        found = [x.subs(at) for x in nabla(f)]
        expected = [sp.diff(f.subs(at), x) for x in (t, u)]
        assert [sp.simplify(x - y) for x, y in zip(found, expected)] == [0, 0]

    def test_a_central_difference_is_exact_for_a_paraboloid(self):
        def f(x):
            return 3 * x[0] ** 2 + x[0] * x[1] - 5 * x[1]

        # (6 x_0 + x_1, x_0 − 5) at (2, −1)
        found = central_difference(f, np.array([2.0, -1.0]), h=0.5)
        assert found.tolist() == [11, -3]

    def test_a_central_difference_has_ten_digits(self):
        found = central_difference(np.exp, 1.0)
        assert abs(found - np.e) < 1e-10 * np.e

    def test_a_smaller_step_errs_less(self):
        errors = [abs(central_difference(np.exp, 1.0, h) - np.e) for h in (1e-2, 1e-3)]
        assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)

    def test_the_complex_step_has_all_digits(self):
        def f(x):
            return np.exp(x[0]) * np.sin(x[1])

        found = complex_step(f, np.array([1.0, 2.0]))
        expected = [np.e * np.sin(2), np.e * np.cos(2)]
        np.testing.assert_allclose(found, expected, rtol=1e-15)

    @pytest.mark.parametrize("slopes", [central_difference, complex_step])
    @pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 1, 2)])
    def test_slopes_have_the_shape_of_the_parameters(self, slopes, shape):
        theta = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
        found = slopes(lambda x: (x**2).sum(), theta)
        assert found.shape == shape
        np.testing.assert_allclose(found, 2 * theta, rtol=1e-9)

    @pytest.mark.parametrize("slopes", [central_difference, complex_step])
    def test_the_parameters_are_not_changed(self, slopes):
        theta = np.array([1.0, 2.0])
        theta.flags.writeable = False
        slopes(lambda x: x[0] * x[1], theta)
        assert theta.tolist() == [1, 2]


def returns_of(world, policy, day):  # w_t = G_t, without γ^t
    return [
        discounted_sum(day.rewards[t:], world.gamma) for t in range(len(day.actions))
    ]


def reward_to_go(world, policy, day):  # w_t = γ^t G_t
    return [world.gamma**t * G for t, G in enumerate(returns_of(world, policy, day))]


class TestDays:
    def test_weigh_by_hand(self):
        # high work (½, 0), low work (0, ½), high recharge (−½, 0); weights 1, 10, 100
        day = Trajectory((HIGH, LOW, HIGH, HIGH), (WORK, WORK, RECHARGE), (2, -3, 0))
        assert weigh(COIN, day, [1, 10, 100]) == [F(-99, 2), 5]

    def test_weights_after_the_end_of_a_day_are_not_used(self):
        day = Trajectory((0, 1), (1,), (0,))
        assert weigh(COIN, day, [3, 10, 100]) == weigh(COIN, day, [3])
        with pytest.raises(ValueError, match="a number for each action, 1, got 0"):
            weigh(COIN, day, [])

    def test_policies_of_polynomials_keep_their_kind(self):
        x = sp.Poly(sp.Symbol("x"))
        day = Trajectory((0, 1), (1,), (0,))
        assert probability(ROBOT, [[1 - x, x], [0, 1]], day) == x * F(1, 4)

    def test_the_mean_over_all_days_is_the_known_gradient(self):
        # the fractions of notebook 04
        mean = over_all_days(reward_to_go)(ROBOT, COIN)
        assert mean == [F(72219, 80000), F(-149359, 1280000)]

    def test_the_mean_over_ragged_days_is_the_known_gradient(self):
        mean = over_all_days(reward_to_go)(RAGGED_ROBOT, COIN)
        assert mean == [F(527757, 640000), F(-242059, 1280000)]

    @WORLDS
    def test_scores_alone_have_mean_0(self, world):
        def ones(world, policy, day):
            return [1] * len(day.actions)

        assert over_all_days(ones)(world, EAGER) == [0, 0]

    @WORLDS
    def test_each_day_of_a_batch_is_one_of_the_days(self, world):
        known = set(all_trajectories(world))
        batch = sample(world, COIN, 300, np.random.default_rng(0))
        found = list(each_day(batch))
        assert set(found) <= known
        assert [len(day.actions) for day in found] == batch.mask.sum(axis=1).tolist()

    @WORLDS
    def test_sampled_days_are_weighed_one_by_one(self, world):
        policy = robot_policy(THETA)
        arrows = over_sampled_days(reward_to_go, n=500)(
            world, policy, np.random.default_rng(7)
        )
        batch = sample(world, policy, 500, np.random.default_rng(7))
        weights = (
            batch.mask * 0.9 ** np.arange(3) * discounted_returns(batch.rewards, 0.9)
        )
        expected = np.einsum("nt,nti->ni", weights, robot_scores(batch, policy))
        assert arrows.shape == (500, 2)
        np.testing.assert_allclose(arrows, expected, rtol=0, atol=1e-14)

    def test_20000_days_are_sampled_unless_told_otherwise(self):
        estimates = over_sampled_days(lambda *_: [1] * 3)
        assert estimates(ROBOT, COIN, np.random.default_rng(0)).shape == (20_000, 2)

    def test_samples_are_floats_though_the_scores_are_fractions(self):
        estimates = over_sampled_days(lambda *_: [1] * 3, n=5)
        assert estimates(ROBOT, COIN, np.random.default_rng(0)).dtype == float


class TestObjectives:
    @WORLDS
    def test_the_expected_return_adds_up_all_days(self, world):
        J = sum(
            probability(world, EAGER, day) * discounted_sum(day.rewards, world.gamma)
            for day in all_trajectories(world)
        )
        assert expected_return(world, EAGER, COIN) == J

    @WORLDS
    def test_frozen_it_adds_up_presence_times_value(self, world):
        V, _ = values(world, EAGER)
        presence = visitation(replace(world, gamma=F(1)), EAGER)
        total = sum(presence[t][s] * V[t][s] for t in range(3) for s in (HIGH, LOW))
        assert frozen_return(world, EAGER, EAGER) == total

    @WORLDS
    def test_its_slope_is_the_vector_without_the_discount(self, world):
        # Linear in the policy, so an exact difference quotient with any step will do.
        found = []
        for s in (HIGH, LOW):
            more = [list(row) for row in EAGER]
            more[s] = [more[s][RECHARGE] - F(1, 8), more[s][WORK] + F(1, 8)]
            rise = frozen_return(world, more, EAGER) - frozen_return(
                world, EAGER, EAGER
            )
            found.append(rise * 8 * EAGER[s][WORK] * EAGER[s][RECHARGE])
        assert found == over_all_days(returns_of)(world, EAGER)


class TestArrows:
    def test_length_by_hand(self):
        assert length([F(3), F(-4)]) == 5

    @pytest.mark.parametrize(
        ("u", "v", "degrees"),
        [
            ((1, 0), (5, 0), 0),
            ((1, 0), (1, 1), 45),
            ((1, 0), (0, 2), 90),
            ((1, 0), (0, -2), 90),
            ((1, 1), (-3, -3), 180),
            ((F(1, 2), 0), (F(-1, 2), F(1, 2)), 135),
            ((sp.Rational(1, 2), sp.Rational(1, 2)), (3.0, 0.0), 45),
        ],
    )
    def test_angle_by_hand(self, u, v, degrees):
        assert angle(u, v) == pytest.approx(degrees, abs=1e-12)
        assert angle(v, u) == pytest.approx(degrees, abs=1e-12)


class TestFourWitnesses:
    def compare(self, expected, **options):
        short, rng = replace(ROBOT, horizon=2), np.random.default_rng(8)
        witnesses = expected_return, expected, over_sampled_days(reward_to_go)
        four_witnesses("4.4", short, *witnesses, theta=THETA, rng=rng, **options)

    @pytest.mark.parametrize(
        ("options", "about"), [({}, ""), ({"scope": "G_t"}, "G_t, ")]
    )
    def test_each_line_says_for_what_it_holds(self, capsys, options, about):
        self.compare(over_all_days(reward_to_go), **options)
        lines = capsys.readouterr().out.splitlines()
        assert [line.partition(":")[0] for line in lines] == [
            f"✓ (4.4) exact ({about}every θ and γ)",
            f"✓ (4.4) numerical ({about}complex step at one θ)",
            f"✓ (4.4) statistical ({about}samples at one θ)",
        ]

    def test_what_holds_for_one_discount_only_is_refused(self):
        def for_this_one(world, policy):
            return over_all_days(reward_to_go)(replace(world, gamma=F(9, 10)), policy)

        with pytest.raises(VerificationError, match="does not hold exactly"):
            self.compare(for_this_one)


# The grid: every form of the gradient on every robot.


@dataclass(frozen=True)
class Form:
    """One way to estimate a gradient.

    Attributes:
        tag: its equation.
        expected: takes world and policy, returns the exact mean, two numbers.
        estimates: takes world, policy and rng, returns samples, (N, 2).
        objective: what it is the slope of.
    """

    tag: str
    expected: Callable
    estimates: Callable
    objective: Callable = expected_return


def by_days(tag, weights_of, objective=expected_return):
    """Both witnesses from the weights of a day, one per score."""
    return Form(
        tag, over_all_days(weights_of), over_sampled_days(weights_of), objective
    )


@cache
def known_values(world, policy):
    return values(world, policy)


def tables(world, policy):
    """V and Q of a world, computed once for each policy."""
    return known_values(world, tuple(map(tuple, policy)))


def full_return(world, policy, day):  # w_t = G_0
    return [discounted_sum(day.rewards, world.gamma)] * len(day.actions)


def minus(baseline):
    """w_t = γ^t (G_t − b_t)"""

    def weights(world, policy, day):
        G = returns_of(world, policy, day)
        b = [baseline(world, policy, day, t) for t in range(len(G))]
        return [world.gamma**t * (g - b[t]) for t, g in enumerate(G)]

    return weights


def value_of_the_state(world, policy, day, t):
    return tables(world, policy)[0][t][day.states[t]]


def reward_just_received(world, policy, day, t):
    return day.rewards[t - 1] if t > 0 else 0


def value_of_the_choice(world, policy, day, t):
    return tables(world, policy)[1][t][day.states[t]][day.actions[t]]


def worth(world, policy, day):  # w_t = γ^t Q_t(s_t, a_t)
    Q = [value_of_the_choice(world, policy, day, t) for t in range(len(day.actions))]
    return [world.gamma**t * q for t, q in enumerate(Q)]


def advantage(world, policy, day):  # w_t = γ^t A_t(s_t, a_t)
    V = [value_of_the_state(world, policy, day, t) for t in range(len(day.actions))]
    Q = worth(world, policy, day)
    return [q - world.gamma**t * v for t, (q, v) in enumerate(zip(Q, V))]


def slopes_of(policy, s, a):
    """∇π(a|s) = π(a|s) ψ"""
    return [policy[s][a] * x for x in robot_score(policy, s, a)]


def own_shares(policy, Q):
    """Σ_a ∇π(a|s) Q(s, a) of each state, two numbers each."""
    return [
        [sum(slopes_of(policy, s, a)[i] * Q[s][a] for a in (0, 1)) for i in (0, 1)]
        for s in (HIGH, LOW)
    ]


def over_visits(world, policy):
    """(5.6): Σ_t Σ_s d_t(s) Σ_a ∇π(a|s) Q_t(s, a)."""
    d, total = visitation(world, policy), [0, 0]
    for t, Q in enumerate(tables(world, policy)[1]):
        for s, share in enumerate(own_shares(policy, Q)):
            total = [x + d[t][s] * y for x, y in zip(total, share)]
    return total


def by_clock(world, policy):
    """(5.8): ρᵀ (I − γ P̃)⁻¹ c, with the pair of step and state as the state."""
    T = world.horizon
    chain = sp.zeros(2 * T, 2 * T)
    for t in range(T - 1):
        for (s, a), s2 in ((place, s2) for place in PLACES for s2 in (HIGH, LOW)):
            if not world.ends[s][a][s2]:
                flow = policy[s][a] * world.transition[s][a][s2]
                chain[2 * t + s, 2 * (t + 1) + s2] += flow
    rho = sp.Matrix([*world.initial, *[0] * (2 * T - 2)])
    d = (sp.eye(2 * T) - world.gamma * chain).T.lower_triangular_solve(rho)
    Q = tables(world, policy)[1]
    c = sp.Matrix([share for Q_t in Q for share in own_shares(policy, Q_t)])
    return list(d.T * c)


def over_all_pairs(world, policy, included=False):
    """The mean with the other day's G_t as the baseline: each day meets each other.

    Args:
        world: the MDP.
        policy: table [s][a] of action probabilities.
        included: whether the day's own return is in the baseline, which breaks it.
    """
    others = {}
    for day in all_trajectories(world):
        p = sp.expand(probability(world, policy, day))
        others[day.rewards] = others.get(day.rewards, 0) + p

    @cache
    def weight(t, g):
        """The mean of γ^t (G_t − b_t) over all that the other day may be."""
        total = 0
        for rewards, p in others.items():
            b = discounted_sum(rewards[t:], world.gamma)
            total += p * world.gamma**t * (g - ((b + g) / 2 if included else b))
        return sp.expand(total)

    def weights(world, policy, day):
        return [weight(t, g) for t, g in enumerate(returns_of(world, policy, day))]

    return over_all_days(weights)(world, policy)


def sampled_pairs(world, policy, rng, n=10_000):
    """Estimates from batches of two days with the leave-one-out baseline."""
    batch = sample(world, policy, 2 * n, rng)
    gamma = float(world.gamma)
    G = discounted_returns(batch.rewards, gamma).reshape(2, -1)
    b = leave_one_out(G).reshape(2 * n, -1)
    weights = batch.mask * gamma ** np.arange(world.horizon) * (G.reshape(b.shape) - b)
    arrows = np.einsum("nt,nti->ni", weights, robot_scores(batch, policy))
    return arrows.reshape(2, n, 2).mean(axis=0)


FORMS = {
    "full return": by_days("4.2", full_return),
    "reward-to-go": by_days("4.4", reward_to_go),
    "without γ^t": by_days("5.9", returns_of, frozen_return),
    "minus a constant": by_days("8.1", minus(lambda *_: 2)),
    "minus V_t(s_t)": by_days("8.1", minus(value_of_the_state)),
    "minus r_t": by_days("8.1", minus(reward_just_received)),
    "minus the other day's return": Form("9.3", over_all_pairs, sampled_pairs),
    "values of choices": by_days("5.6", worth),
    "advantages": by_days("5.7", advantage),
    "sum over visits": Form("5.6", over_visits, over_sampled_days(worth)),
    "matrix of the clock": Form("5.8", by_clock, over_sampled_days(advantage)),
}


@WORLDS
@pytest.mark.parametrize("name", FORMS)
def test_all_forms_name_one_gradient(world, name, capsys):
    form = FORMS[name]
    witnesses = form.objective, form.expected, form.estimates
    rng = np.random.default_rng(41)
    four_witnesses(form.tag, world, *witnesses, theta=THETA, rng=rng, scope=name)
    lines = capsys.readouterr().out.splitlines()
    for line, kind in zip(lines, ["exact", "numerical", "statistical"], strict=True):
        assert line.startswith(f"✓ ({form.tag}) {kind} ({name}, ")


# The robot without an evening: V, Q and visits solve linear equations. Samples and the
# complex step take a day of 48 steps: what comes later has weight 2^-48.

UNENDING = replace(ROBOT, horizon=48, gamma=F(1, 2))


class Unending:
    """The closed forms for one policy: one inverse instead of a sum over steps."""

    def __init__(self, world, policy):
        self.policy, self.gamma, self.reward = policy, world.gamma, world.reward
        self.transition = [[list(row) for row in rows] for rows in world.transition]
        self.chain = sp.Matrix(2, 2, lambda s, s2: self.flow(s, s2))
        self.inverse = (sp.eye(2) - self.gamma * self.chain).inv()
        self.paid = [
            [
                sum(p * r for p, r in zip(self.transition[s][a], world.reward[s][a]))
                for a in (0, 1)
            ]
            for s in (HIGH, LOW)
        ]
        mean = [sum(p * r for p, r in zip(policy[s], self.paid[s])) for s in (0, 1)]
        self.V = self.inverse * sp.Matrix(mean)
        self.visits = sp.Matrix([world.initial]) * self.inverse
        self.initial = sp.Matrix([world.initial])

    def flow(self, s, s2):
        return sum(self.policy[s][a] * self.transition[s][a][s2] for a in (0, 1))

    def choices(self, worth):
        """Σ_s d(s) Σ_a ∇π(a|s) worth(s, a)"""
        return list(self.visits * sp.Matrix(own_shares(self.policy, worth)))

    def later(self):
        """γ Σ_s' P(s'|s, a) V(s') at [s][a]."""
        at = [
            [sp.Matrix([self.transition[s][a]]) * self.V for a in (0, 1)]
            for s in (0, 1)
        ]
        return [[self.gamma * x[0] for x in row] for row in at]

    def Q(self):
        both = zip(self.paid, self.later())
        return [[x + y for x, y in zip(*rows)] for rows in both]


def minus_table(Q, b):
    """Q(s, a) − b(s)"""
    return [[q - b[s] for q in Q[s]] for s in (HIGH, LOW)]


def unending_objective(world, policy, acting):
    if world.gamma is not GAMMA:
        return expected_return(world, policy, acting)
    return (sp.Matrix([world.initial]) * Unending(world, policy).V)[0]


def unending_scores_times_rewards(world, policy):
    """E[Σ_t ψ_t G_0]: each score meets the reward of its step, and all later ones."""
    closed = Unending(world, policy)
    now, later = closed.choices(closed.paid), closed.choices(closed.later())
    return [x + y for x, y in zip(now, later)]


def unending_theorem(world, policy):
    closed = Unending(world, policy)
    return closed.choices(closed.Q())


def unending_advantages(world, policy):
    closed = Unending(world, policy)
    return closed.choices(minus_table(closed.Q(), closed.V))


def unending_minus_2(world, policy):
    closed = Unending(world, policy)
    return closed.choices(minus_table(closed.Q(), [2, 2]))


def unending_minus_received(world, policy):
    """γ^t ψ_t r_t: a step from s by a to s' pays, and then comes the score of s'."""
    closed, total = Unending(world, policy), unending_theorem(world, policy)
    ones = own_shares(policy, [[1, 1], [1, 1]])
    for (s, a), s2 in ((place, s2) for place in PLACES for s2 in (HIGH, LOW)):
        flow = closed.visits[s] * policy[s][a] * closed.transition[s][a][s2]
        paid = closed.gamma * flow * closed.reward[s][a][s2]
        total = [x - paid * y for x, y in zip(total, ones[s2])]
    return total


def unending_minus_other(world, policy):
    """γ^t ψ_t G_t of two independent days: pairs of states are the states."""
    closed = Unending(world, policy)
    ones = own_shares(policy, [[1, 1], [1, 1]])
    pairs = sp.eye(4) - closed.gamma * sp.kronecker_product(closed.chain, closed.chain)
    start = sp.kronecker_product(closed.initial, closed.initial)
    total = unending_theorem(world, policy)
    for i in (0, 1):
        worth = sp.Matrix([ones[s][i] * closed.V[other] for s, other in PLACES])
        total[i] -= (start * pairs.LUsolve(worth))[0]
    return total


def by_arrays(weights_of, n=4_000):
    """Estimates from weights (N, T) of a whole batch."""

    def estimates(world, policy, rng):
        batch = sample(world, policy, n, rng)
        G = discounted_returns(batch.rewards, float(world.gamma))
        discounts = float(world.gamma) ** np.arange(world.horizon)
        weights = weights_of(batch, G, discounts, tables(world, policy))
        return np.einsum("nt,nti->ni", weights, robot_scores(batch, policy))

    return estimates


def at_states(table, batch):
    """Entry [t, s_t] or [t, s_t, a_t] of a table for every day and step."""
    table, clock = np.array(table, dtype=float), np.arange(batch.actions.shape[1])
    if table.ndim == 2:
        return table[clock, batch.states[:, :-1]]
    return table[clock, batch.states[:, :-1], batch.actions]


def received(batch):
    """r_t, and 0 at the start."""
    return np.pad(batch.rewards, ((0, 0), (1, 0)))[:, :-1]


# Without γ^t there is no such form: the sum over steps does not converge.
UNENDING_FORMS = {
    "full return": Form(
        "4.2",
        unending_scores_times_rewards,
        by_arrays(lambda batch, G, discounts, tables: 0 * G + G[:, :1]),
    ),
    "reward-to-go": Form(
        "4.4",
        unending_theorem,
        by_arrays(lambda batch, G, discounts, tables: discounts * G),
    ),
    "minus a constant": Form(
        "8.1",
        unending_minus_2,
        by_arrays(lambda batch, G, discounts, tables: discounts * (G - 2)),
    ),
    "minus V(s_t)": Form(
        "8.1",
        unending_advantages,
        by_arrays(
            lambda batch, G, discounts, tables: (
                discounts * (G - at_states(tables[0][:-1], batch))
            )
        ),
    ),
    "minus r_t": Form(
        "8.1",
        unending_minus_received,
        by_arrays(
            lambda batch, G, discounts, tables: discounts * (G - received(batch))
        ),
    ),
    "minus the other day's return": Form(
        "9.3",
        unending_minus_other,
        lambda world, policy, rng: sampled_pairs(world, policy, rng, n=2_000),
    ),
    "values of choices": Form(
        "5.8",
        unending_theorem,
        by_arrays(
            lambda batch, G, discounts, tables: discounts * at_states(tables[1], batch)
        ),
    ),
    "advantages": Form(
        "5.8",
        unending_advantages,
        by_arrays(
            lambda batch, G, discounts, tables: (
                discounts
                * (at_states(tables[1], batch) - at_states(tables[0][:-1], batch))
            )
        ),
    ),
}


def unending_witnesses(form, **options):
    rng = np.random.default_rng(42)
    witnesses = unending_objective, form.expected, form.estimates
    four_witnesses(form.tag, UNENDING, *witnesses, theta=THETA, rng=rng, **options)


@pytest.mark.parametrize("name", UNENDING_FORMS)
def test_all_forms_name_one_gradient_without_an_evening(name, capsys):
    unending_witnesses(UNENDING_FORMS[name], scope=name)
    assert len(capsys.readouterr().out.splitlines()) == 3


# Each form breaks when it is wrong: in the exact mean, and in the samples alone.


@pytest.fixture
def no_search(monkeypatch):
    """Leave out the last resort of `verify`, which takes long: cancelling tells all."""
    monkeypatch.setattr(sp, "simplify", lambda formula: formula)


def next_return(world, policy, day):  # γ^t G_{t+1}
    G = [*returns_of(world, policy, day)[1:], 0]
    return [world.gamma**t * g for t, g in enumerate(G)]


def scaled(factor_of, weights_of):
    """The same weights, each times a factor that depends on γ and t."""

    def weights(world, policy, day):
        found = weights_of(world, policy, day)
        return [factor_of(world.gamma, t) * w for t, w in enumerate(found)]

    return weights


def without_a_clock(world, policy, day):  # γ^t Q_0(s_t, a_t)
    Q_0 = tables(world, policy)[1][0]
    steps = enumerate(zip(day.states, day.actions))
    return [world.gamma**t * Q_0[s][a] for t, (s, a) in steps]


def blind_to_ends(world, policy, day):  # γ^t Q_t(s_t, a_t) of a world where none is
    return worth(replace(world, ends=ROBOT.ends), policy, day)


def sees_the_action(world, policy, day, t):
    return day.actions[t]


BROKEN = {
    "γ^(t+1)": scaled(lambda gamma, t: gamma, reward_to_go),
    "G_{t+1}": next_return,
    "a minus": scaled(lambda gamma, t: -1, reward_to_go),
    "no γ^t": returns_of,
    "γ^t twice": scaled(lambda gamma, t: gamma**t, reward_to_go),
    "γ^t before G_0": scaled(lambda gamma, t: gamma**t, full_return),
    "baseline that sees the action": minus(sees_the_action),
    "baseline that sees the reward": minus(lambda w, p, day, t: day.rewards[t]),
    "baseline that sees the length": minus(lambda w, p, day, t: 2 * len(day.actions)),
    "baseline Q_t(s_t, a_t)": minus(value_of_the_choice),
    "Q_0 for Q_t": without_a_clock,
    "Q_t blind to ends": blind_to_ends,
    "A_t without γ^t": scaled(lambda gamma, t: 1 / gamma**t, advantage),
}
RAGGED_ONLY = {"baseline that sees the length", "Q_t blind to ends"}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("witness", ["days", "samples"])
def test_a_broken_form_is_refused(name, witness):
    world = RAGGED_ROBOT if name in RAGGED_ONLY else ROBOT
    wrong, right = by_days("4.4", BROKEN[name]), FORMS["reward-to-go"]
    if witness == "days":
        forms, how = (wrong.expected, right.estimates), "exactly"
    else:
        forms, how = (right.expected, wrong.estimates), "statistically"
    rng = np.random.default_rng(43)
    with pytest.raises(VerificationError, match=rf"\(4.4\) does not hold {how}"):
        four_witnesses("4.4", world, expected_return, *forms, theta=THETA, rng=rng)


@pytest.mark.parametrize("name", sorted(RAGGED_ONLY))
def test_where_no_day_ends_early_those_two_are_right(name):
    form = by_days("4.4", BROKEN[name])
    witnesses = expected_return, form.expected, form.estimates
    rng = np.random.default_rng(44)
    four_witnesses("4.4", ROBOT, *witnesses, theta=THETA, rng=rng)


def visits_without_discount(world, policy):
    undiscounted, total = visitation(replace(world, gamma=1), policy), [0, 0]
    for d, Q in zip(undiscounted, tables(world, policy)[1]):
        for s, share in enumerate(own_shares(policy, Q)):
            total = [x + d[s] * y for x, y in zip(total, share)]
    return total


def with_the_own_return(world, policy):
    return over_all_pairs(world, policy, included=True)


def doubled_discount(world, policy):
    return by_clock(replace(world, gamma=world.gamma**2), policy)


@pytest.mark.parametrize(
    "expected", [visits_without_discount, with_the_own_return, doubled_discount]
)
@WORLDS
def test_a_broken_sum_is_refused(world, expected):
    short, rng = replace(world, horizon=2), np.random.default_rng(45)
    forms = expected_return, expected, FORMS["reward-to-go"].estimates
    with pytest.raises(VerificationError, match="does not hold exactly"):
        four_witnesses("5.6", short, *forms, theta=THETA, rng=rng)


@pytest.mark.parametrize(
    ("objective", "weights_of"),
    [(expected_return, returns_of), (frozen_return, reward_to_go)],
    ids=["without γ^t is not the slope of J", "with it not that of the frozen return"],
)
def test_each_objective_has_its_own_slope(objective, weights_of):
    form, rng = by_days("5.9", weights_of), np.random.default_rng(46)
    forms = objective, form.expected, form.estimates
    with pytest.raises(VerificationError, match="does not hold exactly"):
        four_witnesses("5.9", ROBOT, *forms, theta=THETA, rng=rng)


def test_the_complex_step_speaks_for_itself():
    def unlike_its_formula(world, policy, acting):
        J = expected_return(world, policy, acting)
        return J if world.gamma is GAMMA else J * (1 + 1e-9)

    form, rng = FORMS["reward-to-go"], np.random.default_rng(47)
    forms = unlike_its_formula, form.expected, form.estimates
    with pytest.raises(VerificationError, match="does not hold numerically"):
        four_witnesses("4.4", ROBOT, *forms, theta=THETA, rng=rng)


def unending_minus_action(world, policy):
    """γ^t ψ_t (Q − [a = work])"""
    closed = Unending(world, policy)
    return closed.choices([[q - a for a, q in enumerate(row)] for row in closed.Q()])


def unending_today_only(world, policy):
    closed = Unending(world, policy)
    return closed.choices(closed.paid)


def unending_minus(world, policy):
    return [-x for x in unending_theorem(world, policy)]


UNENDING_BROKEN = {
    "a minus": (unending_minus, lambda G, batch, discounts: -discounts * G),
    "γ^(t+1)": (
        lambda world, policy: [
            world.gamma * x for x in unending_theorem(world, policy)
        ],
        lambda G, batch, discounts: discounts * G / 2,
    ),
    "G_{t+1}": (
        lambda world, policy: [
            x - y
            for x, y in zip(
                unending_theorem(world, policy), unending_today_only(world, policy)
            )
        ],
        lambda G, batch, discounts: discounts * (G - batch.rewards),
    ),
    "only the next reward": (
        unending_today_only,
        lambda G, batch, discounts: discounts * batch.rewards,
    ),
    "baseline that sees the action": (
        unending_minus_action,
        lambda G, batch, discounts: discounts * (G - batch.actions),
    ),
}


@pytest.mark.usefixtures("no_search")
@pytest.mark.parametrize("name", UNENDING_BROKEN)
@pytest.mark.parametrize("witness", ["days", "samples"])
def test_a_broken_form_is_refused_without_an_evening(name, witness):
    expected, weigh_all = UNENDING_BROKEN[name]
    right = UNENDING_FORMS["reward-to-go"]
    wrong = by_arrays(
        lambda batch, G, discounts, tables: weigh_all(G, batch, discounts)
    )
    if witness == "days":
        form, how = replace(right, expected=expected), "exactly"
    else:
        form, how = replace(right, estimates=wrong), "statistically"
    with pytest.raises(VerificationError, match=rf"\(4.4\) does not hold {how}"):
        unending_witnesses(form)
