"""Labels of classifiers, and class weights (`class_weight`)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from .._messages import shown
from ._tensors.outputs import tensor_labels, tensor_positive

#: The parameter in scikit-learn's constraints.
CLASS_WEIGHT_CONSTRAINTS = {"class_weight": [dict, StrOptions({"balanced"}), None]}


def index_classes(y, sample_weight, name):
    """Return the classes that have weight, and the class of every row.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    sample_weight : ndarray of shape (n_samples,)
    name : str
        Name of the estimator, for messages.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        In increasing order.
    index : ndarray of int of shape (n_samples,)
        Index into `classes`; zero for rows without weight, which are dropped.

    Raises
    ------
    ValueError
        If there are fewer than two classes.
    """
    check_classification_targets(y)
    counts = sample_weight > 0
    index = np.zeros(len(y), dtype=np.intp)
    classes, index[counts] = np.unique(y[counts], return_inverse=True)
    check_several(classes, name)
    return classes, index


def check_several(classes, name):
    """Raise a ValueError unless there are two classes or more."""
    if len(classes) < 2:
        raise ValueError(
            f"{name} needs rows of at least 2 classes with a positive weight. Got only "
            f"the class {shown(classes.tolist()[0])}."
        )


def has_columns(y):
    """Whether y, as the user gave it, has two columns or more."""
    shape = getattr(y, "shape", None)
    if shape is None:
        try:
            shape = np.asarray(y).shape
        except ValueError:  # ragged, which the check of y will say
            return False
    return len(shape) == 2 and shape[1] > 1


def check_labels(y):
    """Raise a ValueError where columns of labels are not of zeros and ones."""
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            "y must have one label per row, or a column of zeros and ones per "
            f"label. Got the shape {y.shape} with other numbers than 0 and 1."
        )


def has_each(scores):
    """Return ones where rows have a label, by its score (n_samples, n_labels)."""
    if not isinstance(scores, np.ndarray):
        return tensor_positive(scores)
    return (scores > 0).astype(int)


def labels_of(scores, classes):
    """Return the label of every row.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        One score per row is that of the second of two classes.
    classes : ndarray of shape (n_classes,)
    """
    if not isinstance(scores, np.ndarray):
        return tensor_labels(scores, classes)
    index = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
    return classes[index]


class ClassWeightMixin:
    """Multiplies sample weights by weights of classes; a mixin for classifiers."""

    def _weigh_classes(self, y, weights, own):
        """Return the weights, and those of a validation set, times their classes'.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            Labels of the training rows, which also weigh those of the validation set.
        weights : ndarray of shape (n_samples,)
            Sample weights.
        own : (X, y, weights) or None
            The validation set.

        Returns
        -------
        weights, own
            As given, with other weights.
        """
        if self.class_weight is None:
            return weights, own
        check_classification_targets(y)
        labels = np.unique(y)
        by_class = weights_of_classes(self.class_weight, labels, y, weights)
        weighed = multiplied(self.class_weight, labels, by_class, y, weights)
        kept = np.isin(labels, y[weighed > 0])
        if kept.sum() < min(2, len(np.unique(y[weights > 0]))):
            raise ValueError(
                f"class_weight={shown(self.class_weight)} leaves rows of only one "
                f"class with a positive weight, {shown(labels[kept].tolist()[0])}; "
                f"{self._name()} needs at least two."
            )
        self.class_weight_ = by_class[kept]
        if own is not None:
            X_val, y_val, weights_val = own
            given = self.class_weight, labels, by_class, y_val, weights_val
            own = X_val, y_val, multiplied(*given)
        return weighed, own

    def _set_class_weight(self):
        """Set `class_weight_` for `classes_` without class weights."""
        if self.class_weight is None:
            self.class_weight_ = np.ones(len(self.classes_))

    def _weigh_part(self, y, weights):
        """Return the weights of a part of the data, whose labels are in `classes_`."""
        by_class = weights_of_classes(self.class_weight, self.classes_, None, None)
        self.class_weight_ = by_class
        return multiplied(self.class_weight, self.classes_, by_class, y, weights)

    def _check_streaming_weight(self):
        """Raise a ValueError if weights would depend on rows not yet seen."""
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not possible with partial_fit, which does "
                "not know how often each class will come. Give the weights as a dict "
                "from label to number: sklearn.utils.class_weight.compute_class_weight("
                "'balanced', classes=classes, y=y) computes them from a large sample y "
                "of the labels."
            )


def weights_of_classes(class_weight, labels, y, sample_weight):
    """Return the weight of every class.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        A dict is read as scikit-learn does; "balanced" counts the rows with their
        sample weights, as its `LogisticRegression` does from version 1.9 on.
    labels : ndarray of shape (n_classes,)
        All labels of y, in increasing order.
    y : ndarray of shape (n_samples,) or None
        Labels of the rows, for "balanced".
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows, for "balanced".

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    if isinstance(class_weight, str):
        counts = np.bincount(np.searchsorted(labels, y), sample_weight, len(labels))
        present = counts > 0
        even = counts.sum() / present.sum()
        return np.divide(even, counts, out=np.ones(len(labels)), where=present)
    for label, weight in (class_weight or {}).items():
        if not isinstance(weight, Real) or not 0 <= weight < np.inf:
            raise ValueError(
                "class_weight must have finite numbers >= 0. Got "
                f"{shown(weight)} for the label {shown(label)}."
            )
    return compute_class_weight(class_weight, classes=labels, y=labels)


def multiplied(class_weight, labels, by_class, y, weights):
    """Return the weights of rows times those of their classes.

    Labels that are not among `labels` weigh one; the splits find them.
    """
    index = np.searchsorted(labels, y).clip(max=len(labels) - 1)
    with np.errstate(over="ignore"):
        found = weights * np.where(labels[index] == y, by_class[index], 1.0)
        total = found.sum()
    if not np.any(found):
        raise ValueError(
            f"class_weight={shown(class_weight)} gives all rows weight zero."
        )
    if not np.isfinite(total):
        raise ValueError(
            f"class_weight={shown(class_weight)} times the sample weights is not a "
            "floating point number for some rows. Rescale it."
        )
    return found
