"""Fitted attributes that are always NumPy arrays."""

from typing import Any

#: Name of the attribute that holds the values.
PLACE = "_host_arrays"


class HostArray:
    """A fitted attribute that is not an array like X.

    scikit-learn assumes that every array among the attributes of an estimator has the
    library and device of X. Facts of the fit, such as the groups of the features, stay
    NumPy arrays and are kept in one dict.
    """

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, model, owner=None) -> Any:
        if model is None:
            return self
        try:
            return vars(model)[PLACE][self._name]
        except KeyError:
            raise AttributeError(
                f"{type(model).__name__!r} object has no attribute {self._name!r}"
            ) from None

    def __set__(self, model, value):
        # A new dict, since the old one may be needed to restore the state after an
        # error.
        vars(model)[PLACE] = {**vars(model).get(PLACE, {}), self._name: value}


class HostArraysMixin:
    """The attributes of the estimators that are such arrays; a mixin."""

    start_losses_ = HostArray()
    feature_group_names_ = HostArray()
    feature_group_labels_ = HostArray()
    penalty_factors_ = HostArray()
    class_weight_ = HostArray()
