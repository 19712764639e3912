"""Which lambda penalizes which feature, and the coordinates that go with it.

groups          the groups of features, and their factors in the penalty
coordinates     from feature weights to the coordinates of an inner problem and back
parsing         the `feature_groups` parameter as groups
factors         the `penalty_factors` parameter as factors
columns         columns as in a ColumnTransformer, as indices
compose         a ColumnTransformer whose output knows its transformers
labelled        arrays and sparse matrices whose columns carry labels
whitening       a quadratic penalty as a sum of squares, its null space apart
"""
