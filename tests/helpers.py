"""Small bilevel problems, and what they must give, computed without the package."""

import os
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import null_space
from sklearn.linear_model import LogisticRegression

from sklearn_myhpo import (
    BilevelGeneralizedLinearRegressor,
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
    SHOLogisticRegression,
    SHORidge,
)
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.criteria import CRITERIA, CriterionProblem
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.datasets._base import VARIABLE
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._streams import long_rows
from sklearn_myhpo.linear_model._tensors.host_arrays import PLACE
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, SquaredLoss
from sklearn_myhpo.penalties.factors import with_factors
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import SOLVERS, SHOGlobal


def as_sums(products, end):
    """Return products of (x, 1, y) in the form in which sums over rows keep them."""
    squares = np.diag(products).copy()
    squares[:end] = 0.0
    return np.vstack([products[:end], squares])


@dataclass(frozen=True, eq=False)
class Spec:
    """The data of a bilevel problem, to build it and to solve it otherwise."""

    X: object
    y: np.ndarray
    loss: object
    pairs: list
    labels: np.ndarray
    sample_weight: np.ndarray | None = None
    fit_intercept: bool = True
    rows_engine: bool = False
    factors: np.ndarray | None = None

    @cached_property
    def dense(self):
        """X as an ndarray."""
        return self.X.toarray() if sparse.issparse(self.X) else self.X

    @cached_property
    def weight(self):
        """The sample weights, ones if there are none."""
        if self.sample_weight is None:
            return np.ones(len(self.y))
        return self.sample_weight

    @property
    def n_groups(self):
        """Number of lambdas."""
        return int(self.labels.max()) + 1

    @property
    def is_ridge(self):
        """Whether the loss is quadratic."""
        return self.loss.is_quadratic

    @property
    def groups(self):
        """The feature groups, named by their numbers."""
        groups = FeatureGroups(self.labels, tuple(range(self.n_groups)))
        return with_factors(groups, self.factors, may_drop=False)

    @property
    def parts(self):
        """The training and validation rows of every split."""
        return divide_rows(self.pairs, self.weight)

    def log_penalties(self, lambda_):
        """Return the log of ``exp(lambda_g) f_j`` of every feature."""
        logs = np.broadcast_to(lambda_, self.n_groups)[self.labels]
        if self.factors is None:
            return logs
        with np.errstate(divide="ignore"):
            return logs + np.log(self.factors)

    def criterion_problem(self, criterion, **options):
        """Build the problem of a criterion, or of its name, of all rows."""
        if isinstance(criterion, str):
            criterion = CRITERIA[criterion](**CRITERION_OPTIONS.get(criterion, {}))
        return CriterionProblem(
            self.X,
            self.y,
            self.loss,
            self.groups,
            criterion,
            sample_weight=self.sample_weight,
            fit_intercept=self.fit_intercept,
            **options,
        )

    def problem(self, **options):
        """Build the problem; with `rows_engine`, ridge goes the way of logistic."""
        groups = self.groups
        changes = {"moments_size": 0} if self.rows_engine else {}
        with use_limits(**changes):
            return BilevelProblem(
                self.X,
                self.y,
                self.loss,
                groups,
                self.pairs,
                sample_weight=self.sample_weight,
                fit_intercept=self.fit_intercept,
                **options,
            )


#: Log of a penalty that rounding hides, for models that need one.
NO_PENALTY = -26.0
#: Options of criteria that some problems cannot do without.
CRITERION_OPTIONS = {"sure": {"noise_variance": 0.7}}


def folds(n_samples, n_folds, seed=0):
    """Return (train, validation) pairs; one fold means the last third held out."""
    order = np.random.default_rng(seed).permutation(n_samples)
    if n_folds == 1:
        cut = 2 * n_samples // 3
        return [(order[:cut], order[cut:])]
    parts = np.array_split(order, n_folds)
    return [
        (np.concatenate([p for p in parts if p is not part]), part) for part in parts
    ]


def correlated_features(rng, n_samples, n_features):
    """Return standard normal columns that share a factor."""
    X = rng.standard_normal((n_samples, n_features))
    return X + 0.5 * rng.standard_normal((n_samples, 1)) + 0.3


def _thirds(n_features, n_groups):
    return np.arange(n_features) * n_groups // n_features


