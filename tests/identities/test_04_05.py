"""Chapters 4 and 5: the policy gradient, and the theorem with its clock."""

from dataclasses import replace
from fractions import Fraction as F

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    Listed,
    Reference,
    assert_close,
    batches,
    drawn_law,
    exact_gammas,
    gammas,
    identity,
    log_tabular,
    numbers,
    of_any_size,
    plane_worlds,
    rngs,
    some_logits,
    tabular,
    with_logits,
    with_policy,
    worlds,
)

from pgutils.gradients import policy_gradient
from pgutils.returns import discounted_sum
from pgutils.softmax import score, softmax
from pgutils.training import gradient_step
from pgutils.trajectories import Batch, all_trajectories
from pgutils.values import action_values, values, visitation
from pgutils.witnesses import complex_step
from pgutils.world import ROBOT

# 4 · The policy gradient


@identity("4.1")
@given(with_logits(), st.integers(0, 2**16))
def test_the_score_of_a_trajectory_is_the_sum_of_its_steps_scores(problem, n):
    world, table = problem
    paths = list(all_trajectories(world))
    path = paths[n % len(paths)]
    steps = list(zip(path.states, path.actions, path.states[1:]))

    def log_probability(table):
        chances = [world.initial[path.states[0]]]
        chances += [world.transition[s][a][s2] for s, a, s2 in steps]
        log_policy = log_tabular(table)
        logs = [log_policy[s, a] for s, a, _ in steps]
        return sum(logs) + np.log(np.array(chances, dtype=float)).sum()

    S = len(table)
    scores = [score(table, np.eye(S)[s], a) for s, a, _ in steps]
    slopes = complex_step(log_probability, table)
    assert_close(sum(scores), slopes, float(len(steps)))


def gradient(world, table):
    """∇J by the complex step through a recursion."""
    return complex_step(Reference(world).objective, table)


@identity("4.2")
@given(with_logits())
def test_the_gradient_is_the_mean_of_score_times_return(problem):
    listed = Listed(*problem)
    found = listed.expected(listed.returns[:, :1])
    assert_close(found, gradient(*problem), listed.size)


@identity("4.3")
@given(with_logits())
def test_past_rewards_add_nothing(problem):
    listed = Listed(*problem)
    T = listed.rewards.shape[1]
    for t in range(T):
        for k in range(t):  # rewards[:, k] is r_{k+1}, paid before a_t for k < t
            weights = np.zeros((len(listed.paths), T))
            weights[:, t] = listed.rewards[:, k]
            shape = listed.scores.shape[2:]
            assert_close(listed.expected(weights), np.zeros(shape), listed.size)


@identity("4.4")
@given(with_logits())
def test_reward_to_go_is_enough(problem):
    listed = Listed(*problem)
    truth = gradient(*problem)
    weights = listed.discounts * listed.returns
    assert_close(listed.expected(weights), truth, listed.size)
    assert_close(listed.expected_estimate(), truth, listed.size)


@identity("4.5")
@given(with_logits())
def test_what_is_too_much_without_the_discount(problem):
    listed = Listed(*problem)
    without = listed.expected(listed.returns)
    too_much = listed.expected((1 - listed.discounts) * listed.returns)
    assert_close(without - gradient(*problem), too_much, 2 * listed.size)


@identity("4.6")
@given(batches(), gammas, st.sampled_from([(2, 3), (3,), (1,)]), rngs)
def test_the_estimator_is_three_loops(episodes, gamma, shape, rng):
    rewards, mask = episodes
    scores = rng.uniform(-2, 2, (*mask.shape, *shape))
    whole = of_any_size(rng, mask.shape)
    for baseline in (0.0, float(whole[0, 0]), whole):
        b = np.broadcast_to(baseline, mask.shape)
        total, size = np.zeros(shape), 0.0
        for i, t in np.argwhere(mask):
            later = [gamma ** (k - t) * rewards[i, k] for k in range(t, mask.shape[1])]
            total += gamma**t * scores[i, t] * (sum(later) - b[i, t])
            size += 2 * (np.abs(later).sum() + abs(b[i, t]))
        found = policy_gradient(scores, rewards, mask, gamma=gamma, baseline=baseline)
        assert_close(found, total / len(mask), size / len(mask))


@identity("4.6")
@given(with_logits(), numbers)
def test_the_mean_of_the_estimator_is_the_gradient(problem, b):
    listed = Listed(*problem)
    size = listed.size + problem[0].horizon * abs(b)
    assert_close(listed.expected_estimate(b), gradient(*problem), size)


