"""Shared code of the ridge classifiers: squared loss on targets -1 and 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted, validate_data

from .._messages import shown
from .._typing import MatrixLike
from ..data.dask.lazy import lazily
from ..data.moments.condensed_design import CondensedDesign
from ..losses import SquaredLoss
from ._base import BilevelLinearModel
from ._classes import (
    ClassWeightMixin,
    check_labels,
    has_columns,
    has_each,
    index_classes,
    labels_of,
)
from ._results.export import export, typical_strength
from ._streams.batches import columns_of
from ._streams.dask_score import DaskScoreMixin


class RidgeClassifierModel(
    DaskScoreMixin, ClassWeightMixin, ClassifierMixin, BilevelLinearModel
):
    """Base of the ridge classifiers: a target of -1 and 1 per class, one for two."""

    #: Whether the last y had a column per label (several labels per row).
    _is_multilabel = False
    _codes_classes = True
    #: Whether the rows of the fit are condensed; their labels are -1 and 1 already.
    _is_coded = False

    @property
    def _is_multi_output(self):
        return self._is_multilabel

    @property
    def _is_classifier(self):
        # Several labels per row cannot be stratified.
        return not self._is_multilabel

    def _check_data(self, X, y, reset=True):
        if isinstance(X, CondensedDesign):
            self._is_coded = True
            validate_data(self, columns_of(X), skip_check_array=True)
            return X, y
        if reset:
            self._is_coded = False
            self._is_multilabel = has_columns(y)
        if self._is_multilabel and sparse.issparse(y):
            y = y.toarray()
        X, y = super()._check_data(X, y, reset)
        if self._is_multilabel:
            check_labels(y)
        return X, y

    def _weigh_classes(self, y, weights, own):
        if self._is_coded:
            return weights, own
        if self._is_multilabel and self.class_weight is not None:
            raise ValueError(
                f"class_weight={shown(self.class_weight)} needs one label per row. Got "
                f"y of the shape {y.shape}, a column per label; use sample_weight."
            )
        return super()._weigh_classes(y, weights, own)

    def _check_target(self, y, sample_weight):
        if self._is_coded:
            return SquaredLoss(), y, self.classes_
        if self._is_multilabel:
            self.classes_, target = np.arange(y.shape[1]), y
        else:
            name = self._name()
            self.classes_, target = index_classes(y, sample_weight, name)
        self._set_class_weight()
        return SquaredLoss(), target, self.classes_

    def _prepare(self, *given):
        source = super()._prepare(*given)
        if self._is_coded:
            return replace(source, classes=None)
        # The splits are made from classes; from here on the targets are numbers.
        return replace(source, target=self._codes(source.target), classes=None)

    def _codes(self, target):
        """Return the targets (n_samples, n_outputs) of classes or labels."""
        if self._is_multilabel:
            is_one = target == 1
        elif len(self.classes_) == 2:
            is_one = target[:, None] == 1
        else:
            is_one = target[:, None] == np.arange(len(self.classes_))
        return np.where(is_one, 1.0, -1.0)

    def _weight_attributes(self, coef, intercept, alpha, dtype):
        if self._is_coded:
            intercept = intercept + self._y_origin
        coef, intercept = coef.T.astype(dtype), intercept.astype(dtype)
        if len(coef) == 1:
            coef = coef[0]
        return {"coef_": coef, "intercept_": intercept, "alpha_": alpha}

    def _response_of(self, raw):
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def _strength(self):
        return "alpha", self.alpha_

    @lazily
    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the predicted targets, which are trained to be -1 or 1.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores: of the second of two classes, of all classes, or of all labels.
        """
        return self._response_of(self._linear_predictor(X))

    @lazily
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict class labels: those of the largest score.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels, or zeros and ones if `y` in `fit` had a column per label.
        """
        scores = self.decision_function(X)
        if self._is_multilabel:
            return has_each(scores)
        return labels_of(scores, self.classes_)

    def to_sklearn(self) -> RidgeClassifier:
        """Return a fitted `sklearn.linear_model.RidgeClassifier`, for export.

        For tools that accept only scikit-learn's own estimators. Its `alpha` is
        `alpha_`, so that with one lambda and ``refit=True`` fitting it to the same rows
        gives the same weights. ``class_weight="balanced"`` is handed over as the
        numbers of `class_weight_`, for scikit-learn counts rows without their sample
        weights. With one lambda per group, or with `penalty_factors`, no single alpha
        can: it is then the geometric mean over the penalized features of `alpha_` times
        the factor, and the estimator is for predictions, not for another fit.

        Returns
        -------
        sklearn.linear_model.RidgeClassifier
            Fitted, with copies of the weights.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        class_weight = self.class_weight
        if isinstance(class_weight, str):
            pairs = zip(self.classes_.tolist(), self.class_weight_, strict=True)
            class_weight = {label: float(weight) for label, weight in pairs}
        plain = RidgeClassifier(
            alpha=typical_strength(
                self.alpha_, self.feature_group_labels_, self.penalty_factors_
            ),
            fit_intercept=self.fit_intercept,
            class_weight=class_weight,
        )
        binarizer = LabelBinarizer(pos_label=1, neg_label=-1)
        n_classes = len(self.classes_)
        some = np.eye(n_classes, dtype=int) if self._is_multilabel else self.classes_
        fitted = {
            "classes_": self.classes_.copy(),
            "n_iter_": None,
            "solver_": "auto",
            "_label_binarizer": binarizer.fit(some),
        }
        if isinstance(getattr(RidgeClassifier, "classes_", None), property):
            # Before scikit-learn 1.9 they are taken from the binarizer.
            del fitted["classes_"]
        return export(self, plain, **fitted)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
