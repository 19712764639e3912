"""Tuned hyperparameters, and how they are perturbed, in torch."""

import math
from functools import partial

import torch

from .kinds import Bounded

#: Range of sigma: without it, sigma grew and training diverged in one of three runs.
SIGMA_BOUNDS = (1e-3, 1.5)


class Distribution:
    """The tuned hyperparameters h and the scale of their perturbation.

    ``h + e`` with ``e ~ N(0, sigma^2)`` is clipped to the ranges of the kinds.

    Parameters
    ----------
    plan : Plan
        Names and values of the hyperparameters.
    sigma : float
        Initial sigma. Tuning moves s in ``sigma = softplus(s)``.
    dtype : torch.dtype
        Type of all tensors.
    device : torch.device, optional
        Device of all tensors.
    """

    def __init__(self, plan, sigma, dtype, device=None):
        self.plan = plan
        options = {"dtype": dtype, "device": device}
        kinds = plan.tuned_kinds
        start = plan.at(0)[plan.is_tuned]
        free = [kind.to_free(v) for kind, v in zip(kinds, start, strict=True)]
        columns = plan.is_tuned.nonzero()[0].tolist()
        groups = _by_transform(kinds, columns)
        self.groups = [
            (_values_of(one[0], options), *map(index_of, one[1:])) for one in groups
        ]
        order = [column for one in groups for column in one[1]]
        # Where all are tuned and those of a transform are neighbours.
        self._is_in_order = order == list(range(len(plan.names))) != []
        self.low = torch.tensor([kind.free_low for kind in kinds], **options)
        self.high = torch.tensor([kind.free_high for kind in kinds], **options)
        self.h = torch.tensor(free, **options).requires_grad_()
        self._epoch, self._held = None, None
        self._now = None, None
        raw = math.log(math.expm1(sigma))
        self.raw_sigma = torch.full_like(self.h, raw, requires_grad=True)
        self.raw_bounds = [math.log(math.expm1(bound)) for bound in SIGMA_BOUNDS]

    @property
    def sigma(self):
        """Standard deviations, shape (n_responses,)."""
        return torch.nn.functional.softplus(self.raw_sigma)

    def perturb(self, n, generator):
        """Return n perturbed copies of h, shape (n, n_responses)."""
        shape = (n, len(self.h))
        noise = torch.randn(
            shape, generator=generator, dtype=self.h.dtype, device=self.h.device
        )
        moved = torch.addcmul(self.h, self.sigma, noise)
        return moved.clamp(self.low, self.high)

    def entropy(self):
        """Return the entropy of the perturbation, ``sum log(sigma sqrt(2 pi e))``."""
        return (self.sigma.log() + 0.5 * math.log(2.0 * math.pi * math.e)).sum()

    def values(self, free, epoch):
        """Return all hyperparameters of some rows.

        Parameters
        ----------
        free : tensor of shape (n, n_responses)
            Free coordinates of the tuned hyperparameters.
        epoch : int
            Epoch in the schedules of the others.

        Returns
        -------
        tensor of shape (n, n_hyperparameters)
            Values, dropout rates and lambdas.
        """
        if epoch != self._epoch:
            self._epoch, self._held = epoch, self.h.new_tensor(self.plan.at(epoch))
        if self._is_in_order:
            parts = [values_of(free[:, tuned]) for values_of, _, tuned in self.groups]
            return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        values = self._held.repeat(len(free), 1)
        for values_of, columns, tuned in self.groups:
            values[:, columns] = values_of(free[:, tuned])
        return values

    @torch.no_grad()
    def values_now(self, epoch):
        """Return all hyperparameters at h, shape (1, n_hyperparameters)."""
        key = epoch, self.h._version
        if self._now[0] != key:
            self._now = key, self.values(self.h[None], epoch)
        return self._now[1]

    def project(self):
        """Move h and sigma back into their ranges."""
        with torch.no_grad():
            self.h.clamp_(self.low, self.high)
            self.raw_sigma.clamp_(*self.raw_bounds)


def index_of(columns):
    """Return columns as a slice where they are consecutive, which is faster.

    Parameters
    ----------
    columns : list of int
        Numbers of columns.

    Returns
    -------
    slice or tensor of int64
        Index of these columns.
    """
    first = columns[0] if columns else 0
    last = first + len(columns)
    if columns == list(range(first, last)):
        return slice(first, last)
    return torch.tensor(columns, dtype=torch.int64)


def _values_of(transform, options):
    """Return the function of a transform from free coordinates to values."""
    if type(transform) is not Bounded:
        return partial(transform.from_free, exp=torch.exp)
    # PyTorch would convert numbers to tensors in every call.
    low = torch.tensor(transform.low, **options)
    span = torch.tensor(transform.high - transform.low, **options)
    return lambda free: torch.addcmul(low, span, free.sigmoid())


def _by_transform(kinds, columns):
    """Return (transform, columns of values, columns of h) of distinct transforms."""
    groups = {}
    for index, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
        own = groups.setdefault(kind.transform, ([], []))
        own[0].append(column)
        own[1].append(index)
    return [(transform, *own) for transform, own in groups.items()]
