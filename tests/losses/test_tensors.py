"""Losses in the namespace of a tensor: those of NumPy, and of finite differences."""

import numpy as np
import pytest

from sklearn_myhpo.data.tensors.arrays import Home
from sklearn_myhpo.losses import (
    ClassScoresLoss,
    GammaLoss,
    LogisticLoss,
    MultinomialLoss,
    PoissonLoss,
    SquaredLoss,
    TweedieLoss,
)
from sklearn_myhpo.losses.tensors import tensor_loss
from tests import tensor_namespace as counted
from tests.tensor_spaces import bring, load_space

N_ROWS = 60
LOSSES = (
    LogisticLoss(),
    MultinomialLoss(4),
    ClassScoresLoss(4),
    PoissonLoss(),
    GammaLoss(),
    TweedieLoss(1.5),
)


def data(loss):
    """Return targets and raw predictions, some of them far out."""
    rng = np.random.default_rng(0)
    n_outputs = 1 if loss.n_classes != 4 else loss.contrasts.shape[1]
    raw = rng.normal(size=(N_ROWS, n_outputs))
    raw[:4] = np.array([-900.0, 900.0, -30.0, 30.0])[:, None]
    if loss.n_classes:
        return rng.integers(0, loss.n_classes, size=N_ROWS), raw
    y = rng.gamma(2.0, 2.0, size=N_ROWS)
    if not isinstance(loss, GammaLoss):
        y[::5] = 0.0
    return y, raw


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_derivatives_are_those_of_numpy(loss):
    """A fit on a device would minimize something else."""
    load_space("tests.tensor_namespace")
    y, raw = data(loss)
    own = tensor_loss(loss, Home.of(counted.asarray(raw)))
    y_there, raw_there = own.prepare(y), counted.asarray(raw)
    value, slope = own.value_and_gradient(y_there, raw_there)
    expected = loss.value_and_gradient(y, raw)
    np.testing.assert_allclose(bring(value), expected[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(bring(slope), expected[1], rtol=1e-12, atol=1e-12)
    lower, upper = np.tril_indices(raw.shape[1])
    bends = loss.curvature(y, raw)[:, lower, upper]
    found = bring(own.curvature(y_there, raw_there))
    np.testing.assert_allclose(found, bends, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_third_derivatives_are_those_of_numpy(loss):
    """Steps of lambda would be those of another loss."""
    load_space("tests.tensor_namespace")
    y, raw = data(loss)
    rng, n_moves = np.random.default_rng(1), 3
    along = rng.normal(size=raw.shape)
    images = rng.normal(size=(N_ROWS, n_moves, raw.shape[1]))
    weight = rng.uniform(size=N_ROWS)
    own = tensor_loss(loss, Home.of(counted.asarray(raw)))
    there = [counted.asarray(one) for one in (raw, weight[:, None], along, images)]
    found = bring(own.third(own.prepare(y), *there))
    moves = images.transpose(1, 0, 2)
    expected = [
        [loss.third(y, raw, along, one, other) @ weight for one in moves]
        for other in moves
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_third_derivatives_of_rows_are_those_of_numpy(loss):
    """Rows would be left out along wrong slopes."""
    load_space("tests.tensor_namespace")
    y, raw = data(loss)
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, *raw.shape))
    own = tensor_loss(loss, Home.of(counted.asarray(raw)))
    there = map(counted.asarray, (raw, first, second))
    found = bring(own.third_slope(own.prepare(y), *there))
    units = np.eye(raw.shape[1])[:, None, :]
    expected = loss.third(y, raw, units, first, second).T
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_other_losses_are_refused():
    """A loss of the user's own would fail in the middle of a fit."""
    load_space("tests.tensor_namespace")
    home = Home.of(counted.asarray([1.0]))
    text = "squared loss is not defined on arrays other than NumPy's. Defined are"
    with pytest.raises(ValueError, match=text):
        tensor_loss(SquaredLoss(), home)
