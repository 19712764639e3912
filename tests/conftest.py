"""Fixtures of all tests, and what is done while they are collected."""

import gc
from collections import Counter
from contextlib import ExitStack

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect twelve thousand tests without a search for garbage among them.

    The searches would take two fifths of the time, and again in every test that
    collects garbage.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what `one_in` leaves out; take k prime to the numbers of values."""
    counts = Counter()
    for item in items:
        mark = item.get_closest_marker("one_in")
        if mark is None:
            continue
        k, first = (*mark.args, 0)[:2]
        name = item.nodeid.split("[")[0]
        if (counts[name] - first) % k:
            item.add_marker(pytest.mark.slow)
        counts[name] += 1


@pytest.fixture
def set_limits():
    """Return a function that changes limits of the engine until the test ends."""
    # The process that only hands out tests does not import the package.
    from sklearn_myhpo.engine.limits import use_limits

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
