"""Returns: what a trajectory was worth, seen from each of its steps."""

import numpy as np
from jaxtyping import Float

from pgutils import checks


def discounted_sum(rewards, gamma):
    """Return G_0 of one trajectory, equation (2.1): Σ_t γ^t r_{t+1}.

    Args:
        rewards: r_1, …, r_T, numbers of any kind (float, Fraction, SymPy).
        gamma: discount per step, in [0, 1]; a SymPy expression is taken as it is.

    Returns:
        One number, in units of reward.

    Raises:
        TypeError: if rewards or gamma are not numbers.
        ValueError: if gamma is outside [0, 1], or a reward is not finite.

    Derived in notebooks/02_objective.ipynb. Sutton & Barto (2018), equation (3.8).
    """
    rewards, gamma = checks.series("rewards", rewards), checks.discount("gamma", gamma)
    return sum(gamma**t * r for t, r in enumerate(rewards))


def discounted_returns(
    rewards: Float[np.ndarray, "*n T"], gamma: float
) -> Float[np.ndarray, "*n T"]:
    """Return G_t for every step at once, equation (2.2), from the last step back.

        G_t = r_{t+1} + γ G_{t+1},   G_T = 0

    Args:
        rewards: shape (..., T), `rewards[..., t]` is r_{t+1}; zeros after an episode's
            end change nothing.
        gamma: discount per step, in [0, 1].

    Returns:
        Shape (..., T), in units of reward.

    Raises:
        TypeError: if rewards are not real numbers.
        ValueError: if rewards are empty or not finite, or gamma is outside [0, 1].

    Derived in notebooks/02_objective.ipynb. Sutton & Barto (2018), equation (3.9).
    """
    rewards, gamma = (
        checks.steps("rewards", rewards),
        checks.known_discount("gamma", gamma),
    )
    returns = np.zeros(rewards.shape)
    following = np.zeros(rewards.shape[:-1])
    for t in reversed(range(rewards.shape[-1])):
        following = rewards[..., t] + gamma * following
        returns[..., t] = following
    return returns
