"""Additive logistic regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from sklearn.base import ClassifierMixin

from .._typing import AutoFloat, CVLike, MatrixLike, RandomStateLike
from ..criteria import Criterion
from ..linear_model import MYHPOLogisticRegression
from ._base import AdditiveModel


class MYHPOAdditiveClassifier(ClassifierMixin, AdditiveModel):
    """Additive logistic regression: a sum of curves whose smoothness is learned.

    The log-odds of two classes, or the scores of a softmax for more, are an intercept
    plus a curve of every number, an effect of every category and a surface of every
    pair that `pairs` names.

    Numbers become curves: a line and penalized deviations from it, each with a strength
    of its own, which cross-validation learns jointly for all terms. Columns of texts,
    flags and categories of a frame become one ridge group each. A straight curve ends
    as a line, and a feature without effect is removed (`select`). If strengths per term
    would not help on new rows, all lines, all curves and all categories share one each
    (see Notes). `summary` describes every term; its curve with a confidence band is in
    `partial_effects` and `sklearn_myhpo.plotting.PartialEffectDisplay`.

    Parameters
    ----------
    n_splines : int, default=20
        Number of B-splines of a number, at least 4; one with fewer distinct values has
        as many as values, and one with at most 3 has a line only. The penalty prevents
        overfitting with many splines: the default is enough except for curves with many
        turns.
    knots : {"quantile", "uniform"}, default="quantile"
        Knots at quantiles of the distinct values of a number, or at equal distances.
    cyclic : bool, list of columns or dict, default=False
        Numbers whose curve has the same value and slopes at both ends of a period: all,
        some, or a dict from column to the ends, such as ``{"hour": (0, 24)}``. Without
        ends the period is the range of the values in `fit`.
    pairs : list of pairs of columns, default=None
        Pairs of numbers, by names or indices, whose interaction is a term too.
    categorical : "auto" or list of columns, default="auto"
        Further columns that are categories, such as numbers of districts, besides the
        columns of a frame with texts, flags, objects or categories. A value that `fit`
        has not seen has no effect; a missing one is a category. A column in which every
        row of positive weight has a category of its own, such as an identifier, is left
        out with a warning: its effect cannot be told from noise.
    missing : {"error", "indicator"}, default="error"
        What to do with NaN in numbers: raise an error, or give missing values an effect
        of their own, in place of the curve.
    penalize_linear : bool, default=True
        Whether lines are penalized, so that a feature without effect vanishes. With
        False they are not penalized, as in mgcv.
    select : "auto", float or None, default="auto"
        Level at which terms without effect are removed, "auto" is 0.01: one after the
        other, the term with the largest p-value, as long as it is above it. About this
        fraction of the useless terms is kept. All terms are kept if one strength each
        for lines, curves and categories is better (see Notes). None keeps all terms:
        weak effects too, and one or two degrees of freedom for each useless term.
    cv : None, int, float, splitter or iterable, default=5
        Splits of the rows into training and validation parts, as in
        `sklearn_myhpo.MYHPOLogisticRegression`.
    criterion : {"validation", "alo"} or Criterion, \
