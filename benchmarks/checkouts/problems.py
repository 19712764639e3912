"""Reproducible random problems for the public estimators."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import KFold, PredefinedSplit, StratifiedKFold

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from sklearn_myhpo.solvers import SOLVERS, Stochastic

MYHPO = {"ridge": MYHPORidge, "logistic": MYHPOLogisticRegression}
SHO = {"ridge": SHORidge, "logistic": SHOLogisticRegression}
BILEVEL = {"ridge": BilevelRidge, "logistic": BilevelLogisticRegression}
#: Least and most rows, then features.
SHAPES = {
    "tall": (60, 200, 3, 13),
    "square": (40, 60, 40, 60),
    "wide": (36, 50, 60, 120),
}
FORMS = ("C", "C", "float32", "Fortran", "csr", "csc")
N_OUTPUTS = {"ridge": (1, 2, 3, 10), "logistic": (2, 3)}
#: Share of the entries that sparse forms keep.
KEPT = 0.4
#: Share of the problems with other units and offsets, zero weights, no refit.
UNITS, WEIGHTS, NO_REFIT = 0.25, 0.4, 0.15
#: Sizes at which other parts of the engine take over: (kind, rows, features, form).
LARGE = [
    ("ridge", 1100, 260, "C"),
    ("ridge", 12000, 90, "C"),
    ("ridge", 90, 900, "C"),
    ("ridge", 300, 2600, "csr"),
    ("logistic", 9000, 6, "C"),
    ("logistic", 600, 120, "C"),
    ("logistic", 60, 900, "C"),
    ("logistic", 1500, 3000, "csr"),
]
LARGE_KEPT = 0.01


class Problem(NamedTuple):
    """An unfitted estimator and its data."""

    kind: str
    model: BaseEstimator
    X: object
    y: np.ndarray
    options: dict  # more keyword arguments of fit
    n_parts: int = 0  # calls of partial_fit, in place of fit

    def fit(self):
        """Fit the estimator."""
        if not self.n_parts:
            return self.model.fit(self.X, self.y, **self.options)
        classes = {"classes": np.unique(self.y)} if is_classifier(self.model) else {}
        for part in np.array_split(np.arange(len(self.y)), self.n_parts):
            more = {name: value[part] for name, value in self.options.items()}
            more |= classes
            self.model.partial_fit(self.X[part], self.y[part], **more)
        return self.model

    def nudged(self):
        """Return the problem with the weights of rows changed in their last digit."""
        weights = self.options.get("sample_weight", np.ones(len(self.y)))
        signs = np.random.default_rng(0).integers(-1, 2, len(weights))
        nudged = weights * (1 + np.finfo(float).eps * signs)
        return self._replace(options=self.options | {"sample_weight": nudged})

    def __str__(self):
        form = type(self.X).__name__
        return (
            f"{self.model}, X {form} {self.X.dtype} {self.X.shape}, y {self.y.shape}, "
            f"fit options {sorted(self.options)}, {self.n_parts} parts"
        )


class Draw:
    """Data of a family of losses, and options that suit them, from one generator.

    Parameters
    ----------
    family : {"ridge", "logistic"}
    rng : numpy.random.Generator
    n_outputs : int, optional
        Targets or classes.
    shape : (int, int), optional
        Rows and features.
    form : str, optional
        One of `FORMS`.
    kept : float
        Share of the entries that a sparse form keeps.
    """

    def __init__(
        self, family, rng, *, n_outputs=None, shape=None, form=None, kept=KEPT
    ):
        self.family, self.rng = family, rng
        if n_outputs is None:
            n_outputs = rng.choice(N_OUTPUTS[family])
        if shape is None:
            low, high, least, most = SHAPES[rng.choice(list(SHAPES))]
            shape = rng.integers(low, high), rng.integers(least, most)
        self.n, self.d = shape
        form = rng.choice(FORMS) if form is None else form
        values = rng.standard_normal(shape) + 0.5 * rng.standard_normal((self.n, 1))
        if form in ("csr", "csc"):
            values *= rng.random(shape) < kept
        self.y = self._target(values, n_outputs)
        if rng.random() < UNITS:
            values *= 10.0 ** rng.uniform(-2, 2, self.d)
            if form not in ("csr", "csc"):
                values += values.std() * 10.0 ** rng.uniform(-1, 2, self.d)
        self.X = formed(values, form)

    def _target(self, X, n_outputs):
        rng = self.rng
        size = 10.0 ** rng.uniform(-1.5, 0, (self.d, 1)) / np.sqrt(self.d)
        signal = X @ (size * rng.standard_normal((self.d, n_outputs)))
        signal /= signal.std(axis=0)
        noise = 10.0 ** rng.uniform(-1, 0.5)
        if self.family == "ridge":
            y = signal + noise * rng.standard_normal(signal.shape) + 2.0
            return y[:, 0] if n_outputs == 1 else y
        scores = 2.0 * signal + rng.gumbel(size=signal.shape)
        return np.argmax(scores, axis=1)

    def cv(self):
        """Return one of the forms of the parameter `cv`."""
        rng, seed = self.rng, int(self.rng.integers(1000))
        folds = KFold if self.family == "ridge" else StratifiedKFold
        splitter = folds(3, shuffle=True, random_state=seed)
        pairs = list(splitter.split(np.zeros(self.n), self.y))
        repeated = [(np.r_[train, train[:7]], held_out) for train, held_out in pairs]
        forms = [
            int(rng.integers(2, 6)),
            float(rng.uniform(0.2, 0.5)),
            splitter,
            pairs,
            repeated,
            PredefinedSplit(rng.integers(-1, 3, self.n)),
        ]
        return forms[rng.integers(len(forms))]

    def groups(self, n_groups=None):
        """Return one of the forms of the parameter `feature_groups`."""
        n_groups = n_groups or self.rng.integers(2, 4)
        labels = np.arange(self.d) * n_groups // self.d
        if self.rng.random() < 0.5:
            return self.rng.permutation(labels)
        return [(f"group {k}", np.flatnonzero(labels == k)) for k in range(n_groups)]

    def weights(self):
        """Return the options of fit: none, or weights some of which are zero."""
        if self.rng.random() > WEIGHTS:
            return {}
        weights = self.rng.uniform(0.2, 3.0, self.n)
        weights[self.rng.random(self.n) < 0.1] = 0.0
        return {"sample_weight": weights}

    def problem(self, estimator, **parameters):
        """Return the problem, with random values of the options that are not given."""
        rng = self.rng
        shared = {
            "cv": self.cv(),
            "fit_intercept": bool(rng.random() < 0.8),
            "refit": bool(rng.random() >= NO_REFIT),
            "random_state": int(rng.integers(1000)),
        }
        given = self.weights()
        if hasattr(shared["cv"], "split") and not np.all(given.get("sample_weight", 1)):
            # Splitters of older checkouts did not see the rows of weight zero.
            rows = np.zeros(self.n), self.y
            shared["cv"] = list(shared["cv"].split(*rows))
        model = estimator(**shared | parameters)
        return Problem("", model, self.X, self.y, given)


def formed(X, form):
    """Return an array in another form."""
    if form in ("csr", "csc"):
        return sparse.csr_array(X).asformat(form)
    if form == "float32":
        return X.astype(np.float32)
    return np.asfortranarray(X) if form == "Fortran" else X


def one_lambda(family, rng, **data):
    """Return a problem with one lambda, by MY-HPO or by exact Newton steps."""
    draw = Draw(family, rng, **data)
    if rng.random() < 0.7:
        return draw.problem(MYHPO[family])
    return draw.problem(BILEVEL[family], solver="implicit")


def groups(family, rng):
    """Return a problem with one lambda per group."""
    draw = Draw(family, rng)
    return draw.problem(MYHPO[family], feature_groups=draw.groups())


def each(family, rng):
    """Return a problem with one lambda per feature."""
    shape = rng.integers(60, 150), rng.integers(2, 10)
    draw = Draw(family, rng, shape=shape)
    return draw.problem(MYHPO[family], feature_groups="each")


def lambda_per_target(family, rng):
    """Return a problem with one lambda per target."""
    draw = Draw(family, rng, n_outputs=rng.choice([2, 3, 10]))
    solver = {} if rng.random() < 0.5 else {"steps": "gradient", "max_iter": 5}
    return draw.problem(MYHPO[family], alpha_per_target=True, **solver)


def without_held_out_rows(family, rng):
    """Return a problem of a criterion."""
    draw = Draw(family, rng)
    names = ["loo", "gcv", "sure", "mlr"] if family == "ridge" else ["alo"]
    some = draw.groups() if rng.random() < 0.5 else None
    name = str(rng.choice(names))
    return draw.problem(MYHPO[family], criterion=name, feature_groups=some)


def shrinkage(family, rng):
    """Return a problem with shrinkage of the lambdas."""
    low, high, least, most = SHAPES["tall"]
    shape = rng.integers(low, high), rng.integers(least, most)
    draw = Draw(family, rng, shape=shape)
    value = (0.1, "auto")[rng.integers(2)]
    return draw.problem(
        MYHPO[family], shrinkage=value, feature_groups=draw.groups(3), cv=3
    )


def one_standard_error(family, rng):
    """Return a problem with the strongest lambda within one standard error."""
    draw = Draw(family, rng)
    some = draw.groups() if rng.random() < 0.5 else None
    return draw.problem(MYHPO[family], selection="one_se", feature_groups=some)


def published(family, rng):
    """Return a problem for MY-HPO as published, a few iterations."""
    draw = Draw(family, rng)
    options = {
        "steps": str(rng.choice(["exact", "gradient"])),
        "response": str(rng.choice(["tangent", "mean"])),
        "metric": str(rng.choice(["hessian", "identity"])),
        "backtracking": bool(rng.random() < 0.5),
        "rho": (1.0, "auto")[rng.integers(2)],
        "lambda_init": ("auto", -1.0)[rng.integers(2)],
        "max_iter": int(rng.integers(2, 9)),
    }
    return draw.problem(MYHPO[family], **options)


def other_solver(family, rng):
    """Return a problem for a solver by name, a few iterations."""
    draw = Draw(family, rng)
    options = {
        "solver": str(rng.choice(list(SOLVERS))),
        "max_iter": int(rng.integers(2, 7)),
        "lambda_init": ("auto", -1.0)[rng.integers(2)],
    }
    some = draw.groups() if rng.random() < 0.3 else None
    return draw.problem(BILEVEL[family], feature_groups=some, **options)


def local_hypernetwork(family, rng):
    """Return a problem for SHO, a few iterations."""
    draw = Draw(family, rng)
    return draw.problem(SHO[family], max_iter=int(rng.integers(2, 9)))


def own_validation(family, rng):
    """Return a problem with a validation set of the user's own."""
    draw = Draw(family, rng)
    problem = draw.problem(MYHPO[family])
    cut = 2 * draw.n // 3
    X = problem.X.tocsr() if sparse.issparse(problem.X) else problem.X
    options = {"X_val": X[cut:], "y_val": problem.y[cut:]}
    for name, weights in problem.options.items():
        options |= {name: weights[:cut], f"{name}_val": weights[cut:]}
    return problem._replace(X=X[:cut], y=problem.y[:cut], options=options)


