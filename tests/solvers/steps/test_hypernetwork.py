"""Adam."""

import numpy as np

from sklearn_myhpo.solvers.steps.hypernetwork import Adam, Hypernetwork


def test_adam_as_published():
    """Its first steps, by the formulas of the paper on a scalar."""
    network = Hypernetwork(*(np.full((1, 1), 2.0) for _ in range(4)))
    adam, x, m, v = Adam.start(network), 2.0, 0.0, 0.0
    for t, slope in enumerate((3.0, -1.0, 0.5), start=1):
        adam = adam.step(Hypernetwork(*(np.full((1, 1), slope) for _ in range(4))), 0.1)
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        x -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    for part in adam.network:
        np.testing.assert_allclose(part, x, rtol=1e-12)
    assert adam.n_steps == 3
