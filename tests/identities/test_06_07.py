"""Chapters 6 and 7: the softmax policy, REINFORCE and the corridor."""

from dataclasses import replace
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
    exact_softmax,
    identity,
    log_tabular,
    logits,
    of_any_size,
    quarters,
    rationals,
    rngs,
    small_worlds,
    some_logits,
    tabular,
    with_logits,
)

from pgutils.corridor import START, reinforce_on_corridor
from pgutils.gradients import policy_gradient
from pgutils.softmax import log_softmax, score, softmax
from pgutils.values import values, visitation
from pgutils.witnesses import complex_step
from pgutils.world import WORK, World, robot_policy

rows = st.sampled_from((3, 2, 1, 5)).flatmap(lambda k: logits((k,)))


def row_scores(z):
    """The package's score of each action for the feature 1, shape (k, k)."""
    k = len(z)
    return score(z[None], np.ones((k, 1)), np.arange(k))[:, 0]


# 6 · The softmax policy


@identity("6.1")
@given(quarters(10_000))
def test_the_sigmoid_and_its_mirror(u):
    with localcontext(prec=40):
        exact = float(1 / (1 + (-Decimal(u)).exp()))
    both, mirrored = softmax(np.array([0, u])), softmax(np.array([0, -u]))
    assert_close(both[1], exact, exact)
    assert_close(mirrored[1], both[0], both[0])
    # σ' = σ (1 − σ), where 1 − σ is the other probability.
    slope = complex_step(lambda u: tabular(np.array([0, u]))[1], u)
    assert_close(slope, both[1] * both[0], both[1])


@identity("6.1")
@given(quarters(300), quarters(300))
def test_the_robot_works_by_the_sigmoid(high, low):
    theta = np.array([high, low])
    policy = robot_policy(theta)
    for s in (0, 1):
        both = softmax(np.array([0, theta[s]]))
        assert_close(policy[s], both, 1.0)
        assert_close(policy[s][WORK], both[1], both[1])
        slopes = complex_step(lambda t, s=s: robot_policy(t)[s][WORK], theta)
        assert_close(slopes, np.eye(2)[s] * both[0] * both[1], both[1])


@identity("6.2")
@given(quarters(10_000), st.floats(1e-300, 1, exclude_max=True))
def test_log_odds_and_back(u, p):
    log_p = log_softmax(np.array([0, u]))
    assert_close(log_p[1] - log_p[0], u, np.abs(log_p).sum() + 1)
    log_odds = np.log(p / (1 - p))
    # exp turns the rounding of its argument into a relative error.
    size = p * (1 + abs(log_odds))
    assert_close(softmax(np.array([0, log_odds]))[1], p, size)
    assert_close(robot_policy([log_odds, 0.0])[0][WORK], p, size)


@identity("6.3")
@given(logits())
def test_shares_of_tickets(z):
    p, log_p = softmax(z), log_softmax(z)
    assert p.shape == z.shape
    for i in np.ndindex(z.shape[:-1]):
        exact = np.array(exact_softmax(z[i]), dtype=float)
        assert_close(p[i], exact, exact)
        odds = log_p[i][:, None] - log_p[i]
        size = 1 + np.abs(log_p[i]).max() * 2
        assert_close(odds, z[i][:, None] - z[i], size)
    assert_close(p.sum(axis=-1), np.ones(z.shape[:-1]), 1.0)


@identity("6.3")
@given(rngs, st.sampled_from([1.0, 100.0, 10_000.0]))
def test_shares_for_logits_of_all_digits(rng, limit):
    z = rng.uniform(-limit, limit, 4)
    exact = np.array(exact_softmax(z), dtype=float)
    # z − max z rounds here, by up to 2^-53 · 2 limit, and exp magnifies that.
    assert_close(softmax(z), exact, exact * (1 + 2 * limit))


@identity("6.4")
@given(logits(), quarters(10_000))
def test_a_shift_changes_nothing_not_even_the_last_bit(z, c):
    # The sums are exact, and both functions see differences only.
    assert (softmax(z + c) == softmax(z)).all()
    assert (log_softmax(z + c) == log_softmax(z)).all()


@identity("6.5")
@given(logits(), quarters(10_000))
def test_the_logarithm_with_any_shift(z, m):
    found = log_softmax(z)
    assert found.shape == z.shape
    for i in np.ndindex(z.shape[:-1]):
        exact = [float(p.ln()) for p in exact_softmax(z[i], shift=m)]
        # Near log 1 = 0 the logarithm has the absolute rounding of 1.
        assert_close(found[i], exact, 1 + np.abs(exact))


@identity("6.6")
@given(rows)
def test_how_the_probabilities_move(z):
    p = softmax(z)
    slopes = [complex_step(lambda z, a=a: tabular(z)[a], z) for a in range(len(z))]
    assert_close(slopes, np.diag(p) - np.outer(p, p), 2 * p[:, None])


