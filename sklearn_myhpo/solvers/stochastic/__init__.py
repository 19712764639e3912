"""Stochastic solvers: steps on batches of rows.

`method.py`   `Stochastic`: epochs, their residuals, guards
`rules.py`    the list of the methods
`walk.py`     the place that moves, and the contract of a method
`steps.py`    sizes of the steps, and steps of lambda
`row_steps.py`  the same where weights of training rows are learned
`neumann.py`  hypergradients by stochastic Neumann series
`saba.py` `srba.py` `soba.py` `f2sa.py` `amigo.py` `stocbio.py` `mrbo.py` `vrbo.py`
"""

from .method import Stochastic

__all__ = ["Stochastic"]
