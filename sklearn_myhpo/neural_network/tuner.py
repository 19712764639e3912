"""The two alternating steps of self-tuning networks, in torch.

MacKay et al. (2019), arXiv:1903.03088, Algorithm 1; the entropy term is their eq. (13).
"""

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import torch

from ._descent import GradientDescent

#: Largest norm of a gradient, above usual norms; longer gradients are shortened.
MAX_GRADIENT_NORM = 5.0


@lru_cache(maxsize=32)
def _shares(n, dtype, device):
    return torch.full((n,), 1.0 / n, dtype=dtype, device=device)


def mean(losses):
    """Return the mean of the losses of examples, by a product: two operations fewer."""
    return torch.dot(losses, _shares(len(losses), losses.dtype, losses.device))


class DivergenceError(ArithmeticError):
    """A loss or a gradient is not finite."""


class TrainingProblem(NamedTuple):
    """A batch of training rows, with hyperparameters per row.

    Attributes
    ----------
    x : tensor of shape (n, n_features)
        Inputs.
    y : tensor
        Targets in the form of the loss.
    loss : callable
        Function of (outputs, y) to the losses of the examples, shape (n,).
    h : tensor of shape (n_responses,)
        Free hyperparameters.
    perturbed : tensor of shape (n, n_responses) or (1, n_responses), or None
        Perturbed free hyperparameters of every row, or of all together; None in a step
        that does not perturb.
    values, perturbed_values : tensor of shape (1 or n, n_hyperparameters), or None
        All hyperparameters, at h and at `perturbed`; None where the form has no use
        for them.
    noise : object
        Noise for dropout, a result of `draw` of the network.
    change_losses : callable, optional
        Function of (losses, outputs, y, values) to other losses.
    response_share : float
        Share of the rows on which the response of the centred form trains; 0 for a
        step without it.
    """

    x: torch.Tensor
    y: torch.Tensor
    loss: object
    h: torch.Tensor
    perturbed: torch.Tensor
    values: torch.Tensor
    perturbed_values: torch.Tensor
    noise: object
    change_losses: object = None
    response_share: float = 1.0

    def part(self):
        """Return the problem of the first rows, on which the response trains."""
        if self.response_share == 1.0:
            return self
        n = math.ceil(self.response_share * len(self.x))
        n = max(n, min(2, len(self.x)))  # which layers that normalize rows need
        return self._replace(
            x=self.x[:n],
            y=self.y[:n],
            perturbed=self.perturbed[:n],
            perturbed_values=self.perturbed_values[:n],
        )

    def objective(self, network, outputs, r, values):
        """Return the mean of loss and penalty, given the outputs at r."""
        losses = self.loss(outputs, self.y)
        if self.change_losses is not None:
            losses = self.change_losses(losses, outputs, self.y, values)
        penalty = network.penalty(r, values)
        # A network of one's own may return the penalty of every row.
        return mean(losses) + (penalty.mean() if penalty.ndim else penalty)


@dataclass(frozen=True)
class StepSizes:
    """Learning rates of the two optimizers, and the weight of the entropy.

    Attributes
    ----------
    learning_rate, momentum : float
        Options of gradient descent on the weights.
    hyper_learning_rate : float
        Learning rate of Adam on h and sigma.
    entropy_weight : float
        tau, the weight of the entropy.
    """

    learning_rate: float
    momentum: float
    hyper_learning_rate: float
    entropy_weight: float