@identity("6.7")
@given(rows)
def test_how_the_logarithm_moves(z):
    slopes = [complex_step(lambda z, a=a: log_tabular(z)[a], z) for a in range(len(z))]
    assert_close(row_scores(z), slopes, 1.0)
    assert_close(row_scores(z), np.eye(len(z)) - softmax(z), 1.0)


@st.composite
def policies(draw):
    """Draw Θ (d, k), features (..., d) and actions (...), with exact logits."""
    rng = draw(rngs)
    lead = draw(st.sampled_from([(), (3,), (1,), (2, 3)]))
    d, k = rng.integers(1, 4), rng.integers(1, 5)
    x = rng.integers(-16, 17, (*lead, d)) / 4
    return some_logits(rng, (d, k), 2_000), x, rng.integers(k, size=lead)


@identity("6.8")
@given(policies())
def test_the_score_in_the_weights(problem):
    theta, x, action = problem
    found = score(theta, x, action)
    assert found.shape == (*x.shape, theta.shape[1])
    for i in np.ndindex(action.shape):
        slopes = complex_step(lambda t, i=i: log_tabular(x[i] @ t)[action[i]], theta)
        assert_close(found[i], slopes, np.abs(x[i])[:, None])


@identity("6.9")
@given(policies())
def test_the_mean_score_is_0(problem):
    theta, x, action = problem
    p = softmax(x @ theta)
    every = [score(theta, x, np.full_like(action, a)) for a in range(theta.shape[1])]
    mean = sum(p[..., a, None, None] * psi for a, psi in enumerate(every))
    assert_close(mean, np.zeros(mean.shape), np.abs(x)[..., None])


@identity("6.10")
@given(policies())
def test_the_fisher_information_is_a_kronecker_product(problem):
    theta, x, _ = problem
    x = x.reshape(-1, len(theta))[0]
    p = softmax(x @ theta)
    columns = [score(theta, x, a).T.ravel() for a in range(len(p))]
    fisher = sum(p_a * np.outer(v, v) for p_a, v in zip(p, columns))
    kron = np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
    assert_close(
        fisher, kron, 4 * np.kron(np.ones((len(p),) * 2), np.abs(np.outer(x, x)))
    )


@identity("6.10")
@given(rngs, st.sampled_from((3, 2, 1, 4)), st.sampled_from((2, 1, 3)))
def test_the_policy_feels_k_minus_1_directions(rng, k, d):
    weights = rng.integers(1, 9, k).tolist()
    p = sympy.Matrix([sympy.Rational(w, sum(weights)) for w in weights])
    x = sympy.Matrix(rng.integers(-3, 4, d).tolist())
    fisher = sympy.zeros(k * d, k * d)
    for a in range(k):
        v = (x * (sympy.eye(k)[:, a] - p).T).vec()
        fisher += p[a] * v * v.T
    assert fisher.rank() == (k - 1 if any(x) else 0)


@identity("6.11")
@given(policies(), st.floats(1e-3, 10), quarters(10))
def test_one_update(problem, eta, advantage):
    theta, x, action = problem
    x, a = x.reshape(-1, len(theta))[0], int(np.ravel(action)[0])
    z, step = x @ theta, eta * advantage
    p, e_a, square = softmax(z), np.eye(theta.shape[1])[a], x @ x
    after = x @ (theta + step * score(theta, x, a))
    size = np.abs(x) @ np.abs(theta) + np.abs(step) * square
    assert_close(after, z + step * square * (e_a - p), size)
    lead = (after[a] - after) - (z[a] - z)
    claimed = step * square * (1 - p[a] + p)
    others = np.arange(len(p)) != a
    assert_close(lead[others], claimed[others], 4 * size.max())

    def shares(rate):
        return tabular(x @ theta + rate[0] * advantage * square * (e_a - p))

    first = advantage * square * ((e_a - p) ** 2).sum()
    for f, slope in [
        (lambda rate: np.log(shares(rate)[a]), first),
        (lambda rate: shares(rate)[a], p[a] * first),
    ]:
        if p[a] > 1e-200:  # the logarithm of a share that is 0 has no slope
            found = complex_step(f, np.zeros(1))[0]
            assert_close(found, slope, 4 * abs(advantage) * square)

    # log-sum-exp bends upwards, by at most the variance of a step in this range.
    rise = log_softmax(after)[a] - log_softmax(z)[a]
    beyond = rise - (e_a - p) @ (after - z)
    slack = 2.0**-40 * (1 + 8 * size.max() + np.abs(z).max())
    assert -(np.ptp(after - z) ** 2) / 8 - slack <= beyond <= slack
    assert rise * np.sign(advantage) >= -slack


