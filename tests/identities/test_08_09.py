"""Chapters 8 and 9: what may be subtracted, and the agent."""

from decimal import Decimal, localcontext
from fractions import Fraction as F

import numpy as np
import sympy
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    Listed,
    Reference,
    assert_close,
    batches,
    gammas,
    identity,
    logits,
    numbers,
    of_any_size,
    rngs,
    small_worlds,
    some_logits,
    with_logits,
    worlds,
)

from pgutils.gradients import leave_one_out, policy_gradient
from pgutils.returns import discounted_returns, discounted_sum
from pgutils.rollout import race
from pgutils.softmax import score, softmax
from pgutils.training import gradient_step, is_solved
from pgutils.trajectories import Batch
from pgutils.values import visitation
from pgutils.witnesses import complex_step

tiny_worlds = worlds(states=(2, 1), actions=(2, 1), horizon=(2, 1))
several = batches(episodes=(2, 3, 4))


def gradient(world, table):
    """∇J by the complex step through a recursion."""
    return complex_step(Reference(world).objective, table)


class Arrows:
    """One arrow per trajectory, with its chance, flat; and the truth."""

    def __init__(self, problem, baseline=0.0):
        self.listed = Listed(*problem)
        self.chance = self.listed.chance
        self.truth = gradient(*problem).ravel()
        self.X = self.listed.arrows(baseline).reshape(len(self.chance), -1)
        # Of squares, all terms together: those of the arrows and those of the truth.
        self.size = 4 * (self.square(self.X) + self.listed.size**2)

    def square(self, g):
        """E‖g‖²"""
        return self.chance @ (g**2).sum(axis=1)

    def noise(self, g):
        """E‖g − ∇J‖²"""
        return self.square(g - self.truth)


# 8 · Variance


@identity("8.1")
@given(with_logits(), rngs, numbers)
def test_any_function_of_the_history_may_be_subtracted(problem, rng, outside):
    listed, known = Listed(*problem), {}
    baseline = np.full(listed.rewards.shape, outside)
    for i, (states, actions, _) in enumerate(listed.paths):
        for t in range(len(actions)):
            history = states[: t + 1], actions[:t]
            baseline[i, t] += known.setdefault(history, rng.normal())
    size = listed.size + problem[0].horizon * np.abs(baseline).max()
    assert_close(listed.expected_estimate(baseline), gradient(*problem), size)


@identity("8.2")
@given(with_logits(small_worlds), rngs)
def test_covariance_and_noise(problem, rng):
    b = rng.normal()
    arrows = Arrows(problem, baseline=b)
    chance, g, truth = arrows.chance, arrows.X, arrows.truth
    size = arrows.size + 8 * problem[0].horizon ** 2 * b**2
    off = g - truth
    centred = np.einsum("n,ni,nj->ij", chance, off, off)
    second = np.einsum("n,ni,nj->ij", chance, g, g)
    assert_close(centred, second - np.outer(truth, truth), size)
    assert_close(arrows.noise(g), arrows.square(g) - truth @ truth, size)
    assert_close(np.trace(centred), arrows.noise(g), size)


@identity("8.3")
@given(with_logits(small_worlds), rngs)
def test_the_noise_is_a_parabola_in_a_constant(problem, rng):
    arrows = Arrows(problem)
    listed, X = arrows.listed, arrows.X
    S = np.einsum("t,nt,ntij->nij", listed.discounts, listed.mask, listed.scores)
    S = S.reshape(X.shape)
    every = np.arange(X.shape[1])
    for part in (every, *every[:, None]):  # all components, and each alone
        XS = arrows.chance @ (X * S)[:, part].sum(axis=1)
        SS = arrows.chance @ (S[:, part] ** 2).sum(axis=1)
        if SS > 0:
            best, b = XS / SS, 3 * rng.normal()

            def noise(b, part=part):
                g = listed.arrows(b).reshape(X.shape) - arrows.truth
                return arrows.chance @ (g[:, part] ** 2).sum(axis=1)

            size = arrows.size + 4 * SS * (best**2 + b**2)
            assert_close(noise(b), noise(best) + (b - best) ** 2 * SS, size)
            assert_close(noise(b), noise(0.0) - 2 * b * XS + b**2 * SS, size)


