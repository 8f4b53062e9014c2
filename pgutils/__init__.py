"""Small helpers for the notebooks: what one chapter derives, the next ones import.

Read the modules in this order: `world`, `trajectories`, `returns`, `softmax`,
`gradients`, `rollout`, `training`. Beside them stand `verify` (the check behind every
equation), `plots` and `movies`, which the learning code never imports.
"""
