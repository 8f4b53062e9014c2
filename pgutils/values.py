"""Values of states and actions, with their clock, and how often a state is visited."""

import numpy as np

from pgutils import checks
from pgutils.world import World


def action_values(world: World, V_next) -> list:
    """Values of all actions at one step from those of the next states, equation (5.2).

        Q_t(s, a) = Σ_s' P(s'|s, a) (R(s, a, s') + γ V_{t+1}(s'))

    Where the step from s to s' ends the episode, nothing is added to the reward.

    Args:
        world: the MDP.
        V_next: one number per state, of any kind, in units of reward.

    Returns:
        Numbers at [s][a], in units of reward.

    Raises:
        TypeError: if world is not a World or V_next does not hold numbers.
        ValueError: if V_next does not hold one finite number per state.

    Derived in notebooks/05_theorem.ipynb. Sutton & Barto (2018), section 4.1.
    """
    V_next = checks.one_each("V_next", V_next, world)
    n_states, n_actions, _ = np.shape(world.transition)
    Q = [[0] * n_actions for _ in range(n_states)]
    for s, a, s2 in np.ndindex(n_states, n_actions, n_states):
        worth = world.reward[s][a][s2]
        if not world.ends[s][a][s2]:
            worth += world.gamma * V_next[s2]
        Q[s][a] += world.transition[s][a][s2] * worth
    return Q


def values(world: World, policy) -> tuple[list, list]:
    """Values of all states and actions, from the last step back, equation (5.2).

        V_t(s) = Σ_a π(a|s) Q_t(s, a),   V_T(s) = 0

    Args:
        world: the MDP.
        policy: table [s][a] of action probabilities, of any kind of number.

    Returns:
        V at [t][s] for t = 0 … T and Q at [t][s][a] for t = 0 … T−1, in units of
        reward, numbers of the policy's kind.

    Raises:
        TypeError: if world is not a World or the policy does not hold numbers.
        ValueError: if the policy has not one row per state and one entry per action,
            or a number is not finite.

    Derived in notebooks/05_theorem.ipynb. Sutton & Barto (2018), section 4.1.
    """
    policy = checks.rows(policy, world)
    V, Q = [[0] * len(policy)], []
    for _ in range(world.horizon):
        Q.insert(0, action_values(world, V[0]))
        V.insert(0, [np.dot(probs, worth) for probs, worth in zip(policy, Q[0])])
    return V, Q


def visitation(world: World, policy) -> list:
    """Discounted probability of being in each state at each step, equation (5.5).

        d_t(s) = γ^t Pr(s_t = s, t < T)

    Args:
        world: the MDP.
        policy: table [s][a] of action probabilities, of any kind of number.

    Returns:
        d at [t][s] for t = 0 … T−1, numbers of the policy's kind, from 0 to 1. They do
        not sum to 1.

    Raises:
        TypeError: if world is not a World or the policy does not hold numbers.
        ValueError: if the policy has not one row per state and one entry per action,
            or a number is not finite.

    Derived in notebooks/05_theorem.ipynb. Sutton & Barto (2018), section 13.2.
    """
    policy = checks.rows(policy, world)
    d = [list(world.initial)]
    for _ in range(world.horizon - 1):
        following = [0] * len(policy)
        for s, a, s2 in np.ndindex(np.shape(world.transition)):
            if not world.ends[s][a][s2]:
                flow = d[-1][s] * policy[s][a] * world.transition[s][a][s2]
                following[s2] += world.gamma * flow
        d.append(following)
    return d