def ridge_spec(
    n_samples=45,
    n_features=9,
    n_folds=3,
    n_groups=1,
    n_targets=1,
    noise=1.0,
    seed=1,
    **options,
):
    """Return a regression whose groups want penalties of different size."""
    rng = np.random.default_rng(seed)
    X = correlated_features(rng, n_samples, n_features)
    labels = _thirds(n_features, n_groups)
    size = np.array([1.0, 0.5, 0.25])[_thirds(n_features, min(n_features, 3))]
    coef = size[:, None] * rng.standard_normal((n_features, n_targets))
    y = X @ coef + noise * rng.standard_normal((n_samples, n_targets)) + 2.0
    return Spec(X, y, SquaredLoss(), folds(n_samples, n_folds), labels, **options)


def class_spec(
    n_samples=90,
    n_features=6,
    n_folds=3,
    n_groups=1,
    n_classes=2,
    noise=1.0,
    seed=0,
    **options,
):
    """Return a classification whose classes overlap."""
    rng = np.random.default_rng(seed)
    X = correlated_features(rng, n_samples, n_features)
    coef = rng.standard_normal((n_features, n_classes)) / np.sqrt(n_features)
    scores = X @ coef + noise * rng.gumbel(size=(n_samples, n_classes))
    y = np.argmax(scores - np.median(scores, axis=0), axis=1)
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
    labels = _thirds(n_features, n_groups)
    return Spec(X, y, loss, folds(n_samples, n_folds), labels, **options)


def sparsified(spec):
    """Return the same rows with half of the entries gone, as a sparse array."""
    keep = np.random.default_rng(1).random(spec.X.shape) < 0.5
    return replace(spec, X=sparse.csr_array(np.where(keep, spec.X, 0.0)))


def weighted(spec):
    """Return the same rows with uneven weights, one of them zero."""
    weight = np.random.default_rng(2).uniform(0.2, 3.0, len(spec.y))
    weight[0] = 0.0
    return replace(spec, sample_weight=weight)


def with_penalty_factors(spec):
    """Return the same rows with factors, two of them zero."""
    factors = np.resize([1.0, 0.25, 0.0, 4.0, 9.0], len(spec.labels))
    return replace(spec, factors=np.where(np.arange(len(factors)) < 8, factors, 2.0))


#: Name -> function that returns the data of a problem.
SPECS = {
    "ridge-holdout": cache(lambda: ridge_spec(n_folds=1)),
    "ridge-5-fold": cache(lambda: ridge_spec(n_folds=5)),
    "ridge-groups": cache(lambda: ridge_spec(n_groups=3)),
    "ridge-each": cache(lambda: ridge_spec(n_features=4, n_groups=4, seed=0)),
    "ridge-wide": cache(lambda: ridge_spec(n_samples=24, n_features=40)),
    "ridge-wide-groups": cache(
        lambda: ridge_spec(n_samples=24, n_features=60, n_groups=2, noise=1.5, seed=2)
    ),
    "ridge-at-bound": cache(lambda: ridge_spec(n_groups=3, noise=2.5, seed=0)),
    "ridge-targets": cache(lambda: ridge_spec(n_targets=3)),
    "ridge-sparse": cache(lambda: sparsified(ridge_spec())),
    "ridge-weighted": cache(lambda: weighted(ridge_spec(n_groups=3))),
    "ridge-no-intercept": cache(lambda: ridge_spec(fit_intercept=False)),
    "ridge-factors": cache(lambda: with_penalty_factors(ridge_spec(n_groups=3))),
    "ridge-factors-wide": cache(
        lambda: with_penalty_factors(
            ridge_spec(n_samples=24, n_features=40, noise=2.0, seed=13)
        )
    ),
    "ridge-rows": cache(lambda: ridge_spec(n_groups=3, rows_engine=True)),
    "logistic-holdout": cache(lambda: class_spec(n_folds=1)),
    "logistic-5-fold": cache(lambda: class_spec(n_folds=5)),
    "logistic-groups": cache(lambda: class_spec(n_groups=3)),
    "logistic-each": cache(lambda: class_spec(n_features=3, n_groups=3)),
    "logistic-wide": cache(lambda: class_spec(n_samples=30, n_features=45)),
    "logistic-sparse": cache(lambda: sparsified(class_spec())),
    "logistic-weighted": cache(lambda: weighted(class_spec())),
    "logistic-no-intercept": cache(lambda: class_spec(fit_intercept=False)),
    "logistic-factors": cache(lambda: with_penalty_factors(class_spec(n_groups=2))),
    "multinomial-factors": cache(
        lambda: with_penalty_factors(sparsified(class_spec(n_classes=3)))
    ),
    "multinomial": cache(lambda: class_spec(n_classes=3)),
    "multinomial-groups": cache(lambda: class_spec(n_classes=3, n_groups=2)),
}

