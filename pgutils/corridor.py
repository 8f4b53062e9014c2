"""REINFORCE on the short corridor of Sutton & Barto (2018), Example 13.1."""

import numpy as np
from jaxtyping import Float

from pgutils import checks

END = 3
"""The state after s0, s1 and s2: the episode is over."""

START = -np.log(19)
"""Log-odds of 'right' at the start of each run: it is taken with probability 1/20."""


def reinforce_on_corridor(
    rng: np.random.Generator,
    *,
    step_sizes: tuple | list | Float[np.ndarray, " settings"],
    runs: int,
    episodes: int,
    baseline_step_size: float | None = None,
    max_steps: int = 20_000,
) -> Float[np.ndarray, "settings runs episodes"]:
    """Learn the corridor by REINFORCE, many runs side by side; γ = 1, so γ^t = 1.

    In s0, s1 and s2 the policy goes right with one probability p, the softmax of
    θ = (θ_left, θ_right). After each episode, with the parameters that acted,
    equation (4.6) with N = 1 and equation (7.7),

        θ ← θ + η Σ_t ψ_t (G_t − w),   Σ_t ψ_t G_t = −Σ_k (ψ_0 + … + ψ_{k−1})

    and then the baseline w, if there is one, by w ← w + β (G_t − w) for t = 0 … T−1,
    equation (7.8): w stems from earlier episodes only. The start is θ = (0, −log 19),
    w = 0. A run begins its next episode at once, without waiting for the others.

    Args:
        rng: random generator.
        step_sizes: η, one per setting, each above 0, parameter per reward.
        runs: independent runs of each setting, at least 1.
        episodes: of each run, at least 1.
        baseline_step_size: β, in (0, 1], dimensionless; None for no baseline (w = 0).
        max_steps: a run with an episode that is not over after this many steps is lost.

    Returns:
        The return −T of each episode, in reward; −inf for a lost run, from the episode
        that was not over to its last.

    Raises:
        TypeError: if rng is not a generator, a count not a whole number, or a step size
            not a real number.
        ValueError: if there is no step size, one is not finite and above 0, a count is
            below 1, the returns are more than 10^8, or the baseline's step size is
            above 1, or below 1e-8, where rounding would swallow it.

    Derived in notebooks/07_reinforce.ipynb. Sutton & Barto (2018), sections 13.3, 13.4.
    """
    step_sizes, baseline_step_size = checks.corridor_runs(
        rng, step_sizes, runs, episodes, baseline_step_size, max_steps
    )
    rates = np.repeat(step_sizes, runs)
    returns = np.full((len(rates), episodes), -np.inf)
    log_odds, w = np.full(len(rates), START), np.zeros(len(rates))
    episode, state = np.zeros((2, len(rates)), dtype=int)
    length, trace, total = np.zeros((3, len(rates)))
    while (episode < episodes).any():
        p = np.exp(-np.logaddexp(0, -log_odds))  # the sigmoid, without overflow
        right = rng.random(len(rates)) < p
        state = np.maximum(state + np.where(right != (state == 1), 1, -1), 0)
        length += 1
        trace += right - p
        total -= trace
        i = np.flatnonzero((state == END) & (episode < episodes))
        returns[i, episode[i]] = -length[i]
        log_odds[i] += 2 * rates[i] * (total[i] - w[i] * trace[i])
        if beta := baseline_step_size:
            w[i] = (1 - beta) ** length[i] * (w[i] + length[i] + 1 / beta) - 1 / beta
        episode[i] += 1
        for counter in (length, trace, total, state):  # state last: it says who is done
            counter[state == END] = 0
        episode[length >= max_steps] = episodes
    return returns.reshape(len(step_sizes), runs, episodes)
