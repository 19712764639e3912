"""Tuned hyperparameters, and how they are perturbed, in torch."""

import math

import torch

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
        self.groups = _by_transform(kinds, plan.is_tuned.nonzero()[0], device)
        self.low = torch.tensor([kind.free_low for kind in kinds], **options)
        self.high = torch.tensor([kind.free_high for kind in kinds], **options)
        self.h = torch.tensor(free, **options).requires_grad_()
        self._epoch, self._held = None, None
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
        return (self.h + self.sigma * noise).clamp(self.low, self.high)

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
        values = self._held.repeat(len(free), 1)
        for transform, columns, tuned in self.groups:
            values[:, columns] = transform.from_free(free[:, tuned], torch.exp)
        return values

    def project(self):
        """Move h and sigma back into their ranges."""
        with torch.no_grad():
            self.h.clamp_(self.low, self.high)
            self.raw_sigma.clamp_(*self.raw_bounds)


def _by_transform(kinds, columns, device):
    """Return (transform, columns of values, columns of h) of distinct transforms."""
    groups = {}
    for index, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
        groups.setdefault(kind.transform, []).append((column, index))
    return [
        (transform, *torch.tensor(pairs, dtype=torch.int64, device=device).T)
        for transform, pairs in groups.items()
    ]
