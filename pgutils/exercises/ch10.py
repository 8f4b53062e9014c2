"""Exercises of notebook 10: diagnose, predict, and write the catching test."""

from dataclasses import replace
from itertools import cycle

import numpy as np
import sympy as sp

from pgutils.exercises.exercise import Exercise
from pgutils.gradients import leave_one_out
from pgutils.returns import discounted_returns
from pgutils.rollout import run_episodes
from pgutils.softmax import softmax
from pgutils.training import gradient_step
from pgutils.trajectories import Batch

# Agents: each takes what `gradient_step` takes, and some are broken.


def ascend(theta, batch, advantages, gamma, learning_rate, x=None):
    """Return Θ after a step with these advantages, and other features if given."""
    *runs, N, T = batch.actions.shape
    x = batch.states[..., :-1, :] if x is None else x
    d, k = theta.shape[-2:]
    x = x.reshape(*runs, N * T, d)
    weights = (batch.mask * gamma ** np.arange(T) * advantages).reshape(*runs, N * T, 1)
    surprise = np.eye(k)[batch.actions].reshape(*runs, N * T, k) - softmax(x @ theta)
    return theta + learning_rate * x.mT @ (weights * surprise) / N


def roll_out_a(env, theta, rng):
    return run_episodes(env, np.asarray(theta) / 2, rng)


def step_b(theta, batch, gamma=0.99, learning_rate=0.06):
    returns = discounted_returns(batch.rewards, gamma)
    advantages = returns - 2 * leave_one_out(returns)
    return ascend(theta, batch, advantages, gamma, learning_rate)


def step_c(theta, batch, gamma=0.99, learning_rate=0.06):
    returns = np.roll(discounted_returns(batch.rewards, gamma), -1, axis=-1)
    returns[..., -1] = 0
    advantages = returns - leave_one_out(returns)
    return ascend(theta, batch, advantages, gamma, learning_rate)


def descends(theta, batch, gamma=0.99, learning_rate=0.06):
    return 2 * theta - gradient_step(theta, batch, gamma, learning_rate)


def is_paid_by_the_next_state(theta, batch, gamma=0.99, learning_rate=0.06):
    paid = batch.mask * batch.states[..., 1:, 0]
    return gradient_step(theta, replace(batch, rewards=paid), gamma, learning_rate)


def forgets_the_mask(theta, batch, gamma=0.99, learning_rate=0.06):
    everything = replace(batch, mask=np.ones_like(batch.mask))
    return gradient_step(theta, everything, gamma, learning_rate)


def asks_all_actions(theta, batch, gamma=0.99, learning_rate=0.06):
    returns = discounted_returns(batch.rewards, gamma)
    same = batch.actions[..., :, None, :] == batch.actions[..., None, :, :]
    usual = (same * returns[..., None, :, :]).sum(axis=-2) / same.sum(axis=-2)
    return ascend(theta, batch, returns - usual, gamma, learning_rate)


def centres_all_features(theta, batch, gamma=0.99, learning_rate=0.06):
    returns = discounted_returns(batch.rewards, gamma)
    x = batch.states[..., :-1, :]
    x = x - x.mean(axis=(-3, -2), keepdims=True)
    advantages = returns - leave_one_out(returns)
    return ascend(theta, batch, advantages, gamma, learning_rate, x)


KINDS = {
    "wrong data": "does one of the checks that look at the roll-out fail?",
    "wrong sign": "is its mean step opposite to the gradient, at 180°?",
    "biased": "is the angle of its mean step to the gradient neither 0° nor 180°?",
    "rescaled": "is the angle of its mean step 0°, and its length wrong?",
    "noisy": "is its mean step the gradient, with more noise than the healthy one's?",
}


def kind_of(agent: str, right: str) -> Exercise:
    """Return an exercise whose answer is one of the kinds."""
    hints = {f"not {kind}: for {agent}, {KINDS[kind]}": kind for kind in KINDS}
    return Exercise(right, {h: kind for h, kind in hints.items() if kind != right})


kind_of_a = kind_of("A", "wrong data")
kind_of_b = kind_of("B", "noisy")
kind_of_c = kind_of("C", "biased")

p, r_0, r_1 = sp.symbols("p r_0 r_1")
two_levers = Exercise(
    right=(p * (1 - p) * (p * r_1 - (1 - p) * r_0), sp.Rational(1, 4)),
    mistakes={
        "the first is what the healthy agent does, or yours if each came up once": (
            p * (1 - p) * (r_1 - r_0),
            sp.Rational(1, 4),
        ),
        "the first: these are scores times rewards. How often does each happen?": (
            (1 - p) * r_1 - p * r_0,
            sp.Rational(1, 4),
        ),
        "the first has the wrong sign: what is the score of lever 0?": (
            p * (1 - p) * (p * r_1 + (1 - p) * r_0),
            sp.Rational(1, 4),
        ),
        "the first has η in it: divide by η": (
            sp.Symbol("eta") * p * (1 - p) * (p * r_1 - (1 - p) * r_0),
            sp.Rational(1, 4),
        ),
        "the first goes downhill: which lever is 1, and which is 0?": (
            -p * (1 - p) * (p * r_1 - (1 - p) * r_0),
            sp.Rational(1, 4),
        ),
        "number 2 says where it walks towards the better one: and away?": (
            p * (1 - p) * (p * r_1 - (1 - p) * r_0),
            sp.Rational(3, 4),
        ),
        "number 2 is that of the healthy agent, or of levers that pay the same": (
            p * (1 - p) * (p * r_1 - (1 - p) * r_0),
            sp.Rational(1, 2),
        ),
    },
)

