"""Independent computations of one gradient on the robot, and two arrows compared."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import sympy as sp
from jaxtyping import Float

from pgutils import checks
from pgutils.trajectories import (
    Batch,
    Trajectory,
    all_trajectories,
    probability,
    sample,
)
from pgutils.values import values, visitation
from pgutils.verify import verify
from pgutils.world import HIGH, LOW, ROBOT, WORK, World, robot_policy, robot_score

P_HIGH, P_LOW, GAMMA = sp.symbols("p_high p_low gamma", positive=True)
"""Symbols: the probabilities of working on a high and a low battery, the discount."""

Q_HIGH, Q_LOW = sp.symbols("q_high q_low", positive=True)
"""The same two probabilities for a policy that is held while another one varies."""


def nabla(formula) -> list:
    """Return ∂/∂θ_high and ∂/∂θ_low of a formula in p_high and p_low: the chain rule.

        ∂f/∂θ_s = ∂f/∂p_s · p_s (1 − p_s)

    Derived in notebooks/04_policy_gradient.ipynb.
    """
    formula = checks.any_number("formula", formula)
    return [sp.diff(formula, p) * p * (1 - p) for p in (P_HIGH, P_LOW)]


def central_difference(f: Callable, theta, h: float = 1e-5) -> np.ndarray:
    """Slopes of f at theta by central differences: about ten digits.

        ∂f/∂θ_i ≈ (f(θ + h e_i) − f(θ − h e_i)) / 2h

    Args:
        f: takes an array like theta, returns a number.
        theta: parameters, an array of any shape.
        h: the step, in units of theta, above 0 and at most 1.

    Raises:
        TypeError: if f is not a function, or theta or h not made of real numbers.
        ValueError: if theta is empty or not finite, or h out of range.

    Derived in notebooks/04_policy_gradient.ipynb.
    """
    f, theta, h = checks.slope(f, theta, h)
    slopes = np.zeros(np.shape(theta))
    for i in np.ndindex(slopes.shape):
        step = np.zeros(slopes.shape)
        step[i] = h
        slopes[i] = (f(theta + step) - f(theta - step)) / (2 * h)
    return slopes


def complex_step(f: Callable, theta, h: float = 1e-30) -> np.ndarray:
    """Slopes of an analytic f at theta by the complex step: all digits.

        ∂f/∂θ_i ≈ Im f(θ + i h e_i) / h

    Args:
        f: takes a complex array like theta, returns a complex number.
        theta: parameters, an array of any shape.
        h: the step, in units of theta, above 0 and at most 1.

    Raises:
        TypeError: if f is not a function, or theta or h not made of real numbers.
        ValueError: if theta is empty or not finite, or h out of range.

    Derived in notebooks/04_policy_gradient.ipynb. Squire & Trapp (1998).
    """
    f, theta, h = checks.slope(f, theta, h)
    slopes = np.zeros(np.shape(theta))
    for i in np.ndindex(slopes.shape):
        step = np.zeros(slopes.shape, dtype=complex)
        step[i] = 1j * h
        slopes[i] = f(theta + step).imag / h
    return slopes


def weigh(policy, day: Trajectory, weights) -> list:
    """Return Σ_t w_t ψ_t of one day of the robot: two numbers."""
    day, weights = checks.weighed(day, weights, ROBOT)
    scores = [robot_score(policy, s, a) for s, a in zip(day.states, day.actions)]
    return [sum(w * psi[i] for w, psi in zip(weights, scores)) for i in (0, 1)]


def over_all_days(weights_of: Callable) -> Callable:
    """Return expected(world, policy): the exact mean of Σ_t w_t ψ_t, two numbers.

    Args:
        weights_of: takes world, policy and a trajectory, returns w_0, …, w_{T−1}.
    """
    weights_of = checks.function("weights_of", weights_of)

    def expected(world, policy):
        total = [0, 0]
        for day in all_trajectories(world):
            p = probability(world, policy, day)
            arrow = weigh(policy, day, weights_of(world, policy, day))
            total = [x + p * y for x, y in zip(total, arrow)]
        return total

    return expected


def each_day(batch: Batch) -> Iterator[Trajectory]:
    """Yield the days of a batch one by one, without what pads those that end early."""
    batch = checks.whole(batch, ndim=2)
    for i, T in enumerate(batch.mask.sum(axis=1)):
        s, a, r = batch.states[i, : T + 1], batch.actions[i, :T], batch.rewards[i, :T]
        yield Trajectory(tuple(s.tolist()), tuple(a.tolist()), tuple(r.tolist()))


def over_sampled_days(weights_of: Callable, n: int = 20_000) -> Callable:
    """Return estimates(world, policy, rng): Σ_t w_t ψ_t of n sampled days, (n, 2).

    Args:
        weights_of: takes world, policy and a trajectory, returns w_0, …, w_{T−1}.
        n: how many days, from 1 to 10 million.
    """
    weights_of, n = checks.function("weights_of", weights_of), checks.draws("n", n)

    def estimates(world, policy, rng):
        known, arrows = {}, []
        for day in each_day(sample(world, policy, n, rng)):
            if day not in known:
                known[day] = weigh(policy, day, weights_of(world, policy, day))
            arrows.append(known[day])
        return np.array(arrows, dtype=float)

    return estimates


def expected_return(world: World, policy, acting):
    """Return J from the values of the first states, equation (2.5): Σ_s ρ_0(s) V_0(s).

    `acting` is there for `four_witnesses`, and not used.
    """
    V, _ = values(world, policy)
    return sum(p * v for p, v in zip(world.initial, V[0]))


def frozen_return(world: World, policy, acting):
    """Return Σ_t Σ_s Pr(s_t = s) Σ_a π(a|s) Q_t(s, a), Pr and Q those of `acting`.

    Its slope in the policy, where policy and acting are one, is E[Σ_t ψ_t G_t]: the
    vector without γ^t is the slope of a function only if visits and values are held,
    see equation (5.9).
    """
    policy, acting = checks.rows(policy, world), checks.rows(acting, world, "acting")
    presence = visitation(replace(world, gamma=1), acting)
    _, Q = values(world, acting)
    places = np.ndindex(np.shape(Q))
    return sum(presence[t][s] * policy[s][a] * Q[t][s][a] for t, s, a in places)


def four_witnesses(
    tag: str,
    world: World,
    objective: Callable,
    expected: Callable,
    estimates: Callable,
    *,
    theta: Float[np.ndarray, " 2"],
    rng: np.random.Generator,
    scope: str = "",
) -> None:
    """Verify that four computations of one gradient agree on a world of the robot.

    (i) SymPy differentiates the objective, (ii) `expected` is the exact mean of the
    estimator, (iii) the complex step differentiates the objective numerically, and (iv)
    `estimates` come from samples. (i) and (ii) are compared for every θ and γ, the
    others with (i) at one θ and the world's γ.

    Args:
        tag: the equation's number.
        world: a world with two states and two actions.
        objective: takes world, policy and `acting`, the policy that is held fixed while
            the other one varies; returns a number.
        expected: takes world and policy, returns two numbers.
        estimates: takes world, policy and rng, returns an array (N, 2).
        theta: where (iii) and (iv) look: the log-odds of working.
        rng: random generator.
        scope: what to print beside the check, such as the estimator's name.

    Raises:
        VerificationError: if two of them disagree.
        TypeError: if world is not a World, theta does not hold real numbers, rng is not
            a generator, or one of the three is not a function.
        ValueError: if theta does not hold two finite numbers, or the world has not two
            states and two actions.

    Derived in notebooks/04_policy_gradient.ipynb.
    """
    theta, rng = checks.witnessed(
        world, objective, expected, estimates, theta, rng, scope
    )
    about = f"{scope}, " if scope else ""
    symbolic = replace(world, gamma=GAMMA)
    anywhere = [[1 - p, p] for p in (P_HIGH, P_LOW)]
    acting = [[1 - q, q] for q in (Q_HIGH, Q_LOW)]
    partial = nabla(objective(symbolic, anywhere, acting))
    slopes = [x.subs({Q_HIGH: P_HIGH, Q_LOW: P_LOW}) for x in partial]
    verify(tag, expected(symbolic, anywhere), slopes, scope=f"{about}every θ and γ")

    here = robot_policy(theta)
    at = {P_HIGH: here[HIGH][WORK], P_LOW: here[LOW][WORK], GAMMA: world.gamma}
    truth = [float(slope.subs(at)) for slope in slopes]
    by_step = complex_step(lambda t: objective(world, robot_policy(t), here), theta)
    verify(tag, by_step, truth, tol=1e-12, scope=f"{about}complex step at one θ")
    arrows = estimates(world, here, rng)
    verify(tag, arrows, truth, level=1e-7, scope=f"{about}samples at one θ")


def length(arrow) -> float:
    """Return the length of an arrow in the plane."""
    arrow = checks.array("arrow", arrow)
    return float(np.linalg.norm(np.array(arrow, dtype=float)))


def angle(u, v) -> float:
    """Return the angle between two arrows in the plane, in degrees, from 0 to 180."""
    u, v = checks.direction("u", u), checks.direction("v", v)
    (a, b), (c, d) = np.array(u, dtype=float), np.array(v, dtype=float)
    return float(abs(np.rad2deg(np.arctan2(a * d - b * c, a * c + b * d))))
