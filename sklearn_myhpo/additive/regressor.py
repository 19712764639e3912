"""Additive regression: of any number, of counts, rates and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from .._typing import AutoFloat, CVLike, MatrixLike, RandomStateLike
from ..criteria import Criterion
from ..linear_model._glm import explained_deviance
from ..losses import Loss
from ._base import AdditiveModel
from ._families import is_normal, linear_estimator
from ._posterior import MOST_WEIGHTS


class MYHPOAdditiveRegressor(RegressorMixin, AdditiveModel):
    """Additive regression: a sum of curves whose smoothness is learned.

    The mean of y, or with another `family` than "normal" its logarithm, is an intercept
    plus a curve of every number, an effect of every category and a surface of every
    pair that `pairs` names.

    Numbers become curves: a line and penalized deviations from it, each with a strength
    of its own, which cross-validation learns jointly for all terms. Columns of texts,
    flags and categories of a frame become one ridge group each. A straight curve ends
    as a line, and a feature without effect is removed (`select`). `summary` describes
    every term; its curve with a confidence band is in `partial_effects` and
    `sklearn_myhpo.plotting.PartialEffectDisplay`.

    Parameters
    ----------
    family : {"normal", "poisson", "gamma", "tweedie"} or Loss, default="normal"
        Distribution of y about its mean: its half deviance is the loss. "normal" for
        any number, with the squared loss; "poisson" for counts and rates, "gamma" for
        positive amounts, "tweedie" for amounts that are often zero, all with a log
        link. Or an object of a subclass of `sklearn_myhpo.losses.Loss` of one raw
        prediction per row, with the link "log" or "identity".
    power : float, default=1.5
        For ``family="tweedie"``: the variance is proportional to this power of the
        mean, from 1 (Poisson) to 2 (gamma).
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
        What happens to terms without a significant effect. A number is the level at
        which they are removed: one after the other, the term with the largest p-value,
        as long as it is above this number. "auto" is 0.01 where `criterion` is not
        "reml". With "reml" terms with a p-value above 0.03 keep less than half a degree
        of freedom, since a weak effect may be real: the share of effects, not noise, in
        all of them together. Without such a share they are removed.
        No term is removed or held if that raises the validation loss by more than
        its standard error. None keeps all terms.
    cv : None, int, float, splitter or iterable, default=None
        Splits of the rows into training and validation parts, as in
        `sklearn_myhpo.MYHPORidge`. None is five folds, where rows are held out.
    criterion : {"auto", "validation", "loo", "gcv", "sure", "reml", "mlr", "alo"} or \