@identity("8.4")
@given(with_logits(small_worlds), rngs)
def test_a_table_makes_one_parabola_per_entry(problem, rng):
    arrows = Arrows(problem)
    listed, X = arrows.listed, arrows.X
    T, clock = problem[0].horizon, np.arange(problem[0].horizon)
    S = len(problem[1])
    table, best, squares, cross = (np.zeros((T, S)) for _ in range(4))
    for t, s in np.ndindex(T, S):
        here = listed.mask[:, t] & (listed.states[:, t] == s)
        psi = here[:, None] * listed.scores[:, t].reshape(X.shape)
        phi = listed.discounts[t] * psi
        squares[t, s] = arrows.square(phi)
        cross[t, s] = arrows.chance @ (phi * X).sum(axis=1)
        table[t, s] = rng.normal()
        if squares[t, s] > 0:
            best[t, s] = cross[t, s] / squares[t, s]
            top = arrows.chance @ (psi * X).sum(axis=1)
            bottom = listed.discounts[t] * arrows.square(psi)
            assert_close(
                best[t, s], top / bottom, np.abs(X).sum() / listed.discounts[t]
            )

    def noise(table):
        g = listed.arrows(table[clock, listed.states]).reshape(X.shape)
        return arrows.noise(g)

    size = arrows.size + 4 * T * (squares * (table**2 + best**2)).sum()
    parabolas = ((table - best) ** 2 * squares).sum()
    assert_close(noise(table), noise(best) + parabolas, size)
    expanded = noise(0 * table) - 2 * (table * cross).sum() + (table**2 * squares).sum()
    assert_close(noise(table), expanded, size)


def of_pairs(listed, baseline_of):
    """The mean estimate over all pairs of trajectories, N = 2.

    Args:
        listed: all trajectories.
        baseline_of: takes returns (2, M) of M pairs and steps, returns as many numbers.
    """
    n, T = listed.rewards.shape
    i, j = (k.ravel() for k in np.indices((n, n)))
    both = np.stack([listed.returns[i].ravel(), listed.returns[j].ravel()])
    rows = np.concatenate([i, j])
    # The estimate is linear in the scores: they carry 2n² times a pair's chance, half
    # of it for each of the two.
    weights = n * n * np.tile(listed.chance[i] * listed.chance[j], 2)
    return policy_gradient(
        weights[:, None, None, None] * listed.scores[rows],
        listed.rewards[rows],
        listed.mask[rows],
        gamma=listed.gamma,
        baseline=baseline_of(both).reshape(2 * n * n, T),
    )


@identity("8.5")
@given(several, gammas, rngs)
def test_the_mean_of_the_batch_only_shortens_the_arrow(episodes, gamma, rng):
    rewards, mask = episodes
    n = len(mask)
    scores = rng.uniform(-1, 1, (*mask.shape, 2, 3))
    returns = discounted_returns(rewards, gamma)
    own_included = np.tile(returns.mean(axis=0), (n, 1))
    others = (n - 1) / n * (returns - leave_one_out(returns))
    assert_close(returns - own_included, others, 4 * np.abs(rewards).sum())
    with_own, without = (
        policy_gradient(scores, rewards, mask, gamma=gamma, baseline=b)
        for b in (own_included, leave_one_out(returns))
    )
    size = 4 * np.abs(rewards).sum() * mask.sum()
    assert_close(with_own, (n - 1) / n * without, size)


@identity("8.5", "9.3")
@given(with_logits(tiny_worlds))
def test_of_all_pairs_one_baseline_keeps_the_mean_and_one_halves_it(problem):
    listed, truth = Listed(*problem), gradient(*problem)
    assert_close(of_pairs(listed, leave_one_out), truth, 2 * listed.size)
    halved = of_pairs(listed, lambda G: np.tile(G.mean(axis=0), (2, 1)))
    assert_close(halved, truth / 2, 2 * listed.size)