@identity("4.6")
@given(batches(episodes=(2, 3, 4)), gammas, st.floats(1e-3, 1e3), rngs)
def test_one_update_goes_along_the_estimate(episodes, gamma, eta, rng):
    rewards, mask = episodes
    n, T = mask.shape
    d, k = rng.integers(1, 4, size=2)
    theta = some_logits(rng, (d, k), limit=1_000)
    x = rng.integers(-16, 17, (n, T + 1, d)) / 4  # so that logits are exact
    actions = rng.integers(k, size=(n, T))

    total, size = np.zeros((d, k)), 0.0
    G = [
        [float(discounted_sum(row[t:], gamma)) for t in range(T)]
        for row in rewards.tolist()
    ]
    for i, t in np.argwhere(mask):
        b = sum(G[j][t] for j in range(n) if j != i) / (n - 1)
        p = tabular(x[i, t] @ theta + 0j).real
        psi = np.outer(x[i, t], np.eye(k)[actions[i, t]] - p)
        total += gamma**t * psi * (G[i][t] - b)
        size += 4 * 2 * np.abs(rewards).sum()  # |x| ≤ 4
    after = gradient_step(theta, Batch(x, actions, rewards, mask), gamma, eta)
    assert_close(after, theta + eta * total / n, np.abs(theta) + eta * size / n)


# 5 · The theorem


def from_state(world, s, steps):
    """The same world, begun in s, with so many steps left."""
    start = tuple(F(int(s == other)) for other in range(len(world.initial)))
    return replace(world, initial=start, horizon=steps)


@identity("5.1", "5.2")
@given(with_policy())
def test_values_are_mean_returns_of_what_can_follow(problem):
    world, policy = problem
    V, Q = values(world, policy)
    n, k = np.shape(Q[0])
    for t, s in np.ndindex(world.horizon, n):
        rest = from_state(world, s, world.horizon - t)
        means = [F(0)] * k
        for path, p in drawn_law(rest, [(1,) * k] * n).items():
            # Every action at once: a sum over actions, with the policy's later ones.
            steps = list(zip(path.states, path.actions))[1:]
            for s2, a in steps:
                p *= policy[s2][a]
            means[path.actions[0]] += p * discounted_sum(path.rewards, world.gamma)
        assert Q[t][s] == means
        assert V[t][s] == sum(p * q for p, q in zip(policy[s], means))


def own_shares(world, table):
    """c_t(s) = Σ_a ∇π(a|s) Q_t(s, a) at [t, s], with the package's Q and score."""
    policy = softmax(table)
    _, Q = values(world, policy)
    found = np.zeros((world.horizon, len(table), *table.shape))
    for t, s, a in np.ndindex(np.shape(Q)):
        grad = policy[s, a] * score(table, np.eye(len(table))[s], a)
        found[t, s] += grad * float(Q[t][s][a])
    return found


def sizes(world, table):
    """What the terms of one V_t(s) can add up to, times the steps."""
    reward = np.abs(np.array(world.reward, dtype=float)).max()
    return world.horizon**2 * reward * table.shape[1]


@identity("5.3")
@given(with_logits())
def test_the_gradient_of_a_value_is_the_own_share_and_what_is_carried(problem):
    world, table = problem
    reference, c = Reference(world), own_shares(world, table)
    chain = np.einsum("sa,sax->sx", softmax(table), reference.goes_on)
    n = len(table)

    def nabla(t):
        """∇V_t(s) at [s]."""
        of = [lambda z, s=s: reference.values(z)[t][s] for s in range(n)]
        return np.array([complex_step(f, table) for f in of])

    for t in range(world.horizon):
        carried = reference.gamma * np.einsum("sx,xij->sij", chain, nabla(t + 1))
        assert_close(nabla(t), c[t] + carried, sizes(world, table))


@identity("5.4")
@given(with_logits())
def test_unrolled_it_is_a_sum_over_visits(problem):
    world, table = problem
    reference, c = Reference(world), own_shares(world, table)
    for s in range(len(table)):
        slopes = complex_step(lambda z, s=s: reference.values(z)[0][s], table)
        reached = visitation(from_state(world, s, world.horizon), softmax(table))
        unrolled = np.einsum("ts,tsij->ij", np.array(reached, dtype=float), c)
        assert_close(unrolled, slopes, world.horizon * sizes(world, table))


@identity("5.5")
@given(with_policy())
def test_visitation_counts_who_is_where(problem):
    world, policy = problem
    counted = [[F(0)] * len(world.initial) for _ in range(world.horizon)]
    for path, p in drawn_law(world, policy).items():
        for t in range(len(path.actions)):
            counted[t][path.states[t]] += world.gamma**t * p
    assert visitation(world, policy) == counted


