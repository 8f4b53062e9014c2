"""Small helpers for the notebooks: what one chapter derives, the next ones import.

Read the modules in this order: `world`, `trajectories`, `returns`, `softmax`,
`gradients`, `values`, `corridor`, `rollout`, `training`. Beside them stand `checks`
(what comes in), `verify` (the check behind every equation), `witnesses` (one gradient,
computed in four ways), `plots`, `movies` and `files` (a file is written whole or not at
all); the last five are never imported by the learning code.
"""
