"""Checks of batches of episodes, and of what is computed from them."""

import numpy as np

from pgutils.checks.arrays import array, as_array, same_shape
from pgutils.checks.single import known_discount, shown


def a_batch(value):
    """Return `value` if it is a batch of episodes."""
    if not (hasattr(value, "states") and hasattr(value, "mask")):
        raise TypeError(f"batch must be a Batch, got {shown(value)}")
    return value


def parts(batch) -> None:
    """Check that the parts of a batch are arrays whose shapes fit together."""
    for name, kinds, wanted in (
        ("states", "biuf", "real numbers"),
        ("actions", "iu", "integers"),
        ("rewards", "biuf", "real numbers"),
        ("mask", "b", "booleans"),
    ):
        part = getattr(batch, name)
        if not isinstance(part, np.ndarray) or isinstance(part, np.ma.MaskedArray):
            raise TypeError(f"{name} must be an array, got {shown(part)}")
        if part.dtype.kind not in kinds:
            raise TypeError(f"{name} must hold {wanted}, got dtype {part.dtype}")
    steps = batch.mask.shape
    if len(steps) < 2 or 0 in steps:
        raise ValueError(f"mask must have shape (episodes, steps), got {steps}")
    same_shape("actions", batch.actions, "mask", steps)
    same_shape("rewards", batch.rewards, "mask", steps)
    one_more = (*steps[:-1], steps[-1] + 1)
    if (
        batch.states.shape[: len(steps)] != one_more
        or batch.states.ndim > len(steps) + 1
    ):
        raise ValueError(
            f"states must have shape {one_more}, one state more than actions, or one "
            f"axis more, of features, got {batch.states.shape}"
        )


def whole_rows(mask: np.ndarray, rewards: np.ndarray) -> None:
    """Check that each row of a mask is an episode, with no reward after its end."""
    if not mask[..., 0].all() or (mask[..., 1:] & ~mask[..., :-1]).any():
        raise ValueError(
            "mask must be true from the first step to the last of each row"
        )
    if rewards[~mask].any():
        raise ValueError(
            "rewards must be 0 after an episode's end (where mask is false)"
        )


def whole(batch, *, ndim: int):
    """Return `batch` if it is one of whole episodes, with so many axes of states."""
    mask = a_batch(batch).mask
    array("states", batch.states, ndim=ndim)
    array("rewards", batch.rewards)
    whole_rows(mask, batch.rewards)
    return batch


def episodes(name: str, value) -> np.ndarray:
    """Return `value`, shape (..., N, T), if N is at least 2."""
    given = array(name, value)
    if given.ndim < 2:
        raise ValueError(f"{name} must have at least 2 axes, got shape {given.shape}")
    if given.shape[-2] < 2:
        raise ValueError(
            f"{name} needs at least 2 episodes, got {given.shape[-2]}: with one there "
            "is no other to take the baseline from"
        )
    return given


def batch(scores, rewards, mask, baseline, gamma) -> tuple:
    """Return scores (N, T, ...), rewards (N, T) and mask (N, T) that fit together.

    After them the baseline, of one axis less or none, and gamma.
    """
    gamma = known_discount("gamma", gamma)
    scores, rewards = array("scores", scores), array("rewards", rewards, ndim=2)
    mask, baseline = as_array("mask", mask), array("baseline", baseline)
    if mask.dtype != bool:
        raise TypeError(f"mask must hold booleans, got dtype {mask.dtype}")
    same_shape("mask", mask, "rewards", rewards.shape)
    if scores.shape[:2] != rewards.shape or scores.ndim < 3:
        raise ValueError(
            f"scores must have shape {(*rewards.shape, '...')}, one score per reward, "
            f"got {scores.shape}"
        )
    if baseline.ndim:
        same_shape("baseline", baseline, "rewards", rewards.shape)
    whole_rows(mask, rewards)
    return scores, rewards, mask, baseline, gamma