#: Name -> function that returns a new problem, with counts at zero.
PROBLEMS = {name: (lambda make=make: make().problem()) for name, make in SPECS.items()}


def covering_pairs(*options):
    """Return few tuples of options that contain every pair of values of two of them.

    In the place of the full product, where no three options meet in one branch of the
    code.
    """
    options = [list(values) for values in options]
    # By places, for values need not be hashable.
    products = list(product(*(range(len(values)) for values in options)))
    pairs = {one: set(combinations(enumerate(one), 2)) for one in products}
    missing, chosen = set().union(*pairs.values()), []
    while missing:
        best = max(products, key=lambda one: len(pairs[one] & missing))
        chosen.append(best)
        missing -= pairs[best]
    return [
        tuple(values[k] for values, k in zip(options, one, strict=True))
        for one in sorted(chosen)
    ]


def problem_for(solver, name):
    """Return a new problem as a registered solver needs it."""
    by_rows = SOLVERS[solver]().capabilities.needs_rows
    return SPECS[name]().problem(by_rows=by_rows)


#: Every registered solver by its name; a network is trained in a tenth of the published
#: steps, ten times as long ones, which on small problems leads as far.
SHORT_SOLVERS = {
    **{name: kind() for name, kind in SOLVERS.items()},
    "sho_global": SHOGlobal(n_train_steps=1000, learning_rate=1e-3),
}


ONE_LAMBDA = [name for name, make in SPECS.items() if make().n_groups == 1]
MANY_LAMBDAS = [name for name in SPECS if name not in ONE_LAMBDA]


def reference_fit(spec, lambda_, rows):
    """Return coef (d, k) and intercept (k,) of the exact model of some rows.

    Ridge by an augmented least squares problem, the others by scikit-learn with
    the features scaled by ``exp(-lambda_g / 2)``, so that one penalty is left.
    """
    X, y, weight = spec.dense[rows], spec.y[rows], spec.weight[rows]
    lambda_ = spec.log_penalties(lambda_)
    if spec.is_ridge:
        x_mean, y_mean = np.zeros(X.shape[1]), np.zeros(y.shape[1])
        share = weight / weight.sum()
        if spec.fit_intercept:
            x_mean, y_mean = share @ X, share @ y
        root = np.sqrt(share)[:, None]
        left = np.vstack(
            [root * (X - x_mean), np.diag(np.sqrt(2.0) * np.exp(lambda_ / 2))]
        )
        right = np.vstack([root * (y - y_mean), np.zeros((X.shape[1], y.shape[1]))])
        coef = np.linalg.lstsq(left, right, rcond=None)[0]
        return coef, y_mean - x_mean @ coef
    scale = np.exp(-np.where(np.isfinite(lambda_), lambda_, NO_PENALTY) / 2)
    model = LogisticRegression(
        C=0.5 / weight.sum(),
        fit_intercept=spec.fit_intercept,
        solver="newton-cholesky",
        tol=1e-10,
        max_iter=1000,
    ).fit(X * scale, y, sample_weight=weight)
    coef = model.coef_ * scale
    if len(coef) > 1:
        # Without a penalty the classes may move together.
        coef = coef - coef.mean(axis=0)
    return coef.T, model.intercept_ * np.ones(len(coef))


def reference_loss(spec, coef, intercept, rows):
    """Return the mean loss of some rows, straight from its definition."""
    raw = spec.dense[rows] @ coef + intercept
    y, weight = spec.y[rows], spec.weight[rows]
    if spec.is_ridge:
        losses = 0.5 * np.sum((y - raw) ** 2, axis=1)
    elif raw.shape[1] == 1:
        losses = np.logaddexp(0.0, np.where(y == 1, -raw[:, 0], raw[:, 0]))
    else:
        losses = np.logaddexp.reduce(raw, axis=1) - raw[np.arange(len(y)), y]
    return weight @ losses / weight.sum()


def reference_objective(spec, lambda_):
    """Return the mean validation loss over all held-out rows at lambda."""
    held_out = [spec.weight[validation].sum() for _, validation in spec.pairs]
    losses = [
        reference_loss(spec, *reference_fit(spec, lambda_, train), validation)
        for train, validation in spec.pairs
    ]
    return np.average(losses, weights=held_out)


