"""Transformers whose columns come in groups, one lambda each.

splines : the public transformer: parameters, columns, names, groups
_smooth : the columns of one feature
_pair   : the columns of a pair of features
_term   : kinds of columns, and their output
_basis  : knots, B-splines and the penalty of their derivatives
_columns: which features are cyclic, and which are paired
_parts  : columns orthogonal over rows, from their second moments
"""

from .splines import PenalizedSplineTransformer

__all__ = ["PenalizedSplineTransformer"]
