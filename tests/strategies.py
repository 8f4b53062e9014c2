"""Random problems for the property tests, and references that derive nothing by hand.

Logits are multiples of 1/4: sums and differences of them are then exact, and two
computations differ by the rounding of what comes after.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction as F

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from pgutils.gradients import policy_gradient
from pgutils.returns import discounted_returns
from pgutils.softmax import score, softmax
from pgutils.trajectories import Trajectory, all_trajectories, probability
from pgutils.world import World

IDENTITIES: dict[str, list[str]] = {}
"""The names of the tests of each equation, by its tag."""


def identity(*tags: str) -> Callable:
    """Mark a property test with the numbers of the equations that it tests, "4.4"."""

    def mark(test: Callable) -> Callable:
        assert test.__name__.startswith("test_")
        for tag in tags:
            IDENTITIES.setdefault(tag, []).append(test.__name__)
        return settings(
            deadline=None,
            derandomize=True,
            max_examples=40,
            # A busy machine is no reason to fail.
            suppress_health_check=[HealthCheck.too_slow],
        )(test)

    return mark


ROUNDING = 2.0**-40
"""One operation rounds by up to 2^-53 of its size: this is room for 2^13 in a row."""


def assert_close(left, right, size) -> None:
    """Assert that two arrays of floats differ by rounding only.

    Args:
        left: one side.
        right: the other side, of the same shape.
        size: the sum of the absolute values of all that was added up, or more.
    """
    left, right = np.asarray(left), np.asarray(right)
    assert left.shape == right.shape
    # Numbers below the smallest normal one round by an absolute amount.
    tolerance = ROUNDING * np.asarray(size, dtype=float) + np.finfo(float).tiny
    assert (np.abs(left - right) <= tolerance).all(), (left, right, tolerance)


twelfths = st.integers(1, 11).map(lambda n: F(n, 12))
exact_gammas = st.sampled_from((F(1, 2), F(0), F(1), F(9, 10))) | twelfths
gammas = exact_gammas.map(float) | st.floats(0, 1)
numbers = st.floats(-1e6, 1e6)
rationals = st.builds(F, st.integers(-12, 12), st.integers(1, 3))
rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
"""Hypothesis draws and shrinks shapes and kinds, NumPy draws what fills them: so that
few examples differ much."""


def quarters(limit: int) -> st.SearchStrategy[float]:
    """Draw a multiple of 1/4 between −limit and limit."""
    return st.integers(-4 * limit, 4 * limit).map(lambda n: n / 4)


def of_any_size(rng: np.random.Generator, shape: tuple) -> np.ndarray:
    """Numbers up to 10^6 of very different sizes, zeros among them."""
    found = rng.uniform(-1, 1, shape) * 10.0 ** rng.integers(-6, 7, shape)
    return found * (rng.random(shape) < 0.9)


def some_logits(rng: np.random.Generator, shape: tuple, limit: int) -> np.ndarray:
    """Logits (..., k) up to limit: rows all small, all far from 0, or far apart."""
    far = rng.integers(-4 * limit, 4 * limit, shape, endpoint=True) / 4
    near = rng.integers(-8, 8, shape, endpoint=True) / 4
    kind = rng.integers(3, size=(*shape[:-1], 1))
    return np.clip(np.choose(kind, [near, far[..., :1] + near, far]), -limit, limit)


@st.composite
def logits(draw, shape=None, limit: int = 10_000) -> np.ndarray:
    """Draw logits of this shape, or of any shape (..., k)."""
    if shape is None:
        shape = draw(array_shapes(max_dims=3, max_side=5))
    return some_logits(draw(rngs), shape, limit)


def a_law(rng: np.random.Generator, n: int) -> tuple[F, ...]:
    """n probabilities, fractions with zeros among them."""
    weights = rng.integers(4, size=n).tolist()
    if not any(weights):
        weights[-1] = 1
    return tuple(F(w, sum(weights)) for w in weights)


def a_certain_law(rng: np.random.Generator, n: int) -> tuple[F, ...]:
    """n probabilities, one of which is 1."""
    return tuple(F(int(i)) for i in np.eye(n, dtype=int)[rng.integers(n)])


def nested(flat, *shape: int) -> tuple:
    """Give a sequence this shape, in tuples."""
    if len(shape) == 1:
        return tuple(flat)
    size = len(flat) // shape[0]
    parts = [flat[i * size : (i + 1) * size] for i in range(shape[0])]
    return tuple(nested(part, *shape[1:]) for part in parts)


ANY = (2, 3, 1, 2, 3)
"""Sizes of a world. What is drawn most often, the first and the last, must not be 1."""


@st.composite
def worlds(
    draw, states=ANY, actions=ANY, horizon=ANY, law=a_law, gamma=exact_gammas
) -> World:
    """Draw a world of fractions, some steps of which end the episode."""
    n, k, T = (draw(st.sampled_from(sizes)) for sizes in (states, actions, horizon))
    rng, shape = draw(rngs), (n, k, n)
    tops, bottoms = rng.integers(-9, 10, n * k * n), rng.integers(1, 4, n * k * n)
    rewards = [F(x, y) for x, y in zip(tops.tolist(), bottoms.tolist())]
    ends = rng.random(n * k * n) < draw(st.sampled_from([0.25, 0]))
    return World(
        initial=a_law(rng, n),
        transition=nested([law(rng, n) for _ in range(n * k)], n, k),
        reward=nested(rewards, *shape),
        ends=nested(ends.tolist(), *shape),
        horizon=T,
        gamma=draw(gamma),
    )


small_worlds = worlds(states=(2, 1), actions=(2, 1))
"""At most 128 trajectories: all pairs of them can be listed."""

plane_worlds = worlds(states=(2,), actions=(2,))
"""Worlds whose policies have two numbers, like the robot's."""


