"""The parameter `scoring` as scorers, and their values."""

from inspect import signature
from numbers import Number

import numpy as np
from sklearn import get_config
from sklearn.metrics import check_scoring

from .._messages import shown


def make_scorers(model, scoring, is_weighted):
    """Return the scorers that `scoring` describes.

    Parameters
    ----------
    model : BaseEstimator
        To be scored.
    scoring : str, callable, list, tuple, set, dict or None
        Parameter of the estimator.
    is_weighted : bool
        Whether the rows have weights.

    Returns
    -------
    dict of str or None to callable
        The key of a single scorer is None; empty without `scoring`.

    Raises
    ------
    ValueError
        If `scoring` describes no scorers.
    """
    if scoring is None:
        return {}
    try:
        # It rejects objects that are not scorers, and names that are repeated or not
        # strings.
        check_scoring(model, scoring)
        if isinstance(scoring, dict):
            given = scoring
        elif isinstance(scoring, str) or callable(scoring):
            given = {None: scoring}
        else:
            given = {name: name for name in scoring}
        scorers = {name: check_scoring(model, one) for name, one in given.items()}
    except (ValueError, TypeError) as error:
        # For an unknown name, scikit-learn would list all names.
        reason = "" if isinstance(scoring, str) else f": {str(error).rstrip('.')}"
        raise ValueError(
            "The 'scoring' parameter must be the name of a scorer "
            "(sklearn.metrics.get_scorer_names() lists them), a callable "
            "scorer(estimator, X, y), a list of names, or a dict of them. Got "
            f"{shown(scoring)} instead{reason}."
        ) from error
    if is_weighted:
        for name, scorer in scorers.items():
            _check_request(scorer, scoring if name is None else name)
    return scorers


def score_rows(scorers, scoring, model, rows, split):
    """Return the values of the scorers by name; None for a single scorer.

    Parameters
    ----------
    scorers : dict of str or None to callable
        From `make_scorers`.
    scoring : object
        Parameter of the estimator, for messages.
    model : BaseEstimator
        Fitted.
    rows : (X, y, sample_weight)
        Rows to score; the weights may be None.
    split : int
        Number of the split, for messages.

    Returns
    -------
    dict of str or None to float
        A number per scorer, or per name that a callable returns.

    Raises
    ------
    ValueError
        If a scorer raises, or does not return a number.
    """
    X, y, weight = rows
    values = {}
    for name, scorer in scorers.items():
        is_weighted = weight is not None and _wants_weights(scorer)
        options = {"sample_weight": weight} if is_weighted else {}
        called = scoring if name is None else name
        try:
            value = scorer(model, X, y, **options)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"scoring={shown(called)} cannot score the rows that split {split} "
                f"(counted from 0) holds out: {error}"
            ) from error
        # A callable may return several values by name, as in cross_validate.
        several = value if name is None and isinstance(value, dict) else {name: value}
        for each in several.values():
            if not isinstance(each, Number | np.number):
                raise ValueError(
                    f"scoring={shown(called)} must return a number. Got "
                    f"{shown(each)} of type {type(each).__name__}."
                )
        values.update(several)
    return values


def _request(scorer):
    """Return a scorer's request for `sample_weight` in metadata routing."""
    if not hasattr(scorer, "get_metadata_routing"):
        return False
    return scorer.get_metadata_routing().score.requests.get("sample_weight")


def _check_request(scorer, name):
    """Raise if metadata routing has no request for the weights."""
    if get_config()["enable_metadata_routing"] and _request(scorer) is None:
        raise ValueError(
            f"scoring={shown(name)} does not request sample_weight, nor reject it, and "
            "fit got it: metadata routing needs one of them. Use a scorer with "
            "set_score_request(sample_weight=True), or False: "
            "sklearn.metrics.get_scorer returns one."
        )


def _wants_weights(scorer):
    """Whether a scorer takes, or with metadata routing requests, `sample_weight`."""
    if get_config()["enable_metadata_routing"]:
        return _request(scorer) is True
    # scikit-learn's scorers take any keyword and pass it on to the metric.
    metric = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in signature(metric).parameters
