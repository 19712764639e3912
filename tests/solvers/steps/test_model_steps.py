"""Steps of lambda from a pass over rows to the next."""

import numpy as np

from sklearn_myhpo.solvers.steps.model_steps import LONGEST, RETREAT, Trust


def test_retreat_after_a_rise():
    """Lambda would go on from a place that is worse than the one before."""
    trust = Trust()
    assert trust.retreat(np.zeros(1), 1.0) is None
    assert trust.longest == LONGEST
    back = trust.retreat(np.full(1, 2.0), 1.5)
    np.testing.assert_allclose(back, RETREAT * 2.0)
    assert trust.longest == RETREAT * 2.0
    # Longer again where that was right.
    assert trust.retreat(back, 0.9) is None
    assert trust.longest == 2.0 * RETREAT * 2.0


def test_rounding_is_no_rise():
    """The last steps would be undone for nothing."""
    trust = Trust()
    trust.retreat(np.zeros(1), 1.0)
    assert trust.retreat(np.ones(1), 1.0 + 1e-9) is None


def test_moves_back_and_forth_become_shorter():
    """Two lambdas would take turns until the last pass."""
    trust = Trust()
    for move in (0.5, -0.2, -0.1, 0.3):
        # Back by less, on, and back by more for the first time.
        assert trust.without_swing(np.array([move, 0.0]), LONGEST) == LONGEST
    assert trust.without_swing(np.array([-0.4, 0.1]), LONGEST) == 0.15
    # Of the move that was made.
    assert trust.without_swing(np.array([0.3, 0.0]), LONGEST) == 0.075