@identity("6.12")
@given(rows)
def test_the_gradient_of_entropy(z):
    p, log_p = softmax(z), log_softmax(z)
    H = -(p * log_p).sum()
    slopes = complex_step(lambda z: -(tabular(z) * log_tabular(z)).sum(), z)
    assert_close(slopes, -p * (log_p + H), p * (np.abs(log_p) + H + 2))
    assert -1e-12 <= H <= np.log(len(z)) + 1e-12


# 7 · REINFORCE


@identity("7.1")
@given(with_logits(small_worlds))
def test_the_mean_square_of_an_estimate_is_signal_and_noise(problem):
    listed = Listed(*problem)
    truth = complex_step(Reference(problem[0]).objective, problem[1])
    X = listed.arrows().reshape(len(listed.chance), -1)
    signal = (truth**2).sum()
    noise = listed.chance @ ((X - truth.ravel()) ** 2).sum(axis=1)
    size = 4 * (listed.chance @ (X**2).sum(axis=1) + listed.size**2)
    one = listed.chance @ (X**2).sum(axis=1)
    assert_close(one, signal + noise, size)
    pairs = (X[:, None] + X[None]) / 2
    two = np.einsum("i,j,ijk->", listed.chance, listed.chance, pairs**2)
    assert_close(two, signal + noise / 2, size)


@identity("7.1")
@given(rngs, st.floats(1e-3, 10), st.sampled_from((2, 1, 3)))
def test_a_step_gains_what_is_promised(rng, eta, d):
    # The second derivatives of a sum of c sin(w·θ + φ) are at most Σ |c| ‖w‖².
    c, w, shift = rng.normal(size=4), rng.normal(size=(4, d)), rng.normal(size=4)
    L = np.abs(c) @ (w**2).sum(axis=1)

    def J(theta):
        return np.sin(theta @ w.T + shift) @ c

    theta = rng.normal(size=d)
    gradient = (c * np.cos(w @ theta + shift)) @ w
    chance = rng.dirichlet(np.ones(3))
    noise = rng.normal(size=(3, d))
    X = gradient + noise - chance @ noise
    spread = chance @ ((X - gradient) ** 2).sum(axis=1)
    pairs = ((X[:, None] + X[None]) / 2).reshape(9, d)
    laws = {1: (chance, X), 2: (np.outer(chance, chance).ravel(), pairs)}
    for n, (p, g) in laws.items():
        gain = p @ J(theta + eta * g) - J(theta)
        square = gradient @ gradient + spread / n
        promise = eta * gradient @ gradient - L * eta**2 / 2 * square
        assert gain >= promise - 2.0**-40 * (np.abs(c).sum() + abs(promise))


@identity("7.1", "7.2")
@given(rngs, st.fractions("1/8", 8), st.integers(1, 5), st.fractions("1/8", 8))
def test_on_a_paraboloid_the_promise_is_exact_and_its_top_is_the_best_step(
    rng, L, n, eta
):
    # J(θ) = −L/2 ‖θ‖², so ∇J = −L θ; the estimate is off by ±e, each with chance 1/2.
    theta, e = (np.array([F(int(i)) for i in rng.integers(1, 5, 2)]) for _ in range(2))
    gradient = -L * theta
    signal, noise = sum(gradient**2), sum(e**2)

    def J(theta):
        return -L / 2 * sum(theta**2)

    def gain(rate):
        """The mean gain with n estimates: k of them are off by +e, the rest by −e."""
        return sum(
            F(int(sympy.binomial(n, k)), 2**n)
            * (J(theta + rate * (gradient + e * F(2 * k - n, n))) - J(theta))
            for k in range(n + 1)
        )

    promise = eta * signal - L * eta**2 / 2 * (signal + noise / n)
    assert gain(eta) == promise
    best = signal / (signal + noise / n) / L
    assert gain(best) == best * signal / 2
    assert gain(best) - gain(eta) == L / 2 * (signal + noise / n) * (eta - best) ** 2


@identity("7.3")
@given(rows, rngs)
def test_a_lever_rises_if_it_pays_more_than_the_mean(z, rng):
    pays = of_any_size(rng, z.shape)
    p = softmax(z)
    mean = (p * pays) @ row_scores(z)
    size = 2 * (p @ np.abs(pays))
    assert_close(mean, p * (pays - p @ pays), size)
    assert_close(mean, complex_step(lambda z: tabular(z) @ pays, z), size)


