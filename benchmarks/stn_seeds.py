"""Whether self-tuning networks diverge at default settings: ten seeds, three modules.

Nothing is set but the number of iterations and the seed. A run has diverged if a loss
or gradient was not finite; the last column is the largest of the last validation
losses, in cross-entropies of equal probabilities.

    python -m benchmarks.stn_seeds [--seeds 10] [--page doc/self_tuning_modules.md]
"""

import argparse
import warnings

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from benchmarks import page
from sklearn_myhpo.neural_network import STNClassifier

N_ROWS, MAX_ITER = 600, 40


def perceptron():
    return nn.Sequential(
        *(nn.Flatten(), nn.Dropout(0.1), nn.Linear(64, 32)),
        *(nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10)),
    )


def convolutions():
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Dropout(0.1), nn.Linear(128, 10)),
    )


class Rows(nn.Module):
    """An LSTM that reads an image row by row."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 24, batch_first=True)
        self.drop, self.last = nn.Dropout(0.1), nn.Linear(24, 10)

    def forward(self, x):
        return self.last(self.drop(self.lstm(x[:, 0])[0][:, -1]))


MODULES = {"perceptron": perceptron, "CNN": convolutions, "LSTM": Rows}


def run(module, form, n_seeds):
    """Return how many runs diverged, and the worst last loss in that of a guess."""
    X, y = load_digits(return_X_y=True)
    images, y = X[:N_ROWS].reshape(-1, 1, 8, 8) / 16.0, y[:N_ROWS]
    n_diverged, worst = 0, 0.0
    for seed in range(n_seeds):
        model = STNClassifier(module, form=form, max_iter=MAX_ITER, random_state=seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(images, y)
        n_diverged += any("diverged" in str(each.message) for each in caught)
        last = model.schedule_["validation_loss"][-1] / np.log(10.0)
        worst = max(worst, last)
    return n_diverged, worst


def main(arguments=None):
    """Run all seeds, print the table and fill the page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--page")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for name, module in MODULES.items():
        for form in ("centred", "published"):
            n_diverged, worst = run(module, form, options.seeds)
            rows.append(
                [name, form, f"{n_diverged} of {options.seeds}", f"{worst:.2f}"]
            )
            print(*rows[-1], sep=" | ", flush=True)
    head = ["module", "form", "diverged", "worst last loss / loss of a guess"]
    text = (
        f"Default settings, {N_ROWS} digits, {MAX_ITER} iterations "
        "(`python -m benchmarks.stn_seeds`).\n\n"
        + page.markdown(head, rows, align_left=2)
    )
    print(text)
    if options.page:
        page.update(options.page, {"stn-seeds": text})


if __name__ == "__main__":
    main()
