"""Shared code of the logistic regressions: losses, classes, probabilities, `C_`."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._messages import shown
from .._typing import MatrixLike
from ..data.dask.lazy import lazily
from ..data.streams.target import RowTarget
from ..losses import ClassScoresLoss, LogisticLoss, MultinomialLoss
from ._base import BilevelLinearModel
from ._classes import ClassWeightMixin, check_several, index_classes, labels_of
from ._per_class import PerClassMixin
from ._results.export import export, typical_strength
from ._streams.dask_score import DaskScoreMixin
from ._tensors.outputs import tensor_log_probabilities, tensor_probabilities


class LogisticModel(
    DaskScoreMixin,
    ClassWeightMixin,
    PerClassMixin,
    ClassifierMixin,
    BilevelLinearModel,
):
    """Base of the logistic regressions: two classes, or one softmax for more."""

    _is_classifier = True
    _reads_in_passes = True

    def _target_of_counts(self, counts):
        """Return the loss, and the `RowTarget`, of rows that are not in memory.

        Parameters
        ----------
        counts : ClassCounts
        """
        weights, _ = self._weigh_classes(counts.classes, counts.weight, None)
        loss, _, classes = self._check_target(counts.classes, weights)
        by_class = None if self.class_weight is None else self.class_weight_
        return loss, RowTarget(classes, by_class)

    def _check_target(self, y, sample_weight):
        classes, index = index_classes(y, sample_weight, self._name())
        self._set_classes(classes)
        self._set_class_weight()
        return self._loss, index, classes

    def _check_part(self, y, sample_weight, classes, is_first):
        self._check_streaming_weight()
        check_classification_targets(y)
        self._check_classes(classes, is_first)
        self._check_parts()
        known = np.isin(y, self.classes_)
        if not known.all():
            unknown = y[~known].tolist()[0]
            raise ValueError(
                f"y has the label {shown(unknown)}, which is none of the classes "
                f"{self.classes_.tolist()} of the first call of partial_fit."
            )
        weights = self._weigh_part(y, sample_weight)
        return self._loss, np.searchsorted(self.classes_, y), weights

    def _check_classes(self, classes, is_first):
        """Set `classes_` in the first call of partial_fit, and check later ones."""
        if is_first:
            if classes is None:
                raise ValueError(
                    "The first call of partial_fit needs classes=, all labels that "
                    "any part may have. Got None."
                )
            self._set_classes(np.unique(classes))
        elif classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"classes={shown(classes)} are not those of the first call of "
                f"partial_fit, {self.classes_.tolist()}."
            )

    def _set_classes(self, classes):
        """Set `classes_`, of which there must be two, and the loss."""
        self.classes_ = classes
        check_several(classes, self._name())
        n_classes = len(classes)
        self._loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
        if self._is_per_class:
            self._loss = ClassScoresLoss(n_classes)

    def _weight_attributes(self, coef, intercept, alpha, dtype):
        if len(self.classes_) > 2:
            coef, intercept = self._scores_of(coef, intercept)
        return {
            "coef_": coef.T.astype(dtype),
            "intercept_": intercept.astype(dtype),
            "C_": 1.0 / alpha,
        }

    def _response_of(self, raw):
        scores = raw[:, 0] if len(self.classes_) == 2 else self._loss.scores(raw)
        return _probabilities(scores)

    def _strength(self):
        return "C", self.C_

    @lazily
    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the log-odds of the second class, or the scores of all classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores.
        """
        raw = self._linear_predictor(X)
        return raw[:, 0] if len(self.classes_) == 2 else raw

    @lazily
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        return labels_of(self.decision_function(X), self.classes_)

    @lazily
    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.
        """
        return _probabilities(self.decision_function(X))

    @lazily
    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the logs of the probabilities, accurate for tiny ones.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logs of the probabilities, in the order of `classes_`.
        """
        scores = self.decision_function(X)
        if not isinstance(scores, np.ndarray):
            return tensor_log_probabilities(scores)
        if scores.ndim == 1:
            return np.column_stack([log_expit(-scores), log_expit(scores)])
        return log_softmax(scores, axis=1)

    def to_sklearn(self) -> LogisticRegression:
        """Return a fitted `sklearn.linear_model.LogisticRegression`, for export.

        For tools that accept only scikit-learn's own estimators. Its `C` is `C_`, so
        that with one lambda and ``refit=True`` fitting it to the same rows gives the
        same weights, for which it has a smaller `tol` and more `max_iter` than
        usual. With one lambda per group or class, or with `penalty_factors`, no single
        C can: it is then the geometric mean over the penalized features, and classes,
        of `C_` over the factor, and the estimator is for predictions, not for another
        fit.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            Fitted, with copies of the weights.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        with np.errstate(divide="ignore"):
            inverse = 1.0 / self.penalty_factors_
        plain = LogisticRegression(
            C=typical_strength(
                self._typical_class(self.C_), self.feature_group_labels_, inverse
            ),
            fit_intercept=self.fit_intercept,
            class_weight=self.class_weight,
            tol=1e-6,
            max_iter=10_000,
        )
        n_iter = np.array([self.n_iter_], dtype=np.int32)
        return export(self, plain, classes_=self.classes_.copy(), n_iter_=n_iter)


def _probabilities(scores):
    """Return the probabilities of the classes, given their scores or log-odds."""
    if not isinstance(scores, np.ndarray):
        return tensor_probabilities(scores)
    if scores.ndim == 1:
        return np.column_stack([expit(-scores), expit(scores)])
    return softmax(scores, axis=1)
