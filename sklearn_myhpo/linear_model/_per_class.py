"""One lambda per class of a softmax, alone or per group of features."""

import numpy as np

from ..data.tensors.arrays import on_host
from ..penalties.class_groups import ClassGroups
from ..penalties.columns import spell


class PerClassMixin:
    """Fits with `alpha_per_target`; a mixin for the base class of the logistic models.

    The solvers see the lambdas as one vector; in the fitted attributes they have the
    shape (n_classes,) or (n_groups, n_classes). Two classes have one weight vector, and
    so they share their lambdas.
    """

    #: Indices of the features without a penalty in the last fit.
    _free_features = ()

    @property
    def _is_per_class(self):
        return self.alpha_per_target and len(self.classes_) > 2

    @property
    def _meaning_of_upper(self):
        if self._is_per_class:
            return "these weights do not help"
        return super()._meaning_of_upper

    def _make_groups(self, original_X):
        groups = super()._make_groups(original_X)
        if not self._is_per_class:
            return groups
        self._free_features = groups.unpenalized
        return ClassGroups.of(groups, self.classes_.tolist())

    def _check_parts(self):
        """Raise a ValueError where rows that come in parts are to be learned from."""
        if self._is_per_class:
            raise ValueError(
                "alpha_per_target=True of several classes is not possible with "
                "partial_fit, which sees every row once. Use alpha_per_target=False, "
                "or fit; rows that do not fit into memory may be batches there."
            )

    def _as_parameter(self, lambda_):
        if not self._is_per_class:
            return super()._as_parameter(lambda_)
        found = np.reshape(lambda_, (-1, len(self.classes_)))
        return found[0] if self.feature_groups is None else found

    def _scores_of(self, coef, intercept):
        """Return the weights of classes, given those of the outputs of the loss.

        Weights without a penalty are shifted to a sum over classes of zero, which
        changes no prediction.
        """
        coef, intercept = self._loss.scores(coef), self._loss.scores(intercept)
        if not self._is_per_class:
            return coef, intercept
        coef, free = coef.copy(), self._free_features
        coef[free] -= coef[free].mean(axis=1, keepdims=True)
        return coef, intercept - np.mean(intercept)

    def _describe(self, where):
        if not self._is_per_class:
            return super()._describe(where)
        places = np.argwhere(np.reshape(where, np.shape(self.lambda_)))
        names = self.classes_.tolist()
        if self.feature_groups is None:
            kind = "class" if len(places) == 1 else "classes"
            return f"the {kind} {spell([names[one] for (one,) in places], word=str)}"
        groups = self.feature_group_names_
        pairs = [f"{groups[group]} in class {names[one]}" for group, one in places]
        return spell(pairs, word=str)

    def _typical_class(self, strength):
        """Return the geometric mean of a strength over the classes, one per group."""
        if not self._is_per_class:
            return strength
        limits = np.finfo(float)
        logs = np.log(np.clip(strength, limits.tiny, limits.max))
        return np.exp(np.atleast_2d(logs).mean(axis=1))


def class_penalties(model):
    """Return the group and class of every lambda, and facts about its weights.

    Parameters
    ----------
    model : LogisticModel
        Fitted, with a lambda per class.

    Returns
    -------
    keys : dict of str to list
        "group", if there are feature groups, and "class".
    n_features : ndarray of shape (n_lambdas,)
        Number of features of the group.
    squares : ndarray of shape (n_lambdas,)
        Sum of the squares of the weights that the lambda penalizes.
    """
    names, n_groups = model.classes_.tolist(), len(model.feature_group_names_)
    kept = model.feature_group_labels_ >= 0
    labels = model.feature_group_labels_[kept]
    n_features = np.bincount(labels, minlength=n_groups)
    coef = on_host(model.coef_).astype(np.float64)[:, kept]
    squares = [np.bincount(labels, row**2, minlength=n_groups) for row in coef]
    keys = {"class": names * n_groups}
    if model.feature_groups is not None:
        groups = [name for name in model.feature_group_names_ for _ in names]
        keys = {"group": groups, **keys}
    return keys, np.repeat(n_features, len(names)), np.ravel(np.transpose(squares))


def lambda_names(model):
    """Return the name of every lambda, in the order of ``lambda_.ravel()``.

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted.

    Returns
    -------
    list
        Names of groups, or of classes, or both joined by a comma; numbers of targets.
    """
    if model._is_per_target:
        return list(range(np.size(model.lambda_)))
    groups = model.feature_group_names_
    if not model._is_per_class:
        return list(groups)
    return names_with_classes(
        None if model.feature_groups is None else groups, model.classes_.tolist()
    )


def names_with_classes(groups, classes):
    """Return the name of every lambda of a model with lambdas per class.

    Parameters
    ----------
    groups : sequence or None
        Names of the feature groups; None without `feature_groups`.
    classes : sequence
        Names of the classes.

    Returns
    -------
    list of str
        "class", or "group, class", in the order of ``lambda_.ravel()``.
    """
    if groups is None:
        return [str(one) for one in classes]
    return [f"{group}, {one}" for group in groups for one in classes]
