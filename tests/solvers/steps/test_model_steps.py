"""Steps of lambda from a pass over rows to the next."""

import numpy as np

from sklearn_myhpo.solvers.steps.model_steps import LONGEST, RETREAT, Trust


def test_moves_are_bounded():
    """Models about far weights would send lambda anywhere."""
    step = Trust().step(np.zeros(2), 1.0, np.array([0.5, -10.0]))
    np.testing.assert_allclose(step, [0.5, -LONGEST])


def test_retreat_after_a_rise():
    """Lambda would go on from a place that is worse than the one before."""
    trust = Trust()
    first = trust.step(np.zeros(1), 1.0, np.full(1, 2.0))
    back = trust.step(first, 1.5, np.full(1, 5.0))
    np.testing.assert_allclose(back, RETREAT * first)
    # The next moves are no longer than the retreat, but for a factor of two.
    again = trust.step(back, 0.9, np.full(1, 5.0))
    np.testing.assert_allclose(again, back + 2 * RETREAT * first)


def test_rounding_is_no_rise():
    """The last steps would be undone for nothing."""
    trust = Trust()
    trust.step(np.zeros(1), 1.0, np.ones(1))
    step = trust.step(np.ones(1), 1.0 + 1e-9, np.full(1, 0.1))
    np.testing.assert_allclose(step, 1.1)
