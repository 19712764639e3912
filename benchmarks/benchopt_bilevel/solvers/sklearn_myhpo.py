"""All solvers of sklearn_myhpo behind one wrapper."""

import warnings

import numpy as np
from benchopt import BaseSolver

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import ClassScoresLoss, LogisticLoss
from sklearn_myhpo.penalties.class_groups import ClassGroups
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
        # More weights than penalties, and more than one: a penalty per class.
        self.n_classes = 0
        if 1 < len(outer_var0) < len(inner_var0):
            self.n_classes = len(outer_var0)
        read = class_rows_of if self.n_classes else rows_of
        X, y = zip(
            read(f_inner, n_inner_samples, inner_var0, outer_var0),
            read(f_outer, n_outer_samples, inner_var0, outer_var0),
            strict=True,
        )
        self.X, self.y = np.concatenate(X), np.concatenate(y)
        if not self.n_classes:
            self.y = (self.y > 0).astype(int)
        order = np.arange(len(self.y))
        self.pair = tuple(np.split(order, [n_inner_samples]))
        self.inner_var0, self.outer_var0 = inner_var0, outer_var0

    def _problem(self, solver):
        is_each = len(self.outer_var0) > 1 and not self.n_classes
        kind, loss = "each" if is_each else None, LogisticLoss()
        groups = make_feature_groups(kind, self.X, n_features=self.X.shape[1])
        if self.n_classes:
            loss = ClassScoresLoss(self.n_classes)
            groups = ClassGroups.of(groups, range(self.n_classes))
        return BilevelProblem(
            self.X,
            self.y,
            loss,
            groups,
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
            coef = np.reshape(self.inner_var0, (self.X.shape[1], -1)).astype(float)
            intercept = np.zeros(coef.shape[1])
            weights = [problem.splits[0].from_features(coef, intercept)]
            problem.widen_bounds(start)

        def keep(n_iter, info, state):
            (coef, _), *_ = problem.to_features(state.weights)
            self.inner_var, self.outer_var = coef.ravel(), state.lambda_ - LOG_HALF
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
    products = -2.0 * slopes_at_zero(function, n_rows, inner_var, outer_var)
    # Both classes: every other row with both signs changed is the same row.
    y = np.where(np.arange(n_rows) % 2, -1.0, 1.0)
    return products * y[:, None], y


def class_rows_of(function, n_rows, inner_var, outer_var):
    """Return X and y of a softmax loss.

    The gradient of a row at zero weights is x / K for every class, minus x for its own.

    Parameters
    ----------
    function, n_rows, inner_var, outer_var
        As of `rows_of`; weights of the classes of a feature are side by side.

    Returns
    -------
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of int of shape (n_rows,)
        From 0 on.
    """
    if hasattr(function, "X"):
        return function.X, function.y
    n_classes = len(outer_var)
    slopes = slopes_at_zero(function, n_rows, inner_var, outer_var)
    slopes = slopes.reshape(n_rows, -1, n_classes)
    y = np.square(slopes).sum(axis=1).argmax(axis=1)
    own = np.take_along_axis(slopes, y[:, None, None], axis=2)[..., 0]
    return own / (1.0 / n_classes - 1.0), y


def slopes_at_zero(function, n_rows, inner_var, outer_var):
    """Return the gradient of every row at zero weights, of a function of JAX."""
    import jax

    def loss(weights, start):
        return function(weights, outer_var, start=start, batch_size=1)

    slopes = jax.vmap(jax.grad(loss), in_axes=(None, 0))
    found = slopes(np.zeros_like(inner_var), np.arange(n_rows))
    return np.asarray(found, dtype=float)
