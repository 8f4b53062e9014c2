"""Chapters 1 and 2: trajectories, returns and the objective."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction as F
from itertools import product
from math import log, prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from strategies import (
    Listed,
    Reference,
    a_certain_law,
    assert_close,
    drawn_law,
    exact_softmax,
    gammas,
    identity,
    of_any_size,
    rationals,
    rngs,
    small_worlds,
    with_logits,
    with_policy,
    worlds,
)

from pgutils.returns import discounted_returns, discounted_sum
from pgutils.softmax import log_softmax, softmax
from pgutils.trajectories import all_trajectories, probability, sample
from pgutils.values import values
from pgutils.witnesses import complex_step, expected_return

histories = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 2)] * n), min_size=1, max_size=30)
)
certain_worlds = worlds(law=a_certain_law)
shapes = array_shapes(max_dims=3, max_side=5)


# 1 · Trajectories


@identity("1.2")
@given(histories)
def test_the_chain_rule_holds_for_any_law(days):
    def share(start):
        return F(sum(day[: len(start)] == start for day in days), len(days))

    for day, count in Counter(days).items():
        steps = [share(day[: n + 1]) / share(day[:n]) for n in range(len(day))]
        assert prod(steps) == F(count, len(days))


@identity("1.4")
@given(with_policy())
def test_drawing_one_after_the_other_gives_the_product(problem):
    world, policy = problem
    listed = {
        path: probability(world, policy, path) for path in all_trajectories(world)
    }
    assert {path: p for path, p in listed.items() if p} == drawn_law(world, policy)
    assert sum(listed.values()) == 1


@identity("1.4")
@given(with_logits())
def test_probabilities_sum_to_1_for_logits_of_any_size(problem):
    world, table = problem
    policy = softmax(table)
    found = [
        float(probability(world, policy, path)) for path in all_trajectories(world)
    ]
    assert_close(np.sum(found), 1.0, 1.0)


@identity("1.4")
@given(with_policy(), st.integers(0, 2**32 - 1))
def test_samples_are_trajectories_that_can_happen(problem, seed):
    world, policy = problem
    law = drawn_law(world, policy)
    table = np.array(policy, dtype=float)
    batch = sample(world, table, 10, np.random.default_rng(seed))
    known = {(path.states, path.actions): path.rewards for path in law}
    for i, T in enumerate(batch.mask.sum(axis=1)):
        seen = batch.states[i, : T + 1].tolist(), batch.actions[i, :T].tolist()
        paid = np.array(known[tuple(seen[0]), tuple(seen[1])], dtype=float)
        assert batch.mask[i, :T].all()
        assert batch.rewards[i, :T].tolist() == paid.tolist()
        assert not batch.rewards[i, T:].any()


@identity("1.5")
@given(with_logits(small_worlds))
def test_a_sum_of_logarithms_survives_where_the_product_is_0(problem):
    world, table = problem
    log_policy = log_softmax(table)
    policy = [exact_softmax(row) for row in table]
    with localcontext(prec=40):
        for path in all_trajectories(world):
            steps = list(zip(path.states, path.actions, path.states[1:]))
            chances = [world.initial[path.states[0]]]
            chances += [world.transition[s][a][s2] for s, a, s2 in steps]
            whole = prod(Decimal(p.numerator) / p.denominator for p in chances)
            whole *= prod(policy[s][a] for s, a, _ in steps)
            terms = [log_policy[s, a] for s, a, _ in steps] + [log(p) for p in chances]
            assert_close(sum(terms), float(whole.ln()), np.abs(terms).sum())


@identity("1.6")
@given(with_policy(certain_worlds))
def test_where_the_world_is_certain_start_and_actions_are_all(problem):
    world, policy = problem
    n, k, _ = np.shape(world.transition)
    expected = {}
    for start, plan in product(range(n), product(range(k), repeat=world.horizon)):
        p, states = world.initial[start], [start]
        for t, a in enumerate(plan):
            s = states[-1]
            states.append(world.transition[s][a].index(1))
            p *= policy[s][a]
            if world.ends[s][a][states[-1]]:
                plan = plan[: t + 1]
                break
        expected[tuple(states), plan] = p
    found = {
        (path.states, path.actions): probability(world, policy, path)
        for path in all_trajectories(world)
    }
    assert found == {key: p for key, p in expected.items() if world.initial[key[0][0]]}


@identity("1.7")
@given(with_policy())
def test_the_first_state_does_not_know_the_policy(problem):
    world, policy = problem
    by_start = [F(0)] * len(world.initial)
    for path in all_trajectories(world):
        by_start[path.states[0]] += probability(world, policy, path)
    assert tuple(by_start) == world.initial


# 2 · Returns and the objective


def by_definition(row, gamma):
    """All G_t of one episode by (2.1), in exact arithmetic."""
    T = len(row)
    return [sum(gamma ** (k - t) * row[k] for k in range(t, T)) for t in range(T)]


@identity("2.1", "2.2")
@given(shapes, rngs, gammas)
def test_backwards_gives_the_discounted_sums(shape, rng, gamma):
    rewards = of_any_size(rng, shape)
    found = discounted_returns(rewards, gamma)
    assert found.shape == rewards.shape
    for i in np.ndindex(rewards.shape[:-1]):
        row = [F(r) for r in rewards[i].tolist()]
        exact = by_definition(row, F(gamma))
        sizes = by_definition([abs(r) for r in row], F(gamma))
        assert_close(found[i], np.array(exact, float), np.array(sizes, float))


@identity("2.2")
@given(st.lists(rationals, min_size=1, max_size=8), st.fractions(0, 1))
def test_each_return_contains_the_next(row, gamma):
    G = [discounted_sum(row[t:], gamma) for t in range(len(row) + 1)]
    assert G[:-1] == by_definition(row, gamma)
    assert G[:-1] == [r + gamma * later for r, later in zip(row, G[1:])]
    assert G[-1] == 0


@identity("2.3")
@given(st.integers(1, 60), gammas)
def test_a_reward_of_1_a_step_gives_a_geometric_sum(T, gamma):
    g = F(gamma)
    closed = F(T) if g == 1 else (1 - g**T) / (1 - g)
    assert discounted_sum([1] * T, g) == closed
    assert_close(discounted_returns(np.ones(T), gamma)[0], float(closed), closed)


@identity("2.5")
@given(with_policy())
def test_the_objective_from_the_last_step_back(problem):
    world, policy = problem
    J = sum(
        probability(world, policy, path) * discounted_sum(path.rewards, world.gamma)
        for path in all_trajectories(world)
    )
    V, _ = values(world, policy)
    assert sum(p * v for p, v in zip(world.initial, V[0])) == J
    assert expected_return(world, policy, policy) == J
    assert V[world.horizon] == [0] * len(world.initial)


@identity("2.6")
@given(with_policy(worlds(states=(2, 1), actions=(2, 1), horizon=(2, 1))))
def test_the_mean_of_n_days_has_mean_j_and_an_nth_of_the_variance(problem):
    world, policy = problem
    law = Counter()
    for path, p in drawn_law(world, policy).items():
        law[discounted_sum(path.rewards, world.gamma)] += p
    J = sum(p * G for G, p in law.items())
    variance = sum(p * (G - J) ** 2 for G, p in law.items())
    V, _ = values(world, policy)
    assert sum(p * v for p, v in zip(world.initial, V[0])) == J

    sums = {F(0): F(1)}
    for n in (1, 2, 3):
        longer = Counter()
        for (total, p), (G, q) in product(sums.items(), law.items()):
            longer[total + G] += p * q
        sums = longer
        assert sum(p * total / n for total, p in sums.items()) == J
        spread = sum(p * (total / n - J) ** 2 for total, p in sums.items())
        assert spread == variance / n


@identity("2.7")
@given(with_logits(), st.floats(1e-3, 1e3))
def test_ascent_on_j_is_descent_on_minus_j(problem, eta):
    world, table = problem
    negated = (-np.array(world.reward)).tolist()
    payer = replace(world, reward=tuple(negated))
    listed = Listed(world, table)
    up = table + eta * listed.expected_estimate()
    down = table - eta * complex_step(Reference(payer).objective, table)
    assert_close(up, down, eta * listed.size + np.abs(table))
