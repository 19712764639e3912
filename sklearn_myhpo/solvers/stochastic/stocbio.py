"""stocBiO: inner loops on w, and a Neumann series for q, before every step of lambda.

Ji, Yang & Liang (2021), Bilevel optimization: convergence analysis and enhanced design,
arXiv:2010.07962, Algorithm 2 with equation (6).
"""

from .amigo import AmIGO


class StocBiO(AmIGO):
    """From zero, the steps of AmIGO on q are the terms of a Neumann series."""

    restarts = True