Criterion, default="auto"
        Function that is minimized over the strengths, as in
        `sklearn_myhpo.MYHPORidge`; with another `family` than "normal" "validation" or
        "alo", as in `sklearn_myhpo.MYHPOPoissonRegressor`. "auto" is "reml", the
        restricted likelihood, with the family "normal", ``cv=None``,
        ``selection="min"``, a number for `shrinkage` and at most 2000 columns of terms,
        and "validation" otherwise. Give `cv` where rows depend on each other.
    selection : {"min", "one_se"}, default="min"
        "min" takes the strengths with the smallest validation loss, "one_se" the
        largest strengths within one standard error of it.
    shrinkage : "auto" or float, default=0.0
        Pulls the strengths together, as in `sklearn_myhpo.MYHPORidge`.
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
    model_ : MYHPORidge or BilevelGeneralizedLinearRegressor
        The linear model of the columns of all terms that are not removed. Where terms
        share strengths, its groups are the kinds of columns, such as "linear" and
        "smooth".
    term_names_ : ndarray of shape (n_terms,)
        Numbers, pairs such as "age:income", and categories, in this order.
    group_names_ : ndarray of shape (n_groups,)
        Names of the parts with a strength: "age_linear", "age_smooth", "age_missing",
        "age:income_smooth"; of categories the name of the feature. Without terms that
        `select` has removed.
    lambda_ : ndarray of shape (n_groups,)
        Learned natural logs of the penalties, in the order of `group_names_`.
    alpha_ : ndarray of shape (n_groups,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights, or with another
        `family` than "normal" ``2 exp(lambda_)``: what scikit-learn's linear model
        needs on the columns of the terms for the same weights.
    edof_ : ndarray of shape (n_terms,) or None
        Effective degrees of freedom of every term; their sum and one for the intercept
        are those of the model. None with more than 2000 weights.
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
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    See Also
    --------
    sklearn_myhpo.preprocessing.PenalizedSplineTransformer : The curves alone.
    sklearn_myhpo.plotting.PartialEffectDisplay : Pictures of the terms.

    Notes
    -----
    With ``criterion="reml"`` all lines share a strength, but for those of terms that
    `select` holds. Every curve and category has its own.

    Otherwise two models are compared. The first has three strengths, which all lines,
    all curves and all categories share, and from its weights `select` decides which
    terms are removed. The second has a strength per line, curve and category of the
    others. It is taken unless its validation loss is larger by more than a standard
    error. Otherwise the others share their strengths too, or no term is removed.

    Columns of curves are not kept where they would take more than about 270 MB: they
    are formed again, some rows at a time, whenever they are read, in `fit` and after.

    With another `family` than "normal", `sample_weight` is the exposure, such as the
    years of a policy whose y is its claims per year: the variance of y is the
    dispersion times ``mean ** power / sample_weight``. The dispersion is estimated, as
    Pearson's statistic over the number of rows minus the degrees of freedom, for counts
    too, so that `select` and the bands allow for overdispersion and do not depend on
    the units of y and of the exposure. With "normal" a row of weight two is two rows.

    The strength of a curve or a line without effect ends at its upper bound. That
    is a result here and gives no `LambdaBoundWarning`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_myhpo import MYHPOAdditiveRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(500, 3))
    >>> y = np.sin(6 * X[:, 0]) + X[:, 1] + 0.3 * rng.normal(size=500)
    >>> model = MYHPOAdditiveRegressor().fit(X, y)
    >>> model.dropped_, bool(model.edof_[0] > 4)
    (['x2'], True)
    >>> effect = model.partial_effects("x0")["x0"]
    >>> bool(np.all(effect.low < effect.high))
    True
    """

    _parameter_constraints = {
        **AdditiveModel._parameter_constraints,
        # Names, objects and the power are checked where they are resolved.
        "family": "no_validation",
        "power": "no_validation",
    }

    def __init__(
        self,
        *,
        family: str | Loss = "normal",
        power: float = 1.5,
        n_splines: int = 20,
        knots: Literal["quantile", "uniform"] = "quantile",
        cyclic: bool | Sequence[Any] | Mapping[Any, tuple[float, float]] = False,
        pairs: Sequence[tuple[Any, Any]] | None = None,
        categorical: Literal["auto"] | Sequence[Any] = "auto",
        missing: Literal["error", "indicator"] = "error",
        penalize_linear: bool = True,
        select: Literal["auto"] | float | None = "auto",
        cv: CVLike = None,
        criterion: str | Criterion = "auto",
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
        self.family = family
        self.power = power

    def _chosen_criterion(self):
        if not (isinstance(self.criterion, str) and self.criterion == "auto"):
            return self.criterion
        holds_out = (
            self.cv is not None
            or self.selection != "min"
            or isinstance(self.shrinkage, str)
            or self._terms.n_columns > MOST_WEIGHTS
        )
        return "reml" if is_normal(self.family) and not holds_out else "validation"

    @property
    def _weights_count_rows(self):
        return is_normal(self.family)

    def _linear_estimator(self, **options):
        given = self.family, self.power, type(self).__name__
        return linear_estimator(*given, **options)

    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return R2, or with another `family` than "normal" D2.

        D2 is one minus the deviance of the predictions over that of the weighted mean
        of y, as `sklearn.metrics.d2_tweedie_score`.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Features as in `fit`.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            At most 1.
        """
        if is_normal(self.family):
            return super().score(X, y, sample_weight)
        raw = self._of_rows("_linear_predictor", X)
        loss = self.model_._family_loss()
        return explained_deviance(loss, raw, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if not is_normal(self.family):
            try:
                own = self._linear_estimator().__sklearn_tags__()
            except ValueError:
                # Parameters that `fit` refuses.
                return tags
            tags.target_tags.positive_only = own.target_tags.positive_only
        return tags
