"""Fits of batches write no files: a full disk costs nobody an estimator."""

import builtins
import io
import os
import tempfile

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import start_from

RNG = np.random.default_rng(0)
X = RNG.standard_normal((900, 4))
Y = X[:, 0] + RNG.standard_normal(900)


@pytest.fixture
def full_disk(monkeypatch, tmp_path):
    """Let every file that is opened for writing fail, and every temporary one."""

    def checked(function):
        def opened(file, mode="r", *args, **kwargs):
            writes = mode if isinstance(mode, int) else set(mode) & set("wax+")
            if writes and file != os.devnull:
                raise OSError(28, "No space left on device")
            return function(file, mode, *args, **kwargs)

        return opened

    def no_place(*_, **__):
        raise OSError(28, "No space left on device")

    for place, name in ((builtins, "open"), (io, "open"), (os, "open")):
        monkeypatch.setattr(place, name, checked(getattr(place, name)))
    for name in ("mkstemp", "mkdtemp", "TemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, name, no_place)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("model", "y"),
    [
        (MYHPORidge(), Y),
        (MYHPORidge(cv=0.3, standardize=True), Y),
        (MYHPOLogisticRegression(cv=3), (Y > 0).astype(int)),
        (MYHPOLogisticRegression(criterion="alo"), (Y > 0).astype(int)),
    ],
    ids=["one pass", "hold-out", "few passes", "products"],
)
def test_no_file_is_written(full_disk, monkeypatch, model, y, tmp_path):
    """A fit on a full disk would end with an error after hours."""
    start_from(monkeypatch, 150)
    with pytest.raises(OSError, match="No space"):
        (tmp_path / "file").write_text("the fixture works")
    batches = Batches.from_arrays(X, y, batch_size=100)
    with use_limits(block_entries=400):
        model.fit(batches)
    assert batches.n_passes >= 1
    assert np.all(np.isfinite(model.coef_))