class Tuner:
    """Training and tuning steps of a network, one batch at a time.

    Parameters
    ----------
    network : ModuleNetwork
        The network, or an object with its attributes and methods.
    distribution : Distribution
        Tuned hyperparameters and their perturbation.
    form : Published, Centred or Fixed
        Form of the response.
    loss : callable
        Function of (outputs, y) to the losses of the examples, shape (n,).
    step_sizes : StepSizes
        Learning rates.
    generator : torch.Generator
        The only source of randomness.
    is_shared : bool
        Whether all rows of a batch have one perturbation instead of one each.
    optimizer : callable, optional
        Function of the weights and of ``lr`` to their optimizer; gradient descent with
        momentum if not given.
    response_share : float
        Share of all training rows on which the response of the centred form trains.
    train_steps : int
        Number of training steps between two tuning steps. The response of the centred
        form trains in the last of them, on its share of the rows of all; more often if
        that is more rows than a batch has.
    """

    def __init__(
        self,
        network,
        distribution,
        form,
        loss,
        step_sizes,
        generator,
        *,
        is_shared=False,
        optimizer=None,
        response_share=1.0,
        train_steps=1,
    ):
        self.network = network
        self.is_shared = is_shared
        self.response_period = min(train_steps, int(1.0 / response_share))
        self.response_share = response_share * self.response_period
        #: Steps until the next tuning step that perturb.
        self.n_ahead = train_steps
        if not form.is_perturbed:
            self.n_ahead //= self.response_period
        self._drawn_at, self._drawn = None, []
        self.n_steps = 0
        #: As in `TrainingProblem`.
        self.change_losses = None
        #: Function of (loss, leaves) to gradients, None where there are none.
        self.gradients = partial(torch.autograd.grad, allow_unused=True)
        self.distribution = distribution
        self.form = form
        self.loss = loss
        self.entropy_weight = step_sizes.entropy_weight
        self.generator = generator
        self.n_gradients = 0
        if optimizer is None:
            optimizer = partial(GradientDescent, momentum=step_sizes.momentum)
        self.weight_optimizer = optimizer(
            [*network.general, *network.response], lr=step_sizes.learning_rate
        )
        self.hyper_parameters = [distribution.h, distribution.raw_sigma]
        self.hyper_optimizer = torch.optim.Adam(
            self.hyper_parameters, lr=step_sizes.hyper_learning_rate, fused=True
        )

    def train(self, x, y, epoch):
        """Take one step of the weights on training rows.

        Parameters
        ----------
        x, y : tensor
            The rows.
        epoch : int
            Number of the epoch, from 0.

        Returns
        -------
        float
            First loss of the form, penalty included: at h except in "published".

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite. That step is not taken.
        """
        distribution = self.distribution
        self.n_steps += 1
        is_due = self.n_steps % self.response_period == 0
        values = perturbed = perturbed_values = None
        with torch.no_grad():
            if not self.form.is_perturbed:
                values = distribution.values_now(epoch)
            if is_due or self.form.is_perturbed:
                perturbed, perturbed_values = self._next_perturbed(x, epoch)
        noise = self.network.draw(len(x), self.generator)
        problem = TrainingProblem(
            x=x,
            y=y,
            loss=self.loss,
            h=distribution.h.detach(),
            perturbed=perturbed,
            values=values,
            perturbed_values=perturbed_values,
            noise=noise,
            change_losses=self.change_losses,
            response_share=self.response_share if is_due else 0.0,
        )
        losses = []
        for loss, weights in self.form.training_losses(self.network, problem):
            losses.append(self._descend(self.weight_optimizer, loss, weights))
        return losses[0]

    def tune(self, x, y):
        """Take one step of h and sigma on validation rows, without dropout.

        Parameters
        ----------
        x, y : tensor
            The rows.

        Raises
        ------
        DivergenceError
            If the loss or gradient is not finite. The step is not taken.
        """
        distribution = self.distribution
        perturbed = distribution.perturb(self._n_rows(x), self.generator)
        r = self.form.response(distribution.h, perturbed)
        loss = mean(self.loss(self.network.outputs(x, r), y))
        loss = loss - self.entropy_weight * distribution.entropy()
        self._descend(self.hyper_optimizer, loss, self.hyper_parameters)
        distribution.project()

    def _n_rows(self, x):
        """Return the number of perturbations for a batch."""
        return 1 if self.is_shared else len(x)

    def _next_perturbed(self, x, epoch):
        """Return perturbed hyperparameters of a training step, free ones and values.

        Those of all steps until the next tuning step are drawn together.
        """
        distribution, n = self.distribution, self._n_rows(x)
        key = epoch, n, distribution.h._version, distribution.raw_sigma._version
        if self._drawn_at != key or not self._drawn:
            drawn = distribution.perturb(self.n_ahead * n, self.generator)
            values = distribution.values(drawn, epoch)
            self._drawn_at = key
            parts = (each.chunk(self.n_ahead) for each in (drawn, values))
            self._drawn = list(zip(*parts, strict=True))
        return self._drawn.pop()

    def response_now(self):
        """Return the input of the response at h, shape (n_responses,), or None."""
        h = self.distribution.h.detach()
        r = self.form.response(h, h[None])
        return None if r is None else r[0]

    def scale_learning_rate(self, factor):
        """Multiply the learning rate of the weights."""
        for group in self.weight_optimizer.param_groups:
            group["lr"] *= factor

    @property
    def learning_rate(self):
        """The learning rate of the weights."""
        return self.weight_optimizer.param_groups[0]["lr"]

    def _descend(self, optimizer, loss, variables):
        """Take one optimizer step with a clipped gradient, and return the loss."""
        gradients = self.gradients(loss, variables)
        self.n_gradients += 1
        gradients = [
            torch.zeros_like(variable) if gradient is None else gradient
            for variable, gradient in zip(variables, gradients, strict=True)
        ]
        norms = torch._foreach_norm(gradients)
        # All in one transfer from the device.
        loss, *norms = torch.stack([loss.detach(), *norms]).tolist()
        norm = math.hypot(*norms)
        if not (math.isfinite(norm) and math.isfinite(loss)):
            raise DivergenceError
        if norm > MAX_GRADIENT_NORM:
            gradients = torch._foreach_mul(gradients, MAX_GRADIENT_NORM / norm)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.grad = gradient
        optimizer.step()
        for variable in variables:
            variable.grad = None
        return loss
