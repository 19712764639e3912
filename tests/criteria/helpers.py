"""A criterion at a lambda and the exact weights there."""

import numpy as np


def trial_lambda(spec):
    """Return log-penalties that differ by group."""
    return np.linspace(-2.5, -1.0, spec.n_groups)


def at(problem, lambda_):
    """Return exact weights at lambda."""
    return problem.minimize(lambda_, problem.starts(), tol=1e-14)


def value(problem, lambda_):
    """Return the criterion at lambda."""
    return problem.objective(lambda_, at(problem, lambda_))


def slope(problem, lambda_):
    """Return its gradient."""
    return problem.hypergradient(lambda_, at(problem, lambda_))


def model(problem, lambda_):
    """Return its second-order model."""
    weights = at(problem, lambda_)
    return problem.at(lambda_, weights).model()
