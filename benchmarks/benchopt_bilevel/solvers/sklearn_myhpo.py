"""All solvers of sklearn_myhpo behind one wrapper."""

import warnings

import numpy as np
from benchopt import BaseSolver

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import LogisticLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups
from sklearn_myhpo.solvers import Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.registry import SOLVERS

#: A penalty there is half of one here.
LOG_HALF = -np.log(2.0)


class Solver(BaseSolver):
    """A solver with its default options, from the given start or from a scan."""

    name = "sklearn-myhpo"
    sampling_strategy = "callback"
    requirements = ("scikit-learn",)
    parameters = {
        "solver": [
            *(name for name in SOLVERS if name != "stochastic"),
            "stochastic-saba",
            "stochastic-soba",
            "stochastic-amigo",
            "stochastic-stocbio",
        ],
        "start": ["given", "scan"],
        "max_iter": [1000],
    }

    def set_objective(
        self,
        f_inner,
        f_outer,
        n_inner_samples,
        n_outer_samples,
        inner_var0,
        outer_var0,
        **_,
    ):
        """Get the rows, in the order training, validation."""
        X, y = zip(
            rows_of(f_inner, n_inner_samples, inner_var0, outer_var0),
            rows_of(f_outer, n_outer_samples, inner_var0, outer_var0),
            strict=True,
        )
        self.X, self.y = np.concatenate(X), (np.concatenate(y) > 0).astype(int)
        order = np.arange(len(self.y))
        self.pair = tuple(np.split(order, [n_inner_samples]))
        self.inner_var0, self.outer_var0 = inner_var0, outer_var0

    def _problem(self, solver):
        kind = "each" if len(self.outer_var0) > 1 else None
        n_features = self.X.shape[1]
        return BilevelProblem(
            self.X,
            self.y,
            LogisticLoss(),
            make_feature_groups(kind, self.X, n_features=n_features),
            [self.pair],
            fit_intercept=False,
            by_rows=solver.capabilities.needs_rows,
            all_directions=solver.capabilities.all_directions,
        )

    def run(self, callback):
        """Run to the end, or until the callback has seen enough."""
        self.inner_var, self.outer_var = self.inner_var0, self.outer_var0
        if not callback():
            return
        name, _, method = self.solver.partition("-")
        solver = Stochastic(method) if method else SOLVERS[name]()
        problem = self._problem(solver)
        start, weights = "auto", None
        if self.start == "given":
            start = np.asarray(self.outer_var0, dtype=float) + LOG_HALF
            coef = np.asarray(self.inner_var0, dtype=float)[:, None]
            weights = [problem.splits[0].from_features(coef, np.zeros(1))]
            problem.widen_bounds(start)

        def keep(n_iter, info, state):
            (coef, _), *_ = problem.to_features(state.weights)
            self.inner_var, self.outer_var = coef[:, 0], state.lambda_ - LOG_HALF
            return not callback()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minimize_bilevel(
                problem,
                solver,
                lambda_init=start,
                weights_init=weights,
                max_iter=self.max_iter,
                tol=1e-12,
                random_state=0,
                callback=keep,
            )

    def get_result(self):
        """Return the last pair of variables."""
        return {"inner_var": self.inner_var, "outer_var": self.outer_var}


def rows_of(function, n_rows, inner_var, outer_var):
    """Return X and y of a logistic loss.

    The loss depends on the products y x alone, which are -2 times its gradient at zero
    weights, row by row.

    Parameters
    ----------
    function : callable
        ``function(inner_var, outer_var, start, batch_size)``, with attributes `X` and
        `y` or made of functions of JAX.
    n_rows : int
    inner_var, outer_var : ndarray
        Of the right shapes.

    Returns
    -------
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
        -1 or 1.
    """
    if hasattr(function, "X"):
        return function.X, function.y
    import jax

    def loss(weights, start):
        return function(weights, outer_var, start=start, batch_size=1)

    slopes = jax.vmap(jax.grad(loss), in_axes=(None, 0))
    products = -2.0 * np.asarray(
        slopes(np.zeros_like(inner_var), np.arange(n_rows)), dtype=float
    )
    # Both classes: every other row with both signs changed is the same row.
    y = np.where(np.arange(n_rows) % 2, -1.0, 1.0)
    return products * y[:, None], y
