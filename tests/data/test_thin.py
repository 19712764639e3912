"""Products of tall matrices with few vectors."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_myhpo.data.thin import adjoint_thin, forward_thin
from sklearn_myhpo.data.threads import threads_of_a_fit
from sklearn_myhpo.engine.limits import use_limits


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(1, 40),
    st.integers(1, 10),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_thin_products(n_samples, n_features, k, n_threads, seed):
    """Blocks that miss a row, or count one twice, would bend every gradient."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    w, values = rng.standard_normal((n_features, k)), rng.standard_normal((k, len(X)))
    # Matrices of this size have several blocks of either kind then.
    small = {"thin_bytes": 2**12, "small_product": 2**12, "thin_features": 20}
    with (
        use_limits(**small, least_small_rows=1, thin_work=0),
        threads_of_a_fit(n_threads),
    ):
        raw, back = forward_thin(X, w.T), adjoint_thin(X, values)
    np.testing.assert_allclose(raw, w.T @ X.T, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(back, values @ X, rtol=1e-12, atol=1e-11)
