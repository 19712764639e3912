"""Problems with many lambdas."""

import numpy as np

from tests.helpers import (
    class_spec,
    sparsified,
    weighted,
)

CLASSES_OF_MANY_LAMBDAS = {
    "each": class_spec(n_features=6, n_groups=6),
    "groups": class_spec(n_groups=3),
    "three classes": class_spec(n_classes=3, n_groups=6),
    "sparse, weighted": weighted(sparsified(class_spec(n_groups=6))),
    "no intercept": class_spec(n_groups=6, fit_intercept=False),
}


def place(problem, dropped=False):
    """Return the problem at a lambda with different entries and exact weights."""
    lambda_ = np.linspace(-3.0, -1.0, problem.n_groups)
    if dropped:
        lambda_[0] = problem.bounds[1, 0] - 1.0
    return problem.at(lambda_, problem.minimize(lambda_, tol=1e-12))
