"""The end of the time: a clock that counts how often it is read takes the place."""

import pytest

from sklearn_myhpo._deadline import Deadline, OutOfTimeError
from sklearn_myhpo.bilevel.counts import OracleCounts
from tests.helpers import Ticks


def test_a_deadline_passes():
    """A fit would end too early, or never."""
    clock = Ticks()
    deadline = Deadline(2.5, clock)
    assert [deadline.is_over for _ in range(3)] == [False, False, True]
    assert Deadline.of(deadline) is deadline


def test_no_deadline_never_passes():
    """A fit without max_time would end."""
    assert not Deadline(None, lambda: float("inf")).is_over
    assert Deadline.of(None).max_time is None


def test_questions_after_a_deadline_raise():
    """A long step would go on; a block of last questions would not come to its end."""
    counts = OracleCounts()

    def ask(number):
        counts.n_values += number

    with counts.within(Deadline(1.5, Ticks())):
        ask(1)
        with counts.within(Deadline()):
            ask(5)
        with pytest.raises(OutOfTimeError):
            ask(1)
    ask(1)
    assert counts.as_dict()["n_values"] == 8
    assert set(counts.as_dict()) == {
        *("n_values", "n_train_gradients", "n_validation_gradients"),
        *("n_consensus_gradients", "n_hessian_products", "n_factorizations"),
        *("n_inner_solves", "n_unfinished_solves", "n_gradients"),
    }