def reference_left_out(spec, lambda_):
    """Return the mean loss of every row in the exact model of the others.

    The summed penalty is held fixed, so it weighs more beside fewer rows.
    """
    total, losses = spec.weight.sum(), 0.0
    for row in np.flatnonzero(spec.weight):
        others = np.delete(np.arange(len(spec.y)), row)
        stronger = lambda_ + np.log(total / spec.weight[others].sum())
        model = reference_fit(spec, stronger, others)
        losses += spec.weight[row] * reference_loss(spec, *model, np.array([row]))
    return losses / total


def reference_hat(spec, lambda_):
    """Return the hat matrix and the target, of rows times the roots of their shares."""
    used = spec.weight > 0
    X, y, weight = spec.dense[used], spec.y[used], spec.weight[used]
    root = np.sqrt(weight / weight.sum())
    A, b = root[:, None] * X, root[:, None] * y
    penalty = 2 * np.exp(spec.log_penalties(lambda_))
    if spec.fit_intercept:
        A, penalty = np.column_stack([A, root]), np.append(penalty, 0.0)
    return A @ np.linalg.solve(A.T @ A + np.diag(penalty), A.T), b


def reference_gcv(spec, lambda_):
    """Return generalized cross-validation from the hat matrix itself."""
    hat, b = reference_hat(spec, lambda_)
    left = 1 - np.trace(hat) / len(b)
    return 0.5 * np.sum((b - hat @ b) ** 2) / left**2


def reference_sure(spec, lambda_, noise_variance=0.7):
    """Return half of Stein's estimate of the risk, plus half the noise variance."""
    hat, b = reference_hat(spec, lambda_)
    per_target = noise_variance * np.ones(b.shape[1])
    risk = np.sum((b - hat @ b) ** 2) - per_target.sum()
    risk += 2 * per_target.sum() * np.trace(hat) / len(b)
    return 0.5 * (risk + per_target.sum())


def reference_reml(spec, lambda_):
    """Return REML from the density of what is orthogonal to the fixed effects.

    The targets have one variance of the noise, at which the density is the largest.
    """
    used = spec.weight > 0
    X, y, weight = spec.dense[used], spec.y[used], spec.weight[used]
    penalty = 2 * np.exp(spec.log_penalties(lambda_))
    is_free = penalty == 0
    fixed = np.column_stack([X[:, is_free], np.ones((len(y), int(spec.fit_intercept)))])
    contrasts = null_space(fixed.T) if fixed.shape[1] else np.eye(len(y))
    X = X[:, ~is_free]
    noise = np.diag(weight.sum() / weight)

    rest = contrasts.T @ y

    def minus_twice_log_density(effects):
        inner = contrasts.T @ (noise + effects) @ contrasts
        variance = np.sum(rest * np.linalg.solve(inner, rest)) / rest.size
        log_det = np.linalg.slogdet(inner)[1] + len(inner) * np.log(variance)
        return y.shape[1] * log_det, variance * rest.size

    without, square = minus_twice_log_density(np.zeros_like(noise))
    found = minus_twice_log_density((X / penalty[~is_free]) @ X.T)[0]
    return 0.5 * square * np.exp((found - without) / rest.size)


def reference_mlr(spec, lambda_):
    """Return MLR from the second moments of permuted labels; rows weigh the same."""
    hat, b = reference_hat(spec, lambda_)
    left, n_rows = np.eye(len(b)) - hat, len(b)
    if spec.fit_intercept:
        b = b - b.mean(axis=0)
    moments = np.zeros_like(left)
    for column in b.T:
        pair = (column.sum() ** 2 - column @ column) / (n_rows * (n_rows - 1))
        own = np.full_like(left, pair)
        np.fill_diagonal(own, column @ column / n_rows)
        moments += own
    permuted = np.trace(left @ moments @ left)
    return 0.5 * (np.sum((left @ b) ** 2) - permuted + np.sum(b**2))


@cache
def reference_grid(name):
    """Return the lowest objective of a grid of one shared lambda."""
    spec = SPECS[name]()
    low, high, points = (-25.0, 10.0, 400) if spec.is_ridge else (-9.0, 3.0, 25)
    return min(
        reference_objective(spec, value) for value in np.linspace(low, high, points)
    )


def class_scores(spec, coef):
    """Return coefficients as scikit-learn has them: one column per class."""
    if isinstance(spec.loss, MultinomialLoss):
        return spec.loss.scores(coef)
    return coef


