"""The linear model of a family of distributions."""

from __future__ import annotations

from .._messages import shown
from ..linear_model import BilevelGeneralizedLinearRegressor, MYHPORidge
from ..linear_model._glm import FAMILIES, check_power
from ..losses import Loss

#: The family of the squared loss.
NORMAL = "normal"


def is_normal(family):
    """Return whether a family is that of the squared loss."""
    return isinstance(family, str) and family == NORMAL


def linear_estimator(family, power, name, **options):
    """Return the linear model of a family, not fitted.

    Parameters
    ----------
    family : str or Loss
    power : float
        Power of the family "tweedie".
    name : str
        Name of the estimator, for messages.
    **options : dict
        Parameters of the linear model.

    Returns
    -------
    MYHPORidge or BilevelGeneralizedLinearRegressor

    Raises
    ------
    ValueError
        If it is not a family.
    """
    if is_normal(family):
        return MYHPORidge(**options)
    is_name = isinstance(family, str) and family in FAMILIES
    if not (is_name or isinstance(family, Loss)):
        raise ValueError(
            f"The 'family' parameter of {name} must be one of {[NORMAL, *FAMILIES]} or "
            "a loss object such as sklearn_myhpo.losses.TweedieLoss(1.5), of a "
            f"subclass of sklearn_myhpo.losses.Loss. Got {shown(family)} instead."
        )
    if family == "tweedie":
        check_power(power, name, f"family={NORMAL!r}")
    if not is_name and (family.is_quadratic or family.link not in ("log", "identity")):
        raise ValueError(
            f"family={shown(family)} must have the link 'log', or 'identity' and not "
            f"be the squared loss. Got the link {family.link!r}. Use "
            f"family={NORMAL!r} for squares, MYHPOAdditiveClassifier for classes."
        )
    return BilevelGeneralizedLinearRegressor(family=family, power=power, **options)
