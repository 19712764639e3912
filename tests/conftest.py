"""Fixtures of all tests."""

from contextlib import ExitStack

import pytest

from sklearn_myhpo.engine.plan import use_limits


@pytest.fixture
def set_limits():
    """Return a function that changes limits of the engine until the test ends."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(use_limits(**changes))
