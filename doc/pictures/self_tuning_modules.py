"""Draw the picture of the guide to self-tuning modules: schedules and responses.

python doc/pictures/self_tuning_modules.py
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from sklearn_myhpo.neural_network import STNClassifier
from sklearn_myhpo.neural_network._training import Training

FILE = Path(__file__).with_suffix(".png")
#: Iterations at which the response is drawn.
SHOWN = 4, 12, 30


def module():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.4), nn.Linear(288, 10)
    )


class Watched(Training):
    """A training that keeps how the loss answers to the last penalty."""

    curves = []

    def _run_epoch(self, epoch, deadline):
        loss = super()._run_epoch(epoch, deadline)
        if epoch + 1 in SHOWN:
            self.curves.append((epoch + 1, *self.answer("lambda_4")))
        return loss

    @torch.no_grad()
    def answer(self, name):
        """Return values of a hyperparameter, and the losses that r predicts."""
        names, h = (
            self.tuner.distribution.plan.names,
            self.tuner.distribution.h.detach(),
        )
        x, y = self.validation.take(slice(None))
        losses, moves = [], np.linspace(-1.5, 1.5, 31)
        for move in moves:
            r = torch.zeros_like(h)
            r[names.index(name)] = move
            outputs = self.tuner.network.outputs(x, r[None])
            losses.append(float(self.tuner.loss(outputs, y).mean()))
        return float(h[names.index(name)]) + moves, losses


def main():
    """Write the picture beside this file."""
    from sklearn_myhpo.neural_network import _fit

    _fit.Training = Watched
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 1, 8, 8)[:800] / 16.0
    model = STNClassifier(
        module(),
        hyperparameters={"lambda": -4.0},
        learning_rate_init=0.05,
        hyper_learning_rate=0.05,
        batch_size=64,
        response_share=1.0,
        n_warmup_iter=2,
        max_iter=30,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(images, y[:800])
    _, axes = plt.subplots(1, 3, figsize=(9.5, 3), layout="constrained")
    for name in model.hyperparameters_:
        axes[int("dropout" in name)].plot(model.schedule_[name], label=name)
    axes[0].set(xlabel="iteration", ylabel="lambda (natural log)")
    axes[1].set(xlabel="iteration", ylabel="dropout rate", ylim=(0, None))
    for iteration, lambdas, losses in Watched.curves:
        line = axes[2].plot(lambdas, losses, label=f"iteration {iteration}")[0]
        axes[2].plot(lambdas[15], losses[15], "o", color=line.get_color())
    axes[2].set(xlabel="lambda_4", ylabel="predicted validation loss")
    for axis in axes[[0, 2]]:
        axis.legend(fontsize="small")
    plt.savefig(FILE, dpi=110)


if __name__ == "__main__":
    main()