def numerical_gradient(function, x, step=1e-5):
    """Return central differences of a function of an array, along its last axes.

    The result has the shape of ``function(x)`` followed by that of `x`.
    """
    x = np.asarray(x, float)
    columns = []
    for index in np.ndindex(x.shape):
        move = np.zeros_like(x)
        move[index] = step
        columns.append((function(x + move) - function(x - move)) / (2 * step))
    columns = np.stack(columns, axis=-1)
    return columns.reshape(*columns.shape[:-1], *x.shape)


#: The public estimators, all of which keep the same promises.
RIDGES = (BilevelRidge, MYHPORidge, SHORidge)
LOGISTICS = (
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
    SHOLogisticRegression,
)
#: Estimators of labels, with the logarithmic or the squared loss.
CLASSIFIERS = (*LOGISTICS, MYHPORidgeClassifier)
ESTIMATORS = (*RIDGES, *CLASSIFIERS)
#: Estimators with the squared loss, and `alpha_`.
SQUARED = (*RIDGES, MYHPORidgeClassifier)
#: Estimators of positive means. They share their code with the others, and have tests
#: of what is their own.
MEANS = (
    MYHPOPoissonRegressor,
    MYHPOGammaRegressor,
    MYHPOTweedieRegressor,
    BilevelGeneralizedLinearRegressor,
)


class Ticks:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self):
        self.n_read = 0

    def __call__(self):
        self.n_read += 1
        return self.n_read - 1.0


def data_for(estimator, n_samples=60, n_features=4, **options):
    """Return (X, y) that an estimator, or its class, fits with lambda inside.

    Options are those of `ridge_spec` or `class_spec`; one target is 1-d.
    """
    cls = estimator if isinstance(estimator, type) else type(estimator)
    make = ridge_spec if cls in (*RIDGES, *MEANS) else class_spec
    spec = make(n_samples=n_samples, n_features=n_features, **options)
    if cls in MEANS:
        return spec.X, np.exp(0.5 * spec.y[:, 0])
    y = spec.y[:, 0] if spec.y.ndim == 2 and spec.y.shape[1] == 1 else spec.y
    return spec.X, y


def raw_predictions(model, X):
    """Return what a model predicts before it takes the largest of it."""
    if hasattr(model, "decision_function"):
        return model.decision_function(X)
    return model.predict(X)


class Recorder:
    """A callback that keeps the models of all iterations, and may stop or raise."""

    def __init__(self, stop_after=np.inf, error=None):
        self.models, self.tasks, self.torn_down = [], [], 0
        self.stop_after, self.error = stop_after, error

    def setup(self, estimator, context):
        """Begin."""

    def teardown(self, estimator, context):
        """End."""
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        """Look at nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Keep the model."""
        self.tasks.append(context.task_name)
        self.models.append(fitted_estimator)
        if self.error is not None:
            raise self.error
        return len(self.models) >= self.stop_after

    @property
    def fitted_models(self):
        """The models of the tasks that have one."""
        return [model for model in self.models if model is not None]


#: For fits whose warnings are beside the point.
no_warnings = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.LambdaBoundWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)

#: Folder with the real data, where there is one.
REAL = os.environ.get(VARIABLE)
needs_real_data = pytest.mark.skipif(
    not REAL, reason=f"{VARIABLE} does not name a folder with the data"
)


def load_example(file_name, part, class_name, **names):
    """Return a class of an example, so that the documented one is tested.

    Parameters
    ----------
    file_name : str
        In `examples`.
    part : str
        The code is between ``# part: begin`` and ``# part: end``.
    class_name : str
    **names : object
        What the code uses.
    """
    path = Path(__file__).parents[1] / "examples" / file_name
    _, code = path.read_text().split(f"# {part}: begin\n")
    code, _ = code.split(f"# {part}: end\n")
    names["np"] = np
    exec(compile(code, path, "exec"), names)
    return names[class_name]


def fitted_names(model):
    """Return the names of all fitted attributes, those in the dict of arrays too."""
    names = {*vars(model), *vars(model).get(PLACE, {})}
    return {name for name in names if name.endswith("_") and name[0] != "_"}


def start_from(monkeypatch, least, per_weight=None):
    """Let fits to rows beyond memory start from a sample of about `least` rows."""
    monkeypatch.setattr(long_rows, "SAMPLE_LEAST", least)
    if per_weight is not None:
        monkeypatch.setattr(long_rows, "SAMPLE_PER_WEIGHT", per_weight)
