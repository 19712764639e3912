"""Predictions, losses and scores of held-out rows by the splits' models."""

from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import _num_samples

from ..._messages import shown
from ...criteria import CRITERIA
from ...criteria._left_out import left_out_predictions
from ...data.given import GivenRows
from .._checks import check_weights
from .._scorers import make_scorers, score_rows

#: Prediction methods, in order of preference.
RESPONSES = ("predict_proba", "decision_function", "predict")


class SplitSums(NamedTuple):
    """Sums over the rows of every split, from passes over rows that are not at hand.

    Attributes
    ----------
    totals : ndarray of shape (n_splits,)
        Sums of the weights of the training rows.
    losses : ndarray of shape (n_splits,)
        Mean losses of the held-out rows.
    """

    totals: np.ndarray
    losses: np.ndarray


class CVResults:
    """The results of `store_cv_results` and `scoring`.

    Parameters
    ----------
    model : BilevelLinearModel
        With the parameters of the fit.
    source : ProblemSource
        Data and splits of the fit.
    training, validation : (X, y, sample_weight)
        Arguments of `fit`; the second are None without a validation set of the user's.

    Raises
    ------
    ValueError
        If `scoring` describes no scorers, or no rows are held out.
    """

    def __init__(self, model, source, training, validation):
        self.model, self.source = model, source
        self._stores = model.store_cv_results
        self._is_asked = self._stores or model.scoring is not None
        if not self._is_asked:
            return
        #: Held-out rows of a tensor, whose rows are condensed; None of others.
        self.tensors = getattr(training[0], "given", None)
        self.given = self._given(training, validation)
        is_weighted = self.given.sample_weight is not None
        self.scorers = make_scorers(model, model.scoring, is_weighted)
        if self.tensors is not None:
            self.tensors.check_scorers(self.scorers, model.scoring)
        self._check_criterion()

    def _given(self, training, validation):
        """Return the rows that are held out, and set the number of the first."""
        self.offset, has_own = 0, self.source.has_own_validation
        if self.tensors is not None:
            return self.tensors
        self.offset = _num_samples(training[0]) if has_own else 0
        X, y, weight = validation if has_own else training
        if weight is not None:
            weight = check_weights(weight, X)
        return GivenRows(X, y, weight)

    def attributes(self, models, sums=None):
        """Return the fitted attributes, by name.

        Parameters
        ----------
        models : list of (coef, intercept)
            Coefficients (n_features, n_outputs) and intercepts (n_outputs,) of every
            split.
        sums : SplitSums or None, default=None
            None where the source has all rows.

        Returns
        -------
        dict of str to object
            Attributes that are not requested are None.
        """
        found = no_cv_results()
        if not self._is_asked:
            return found
        if self.source.criterion is not None:
            return {**found, **self._leave_out()}
        totals = self.source.parts.totals[:, 0] if sums is None else sums.totals
        plain = [self._as_sklearn(*each) for each in zip(totals, models, strict=False)]
        if self.scorers:
            found["cv_scores_"] = self._scores(plain)
        if self._stores:
            found["cv_rows_"], found["cv_predictions_"] = self._predictions(plain)
            found["cv_losses_"] = sums.losses if sums else self._losses(models)
        return found

    def _check_criterion(self):
        """Raise where the criterion of the fit has no such results."""
        model, criterion = self.model, self.source.criterion
        if criterion is None:
            return
        if self.scorers:
            advice = "Use criterion='validation'"
            if criterion.leaves_out:
                advice += (
                    ", or store_cv_results=True and any metric of sklearn.metrics on "
                    "cv_predictions_"
                )
            raise ValueError(
                f"scoring={shown(model.scoring)} scores the models of the splits on "
                f"held-out rows, but criterion={shown(model.criterion)} has no splits. "
                f"{advice}, or leave scoring out."
            )
        if self._stores and not criterion.leaves_out:
            able = [
                name
                for name, each in CRITERIA.items()
                if each.leaves_out and isinstance(self.source.loss, each.losses)
            ]
            raise ValueError(
                "store_cv_results=True keeps predictions by models that have not seen "
                f"the row, but criterion={shown(model.criterion)} has none. Use one of "
                f"{['validation', *able]}, or store_cv_results=False."
            )

    def _as_sklearn(self, total, weights):
        """Return the model of a split, as scikit-learn's estimator if it has one."""
        model = copy(self.model)
        alpha = model._alpha_of(total, model.lambda_)
        weights = model._weight_attributes(*weights, alpha, self.source.dtype)
        vars(model).update(weights)
        return model._as_plain()

    def _rows(self, split):
        """Return the held-out rows of a split, numbered as in the data of `fit`."""
        if self.tensors is not None:
            return self.tensors.held_out[split]
        return self.source.kept[self.source.pairs[split][1]] - self.offset

    def _scores(self, plain):
        """Return the scores of all splits."""
        table = []
        for split, model in enumerate(plain):
            rows, given = self._rows(split), self.given
            X, model = given.scored(rows, model)
            data = X, given.target(rows), given.weight(rows)
            scoring = self.model.scoring
            table.append(score_rows(self.scorers, scoring, model, data, split))
        scores = {name: np.array([row[name] for row in table]) for name in table[0]}
        return scores[None] if list(scores) == [None] else scores

    def _predictions(self, plain):
        """Return the held-out rows, and the mean of the predictions of each."""
        held_out = [np.unique(self._rows(split)) for split in range(len(plain))]
        rows, counts = np.unique(np.concatenate(held_out), return_counts=True)
        total = None
        for own, model in zip(held_out, plain, strict=True):
            response = next(name for name in RESPONSES if hasattr(model, name))
            X, model = self.given.scored(own, model)
            values = getattr(model, response)(X)
            if total is None:
                total = np.zeros((len(rows), *values.shape[1:]))
            total[np.searchsorted(rows, own)] += values
        counts = counts.reshape(-1, *[1] * (total.ndim - 1))
        return rows, (total / counts).astype(values.dtype)

    def _losses(self, models):
        """Return the mean loss of the held-out rows of every split."""
        rows = self.source.rows
        if not self.model._is_per_target:
            return _split_losses(rows, models)
        columns = []
        for target in range(rows.y.shape[1]):
            own = slice(target, target + 1)
            part = [(coef[:, own], intercept[own]) for coef, intercept in models]
            columns.append(_split_losses(replace(rows, y=rows.y[:, own]), part))
        return np.column_stack(columns)

    def _leave_out(self):
        """Return the attributes of a criterion that leaves out single rows."""
        source, model = self.source, self.model
        lambda_, problem = np.atleast_1d(model.lambda_), source.make()
        is_separate = model._is_per_target and problem.per_target() is None
        y, raw = source.target, None
        targets = [slice(k, k + 1) for k in range(len(lambda_))]
        if is_separate:
            each = [
                left_out_predictions(
                    source.of_targets(own).make(), y[:, own], lambda_[own]
                )
                for own in targets
            ]
            raw = np.hstack(each)
        else:
            raw = left_out_predictions(problem, y, lambda_)
        if model._is_per_target:
            losses = [source.loss.value(y[:, own], raw[:, own]) for own in targets]
            losses = np.column_stack(losses)
        else:
            losses = source.loss.value(y, raw)
        return {
            "cv_rows_": source.kept,
            "cv_predictions_": model._response_of(raw).astype(source.dtype),
            "cv_losses_": losses,
        }


def no_cv_results():
    """Return the fitted attributes of a fit without such results, by name."""
    names = ("cv_rows_", "cv_predictions_", "cv_losses_", "cv_scores_")
    return dict.fromkeys(names)


def refuse_cv_results(model):
    """Raise if results are requested from `partial_fit`.

    Parameters
    ----------
    model : BilevelLinearModel
        With the parameters of the fit.

    Raises
    ------
    ValueError
        If `scoring` or `store_cv_results` is set.
    """
    for name, default in (("scoring", None), ("store_cv_results", False)):
        value = getattr(model, name)
        if value != default:
            raise ValueError(
                f"{name}={shown(value)} is not possible with partial_fit, which does "
                f"not keep the rows that it has seen. Use {name}={default}, or fit."
            )


def _split_losses(rows, models):
    """Return the weighted mean loss of the held-out rows of every split."""
    losses = []
    for split, weights in enumerate(models):
        own, loss = rows.losses(split, *weights)
        losses.append(np.average(loss, weights=rows.share(split)[own]))
    return np.array(losses)
