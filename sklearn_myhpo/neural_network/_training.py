"""The training loop: epochs, alternating steps, the best checkpoint, stopping."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from .tuner import DivergenceError

#: Factor of the learning rate when the validation loss stagnates.
LEARNING_RATE_DROP = 0.1
#: Maximum number of such drops; the next stagnation ends the training.
MAX_DROPS = 2
#: Rows per evaluation, to bound the memory.
EVALUATION_ROWS = 1024


class Measures(NamedTuple):
    """Loss and score of a task.

    Attributes
    ----------
    loss : callable
        Function of outputs and targets to the losses of the examples, shape (n,).
    score : callable
        Function of the same to one number, the larger the better.
    """

    loss: object
    score: object


def cross_entropy(outputs, y):
    """Return the cross-entropy of every row, averaged over positions if there are."""
    losses = torch.nn.functional.cross_entropy(outputs, y, reduction="none")
    return losses if losses.ndim == 1 else losses.flatten(1).mean(dim=1)


def accuracy(outputs, y):
    """Return the fraction of correct classes."""
    return (outputs.argmax(dim=1) == y).double().mean()


def half_squared_error(outputs, y):
    """Return half the squared error of every row, averaged over targets."""
    return (_columns_of(outputs) - _columns_of(y)).square().mean(dim=1) / 2.0


def mean_r2(outputs, y):
    """Return R^2 averaged over targets, as in scikit-learn."""
    outputs, y = _columns_of(outputs), _columns_of(y)
    residual = (outputs - y).square().sum(dim=0)
    total = (y - y.mean(dim=0)).square().sum(dim=0)
    # As in `sklearn.metrics.r2_score`: 1 for an exact prediction of a constant, else 0.
    constant = (residual != 0).to(residual.dtype)
    return (1.0 - torch.where(total > 0, residual / total, constant)).mean()


def _columns_of(outputs):
    return outputs.reshape(len(outputs), -1)


def readable(numbers):
    """Return a tensor as an array, also of a type that NumPy does not have."""
    numbers = numbers.cpu()
    return (numbers.float() if numbers.dtype == torch.bfloat16 else numbers).numpy()


#: Task to its measures. Regression targets are standardized.
MEASURES = {
    "classification": Measures(cross_entropy, accuracy),
    "regression": Measures(half_squared_error, mean_r2),
}


@dataclass(frozen=True)
class TrainingOptions:
    """Options of the loop, as documented in the estimators."""

    batch_size: int
    max_iter: int
    n_warmup_iter: int
    train_steps: int
    validation_steps: int
    n_iter_no_change: float
    verbose: bool


class Checkpoint(NamedTuple):
    """The ordinary network at the current hyperparameters."""

    epoch: int
    loss: float
    score: float
    weights: dict  # state of the ordinary module
    values: np.ndarray


class Outcome(NamedTuple):
    """Result of training: the best checkpoint, the history and the final status."""

    best: Checkpoint
    history: dict
    status: str  # "stopped", "max_iter", "max_time", "diverged" or "interrupted"


class Training:
    """Alternation of training and tuning steps over epochs.

    Parameters
    ----------
    tuner : Tuner
        Owner of the network and its hyperparameters.
    train, validation : Rows
        Training and validation rows.
    measures : Measures
        Loss and score.
    options : TrainingOptions
        Options of the loop.
    """

    def __init__(self, tuner, train, validation, measures, options):
        self.tuner = tuner
        self.train = train
        self.validation = validation
        self.loss, self.score = measures
        self.options = options
        self.validation_batches = validation.endless_batches(
            options.batch_size, tuner.generator
        )
        self.n_steps = 0

    def run(self, report, deadline):
        """Train until the validation loss stagnates, and return the `Outcome`.

        Parameters
        ----------
        report : callable
            Function of the `Checkpoint` of every iteration; true ends the training.
        deadline : Deadline
            Ends the training within an iteration; the network is evaluated then too.

        Returns
        -------
        Outcome
        """
        options, start = self.options, time.perf_counter()
        best, records, status = self._checkpoint(0), [], "max_iter"
        n_waited, n_drops = 0, 0
        for epoch in range(options.max_iter):
            try:
                train_loss = self._run_epoch(epoch, deadline)
                now = self._checkpoint(epoch + 1)
            except DivergenceError:
                status = "diverged"
                break
            seconds = time.perf_counter() - start
            records.append(self._record(now, train_loss, seconds))
            self._print(records[-1], epoch)
            if now.loss < best.loss:
                best, n_waited = now, 0
            elif epoch >= options.n_warmup_iter:
                n_waited += 1
            if report(now):
                status = "interrupted"
                break
            if deadline.is_over:
                status = "max_time"
                break
            if n_waited < options.n_iter_no_change:
                continue
            if n_drops == MAX_DROPS:
                status = "stopped"
                break
            self.tuner.scale_learning_rate(LEARNING_RATE_DROP)
            n_waited, n_drops = 0, n_drops + 1
        return Outcome(best, _columns(records, self._names()), status)

    def _run_epoch(self, epoch, deadline):
        """Train on all training rows once, and return their mean loss.

        On fewer if the time limit is reached.
        """
        options, total, n_rows = self.options, 0.0, 0
        is_tuning = epoch >= options.n_warmup_iter and len(self.tuner.distribution.h)
        for x, y in self.train.batches(options.batch_size, self.tuner.generator):
            total += self.tuner.train(x, y, epoch) * len(x)
            n_rows += len(x)
            if deadline.is_over:
                break
            if not is_tuning:
                continue
            self.n_steps += 1
            if self.n_steps % options.train_steps == 0:
                for _ in range(options.validation_steps):
                    self.tuner.tune(*next(self.validation_batches))
        return total / n_rows

    @torch.no_grad()
    def _checkpoint(self, n_epochs):
        """Return the current ordinary network, with its validation loss."""
        network, distribution = self.tuner.network, self.tuner.distribution
        r = self.tuner.response_now()
        outputs, targets = [], []
        for x, y in self.validation.parts(EVALUATION_ROWS):
            outputs.append(network.outputs(x, None if r is None else r[None]))
            targets.append(y)
        outputs, targets = torch.cat(outputs), torch.cat(targets)
        loss = self.loss(outputs, targets).mean()
        if n_epochs and not torch.isfinite(loss):
            raise DivergenceError
        free = distribution.h.detach()[None]
        return Checkpoint(
            epoch=n_epochs,
            loss=float(loss) if torch.isfinite(loss) else np.inf,
            score=float(self.score(outputs, targets)),
            weights=network.snapshot(r),
            values=readable(distribution.values(free, max(n_epochs - 1, 0))[0]),
        )

    def _names(self):
        plan = self.tuner.distribution.plan
        tuned = [plan.names[index] for index in np.flatnonzero(plan.is_tuned)]
        return (
            *plan.names,
            *(f"sigma_{name}" for name in tuned),
            "learning_rate",
            "train_loss",
            "validation_loss",
            "validation_score",
            "n_gradients",
            "time",
        )

    def _record(self, now, train_loss, seconds):
        """Return a row of the history, in the order of `_names`."""
        return (
            *now.values,
            *readable(self.tuner.distribution.sigma.detach()),
            self.tuner.learning_rate,
            train_loss,
            now.loss,
            now.score,
            self.tuner.n_gradients,
            seconds,
        )

    def _print(self, record, epoch):
        if not self.options.verbose:
            return
        named = dict(zip(self._names(), record, strict=True))
        plan = self.tuner.distribution.plan
        values = " ".join(f"{name}={named[name]:.4g}" for name in plan.names)
        print(
            f"Iteration {epoch + 1}: train_loss={named['train_loss']:.6g} "
            f"validation_loss={named['validation_loss']:.6g} {values}"
        )


def _columns(records, names):
    """Return the history as a dict of arrays of equal length."""
    table = np.array(records, dtype=np.float64).reshape(len(records), len(names))
    columns = {name: table[:, index].copy() for index, name in enumerate(names)}
    columns["n_gradients"] = columns["n_gradients"].astype(np.int64)
    return columns
