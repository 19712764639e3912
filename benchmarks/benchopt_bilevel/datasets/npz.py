"""Two classes from a file with X and y, in the folder SKLEARN_MYHPO_DATA."""

import os
from pathlib import Path

import numpy as np
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """Rows of a file, 60 % of them for training."""

    name = "npz"
    parameters = {"name": ["a9a", "w8a"], "random_state": [0]}

    def skip(self, *_, **__):
        """Leave the data out where there is no such file."""
        return not self._path.is_file(), f"{self._path} is not there"

    @property
    def _path(self):
        return Path(os.environ.get("SKLEARN_MYHPO_DATA", ".")) / f"{self.name}.npz"

    def get_data(self):
        """Return the rows in random order, and y as -1 and 1."""
        with np.load(self._path, allow_pickle=False) as file:
            X, y = file["X"].astype(float), file["y"]
        y = np.where(y == y.max(), 1.0, -1.0)
        order = np.random.default_rng(self.random_state).permutation(len(y))
        train, held_out = np.split(order, [3 * len(y) // 5])
        return {
            "X_train": X[train],
            "y_train": y[train],
            "X_val": X[held_out],
            "y_val": y[held_out],
        }
