"""The rule by which steps are judged."""

import numpy as np
import pytest

from sklearn_myhpo.solvers.steps.acceptance import is_below_rounding, judge


@pytest.mark.parametrize(
    ("after", "accepted", "good", "poor"),
    [
        (0.5, True, True, False),
        (0.9, True, True, False),
        (0.95, True, False, False),
        (0.99, True, False, True),
        (1.01, False, False, True),
        (np.nan, False, False, True),
    ],
)
def test_shares_of_the_promise(after, accepted, good, poor):
    """A poor step would be trusted, or one that diverges accepted."""
    verdict = judge(0.1, 1.0, after)
    assert verdict == (accepted, good, poor, False)


def test_rounding_hides_small_promises():
    """At the end of a run noise would be taken for a rise."""
    assert judge(1e-11, 1.0, 1.0 + 1e-10).hidden
    assert not judge(1e-9, 1.0, 1.0 + 1e-10).hidden
    assert not judge(1e-11, 1.0, 1.0 + 1e-7).hidden
    assert is_below_rounding(1e-15, 1.0)
    assert not is_below_rounding(1e-13, 1.0)


def test_many_steps_at_once():
    """Targets would be judged by each other's losses."""
    predicted = np.array([0.1, 1e-11, 0.1])
    after = np.array([0.5, 1.0 + 1e-10, 2.0])
    together = judge(predicted, np.ones(3), after)
    for index in range(3):
        alone = judge(predicted[index], 1.0, after[index])
        assert [part[index] for part in together] == list(alone)
