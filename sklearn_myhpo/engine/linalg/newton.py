"""Minimization of a smooth convex function by a safeguarded Newton method."""

import numpy as np

#: Relative error of the final weights in the norm of the Hessian, since a full step
#: about squares the error.
NEWTON_TOL = 1e-10
#: Accuracy of an iterative solve for a direction: each step gains this factor.
DIRECTION_TOL = 1e-4
#: Convergence rate above which only rounding explains the slow progress of several
#: splits.
STALLED = 0.5
NEWTON_MAX_ITER = 100
NEWTON_MAX_HALVINGS = 40


def minimize_newton(value, gradient, hessian, start, tol=NEWTON_TOL):
    """Minimize a convex function from `start`.

    Parameters
    ----------
    value, gradient : callables
        Of the weights.
    hessian : callable
        Returns a `Hessian` at the weights.
    start : ndarray of shape (m, n_outputs)
    tol : float
        Half the squared Newton decrement, relative to the value, below which
        one last full step ends the run.

    Returns
    -------
    w : ndarray of shape (m, n_outputs)
        The last iterate; without convergence, the best one found.
    """
    w, current = start, value(start)
    for _ in range(NEWTON_MAX_ITER):
        slope = gradient(w)
        direction = -hessian(w).solve(slope, DIRECTION_TOL)
        decrement = -np.vdot(slope, direction)
        if not decrement > 0:
            return w
        if 0.5 * decrement <= tol * max(abs(current), np.finfo(float).tiny):
            return w + direction
        step = 1.0
        for _ in range(NEWTON_MAX_HALVINGS):
            candidate = w + step * direction
            new = value(candidate)
            if new <= current - 1e-4 * step * decrement:
                break
            step *= 0.5
        else:
            return w
        w, current = candidate, new
    return w