def theorem(world, table, worth):
    """Σ_t Σ_s d_t(s) Σ_a ∇π(a|s) worth_t(s, a), with the package's d and score."""
    policy = softmax(table)
    d = visitation(world, policy)
    total = np.zeros(table.shape)
    for t, s, a in np.ndindex(np.shape(worth)):
        grad = policy[s, a] * score(table, np.eye(len(table))[s], a)
        total += float(d[t][s]) * grad * float(worth[t][s][a])
    return total


@identity("5.6")
@given(with_logits())
def test_the_theorem(problem):
    world, table = problem
    _, Q = values(world, softmax(table))
    found = theorem(world, table, Q)
    assert_close(found, gradient(*problem), world.horizon * sizes(world, table))


@identity("5.7")
@given(with_logits())
def test_the_theorem_with_advantages(problem):
    world, table = problem
    policy = softmax(table)
    V, Q = (np.array(part, dtype=float) for part in values(world, policy))
    A = Q - V[:-1, :, None]
    size = world.horizon * sizes(world, table)
    truth = gradient(*problem)
    assert_close(theorem(world, table, A), truth, 2 * size)

    listed = Listed(*problem)
    clock = np.arange(world.horizon)
    taken = A[clock, listed.states, listed.actions]
    assert_close(listed.expected(listed.discounts * taken), truth, 2 * size)
    mean = np.einsum("sa,tsa->ts", policy, A)
    assert_close(mean, np.zeros(mean.shape), size)


@identity("5.8")
@given(with_logits())
def test_with_the_clock_in_the_state_it_is_one_inverse(problem):
    world, table = problem
    policy, reference = softmax(table), Reference(world)
    n, T = len(table), world.horizon
    chain = np.einsum("sa,sax->sx", policy, reference.goes_on)
    clock = np.kron(np.eye(T, k=1), chain)
    inverse = np.linalg.inv(np.eye(T * n) - reference.gamma * clock)
    start = np.concatenate([reference.initial, np.zeros((T - 1) * n)])

    d = np.array(visitation(world, policy), dtype=float)
    assert_close(start @ inverse, d.ravel(), 1.0)
    mean_rewards = np.tile((policy * reference.paid).sum(axis=1), T)
    V = np.array(values(world, policy)[0][:-1], dtype=float)
    assert_close(inverse @ mean_rewards, V.ravel(), sizes(world, table))
    c = own_shares(world, table).reshape(T * n, -1)
    found = (start @ inverse @ c).reshape(table.shape)
    assert_close(found, gradient(*problem), T * sizes(world, table))


halved = exact_gammas.map(lambda gamma: gamma / 2)


@identity("5.8")
@given(with_logits(worlds(horizon=(1,), gamma=halved)))
def test_without_a_horizon_the_states_are_enough(problem):
    world, table = problem
    reference = Reference(world)
    n, gamma = len(table), reference.gamma

    def resolvent(z):
        chain = np.einsum("sa,sax->sx", tabular(z), reference.goes_on)
        return np.linalg.inv(np.eye(n) - gamma * chain)

    def objective(z):
        mean_rewards = (tabular(z) * reference.paid).sum(axis=1)
        return reference.initial @ resolvent(z) @ mean_rewards

    policy = softmax(table)
    V = resolvent(table) @ (policy * reference.paid).sum(axis=1)
    Q = np.array(action_values(world, V), dtype=float)
    c = policy * (Q - (policy * Q).sum(axis=1, keepdims=True))
    found = (reference.initial @ resolvent(table))[:, None] * c
    size = 8 * sizes(world, table)  # Σ γ^t ≤ 2, three times over
    assert_close(found, complex_step(objective, table), size)

    # A day of 64 steps: what comes later has weight 2^-64 or less.
    long = replace(world, horizon=64)
    V_long, Q_long = values(long, policy)
    assert_close(np.array(V_long[0], dtype=float), V, size)
    assert_close(theorem(long, table, Q_long), found, size)


def field(world, z):
    """U without γ^t, for complex logits: Σ_t Σ_s Pr(s_t = s) π (Q_t − V_t)."""
    reference, policy = Reference(world), tabular(z)
    V, present = reference.values(z), reference.present(z)
    total = np.zeros(z.shape, dtype=complex)
    for t, here in enumerate(present):
        Q = reference.paid + reference.gamma * reference.goes_on @ V[t + 1]
        total += here[:, None] * policy * (Q - V[t][:, None])
    return total


