"""The policy gradient estimator of the series, and its baseline."""

import numpy as np
from jaxtyping import Bool, Float

from pgutils import checks
from pgutils.returns import discounted_returns


def policy_gradient(
    scores: Float[np.ndarray, "N T *p"],
    rewards: Float[np.ndarray, "N T"],
    mask: Bool[np.ndarray, "N T"],
    *,
    gamma: float,
    baseline: float | Float[np.ndarray, "N T"] = 0.0,
) -> Float[np.ndarray, "*p"]:
    """Estimate ∇J from N whole trajectories, equation (4.6).

        ĝ = (1/N) Σ_i Σ_t γ^t ψ_t (G_t − b_t)

    Args:
        scores: ψ_t, shape (N, T, ...), the last axes like the parameters.
        rewards: shape (N, T), zero after each trajectory's end.
        mask: shape (N, T), true where the step was taken.
        gamma: discount per step, in [0, 1].
        baseline: b_t, in units of reward: one number or shape (N, T).

    Returns:
        An array like the parameters, in units of reward per unit of parameter.

    Raises:
        TypeError: if an input is not made of real numbers.
        ValueError: if shapes disagree, the batch is empty, a number is not finite,
            gamma is outside [0, 1], the mask has a gap, or a reward after the end is
            not 0.

    Derived in notebooks/04_policy_gradient.ipynb. Williams (1992).
    """
    scores, rewards, mask, baseline, gamma = checks.batch(
        scores, rewards, mask, baseline, gamma
    )
    discounts = gamma ** np.arange(rewards.shape[1])
    weights = mask * discounts * (discounted_returns(rewards, gamma) - baseline)
    return np.tensordot(weights, scores, axes=2) / len(rewards)


def leave_one_out(
    returns: Float[np.ndarray, "*runs N T"],
) -> Float[np.ndarray, "*runs N T"]:
    """Baseline of each step: the mean return of the *other* episodes, equation (9.3).

        b_t^i = 1/(N−1) Σ_{j≠i} G_t^j,   G_t^j = 0 once episode j has ended

    Args:
        returns: G_t, shape (N, T), or (runs, N, T) for many runs, each by itself; N at
            least 2, zero after each episode's end.

    Returns:
        An array like returns, in units of reward.

    Raises:
        TypeError: if returns are not real numbers.
        ValueError: if there are fewer than 2 episodes or a number is not finite.

    Derived in notebooks/09_cartpole_agent.ipynb. Kool, van Hoof & Welling (2019).
    """
    returns = checks.episodes("returns", returns)
    return (returns.sum(axis=-2, keepdims=True) - returns) / (returns.shape[-2] - 1)
