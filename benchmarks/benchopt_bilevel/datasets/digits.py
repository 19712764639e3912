"""scikit-learn's digits, ten classes."""

import numpy as np
from benchopt import BaseDataset
from sklearn.datasets import load_digits


class Dataset(BaseDataset):
    """Images of digits, 60 % of them for training."""

    name = "digits"
    requirements = ("scikit-learn",)
    parameters = {"random_state": [0]}

    def get_data(self):
        """Return the rows in random order, and y from 0 to 9."""
        X, y = load_digits(return_X_y=True)
        order = np.random.default_rng(self.random_state).permutation(len(y))
        train, held_out = np.split(order, [3 * len(y) // 5])
        return {
            "X_train": X[train] / 16.0,
            "y_train": y[train],
            "X_val": X[held_out] / 16.0,
            "y_val": y[held_out],
        }
