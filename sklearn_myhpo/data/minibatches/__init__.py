"""Mini-batches of rows, for stochastic solvers.

batches   rows of all splits, drawn at random
blocks    the rows of one batch: a linear map, and derivatives of their loss
weighed   batches whose training rows have weights that are hyperparameters
"""