@identity("8.6")
@given(with_logits(), rngs)
def test_what_sees_the_action_takes_its_share_of_the_gradient(problem, rng):
    world, table = problem
    listed, policy = Listed(*problem), softmax(table)
    b = rng.normal(size=(world.horizon, *table.shape))
    seen = b[np.arange(world.horizon), listed.states, listed.actions]
    bias = listed.expected_estimate(seen) - gradient(*problem)
    d = np.array(visitation(world, policy), dtype=float)
    expected = np.zeros(table.shape)
    for t, s, a in np.ndindex(b.shape):
        slope = policy[s, a] * score(table, np.eye(len(table))[s], a)
        expected -= d[t, s] * b[t, s, a] * slope
    size = listed.size + b.size * np.abs(b).max()
    assert_close(bias, expected, size)


@identity("8.7")
@given(with_logits(tiny_worlds))
def test_a_scale_of_this_batch_has_a_covariance_with_it(problem):
    world, table = problem
    listed, truth = Listed(*problem), gradient(*problem)
    # Differences of returns must be 0 or not: exactly.
    G = [discounted_sum(path.rewards, world.gamma) for path in listed.paths]
    n, chance = len(G), np.outer(listed.chance, listed.chance)
    u, paid = np.zeros((2, n, n))  # u is 1/ŝ
    plain, standardised = np.zeros((2, n, n, *table.shape))
    for i, j in np.ndindex(n, n):
        apart, rows = float(abs(G[i] - G[j])), [i, j]
        u[i, j] = 2 / apart if apart else 0.0
        b = leave_one_out(listed.returns[rows])
        for found, scale in ((plain, 1.0), (standardised, u[i, j])):
            found[i, j] = policy_gradient(
                listed.scores[rows],
                scale * listed.rewards[rows],
                listed.mask[rows],
                gamma=listed.gamma,
                baseline=scale * b,
            )
        paid[i, j] = np.abs(listed.rewards[rows]).sum() + listed.size
    mean_u = (chance * u).sum()
    centred = (plain - truth) * (u - mean_u)[:, :, None, None]
    covariance = np.einsum("ij,ijsa->sa", chance, centred)
    left = np.einsum("ij,ijsa->sa", chance, standardised)
    size = 4 * world.horizon * (chance * paid * (u + mean_u)).sum()
    assert_close(left, truth * mean_u + covariance, size)


@identity("8.7")
@given(with_logits(tiny_worlds), rngs)
def test_a_scale_of_past_batches_does_not_turn_the_gradient(problem, rng):
    arrows = Arrows(problem)
    u = rng.uniform(0.1, 10, len(arrows.chance))  # 1/σ, from what the past looked like
    mean = np.einsum("i,j,ik,j->k", arrows.chance, arrows.chance, arrows.X, u)
    assert_close(mean, arrows.truth * (arrows.chance @ u), 10 * arrows.listed.size)


