"""MY-HPO in all its forms.

================  =====================================================================
`published.py`    Algorithms 1 and 3 of the paper, step by step
`lambda_step.py`  the objective of step 3
`method.py`       the options, and the choice of a form
`fast.py`         the default: a proximal step on lambda alone, to second order
`freedom.py`      moves of lambda, rescaled by their effect
`direct.py`       the minimum of its model
`end.py`          the last steps, to the exact minimum
`truncated.py`    the fast step in very many lambdas
`separable.py`    the fast step for one lambda per target, all at once
================  =====================================================================
"""

from .method import MYHPO

__all__ = ["MYHPO"]
