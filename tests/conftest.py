"""Fixtures of all tests."""

from contextlib import ExitStack

import pytest

from sklearn_myhpo.engine.limits import use_limits


@pytest.fixture
def set_limits():
    """Return a function that changes limits of the engine until the test ends."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(use_limits(**changes))


@pytest.fixture
def by_inverse(set_limits):
    """Small problems go the way of large ones with many lambdas."""
    set_limits(formed_cost=0.0, few_lambdas=0, cubes=0)


@pytest.fixture
def by_products(set_limits):
    """Small problems go the way of those with very many lambdas."""
    set_limits(most_responses=0.0)
