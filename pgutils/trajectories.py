"""Trajectories of a finite world: all of them, how likely each is, and samples."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Integer, Real

from pgutils import checks
from pgutils.softmax import draw
from pgutils.world import World


class Trajectory(NamedTuple):
    """s_0, a_0, r_1, s_1, …, s_T, equation (1.1): T + 1 states, T of the others."""

    states: tuple
    actions: tuple
    rewards: tuple


@dataclass(frozen=True)
class Batch:
    """N episodes side by side; those that ended early are padded.

    A batch of many runs has one axis more, the first.

    Attributes:
        states: shape (N, T+1) or (N, T+1, d), in the environment's units.
        actions: shape (N, T), indices.
        rewards: shape (N, T); `rewards[i, t]` is r_{t+1}, the reward that follows a_t,
            and 0 after the episode's end.
        mask: shape (N, T), true where the step belongs to the episode.

    Raises:
        TypeError: if a part is not an array of its kind of number.
        ValueError: if the shapes do not fit together.
    """

    states: Real[np.ndarray, "*runs N T_plus_1 d"] | Real[np.ndarray, "N T_plus_1"]
    actions: Integer[np.ndarray, "*runs N T"]
    rewards: Real[np.ndarray, "*runs N T"]
    mask: Bool[np.ndarray, "*runs N T"]

    def __post_init__(self):
        checks.parts(self)

    def of(self, run: int | np.integer) -> "Batch":
        """Return the batch of one run, of a batch of many.

        Raises:
            TypeError: if run is not an integer.
            ValueError: if there is no such run.
        """
        run = int(checks.one_index("run", run, len(self.mask)))
        return Batch(*(part[run] for part in vars(self).values()))


def all_trajectories(world: World) -> Iterator[Trajectory]:
    """Yield every trajectory that can happen if the policy can take every action.

    Raises:
        TypeError: if world is not a World.

    Derived in notebooks/01_trajectories.ipynb.
    """
    world = checks.world(world)
    n_states, n_actions = len(world.transition), len(world.transition[0])
    growing = [((s,), (), ()) for s in range(n_states) if world.initial[s] > 0]
    while growing:
        states, actions, rewards = growing.pop()
        s = states[-1]
        for a, s2 in product(range(n_actions), range(n_states)):
            if world.transition[s][a][s2] > 0:
                r = world.reward[s][a][s2]
                longer = Trajectory((*states, s2), (*actions, a), (*rewards, r))
                ended = world.ends[s][a][s2] or len(longer.actions) == world.horizon
                if ended:
                    yield longer
                else:
                    growing.append(longer)


def probability(world: World, policy, trajectory: Trajectory):
    """Probability of a trajectory, equation (1.4).

        P(τ|θ) = ρ_0(s_0) ∏_t π(a_t|s_t) P(s_{t+1}|s_t, a_t)

    Args:
        world: the MDP.
        policy: table [s][a] of action probabilities, of any kind of number.
        trajectory: one trajectory of this world.

    Returns:
        A number of the policy's kind.

    Raises:
        TypeError: if a state or an action is not an integer, or the policy not a table
            of numbers.
        ValueError: if the trajectory does not have one more state than actions, or one
            of them is not of this world, or the policy does not fit it.

    Derived in notebooks/01_trajectories.ipynb. Sutton & Barto (2018), section 5.5.
    """
    policy, trajectory = checks.rows(policy, world), checks.path(trajectory, world)
    states, actions = trajectory.states, trajectory.actions
    p = world.initial[states[0]]
    for t, a in enumerate(actions):
        p = p * policy[states[t]][a] * world.transition[states[t]][a][states[t + 1]]
    return p


def sample(world: World, policy, n: int, rng: np.random.Generator) -> Batch:
    """Draw n independent trajectories, all at once, by the rules of equation (1.1).

    Args:
        world: the MDP.
        policy: table [s][a] of action probabilities, floats.
        n: how many, from 1 to 10 million.
        rng: random generator.

    Returns:
        A batch with states of shape (n, T+1), T the horizon.

    Raises:
        TypeError: if rng is not a generator or n not a whole number.
        ValueError: if n is out of range, or the policy does not fit the world or its
            rows do not sum to 1.

    Derived in notebooks/01_trajectories.ipynb.
    """
    policy, n = checks.policy_table(policy, world), checks.draws("n", n)
    initial, transition, reward, ends = world.arrays()
    s, running = draw(np.tile(initial, (n, 1)), rng), np.ones(n, dtype=bool)
    states, steps = [s], []
    for _ in range(world.horizon):
        a = draw(policy[s], rng)
        s2 = draw(transition[s, a], rng)
        steps.append((a, reward[s, a, s2] * running, running))
        running = running & ~ends[s, a, s2]
        states.append(s2)
        s = s2
    actions, rewards, mask = (np.stack(part, axis=1) for part in zip(*steps))
    return Batch(np.stack(states, axis=1), actions, rewards, mask)
