"""Rows of a logistic model, of whose features some have no effect."""

import numpy as np
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """Simulated rows."""

    name = "simulated"
    parameters = {"n_samples, n_features": [(2000, 30)], "random_state": [0]}

    def get_data(self):
        """Return 60 % of the rows for training, and the others."""
        rng = np.random.default_rng(self.random_state)
        X = rng.normal(size=(self.n_samples, self.n_features))
        weights = rng.normal(size=self.n_features) * (np.arange(self.n_features) % 3)
        noise = rng.logistic(size=self.n_samples)
        y = np.where(X @ weights + 3.0 * noise > 0, 1.0, -1.0)
        n_train = 3 * self.n_samples // 5
        return {
            "X_train": X[:n_train],
            "y_train": y[:n_train],
            "X_val": X[n_train:],
            "y_val": y[n_train:],
        }
