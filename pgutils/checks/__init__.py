"""Checks of what comes in: each says what was wrong, what was expected, what was given.

Each raises a TypeError for a wrong kind of thing, a ValueError for a wrong shape, size
or value; most return their argument, converted to an array where it is one. The
learning modules say `checks.array(…)`, and need not know in which file that stands.
"""

# ruff: noqa: F401
from pgutils.checks.arrays import (
    array,
    as_array,
    direction,
    indices,
    linear_policy,
    logits,
    one_index,
    pictures,
    probabilities,
    same_shape,
    series,
    shape,
    slope,
    steps,
)
from pgutils.checks.batches import batch, episodes, parts, whole
from pgutils.checks.runs import (
    LARGEST_NORM,
    MOST_STEPS,
    corridor_runs,
    episode,
    fits,
    fits_batch,
    learning,
    linear_shape,
    longer,
    many,
    results,
    training,
)
from pgutils.checks.single import (
    MANY,
    any_number,
    count,
    discount,
    draws,
    file,
    function,
    generator,
    known_discount,
    number,
    positive,
    shown,
    text,
)
from pgutils.checks.worlds import (
    log_odds,
    of_robot,
    one_each,
    one_step,
    path,
    policy_table,
    rows,
    weighed,
    witnessed,
    world,
    world_tables,
)