predicted = Exercise(
    right=("red", "red", "yes"),
    mistakes={
        "mean step: the weights are γ^t G_0; which of (4.2) and (4.4) is that?": (
            "green",
            "red",
            "yes",
        ),
        "past is free: does G_0 change if the first reward does?": (
            "red",
            "green",
            "yes",
        ),
        "why should it not? Compare it with its unbiased sister": ("red", "red", "no"),
    },
)


def _tested(step, *, states=True, actions=True, inside=False, first=1) -> bool:
    """Tell whether a step changes with what stands behind the mask.

    Of states that begins one place later: the one in which an episode ended is its own.
    """
    rng = np.random.default_rng(0)
    mask = np.arange(6) < np.array([[6], [2], [4]])
    batch = Batch(
        rng.normal(size=(3, 7, 2)),
        rng.integers(2, size=(3, 6)),
        rng.normal(size=(3, 6)) * mask,
        mask,
    )
    place = np.ones_like(mask) if inside else ~mask
    other_states, other_actions = batch.states.copy(), batch.actions.copy()
    if states:
        other_states[:, first : first + 6][place] += 5
    if actions:
        other_actions[place] = 1 - other_actions[place]
    theta = rng.normal(size=(2, 2))
    other = replace(batch, states=other_states, actions=other_actions)
    return not np.allclose(step(theta, batch), step(theta, other))


AGENTS = cycle(
    [
        gradient_step,
        forgets_the_mask,
        asks_all_actions,
        centres_all_features,
        descends,
        is_paid_by_the_next_state,
    ]
)
counts_padding = Exercise(
    right=_tested,
    mistakes={
        "one agent looks at the *actions* behind the mask: do you change them?": (
            lambda step: _tested(step, actions=False)
        ),
        "one agent looks at the *states* behind the mask: do you change them?": (
            lambda step: _tested(step, states=False)
        ),
        "you call a good agent broken: change nothing but what is behind the mask": (
            lambda step: _tested(step, inside=True)
        ),
        "the other way round: True is for the agents that count the padding": (
            lambda step: not _tested(step)
        ),
        "one good agent is paid by the state in which an episode ends: keep that one": (
            lambda step: _tested(step, first=0)
        ),
        "always False: no agent has been caught": lambda step: False,
        "one agent is wrong in another way: only the padding is asked for": (
            lambda step: _tested(step) or step is descends
        ),
    },
    inputs=lambda rng: (next(AGENTS),),
    seconds=20.0,
)


def _one_step(
    theta, x, actions, rewards, mask, gamma, learning_rate, *, left: frozenset
) -> np.ndarray:
    """Return the step by loops, with the mistakes that are named."""
    N, T = actions.shape
    returns = np.zeros((N, T))
    for i, t in np.ndindex(N, T):
        factor = 1 if "discount" in left else gamma
        future = [factor ** (j - t) * rewards[i, j] for j in range(t, T)]
        past = rewards[i, : t + 1]
        returns[i, t] = sum(past) if "past" in left else sum(future)
    total = np.zeros_like(theta)
    for i, t in np.ndindex(N, T):
        if not mask[i, t] and "mask" not in left:
            continue
        usual = (returns[:, t].sum() - returns[i, t]) / (N - 1)
        usual = 0 if "baseline" in left else usual
        logits = x[i, t] @ theta
        surprise = -np.exp(logits) / np.exp(logits).sum()
        surprise[actions[i, t]] += 1
        surprise = -surprise if "sign" in left else surprise
        total += gamma**t * (returns[i, t] - usual) * np.outer(x[i, t], surprise)
    return theta + learning_rate * total / (mask.sum() if "steps" in left else N)


def _mistaken(*left: str):
    return lambda *args: _one_step(*args, left=frozenset(left))


def _small_batch(rng):
    mask = np.arange(3) < np.array([[3], [1], [2]])
    x, theta = rng.normal(size=(3, 3, 2)), rng.normal(size=(2, 2))
    actions, rewards = rng.integers(2, size=(3, 3)), rng.normal(size=(3, 3)) * mask
    return theta, x, actions, rewards, mask, rng.uniform(0.5, 0.9), 0.1


mended_step = Exercise(
    right=_mistaken(),
    mistakes={
        "one is left: `cumsum` adds up what is *past*. What does G_t add up?": (
            _mistaken("past")
        ),
        "one is left: this Θ goes downhill. Which of p and e_a has the minus?": (
            _mistaken("sign")
        ),
        "one is left: over what is the mean of (4.6) taken?": _mistaken("steps"),
        "one is left: what does an episode weigh after its end?": _mistaken("mask"),
        "all four are left: begin with the returns": (
            _mistaken("past", "sign", "steps", "mask")
        ),
        "your returns look ahead now, but they do not discount": _mistaken("discount"),
        "the baseline was right: where has it gone?": _mistaken("baseline"),
        "two are left: the sign, and what the sum is divided by": (
            _mistaken("sign", "steps")
        ),
        "two are left: the returns, and the steps after the end": (
            _mistaken("past", "mask")
        ),
    },
    inputs=_small_batch,
)
