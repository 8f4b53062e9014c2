"""Small helpers for the notebooks: what one chapter derives, the next ones import.

Read the modules in this order: `world`, `trajectories`, `returns`, `softmax`,
`gradients`, `corridor`, `rollout`, `training`. Beside them stand `checks` (what comes
in), `verify` (the check behind every equation), `plots` and `movies`; the last three
are never imported by the learning code.
"""
