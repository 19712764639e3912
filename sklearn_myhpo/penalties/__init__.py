"""Penalties of features: groups, factors and coordinates.

groups          the groups of features, and their factors in the penalty
class_groups    one lambda per class, or per group and class
coordinates     maps between feature weights and coordinates of an inner problem
parsing         the `feature_groups` parameter as groups
factors         the `penalty_factors` parameter as factors
columns         columns as in a ColumnTransformer, as indices
compose         a ColumnTransformer that labels its output with transformers
labelled        arrays and sparse matrices with column labels
whitening       a quadratic penalty as a sum of squares, and its null space
"""