@identity("8.7")
@given(several, gammas, rngs, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_scale_is_another_learning_rate(episodes, gamma, rng, eta, sigma):
    rewards, mask = episodes
    (n, T), d, k = mask.shape, *rng.integers(1, 4, 2).tolist()
    theta = some_logits(rng, (d, k), limit=1_000)
    x, actions = rng.normal(size=(n, T + 1, d)), rng.integers(k, size=(n, T))
    rate = eta / sigma
    slower = gradient_step(theta, Batch(x, actions, rewards, mask), gamma, rate)
    standardised = Batch(x, actions, rewards / sigma, mask)
    scaled = gradient_step(theta, standardised, gamma, eta)
    moved = rate * 2 * np.abs(x).max() * np.abs(rewards).sum() * T
    assert_close(slower, scaled, np.abs(theta) + moved)


@identity("8.8")
@given(with_logits(tiny_worlds), rngs)
def test_the_noise_falls_with_the_number_of_days(problem, rng):
    b = rng.normal()
    arrows = Arrows(problem, baseline=b)
    p, off = arrows.chance, arrows.X - arrows.truth
    size = arrows.size + 8 * problem[0].horizon ** 2 * b**2
    two = (off[:, None] + off) / 2
    three = (2 * two[:, :, None] + off) / 3
    noise = arrows.noise(arrows.X)
    assert_close(np.einsum("i,j,ijx->", p, p, two**2), noise / 2, size)
    assert_close(np.einsum("i,j,k,ijkx->", p, p, p, three**2), noise / 3, size)


# 9 · The agent


@identity("9.2")
@given(rngs, st.integers(1, 4))
def test_four_differences_decide(rng, d):
    theta = some_logits(rng, (d, 2), limit=2_000)
    x = rng.integers(-16, 17, (5, d)) / 4
    right = softmax(x @ theta)[:, 1]
    with localcontext(prec=40):
        u = [Decimal(w) for w in (x @ (theta[:, 1] - theta[:, 0])).tolist()]
        exact = np.array([float(1 / (1 + (-w).exp())) for w in u])
    assert_close(right, exact, exact)


@identity("9.3")
@given(rngs, st.integers(2, 6), st.integers(1, 6))
def test_the_mean_of_the_others(rng, n, T):
    returns = of_any_size(rng, (n, T))
    found = leave_one_out(returns)
    for i, t in np.ndindex(n, T):
        others = [F(returns[j, t]) for j in range(n) if j != i]
        size = 2 * np.abs(returns[:, t]).sum()
        assert_close(found[i, t], float(sum(others) / (n - 1)), size)


@identity("9.4")
@given(st.lists(st.fractions(F(1, 9), 9, max_denominator=9), min_size=1, max_size=4))
def test_who_finishes_first_is_a_draw_from_the_softmax(rates):
    # E/λ is longer than t with probability exp(−λt): the first to finish is a if all
    # others take longer than a takes, and a takes t with density λ_a exp(−λ_a t).
    t = sympy.Symbol("t", positive=True)
    speeds = [sympy.Rational(rate) for rate in rates]
    longer = [sympy.exp(-speed * t) for speed in speeds]
    # Rates exp(z) come of the logits z = log λ.
    p = softmax(np.log(np.array(rates, dtype=float)))
    for a, speed in enumerate(speeds):
        others = sympy.prod(longer[:a] + longer[a + 1 :])
        first = sympy.integrate(speed * longer[a] * others, (t, 0, sympy.oo))
        assert first == speed / sum(speeds)
        assert_close(p[a], float(first), 1)


@identity("9.4")
@given(logits(), st.integers(0, 2**32 - 1))
def test_the_largest_logit_minus_noise_finishes_first(z, seed):
    # The package's race, and the times E exp(−z) by themselves, to 40 digits.
    noise = next(race(np.random.default_rng(seed), z.shape))
    exponential = np.random.default_rng(seed).standard_exponential(z.shape)
    winners = (z - noise).argmax(axis=-1)
    for row in np.ndindex(z.shape[:-1]):
        with localcontext(prec=40):
            both = zip(exponential[row].tolist(), z[row].tolist())
            times = [Decimal(E) * (-Decimal(logit)).exp() for E, logit in both]
            # Logits of 10⁴ leave 12 digits of the noise.
            assert times[winners[row]] <= min(times) * (1 + Decimal("1e-10"))


@identity("9.5")
@given(rngs, st.integers(1, 40), st.integers(1, 16), st.integers(60, 500))
def test_solved_is_a_mean_of_100_in_order_of_batch_and_slot(rng, rounds, n, threshold):
    # Far off at first, all on one side, and in the end about right or exactly so.
    early = threshold + rng.choice([-50, 50])
    late = threshold + rng.integers(-1, 2, (rounds, n)) * rng.integers(2)
    is_late = np.arange(rounds)[:, None] >= rng.integers(rounds)
    returns = np.where(is_late, late, early).astype(float)
    in_order = [x for batch in returns.tolist() for x in batch]
    enough = len(in_order) >= 100 and sum(in_order[-100:]) >= 100 * threshold
    assert is_solved(returns, float(threshold)) == enough
