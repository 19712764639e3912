"""Second-order models of splits: exact where they were made."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel.counts import StreamCounts
from sklearn_myhpo.engine.glm.stream_model import Frame, StreamedModel, Values
from sklearn_myhpo.penalties.coordinates import feature_coordinates
from sklearn_myhpo.penalties.groups import FeatureGroups

RNG = np.random.default_rng(0)


@pytest.fixture(params=[1, 3])
def model(request):
    """Return a model of three features in two groups, and an intercept."""
    n_outputs = request.param
    groups = FeatureGroups(np.array([0, 1, 0]), ("a", "b"))
    scale, shift = np.array([1.0, 2.0, 0.5]), np.array([1.0, 0.0, -3.0])
    coordinates = feature_coordinates(groups, scale)
    pinning = np.zeros((4, 1))
    frame = Frame(coordinates, shift, True, n_outputs, pinning, StreamCounts())
    values = []
    for _ in range(2):
        root = RNG.standard_normal((4 * n_outputs, 4 * n_outputs))
        slope = RNG.standard_normal((4, n_outputs))
        values.append(Values(5.0, slope, root @ root.T))
    at = RNG.standard_normal((4, n_outputs))
    return StreamedModel(frame, at, *values), at, values


def test_values_at_the_weights(model):
    """Losses of rows would be reported that no pass has found."""
    found, at, (train, held) = model
    lambda_, w = np.array([-1.0, 0.5]), at.reshape(-1, 1)
    penalty = np.exp(lambda_)[[0, 1, 0]] @ at[:-1] ** 2
    assert found.train_loss(w, lambda_) == pytest.approx(5.0 + penalty.sum())
    slope = train.slope.copy()
    slope[:-1] += 2 * np.exp(lambda_)[[0, 1, 0], None] * at[:-1]
    np.testing.assert_allclose(found.train_gradient(w, lambda_), slope.reshape(-1, 1))
    assert found.validation_loss(w) == pytest.approx(5.0)
    np.testing.assert_allclose(found.validation_gradient(w), held.slope.reshape(-1, 1))


def test_models_of_features(model):
    """Coefficients of classes would be mixed, or in other units."""
    found, at, _ = model
    coef, intercept = found.moves_to_features(at.reshape(-1, 1))
    np.testing.assert_allclose(coef, at[:-1] * np.array([1.0, 2.0, 0.5])[:, None])
    np.testing.assert_allclose(intercept, at[-1] - [1.0, 0.0, -3.0] @ coef)
    np.testing.assert_allclose(found.from_features(coef, intercept), at.reshape(-1, 1))
    both = np.hstack([at.reshape(-1, 1), 2 * at.reshape(-1, 1)])
    coefs, intercepts = found.moves_to_features(both)
    np.testing.assert_allclose(coefs, np.hstack([coef, 2 * coef]))
    np.testing.assert_allclose(intercepts, np.r_[intercept, 2 * intercept])