@identity("5.9")
@given(with_logits())
def test_without_the_discount_later_slopes_are_left_over(problem):
    world, table = problem
    reference, listed = Reference(world), Listed(*problem)
    size = 4 * world.horizon * sizes(world, table)
    U = listed.expected(listed.returns)
    present = visitation(replace(world, gamma=F(1)), softmax(table))
    c = own_shares(world, table)
    assert_close(U, np.einsum("ts,tsij->ij", np.array(present, dtype=float), c), size)

    later = np.zeros(table.shape)
    for t in range(1, world.horizon):
        for s, p in enumerate(present[t]):
            slopes = complex_step(lambda z, t=t, s=s: reference.values(z)[t][s], table)
            later += float(p) * slopes
    assert_close(U, gradient(*problem) + (1 - reference.gamma) * later, size)


@identity("5.9")
@given(with_logits(limit=8), rngs)
def test_the_curl_is_where_chances_and_values_cross(problem, rng):
    world, table = problem
    i, j = (tuple(rng.integers(table.shape)) for _ in range(2))
    reference, T = Reference(world), world.horizon
    slope_of = [complex_step(lambda z, k=k: field(world, z)[k], table) for k in (i, j)]
    curl = slope_of[1][i] - slope_of[0][j]

    crossed = 0.0
    for t in range(1, T):
        for s in range(len(table)):
            of_p = complex_step(lambda z, t=t, s=s: reference.present(z)[t][s], table)
            of_v = complex_step(lambda z, t=t, s=s: reference.values(z)[t][s], table)
            crossed += of_p[i] * of_v[j] - of_p[j] * of_v[i]
    size = 8 * T**2 * sizes(world, table)
    assert_close(curl, (1 - reference.gamma) * crossed, size)


# In the plane of (h, l), the probabilities of action 1 in the states 0 and 1, U and ∇J
# divided by h(1 − h) and l(1 − l) are polynomials of degree T − 1 ≤ 2. For these the
# central difference is exact with any step, and so is Simpson's rule.


def swirl(world, h, ell, discounted=False):
    """The field in the (h, l) plane: Σ_t Pr(s_t = s) (Q_t(s, 1) − Q_t(s, 0))."""
    policy = [[1 - h, h], [1 - ell, ell]]
    visits = visitation(world if discounted else replace(world, gamma=F(1)), policy)
    _, Q = values(world, policy)
    return [sum(d[s] * (q[s][1] - q[s][0]) for d, q in zip(visits, Q)) for s in (0, 1)]


def turning(world, h, ell, discounted=False):
    """∂u_low/∂h − ∂u_high/∂l, which is the curl divided by h(1 − h) l(1 − l)."""
    step = F(1, 8)
    right, left = (swirl(world, x, ell, discounted) for x in (h + step, h - step))
    up, down = (swirl(world, h, y, discounted) for y in (ell + step, ell - step))
    return (right[1] - left[1] - up[0] + down[0]) / (2 * step)


def simpson(f, a, b):
    return (b - a) / 6 * (f(a) + 4 * f((a + b) / 2) + f(b))


def round_trip(world, h, ell, discounted=False):
    """∮ field · d(h, l), anticlockwise round the rectangle h[0]..h[1], l[0]..l[1]."""

    def along_h(y):
        return simpson(lambda x: swirl(world, x, y, discounted)[0], *h)

    def along_l(x):
        return simpson(lambda y: swirl(world, x, y, discounted)[1], *ell)

    return along_h(ell[0]) + along_l(h[1]) - along_h(ell[1]) - along_l(h[0])


chances = st.fractions(0, 1, max_denominator=20)


@identity("5.9")
@given(exact_gammas, chances, chances)
def test_the_curl_of_the_robot(gamma, h, ell):
    last_factor = 118 - 220 * h - 78 * ell + gamma * (250 * h + 51 * ell - 6)
    robot = replace(ROBOT, gamma=gamma)
    assert turning(robot, h, ell) == (gamma - 1) * last_factor / 1200
    assert turning(robot, h, ell, discounted=True) == 0


@identity("5.10")
@given(plane_worlds, st.tuples(chances, chances), st.tuples(chances, chances))
def test_round_a_loop_the_curl_adds_up(world, h, ell):
    enclosed = simpson(lambda x: simpson(lambda y: turning(world, x, y), *ell), *h)
    assert round_trip(world, h, ell) == enclosed
    assert round_trip(world, h, ell, discounted=True) == 0


@identity("5.10")
@given(exact_gammas)
def test_round_the_square_of_the_text(gamma):
    square = F(1, 10), F(9, 10)
    total = round_trip(replace(ROBOT, gamma=gamma), square, square)
    assert total == (gamma - 1) * (289 * gamma - 62) / 3750
