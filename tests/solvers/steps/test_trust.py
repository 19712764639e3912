"""Moves of lambda from a pass over rows to the next: long, back, and in circles."""

import numpy as np

from sklearn_myhpo.solvers.steps.trust import LONGEST, RETREAT, Trust


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


def test_moves_that_keep_turning_become_shorter():
    """Lambdas would go around in circles until the last pass."""
    trust = Trust()
    for move in (0.5, -0.2, 0.01, 0.02, -0.5, 0.5):
        # On, back by little, and back twice.
        made = trust.moved(np.array([move, 0.0]), LONGEST)
        assert made[0] == move
    assert trust.is_free
    made = trust.moved(np.array([-0.4, 0.1]), LONGEST)
    np.testing.assert_allclose(made, [-0.2, 0.1])
    assert not trust.is_free
    made = trust.moved(np.array([0.3, 0.0]), LONGEST)
    np.testing.assert_allclose(made, [0.1, 0.0])
    for share in (2.0, 4.0):
        # Longer again where moves go on in one direction.
        made = trust.moved(np.array([0.9, 0.0]), LONGEST)
        np.testing.assert_allclose(made, [0.1 * share, 0.0])


def test_a_lowest_place_of_unfinished_weights_is_left():
    """Lambda would return to a place whose low loss is none, until it stands still."""
    trust = Trust()
    assert trust.retreat(np.array([1.0]), 0.5) is None
    assert trust.retreat(np.array([2.0]), 0.6) is not None
    assert trust.retreat(np.array([1.25]), 0.61) is None
    assert trust.retreat(np.array([1.2]), 0.605) is None
