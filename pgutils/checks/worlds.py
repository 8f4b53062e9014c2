"""Checks of worlds, and of the policies and trajectories that belong to one."""

import numpy as np

from pgutils.checks.arrays import (
    array,
    indices,
    listed,
    nested,
    probabilities,
    same_shape,
    series,
)
from pgutils.checks.batches import a_batch
from pgutils.checks.single import (
    any_number,
    function,
    generator,
    is_symbolic,
    shown,
    text,
)


def world(value):
    """Return `value` if it is a world of states and actions."""
    if not hasattr(value, "transition"):
        raise TypeError(f"world must be a World, like ROBOT, got {shown(value)}")
    return value


def sizes(given) -> tuple[int, int]:
    """Return the numbers of states and actions of a world."""
    table = world(given).transition
    return len(table), len(table[0])


def world_tables(given) -> tuple:
    """Return initial, transition, reward and ends of a world as nested tuples."""
    probabilities("initial", given.initial, ndim=1)
    transition = probabilities("transition", given.transition, ndim=3)
    n = len(given.initial)
    fitting = (n, transition.shape[1], n)
    same_shape("transition", transition, "(states, actions, states)", fitting)
    for name in ("reward", "ends"):
        table = array(name, getattr(given, name))
        same_shape(name, table, "transition", fitting)
    if not np.isin(table, (0, 1)).all():
        raise ValueError(f"ends must hold True and False only, got {shown(given.ends)}")
    axes = {"initial": 1, "transition": 3, "reward": 3, "ends": 3}
    return tuple(nested(name, getattr(given, name), n) for name, n in axes.items())


def log_odds(name: str, value, exp) -> list:
    """Return two numbers as floats, if `exp` is NumPy's, or as they are.

    Below −709 exp(−θ) is not finite, and 1 / (1 + exp(−θ)) is 0 as a float.
    """
    function("exp", exp)
    parts = listed(name, value)
    if len(parts) != 2:
        raise ValueError(
            f"{name} must hold two numbers, one per state, got {shown(value)}"
        )
    parts = [any_number(name, part) for part in parts]
    if exp is not np.exp:
        return parts
    if any(map(is_symbolic, parts)):
        raise TypeError(
            f"{name} must hold floats, or exp be SymPy's, got {shown(value)}"
        )
    floats = [
        np.complex128(part) if isinstance(part, complex) else np.float64(part)
        for part in parts
    ]
    return [part - min(part.real + 709, 0.0) for part in floats]


def policy_table(policy, world) -> np.ndarray:
    """Return a table [s][a] of action probabilities that fits a world, as floats."""
    fitting = sizes(world)
    table = probabilities("policy", policy)
    same_shape("policy", table, "the world's (states, actions)", fitting)
    return table


def rows(policy, world, name: str = "policy") -> tuple:
    """Return a table [s][a], of any kind of number, whose shape fits a world."""
    n_states, n_actions = sizes(world)
    table = nested(name, policy, 2)
    if [len(row) for row in table] != [n_actions] * n_states:
        raise ValueError(
            f"{name} must have {n_states} rows of {n_actions} probabilities, "
            f"got rows of {[len(row) for row in table]}"
        )
    return table


def one_each(name: str, value, given) -> list:
    """Return `value`, numbers of any kind, if it holds one per state of a world."""
    n_states, _ = sizes(given)
    found = series(name, value)
    if len(found) != n_states:
        raise ValueError(
            f"{name} must hold one number per state, {n_states}, got {len(found)}"
        )
    return found


def one_step(policy, state, action, world) -> tuple:
    """Return a policy of the robot's world, and a state and an action of it."""
    step = indices("state and action", (state, action), 2)
    if step.ndim != 1:
        raise ValueError(f"state and action must be two integers, got {shown(step)}")
    return rows(policy, world), step


def of_robot(batch, policy, world) -> np.ndarray:
    """Return a policy (states, actions) if a batch holds states and actions of it."""
    n_states, n_actions = sizes(world)
    batch = a_batch(batch)
    if indices("states", batch.states, n_states).ndim != 2:
        raise ValueError(f"states must have 2 axes, got shape {batch.states.shape}")
    indices("actions", batch.actions, n_actions)
    return policy_table(policy, world)


def path(trajectory, world):
    """Return a trajectory if its states and actions are of a world."""
    n_states, n_actions = sizes(world)
    if not (hasattr(trajectory, "states") and hasattr(trajectory, "actions")):
        raise TypeError(f"a Trajectory is needed, got {shown(trajectory)}")
    states = listed("states", trajectory.states)
    actions = listed("actions", trajectory.actions)
    if len(states) != len(actions) + 1:
        raise ValueError(
            "a trajectory must have one more state than actions, got "
            f"{len(states)} states and {len(actions)} actions"
        )
    for name, steps, k in (
        ("states", states, n_states),
        ("actions", actions, n_actions),
    ):
        if steps and indices(name, steps, k).ndim != 1:
            raise ValueError(f"{name} must have 1 axis, got {shown(steps)}")
    return trajectory


def weighed(day, weights, world) -> tuple:
    """Return a day of a world, and weights, if there is one for each of its actions.

    Weights for steps after its end are not used.
    """
    day, found = path(day, world), series("weights", weights)
    if len(found) < len(day.actions):
        raise ValueError(
            f"weights must hold a number for each action, {len(day.actions)}, "
            f"got {len(found)}"
        )
    return day, found


def witnessed(world, objective, expected, estimates, theta, rng, scope) -> tuple:
    """Return theta as two floats, and rng, if four witnesses can speak."""
    if sizes(world) != (2, 2):
        raise ValueError(f"world must have 2 states and 2 actions, got {sizes(world)}")
    text("scope", scope)
    function("objective", objective)
    function("expected", expected)
    function("estimates", estimates)
    theta = array("theta", theta)
    same_shape("theta", theta, "(high, low)", (2,))
    return theta, generator(rng)
