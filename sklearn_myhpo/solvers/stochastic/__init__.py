"""Stochastic solvers: SOBA, SABA, AmIGO, stocBiO."""

from .method import Stochastic

__all__ = ["Stochastic"]