@st.composite
def with_policy(draw, strategy=None) -> tuple[World, tuple]:
    """Draw a world and a policy of fractions, zeros among them."""
    world = draw(worlds() if strategy is None else strategy)
    (n, k, _), rng = np.shape(world.transition), draw(rngs)
    return world, tuple(a_law(rng, k) for _ in range(n))


@st.composite
def with_logits(draw, strategy=None, limit: int = 10_000) -> tuple[World, np.ndarray]:
    """Draw a world and a table of logits, shape (S, A)."""
    world = draw(worlds() if strategy is None else strategy)
    return world, draw(logits(np.shape(world.transition)[:2], limit))


@st.composite
def batches(draw, episodes=(2, 3, 1, 4)) -> tuple:
    """Draw rewards (N, T) and a mask (N, T) of episodes of different lengths."""
    shape = draw(st.sampled_from(episodes)), draw(st.sampled_from((3, 2, 1, 6)))
    rng = draw(rngs)
    mask = np.arange(shape[1]) < rng.integers(1, shape[1] + 1, size=(shape[0], 1))
    return np.where(mask, of_any_size(rng, shape), 0), mask


class Listed:
    """All trajectories of a world under the softmax of logits, a padded row each.

    Attributes:
        chance: probabilities, shape (n,).
        states, actions: shape (n, T), 0 after the end.
        rewards, mask: shape (n, T).
        returns: G_t, shape (n, T).
        discounts: γ^t, shape (T,).
        scores: ∇ log π(a_t|s_t), shape (n, T, S, A); after the end of some other step.
        size: T Σ_τ P(τ) Σ_t |r_{t+1}|, in which all terms of a gradient add up to less.
    """

    def __init__(self, world: World, logits: np.ndarray):
        self.paths = list(all_trajectories(world))
        self.gamma = float(world.gamma)
        policy = softmax(logits)
        self.chance = np.array(
            [probability(world, policy, p) for p in self.paths], float
        )
        shape = len(self.paths), world.horizon
        self.states, self.actions = np.zeros((2, *shape), dtype=int)
        self.rewards, self.mask = np.zeros(shape), np.zeros(shape, dtype=bool)
        for i, (states, actions, rewards) in enumerate(self.paths):
            T = len(actions)
            self.states[i, :T], self.actions[i, :T] = states[:-1], actions
            self.rewards[i, :T], self.mask[i, :T] = rewards, True
        self.returns = discounted_returns(self.rewards, self.gamma)
        self.discounts = self.gamma ** np.arange(world.horizon)
        self.scores = score(logits, np.eye(len(logits))[self.states], self.actions)
        paid = self.chance @ np.abs(self.rewards).sum(axis=1)
        self.size = world.horizon * float(paid)

    def expected(self, weights) -> np.ndarray:
        """E[Σ_t w_t ψ_t], with weights of shape (n, T)."""
        weights = np.where(self.mask, weights, 0)
        return np.einsum("n,nt,ntij->ij", self.chance, weights, self.scores)

    def arrows(self, baseline=0.0) -> np.ndarray:
        """The package's estimate from each trajectory alone, shape (n, S, A)."""
        baseline = np.broadcast_to(baseline, self.rewards.shape).copy()
        found = []
        for i in range(len(self.paths)):
            one = slice(i, i + 1)
            parts = self.scores[one], self.rewards[one], self.mask[one]
            found.append(
                policy_gradient(*parts, gamma=self.gamma, baseline=baseline[one])
            )
        return np.array(found)

    def expected_estimate(self, baseline=0.0) -> np.ndarray:
        """The mean of the package's estimate: it is linear in the scores."""
        baseline = np.broadcast_to(baseline, self.rewards.shape).copy()
        weighted = (len(self.chance) * self.chance)[:, None, None, None] * self.scores
        return policy_gradient(
            weighted, self.rewards, self.mask, gamma=self.gamma, baseline=baseline
        )


