"""The linear softmax policy: probabilities, the score, and sampling."""

import numpy as np
from jaxtyping import Float, Integer, Real

from pgutils import checks


def log_softmax(logits: Float[np.ndarray, "*n k"]) -> Float[np.ndarray, "*n k"]:
    """Logarithm of the softmax, equation (6.5), for logits of any size.

        log p_a = z_a − m − log Σ_b exp(z_b − m),   m = max_b z_b

    Args:
        logits: z, shape (..., k), dimensionless.

    Returns:
        log p, shape (..., k), all at most 0.

    Raises:
        TypeError: if logits are not real numbers.
        ValueError: if logits are empty or not finite.

    Derived in notebooks/06_softmax_policy.ipynb. Blanchard, Higham & Higham (2021).
    """
    logits = checks.logits(logits)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits: Float[np.ndarray, "*n k"]) -> Float[np.ndarray, "*n k"]:
    """Probabilities p_a = exp(z_a) / Σ_b exp(z_b), equation (6.3).

    Args:
        logits: z, shape (..., k), dimensionless.

    Returns:
        p, shape (..., k); the last axis sums to 1.

    Raises:
        TypeError: if logits are not real numbers.
        ValueError: if logits are empty or not finite.

    Derived in notebooks/06_softmax_policy.ipynb. Sutton & Barto (2018), eq. (13.2).
    """
    logits = checks.logits(logits)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def score(
    theta: Float[np.ndarray, "d k"],
    x: Real[np.ndarray, "*n d"],
    action: int | np.integer | Integer[np.ndarray, "*n"],
) -> Float[np.ndarray, "*n d k"]:
    """Gradient of log π(action|x) with respect to theta, equation (6.8).

        ∇_Θ log p_a = x (e_a − p)ᵀ

    Args:
        theta: parameters, shape (d, k), dimensionless per unit of each feature.
        x: features of one state, shape (d,), or of many, shape (..., d), in the
            environment's units.
        action: index in 0..k-1 for each state, shape ().

    Returns:
        Shape (..., d, k); each row sums to 0.

    Raises:
        TypeError: if an action is not an integer or an input not made of real numbers.
        ValueError: if shapes disagree, an input is not finite, or an action is out of
            range.

    Derived in notebooks/06_softmax_policy.ipynb. Sutton & Barto (2018), section 13.3.
    """
    theta, x, action = checks.linear_policy(theta, x, action)
    one_hot = np.eye(theta.shape[1])[action]
    return x[..., :, None] * (one_hot - softmax(x @ theta))[..., None, :]


def draw(
    probs: Float[np.ndarray, "n k"], rng: np.random.Generator
) -> Integer[np.ndarray, " n"]:
    """Draw one index from each row of probabilities.

    Lays the probabilities end to end on [0, 1], throws one uniform number, and returns
    the piece it falls into.

    Args:
        probs: shape (n, k), rows that sum to 1.
        rng: random generator.

    Returns:
        Shape (n,), indices in 0..k-1.

    Raises:
        TypeError: if rng is not a generator or probs are not real numbers.
        ValueError: if probs has not two axes, or a row does not sum to 1 or holds a
            negative number.

    Derived in notebooks/01_trajectories.ipynb. Devroye (1986), section III.2.
    """
    probs, rng = checks.probabilities("probs", probs, ndim=2), checks.generator(rng)
    edges = probs[:, :-1].cumsum(axis=1)
    return (rng.random((len(probs), 1)) >= edges).sum(axis=1)