RIGHT = 1
CORRIDOR = World(
    initial=(F(1), F(0), F(0)),
    transition=(
        ((F(1), F(0), F(0)), (F(0), F(1), F(0))),
        ((F(0), F(0), F(1)), (F(1), F(0), F(0))),
        ((F(0), F(1), F(0)), (F(0), F(0), F(1))),  # the last one is the way out
    ),
    reward=(((F(-1),) * 3,) * 2,) * 3,
    ends=(((False,) * 3,) * 2,) * 2 + (((False,) * 3, (True,) * 3),),
    horizon=1,
    gamma=F(1),
)
inside = st.fractions("1/50", "49/50", max_denominator=50)


def corridor_value(p, q):
    """v(p) of (7.4), with q = 1 − p."""
    return 2 * (p - 2) / (p * q)


@identity("7.4")
@given(inside, st.integers(1, 8))
def test_the_corridor_from_a_day_of_any_length(p, steps):
    # After so many steps, what is left is worth v of the place where the walk is.
    v = [corridor_value(p, 1 - p)]
    v.append(v[0] + 1 / p)  # the first Bellman equation, solved for v_1
    v.append(-1 + (1 - p) * v[1])
    assert v[1] == -1 + p * v[0] + (1 - p) * v[2]
    blind = [[1 - p, p]] * 3
    V, _ = values(replace(CORRIDOR, horizon=steps), blind)
    there = visitation(replace(CORRIDOR, horizon=steps + 1), blind)[steps]
    assert V[0][0] + sum(d * rest for d, rest in zip(there, v)) == v[0]


@identity("7.5")
@given(inside)
def test_the_best_blind_policy(p):
    slope = complex_step(lambda p: corridor_value(p, 1 - p), float(p))
    formula = 2 * (p**2 - 4 * p + 2) / (p**2 * (1 - p) ** 2)
    assert_close(slope, float(formula), 100 / (p * (1 - p)) ** 2)
    # v(p) < −6 − 4√2, without a root: the best p is no fraction.
    assert ((-6 - corridor_value(p, 1 - p)) / 4) ** 2 > 2
    assert corridor_value(p, 1 - p) < -6
    # Nearer to 2 − √2, which is p² − 4p + 2 = 0, v is higher.
    nearer = p + (p**2 - 4 * p + 2) / 100
    assert corridor_value(nearer, 1 - nearer) > corridor_value(p, 1 - p)


@identity("7.6")
@given(logits((2,), limit=75))
def test_the_gradient_in_the_corridor(theta):
    q, p = softmax(theta)
    slope = 2 * (p**2 - 4 * p + 2) / (p * q)
    found = complex_step(lambda t: corridor_value(*tabular(t)[::-1]), theta)
    assert_close(found, [-slope, slope], 100 / (p * q))


@identity("7.7")
@given(logits((1, 2)), rngs, st.integers(1, 40))
def test_two_running_sums_are_enough(theta, rng, T):
    actions = rng.integers(2, size=T)
    scores = score(theta, np.ones((T, 1)), actions)
    rewards, mask = -np.ones((1, T)), np.ones((1, T), dtype=bool)
    found = policy_gradient(scores[None], rewards, mask, gamma=1.0)
    trace, total = np.zeros((1, 2)), np.zeros((1, 2))
    p = tabular(theta + 0j).real
    for a in actions:
        trace = trace + np.eye(2)[a] - p
        total = total - trace
    assert_close(found, total, T**2)


@identity("7.7", "7.8")
@given(st.integers(0, 2**32 - 1), st.sampled_from((0.1, None, 0.9, 1.0)), quarters(4))
def test_the_corridor_is_learnt_as_by_a_plain_loop(seed, beta, size):
    eta, episodes = 2.0 ** (-12 - abs(size)), 8
    found = reinforce_on_corridor(
        np.random.default_rng(seed),
        step_sizes=[eta],
        runs=1,
        episodes=episodes,
        baseline_step_size=beta,
    )
    rng, log_odds, w = np.random.default_rng(seed), START, 0.0
    for returned in found[0, 0]:
        p = 1 / (1 + np.exp(-log_odds))
        state, actions = 0, []
        while state < 3:
            actions.append(rng.random() < p)
            forward = actions[-1] != (state == 1)
            state = state + 1 if forward else max(state - 1, 0)
        T = len(actions)
        assert returned == -T
        push = sum((a - p) * (-(T - t) - w) for t, a in enumerate(actions))
        log_odds += 2 * eta * push
        for t in range(T):
            w += (beta or 0.0) * (-(T - t) - w)


@identity("7.8")
@given(rationals, st.fractions("1/9", 1), st.integers(1, 12))
def test_all_changes_of_the_baseline_in_one(start, beta, T):
    w = start
    for t in range(T):
        w = (1 - beta) * w - beta * (T - t)
        left = w + (T - t - 1) + 1 / beta
        assert left == (1 - beta) ** (t + 1) * (start + T + 1 / beta)
    assert w == (1 - beta) ** T * (start + T + 1 / beta) - 1 / beta