default="validation"
        Function that is minimized over the strengths, as in
        `sklearn_myhpo.MYHPOLogisticRegression`.
    selection : {"min", "one_se"}, default="min"
        "min" takes the strengths with the smallest validation loss, "one_se" the
        largest strengths within one standard error of it.
    shrinkage : "auto" or float, default=0.0
        Pulls the strengths together, as in `sklearn_myhpo.MYHPOLogisticRegression`.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows if `cv` is a float.
    verbose : int, default=0
        If positive, print one line per iteration.
    n_jobs : int or None, default=None
        Number of parts of a fit with ``shrinkage="auto"`` that run in parallel.
    max_iter : int, default=200
        Maximum number of iterations of the solver.
    max_time : float or None, default=None
        Seconds after which the search for lambda stops, even within a step, with the
        best lambda so far, `converged_` False and a warning; None for no limit. The
        first pass over the data and the refit are always completed.
    tol : float, default=1e-6
        The solver has converged when its full relative residual is at most `tol`.

    Attributes
    ----------
    model_ : MYHPOLogisticRegression
        The linear model of the columns of all terms that are not removed. Where terms
        share strengths, its groups are the kinds of columns, such as "linear" and
        "smooth".
    term_names_ : ndarray of shape (n_terms,)
        Numbers, pairs such as "age:income", and categories, in this order.
    group_names_ : ndarray of shape (n_groups,)
        Names of the parts with a strength: "age_linear", "age_smooth", "age_missing",
        "age:income_smooth"; for categories the name of the feature. Without terms that
        `select` has removed.
    lambda_ : ndarray of shape (n_groups,)
        Learned natural logs of the penalties, in the order of `group_names_`.
    C_ : ndarray of shape (n_groups,)
        ``1 / (2 n exp(lambda_))`` with n the sum of the sample weights: a logistic
        regression on the columns of the terms has the same weights with this C.
    edof_ : ndarray of shape (n_terms,) or None
        Effective degrees of freedom of every term; their sum and one for the intercept
        are those of the model, all classes together. None with more than 2000 weights.
    dropped_ : list of str
        Names of the terms that `select` has removed; their effects and degrees of
        freedom are zero.
    validation_loss_ : float
        Mean loss of all held-out rows at `lambda_`, or the value of `criterion` there,
        with the solver's weights of each split, not those of a refit.
    n_iter_ : int
        Number of iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    classes_ : ndarray of shape (n_classes,)
        Class labels, in increasing order.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    See Also
    --------
    sklearn_myhpo.preprocessing.PenalizedSplineTransformer : The curves alone.
    sklearn_myhpo.plotting.PartialEffectDisplay : Plots of the terms.

    Notes
    -----
    Two models are compared. The first has three strengths, which all lines, all curves
    and all categories share, and from its weights `select` decides which terms are
    removed. The second has one strength per line, curve and category of the others. It
    is chosen if its validation loss plus its optimism (`optimism_` of the linear model)
    is less than that of the first. Otherwise all terms are kept and share their
    strengths. Dozens of strengths may overfit the held-out rows, especially the few
    uncertain rows of nearly separable classes.

    Columns of curves are not stored if they would take more than about 270 MB: they are
    formed again, some rows at a time, whenever they are read, in `fit` and after.

    No ``C_`` is above 25: with a larger one the prior standard deviation of a term
    would be more than 5 in units of the log-odds, which is no information.

    The strength of a curve or a line without effect ends at its upper bound. That
    is a result here and gives no `LambdaBoundWarning`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_myhpo import MYHPOAdditiveClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(1000, 2))
    >>> y = rng.uniform(size=1000) < 1 / (1 + np.exp(-4 * np.sin(6 * X[:, 0])))
    >>> model = MYHPOAdditiveClassifier().fit(X, y)
    >>> bool(model.score(X, y) > 0.8)
    True
    """

    _linear_model = MYHPOLogisticRegression
    _dispersion = 1.0
    _may_separate = True

    def __init__(
        self,
        *,
        n_splines: int = 20,
        knots: Literal["quantile", "uniform"] = "quantile",
        cyclic: bool | Sequence[Any] | Mapping[Any, tuple[float, float]] = False,
        pairs: Sequence[tuple[Any, Any]] | None = None,
        categorical: Literal["auto"] | Sequence[Any] = "auto",
        missing: Literal["error", "indicator"] = "error",
        penalize_linear: bool = True,
        select: Literal["auto"] | float | None = "auto",
        cv: CVLike = 5,
        criterion: str | Criterion = "validation",
        selection: Literal["min", "one_se"] = "min",
        shrinkage: AutoFloat = 0.0,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        n_jobs: int | None = None,
        max_iter: int = 200,
        max_time: float | None = None,
        tol: float = 1e-6,
    ) -> None:
        super().__init__(
            n_splines=n_splines,
            knots=knots,
            cyclic=cyclic,
            pairs=pairs,
            categorical=categorical,
            missing=missing,
            penalize_linear=penalize_linear,
            select=select,
            cv=cv,
            criterion=criterion,
            selection=selection,
            shrinkage=shrinkage,
            random_state=random_state,
            verbose=verbose,
            n_jobs=n_jobs,
            max_iter=max_iter,
            max_time=max_time,
            tol=tol,
        )

    def _raw(self, scores):
        if len(self.classes_) == 2:
            return scores
        # The contrasts are orthonormal, and scores of all classes add up to zero.
        return scores @ self.model_._loss.contrasts

    def _combine(self, raw):
        return raw.T if len(self.classes_) == 2 else self.model_._loss.scores(raw).T

    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the log-odds of the second class, or the scores of all classes.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Features as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores.
        """
        return self._of_rows("decision_function", X)

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Features as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.
        """
        return self._of_rows("predict_proba", X)
