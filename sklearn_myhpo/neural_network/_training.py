"""The training loop: epochs, alternating steps, the best checkpoint, stopping."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse

from ..data.arrays import select_rows
from .tuner import DivergenceError

#: Factor of the learning rate when the validation loss stagnates.
LEARNING_RATE_DROP = 0.1
#: Largest number of such drops; the next stagnation ends the training.
MAX_DROPS = 2
#: Rows per evaluation, to bound the memory.
EVALUATION_ROWS = 4096

#: Task to the function from outputs and targets to the losses of the examples, shape
#: (n,). Regression targets are standardized.
NETWORK_LOSSES = {
    "classification": lambda outputs, y: torch.nn.functional.cross_entropy(
        outputs, y, reduction="none"
    ),
    "regression": lambda outputs, y: (outputs - y).square().mean(dim=1) / 2.0,
}
#: Task to the score: accuracy, or R^2 averaged over targets as in scikit-learn.
SCORES = {
    "classification": lambda outputs, y: (outputs.argmax(dim=1) == y).double().mean(),
    "regression": lambda outputs, y: _mean_r2(outputs, y),
}


def _mean_r2(outputs, y):
    residual = (outputs - y).square().sum(dim=0)
    total = (y - y.mean(dim=0)).square().sum(dim=0)
    # As in `sklearn.metrics.r2_score`: 1 for an exact prediction of a constant, else 0.
    constant = (residual != 0).to(residual.dtype)
    return (1.0 - torch.where(total > 0, residual / total, constant)).mean()


class Rows:
    """Rows of data as tensors; sparse rows become dense batch by batch.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    y : ndarray
        Class indices, or targets of shape (n_samples, n_outputs).
    """

    def __init__(self, X, y):
        self.X = X
        self.y = torch.from_numpy(y)

    def __len__(self):
        return self.X.shape[0]

    def take(self, index):
        """Return features and targets of some rows, given a slice or a tensor."""
        rows = index if isinstance(index, slice) else index.numpy()
        X = select_rows(self.X, rows)
        if sparse.issparse(X):
            X = X.toarray()
        return torch.from_numpy(np.ascontiguousarray(X)), self.y[index]

    def batches(self, size, generator):
        """Yield batches that cover the rows once, in a random order."""
        order = torch.randperm(len(self), generator=generator)
        for start in range(0, len(self), size):
            yield self.take(order[start : start + size])

    def endless_batches(self, size, generator):
        """Yield batches without end, in a new random order for every pass."""
        while True:
            yield from self.batches(size, generator)


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
    weights: list  # (coef of shape (n_in, n_out), intercept of shape (n_out,))
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
    task : str
        "classification" or "regression".
    options : TrainingOptions
        Options of the loop.
    """

    def __init__(self, tuner, train, validation, task, options):
        self.tuner = tuner
        self.train = train
        self.validation = validation
        self.loss, self.score = NETWORK_LOSSES[task], SCORES[task]
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
            Ends the training within an iteration; its network is looked at too.

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

        On fewer of them if the time is over.
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
        for start in range(0, len(self.validation), EVALUATION_ROWS):
            x, y = self.validation.take(slice(start, start + EVALUATION_ROWS))
            rows = None if r is None else r.expand(len(x), -1)
            outputs.append(network.outputs(x, rows))
            targets.append(y)
        outputs, targets = torch.cat(outputs), torch.cat(targets)
        loss = self.loss(outputs, targets).mean()
        if n_epochs and not torch.isfinite(loss):
            raise DivergenceError
        pairs = [layer.at(r) for layer in network.layers]
        free = distribution.h.detach()[None]
        return Checkpoint(
            epoch=n_epochs,
            loss=float(loss) if torch.isfinite(loss) else np.inf,
            score=float(self.score(outputs, targets)),
            weights=[(w.T.numpy().copy(), b.numpy().copy()) for w, b in pairs],
            values=distribution.values(free, max(n_epochs - 1, 0))[0].numpy(),
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
            *self.tuner.distribution.sigma.detach().numpy(),
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
