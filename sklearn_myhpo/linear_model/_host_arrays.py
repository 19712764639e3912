"""Fitted attributes that are NumPy arrays whatever X is."""

from typing import Any

#: Place of the values in an estimator.
_PLACE = "_host_arrays"


class HostArray:
    """A fitted attribute beside those that are arrays like X.

    scikit-learn takes every NumPy array among the attributes of an estimator for one
    that follows X to its library and its device. Facts of the fit, such as the groups
    of the features, do not: they are kept in one dict.
    """

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, model, owner=None) -> Any:
        if model is None:
            return self
        try:
            return vars(model)[_PLACE][self._name]
        except KeyError:
            raise AttributeError(
                f"{type(model).__name__!r} object has no attribute {self._name!r}"
            ) from None

    def __set__(self, model, value):
        # A new dict: others may hold the last one, to restore it after an error.
        vars(model)[_PLACE] = {**vars(model).get(_PLACE, {}), self._name: value}


class HostArraysMixin:
    """The attributes of the estimators that are such arrays; a mixin."""

    start_losses_ = HostArray()
    feature_group_names_ = HostArray()
    feature_group_labels_ = HostArray()
    penalty_factors_ = HostArray()
    class_weight_ = HostArray()


def fitted_names(model):
    """Return the names of all fitted attributes of an estimator.

    Parameters
    ----------
    model : BaseEstimator
        Fitted.

    Returns
    -------
    set of str
        Also of those that are kept apart.
    """
    names = {*vars(model), *vars(model).get(_PLACE, {})}
    return {name for name in names if name.endswith("_") and name[0] != "_"}
