"""Kinds of hyperparameters: their ranges, and their effect in training.

Tuning moves free coordinates h of the real line; a `Kind` has a transform from h to
its value. A value is used in training only. Its effect reaches the validation loss
through the response of the weights, so it need not be differentiable, and counts are
allowed as well as rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .._messages import shown

#: Upper limit of a tuned dropout rate (MacKay et al. 2019 use 0.9 and more).
MAX_DROPOUT = 0.9


@dataclass(frozen=True)
class Identity:
    """The value is the free coordinate: for natural logs."""

    def to_free(self, value: float) -> float:
        """Return the free coordinate of a value."""
        return value

    def from_free(self, free: float, exp: Callable = math.exp) -> float:
        """Return the value of a free coordinate."""
        return free


@dataclass(frozen=True)
class Bounded:
    """The value is ``low + (high - low) * sigmoid(h)``, which stays in the range.

    Attributes
    ----------
    low, high : float
        Ends of the range, which are never reached.
    """

    low: float
    high: float

    def to_free(self, value: float) -> float:
        """Return the free coordinate of a value; infinite outside of the range."""
        share = (value - self.low) / (self.high - self.low)
        if not 0 < share < 1:
            return math.copysign(math.inf, share - 0.5)
        return math.log(share) - math.log1p(-share)

    def from_free(self, free: float, exp: Callable = math.exp) -> float:
        """Return the value of a free coordinate.

        Parameters
        ----------
        free : float or tensor
            Free coordinates.
        exp : callable, default=math.exp
            Exponential function for them.

        Returns
        -------
        float or tensor
            Values.
        """
        return self.low + (self.high - self.low) / (1.0 + exp(-free))


class Kind:
    """One kind of hyperparameter; a subclass sets its attributes.

    Attributes
    ----------
    name : str
        Prefix of the names.
    default : float
        Start of a tuned value, or the value without tuning.
    low, high : float
        Limits of a value that is not tuned, both included.
    free_low, free_high : float
        Limits of the free coordinate, with or without perturbation.
    transform : object
        With the methods `to_free` and `from_free`.
    is_integer : bool
        Whether the value is rounded where it is used: up with the probability of its
        fraction, so that its mean is the value.
    is_optional : bool
        Whether a network has it only if the user names it.
    tasks : tuple of str
        Tasks that support it.
    unit : str
        End of the message about a value out of range.
    """

    name = ""
    default = 0.05
    low = 0.0
    high = 1.0
    free_low = -6.0
    free_high = 6.0
    transform = Bounded(0.0, 1.0)
    is_integer = False
    is_optional = True
    tasks = ("classification", "regression")
    unit = ""

    def __repr__(self):
        return f"{type(self).__name__}()"

    def to_free(self, value: float) -> float:
        """Return the free coordinate of a value."""
        return self.transform.to_free(value)

    def from_free(self, free: float) -> float:
        """Return the value of a free coordinate."""
        return self.transform.from_free(free)


class LayerKind(Kind):
    """A kind with one hyperparameter per layer; the layers apply it."""


class InputKind(Kind):
    """A kind that changes the features of training rows."""

    def apply(self, x, values, noise):
        """Return changed features.

        Parameters
        ----------
        x : tensor of shape (n, ...)
            Features.
        values : dict of str to tensor of shape (n,) or (1,)
            Values of all input kinds of the network, for every row.
        noise : Noise
            Source of randomness: `uniform(shape, x)` and `normal(shape, x)`.

        Returns
        -------
        tensor of shape (n, ...)
            Changed features.
        """
        raise NotImplementedError


class LossKind(Kind):
    """A kind that changes the training loss."""

    def apply(self, losses, outputs, y, values):
        """Return changed losses of the rows.

        Parameters
        ----------
        losses : tensor of shape (n,)
            Losses.
        outputs, y : tensor
            Outputs of the network, and targets.
        values : dict of str to tensor of shape (n,) or (1,)
            Values of all loss kinds of the network, for every row.

        Returns
        -------
        tensor of shape (n,)
            Changed losses.
        """
        raise NotImplementedError


#: Every kind by name, in the order of the hyperparameters of a network.
KINDS = {}


def register(subclass: type) -> type:
    """Register a kind for networks; a decorator.

    Parameters
    ----------
    subclass : type
        Subclass of `InputKind` or `LossKind`.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    ValueError
        If it has no name, or the name of another kind.
    """
    kind, name = subclass(), subclass.__name__
    taken = KINDS.get(kind.name)
    # Running a notebook cell again defines the same class again.
    is_other = taken is not None and type(taken).__qualname__ != subclass.__qualname__
    if not kind.name or is_other:
        raise ValueError(
            f"{name} needs a name of its own. Got {shown(kind.name)}; taken "
            f"are {sorted(KINDS)}."
        )
    low, high = kind.from_free(kind.free_low), kind.from_free(kind.free_high)
    if not low <= kind.default <= high:
        raise ValueError(
            f"The default of {name} must be from {low:.4g} to {high:.4g}, the "
            f"range of its transform. Got {shown(kind.default)}."
        )
    KINDS[kind.name] = kind
    return subclass


@register
class Dropout(LayerKind):
    """Dropout rate of a layer."""

    name = "dropout"
    high = 0.99
    transform = Bounded(0.0, MAX_DROPOUT)
    is_optional = False


@register
class Lambda(LayerKind):
    """Natural log of the penalty on the squared weights of a layer."""

    name = "lambda"
    default = -7.0
    low = -math.inf
    high = 10.0
    free_low = -20.0
    #: Above lambda = 4, gradient descent at the default learning rate is unstable.
    free_high = 4.0
    transform = Identity()
    is_optional = False
    unit = ", a natural log"


@register
class InputDropout(LayerKind):
    """Dropout rate of the inputs of an LSTM, one mask for all times."""

    name = "input_dropout"
    high = 0.99
    transform = Bounded(0.0, MAX_DROPOUT)


@register
class RecurrentDropout(LayerKind):
    """Dropout rate of the hidden state of an LSTM, one mask for all times."""

    name = "recurrent_dropout"
    high = 0.99
    transform = Bounded(0.0, MAX_DROPOUT)


DROPOUT, LAMBDA = KINDS["dropout"], KINDS["lambda"]