def tabular(logits: np.ndarray) -> np.ndarray:
    """The softmax of each row, for complex logits."""
    weights = np.exp(logits - logits.real.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_tabular(logits: np.ndarray) -> np.ndarray:
    """Its logarithm, for complex logits."""
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def exact_softmax(row: np.ndarray, shift: float = 0.0) -> list[Decimal]:
    """The softmax of one row of logits to 40 digits, less a shift that cancels.

    Decimals have exponents down to −10^18: in them no probability is lost.
    """
    with localcontext(prec=40):
        weights = [(Decimal(z) - Decimal(shift)).exp() for z in row.tolist()]
        return [w / sum(weights) for w in weights]


class Reference:
    """Values, visits and J of a world by matrices, for complex logits.

    No score, no estimator and no trajectory: derivatives are left to the complex step.
    """

    def __init__(self, world: World):
        self.initial, transition, reward, ends = world.arrays()
        self.horizon, self.gamma = world.horizon, float(world.gamma)
        self.paid = (transition * reward).sum(axis=2)  # mean reward at [s][a]
        self.goes_on = transition * ~ends

    def values(self, logits: np.ndarray) -> list[np.ndarray]:
        """V_t(s) at [t][s], for t = 0 … T."""
        policy, V = tabular(logits), [np.zeros(len(logits))]
        for _ in range(self.horizon):
            Q = self.paid + self.gamma * self.goes_on @ V[0]
            V.insert(0, (policy * Q).sum(axis=1))
        return V

    def present(self, logits: np.ndarray) -> list[np.ndarray]:
        """Pr(s_t = s, t < T) at [t][s], for t = 0 … T−1."""
        chain = np.einsum("sa,sax->sx", tabular(logits), self.goes_on)
        found = [self.initial]
        for _ in range(self.horizon - 1):
            found.append(found[-1] @ chain)
        return found

    def objective(self, logits: np.ndarray):
        """J, from values."""
        return self.initial @ self.values(logits)[0]


def drawn_law(world: World, policy) -> dict[Trajectory, F]:
    """The law of trajectories by the drawing rules (1.1): one draw after the other."""
    going = {((s,), (), ()): p for s, p in enumerate(world.initial) if p}
    over: dict[Trajectory, F] = {}
    for t in range(world.horizon):
        coming: dict[tuple, F] = {}
        for (states, actions, rewards), p in going.items():
            s = states[-1]
            for a, s2 in np.ndindex(np.shape(world.transition)[1:]):
                q = p * policy[s][a] * world.transition[s][a][s2]
                r = world.reward[s][a][s2]
                longer = Trajectory((*states, s2), (*actions, a), (*rewards, r))
                if q and (world.ends[s][a][s2] or t == world.horizon - 1):
                    over[longer] = q
                elif q:
                    coming[longer] = q
        going = coming
    return over
