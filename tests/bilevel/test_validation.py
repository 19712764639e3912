"""The sample of rows on which many rows are scanned."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sklearn_myhpo import MYHPOLogisticRegression
from tests.helpers import covering_pairs


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("case", "scale", "n_classes", "seed"),
    [
        (*options, seed)
        for seed, options in enumerate(
            covering_pairs(
                ["plain", "wide", "sparse", "groups"], [0.02, 0.2, 2.0], [2, 3]
            )
        )
    ]
    + [("noise", 0.0, 2, 12), ("noise", 0.0, 3, 13)],
)
def test_a_sample_tells_where_to_look(case, scale, n_classes, seed, set_limits):
    """Many rows would get the strength that suits few, or that of another minimum."""
    rng = np.random.default_rng(seed)
    n_features = 400 if case == "wide" else 12
    X = rng.standard_normal((900, n_features))
    if case == "sparse":
        X = sparse.csr_array(X * (rng.uniform(size=X.shape) < 0.2))
    scores = X @ rng.normal(scale=scale, size=(n_features, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    groups = np.arange(n_features) % 3 if case == "groups" else None
    model = MYHPOLogisticRegression(cv=3, random_state=0, feature_groups=groups)
    model = model.set_params(tol=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = clone(model).fit(X, y)
        set_limits(scan_rows=300)
        sampled = model.fit(X, y)
    places = (one.validation_curve_["lambda"] for one in (sampled, whole))
    assert not np.array_equal(*places)
    np.testing.assert_allclose(
        sampled.validation_loss_, whole.validation_loss_, rtol=1e-9
    )


def test_no_sample_without_a_rare_class(set_limits):
    """The sample's models would know fewer classes than those of all rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 3))
    y = (X[:, 0] > 0).astype(int)
    y[:6] = 2
    set_limits(scan_rows=12)
    model = MYHPOLogisticRegression(cv=2, random_state=0).fit(X, y)
    assert model.converged_