def in_parts(family, rng):
    """Return a problem that is learned by `partial_fit`."""
    shape, form = (300, rng.integers(3, 12)), str(rng.choice(["C", "float32", "csr"]))
    draw = Draw(family, rng, shape=shape, form=form, n_outputs=2)
    cv = (0.3, 3)[rng.integers(2)]
    solver = Stochastic(method=str(rng.choice(["soba", "amigo", "stocbio"])))
    return draw.problem(BILEVEL[family], solver=solver, cv=cv)._replace(n_parts=3)


def large(family, rng):
    """Return a problem of a size that uses another part of the engine."""
    sizes = [size for size in LARGE if size[0] == family]
    _, rows, features, form = sizes[rng.integers(len(sizes))]
    n_outputs = None if family == "ridge" else 2
    more = {"shape": (rows, features), "form": form, "kept": LARGE_KEPT}
    return one_lambda(family, rng, n_outputs=n_outputs, **more)


_OF_BOTH = {
    "one lambda": one_lambda,
    "groups": groups,
    "each": each,
    "criterion": without_held_out_rows,
    "shrinkage": shrinkage,
    "one standard error": one_standard_error,
    "MY-HPO as published": published,
    "solvers": other_solver,
    "SHO": local_hypernetwork,
    "own validation": own_validation,
    "partial_fit": in_parts,
    "large": large,
}
#: Name -> (function, family); a seed takes them in turn.
KINDS = {
    f"{family}, {name}": (function, family)
    for name, function in _OF_BOTH.items()
    for family in MYHPO
} | {"ridge, lambda per target": (lambda_per_target, "ridge")}


def make_problem(seed):
    """Return the problem of a seed.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Problem
    """
    name = list(KINDS)[seed % len(KINDS)]
    function, family = KINDS[name]
    return function(family, np.random.default_rng(seed))._replace(kind=name)
