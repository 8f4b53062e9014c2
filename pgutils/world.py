"""The running example: a cleaning robot with two states and two actions, exactly.

Probabilities and rewards are Fractions. A policy is a table `policy[s][a]` of any kind
of number (Fraction, float or SymPy expression), and so is what is computed from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction as F

import numpy as np
from jaxtyping import Float

from pgutils import checks

HIGH, LOW = 0, 1
RECHARGE, WORK = 0, 1


@dataclass(frozen=True)
class World:
    """A finite Markov decision process with a horizon.

    Attributes:
        initial: ρ_0, shape (S,), probabilities.
        transition: P(s'|s, a) at [s][a][s'], shape (S, A, S), probabilities.
        reward: the reward of the step from s with a to s' at [s][a][s'].
        ends: whether that step ends the episode, at [s][a][s'].
        horizon: T, the largest number of steps.
        gamma: discount per step, in [0, 1]; a number of any kind, or a symbol.

    Tables may be given as lists or arrays; they are kept as tuples.

    Raises:
        TypeError: if a table or gamma does not hold real numbers or horizon is not a
            whole number.
        ValueError: if probabilities do not sum to 1, shapes differ, a number is not
            finite, or gamma or horizon (at most 10,000) is out of range.
    """

    initial: tuple
    transition: tuple
    reward: tuple
    ends: tuple
    horizon: int
    gamma: object

    def __post_init__(self):
        horizon = checks.count("horizon", self.horizon, maximum=10_000)
        gamma = checks.discount("gamma", self.gamma)
        fields = (*checks.world_tables(self), horizon, gamma)
        for name, value in zip(vars(self), fields):
            object.__setattr__(self, name, value)  # of tuples: nothing can change it

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return initial, transition, reward and ends as NumPy arrays, for sampling."""
        return (
            np.array(self.initial, dtype=float),
            np.array(self.transition, dtype=float),
            np.array(self.reward, dtype=float),
            np.array(self.ends, dtype=bool),
        )


ROBOT = World(
    initial=(F(3, 4), F(1, 4)),
    transition=(
        ((F(1), F(0)), (F(2, 3), F(1, 3))),
        ((F(4, 5), F(1, 5)), (F(1, 2),) * 2),
    ),
    reward=(((F(0),) * 2, (F(2),) * 2), ((F(0),) * 2, (F(-3), F(2)))),
    ends=(((False,) * 2,) * 2,) * 2,
    horizon=3,
    gamma=F(9, 10),
)
"""The robot: working pays 2; with a low battery it may need a rescue, for −3."""

RAGGED_ROBOT = World(
    initial=ROBOT.initial,
    transition=ROBOT.transition,
    reward=ROBOT.reward,
    ends=(((False,) * 2,) * 2, ((False,) * 2, (True, False))),
    horizon=3,
    gamma=ROBOT.gamma,
)
"""The same robot, but a rescue ends the episode: lengths differ."""


def robot_policy(theta, exp: Callable = np.exp) -> list:
    """Table [s][a] of action probabilities: θ_s is the log-odds of working in state s.

        π(work | s) = 1 / (1 + exp(−θ_s)),   equation (6.1)

    Args:
        theta: two numbers, for the states high and low; floats or SymPy expressions.
        exp: the exponential for this kind of number, such as `sympy.exp`.

    Returns:
        [[π(recharge|high), π(work|high)], [π(recharge|low), π(work|low)]].

    Raises:
        TypeError: if theta does not hold numbers for exp, or exp is not a function.
        ValueError: if theta does not hold two finite numbers.

    Derived in notebooks/01_trajectories.ipynb. Sutton & Barto (2018), section 13.1.
    """
    theta = checks.log_odds("theta", theta, exp)
    work = [1 / (1 + exp(-t)) for t in theta]
    return [[1 - p, p] for p in work]


def robot_score(policy, state: int | np.integer, action: int | np.integer) -> list:
    """Gradient of log π(action | state) with respect to θ = (θ_high, θ_low).

        ∂ log π(a|s) / ∂θ_s = [a = work] − π(work|s),   0 for the other state

    Args:
        policy: table [s][a] of action probabilities.
        state: HIGH or LOW.
        action: RECHARGE or WORK.

    Returns:
        Two numbers of the policy's kind.

    Raises:
        TypeError: if state or action is not an integer.
        ValueError: if state or action is neither 0 nor 1, or the policy is not a table
            of 2 × 2 numbers.

    Derived in notebooks/04_policy_gradient.ipynb. Williams (1992).
    """
    policy, (state, action) = checks.one_step(policy, state, action, ROBOT)
    surplus = action - policy[state][WORK]
    return [surplus if s == state else 0 for s in (HIGH, LOW)]


def robot_scores(batch, policy) -> Float[np.ndarray, "N T 2"]:
    """Score of every step of many days at once: `robot_score`, vectorised.

    Args:
        batch: N days of the robot, a `trajectories.Batch`.
        policy: table [s][a] of action probabilities.

    Returns:
        Shape (N, T, 2), after a day's end included: there the mask is false.

    Raises:
        TypeError: if the policy is not made of real numbers.
        ValueError: if the policy is not a table of 2 × 2 probabilities, or a state or
            an action is neither 0 nor 1.

    Derived in notebooks/04_policy_gradient.ipynb. Williams (1992).
    """
    policy = checks.of_robot(batch, policy, ROBOT)
    states = batch.states[:, :-1]
    surplus = batch.actions - np.array(policy, dtype=float)[states, WORK]
    return surplus[:, :, None] * np.eye(2)[states]
