"""What the displays share: axes, and estimators by name."""

from sklearn.utils.validation import check_is_fitted


def make_axes(ax, name):
    """Return the axes to draw on, new ones if there are none.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    name : str
        Of the display, for the message.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{name} draws with matplotlib, which is not installed. Install it, or "
            "this package with its extra: pip install '.[plot]'."
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax


def named(estimator, name):
    """Return name -> fitted estimator.

    Parameters
    ----------
    estimator : estimator, list of them, or dict of them by name
    name : str or None
        Of a single estimator; its class without.

    Returns
    -------
    dict
        In the order given.

    Raises
    ------
    ValueError
        If there is none, or `name` is given with several.
    """
    if isinstance(estimator, dict):
        found = estimator
    elif isinstance(estimator, list | tuple):
        found = {}
        for one in estimator:
            label = type(one).__name__
            if label in found:
                label = f"{label} {sum(key.startswith(label) for key in found) + 1}"
            found[label] = one
    else:
        return {name or type(estimator).__name__: fitted(estimator)}
    if not found or name is not None:
        raise ValueError(
            "estimator must be one or more fitted estimators, with `name` for a single "
            f"one only. Got {len(found)} of them and name={name!r}; name several by a "
            "dict {name: estimator}."
        )
    return {label: fitted(one) for label, one in found.items()}


def fitted(estimator):
    """Return the estimator, the last step of a pipeline, if it has what is drawn.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    estimator
        That learns lambda.

    Raises
    ------
    TypeError
        If it is none of this package.
    """
    last = estimator[-1] if hasattr(estimator, "named_steps") else estimator
    check_is_fitted(last)
    if not hasattr(last, "history_"):
        raise TypeError(
            "estimator must be a fitted estimator of sklearn_myhpo, or a pipeline that "
            f"ends with one. Got {type(last).__name__}."
        )
    return last


def one_of(value, name, allowed):
    """Raise where a parameter is none of the allowed values.

    Parameters
    ----------
    value : object
    name : str
    allowed : sequence of str

    Raises
    ------
    ValueError
        That names what came and what is allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name} must be one of {list(allowed)}. Got {value!r}.")
