"""The plan: one table of limits, choices from shapes, memory that it promises."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.data.limits import row_limits
from sklearn_myhpo.engine.limits import limits, use_limits
from sklearn_myhpo.engine.plan_text import kept_bytes
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, SquaredLoss
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.helpers import SPECS, folds


def make_problem(n_samples, n_features, n_classes=0, n_groups=1, **options):
    """Return X and a function that builds a problem of it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features))
    scores = X[:, :3] @ rng.standard_normal((3, max(1, n_classes)))
    scores += rng.gumbel(size=scores.shape)
    y, loss = scores, SquaredLoss()
    if n_classes == 2:
        y, loss = np.argmax(scores, axis=1), LogisticLoss()
    elif n_classes:
        y, loss = np.argmax(scores, axis=1), MultinomialLoss(n_classes)
    labels = np.arange(n_features) % n_groups
    groups = FeatureGroups(labels, tuple(range(n_groups)))
    pairs = folds(n_samples, 5)

    def build():
        return BilevelProblem(
            X, y, loss, groups, pairs, all_directions=False, **options
        )

    return X, build


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("shape", "n_classes", "n_groups"),
    [
        ((12_000, 30), 0, 1),
        ((12_000, 30), 0, 3),
        ((1500, 200), 0, 1),
        ((60, 6000), 0, 1),
        ((60, 6000), 0, 2),
        ((12_000, 30), 2, 1),
        ((6000, 30), 2, 3),
        ((4000, 30), 4, 1),
        ((60, 6000), 2, 1),
    ],
)
def test_memory_is_as_planned(shape, n_classes, n_groups, set_limits):
    """A fit to rows that just fit the memory would be killed."""
    X, build = make_problem(*shape, n_classes, n_groups)
    set_limits(block_entries=2**14)
    tracemalloc.start()
    try:
        problem = build()
        result = minimize_bilevel(problem, MYHPO(), max_iter=3)
        problem.minimize_full(result.lambda_, problem.full.start())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 0.25 * X.nbytes + kept_bytes(problem.plan)


def test_features_are_not_changed():
    """A user's array would come back centred."""
    for n_classes in (0, 2):
        X, build = make_problem(200, 5, n_classes)
        before = X.copy()
        minimize_bilevel(build(), MYHPO(), max_iter=3)
        np.testing.assert_array_equal(X, before)


def test_limits_change_for_a_while():
    """A test, or a user, would leave another engine behind."""
    before, rows_before = limits(), row_limits()
    with use_limits(moments_size=1, block_entries=7):
        assert limits().moments_size == 1
        assert row_limits().block_entries == 7
        with use_limits(moments_size=2):
            assert limits().moments_size == 2
            assert row_limits().block_entries == 7
        assert limits().moments_size == 1
    with pytest.raises(ZeroDivisionError), use_limits(moments_size=1):
        _ = 1 / 0
    assert limits() is before
    assert row_limits() is rows_before
    with pytest.raises(TypeError, match="no_such_limit"), use_limits(no_such_limit=1):
        pass


@pytest.mark.parametrize("name", SPECS)
def test_a_plan_can_be_read(name):
    """A user could not tell how a fit was computed, nor why it took so long."""
    spec = SPECS[name]()
    plan = spec.problem(all_directions=False).plan
    text = str(plan)
    n_samples, n_features = spec.X.shape
    assert f"{n_samples} rows x {n_features} features" in text
    assert ("sparse" in text) == sparse.issparse(spec.X)
    is_closed = "visit of X" in text or "products of rows" in text
    assert is_closed == (spec.is_ridge and not spec.rows_engine)
    assert all(line.partition(":")[2].strip() for line in text.splitlines())


#: Newton steps by conjugate gradients.
CONJUGATE = {"own_pairs": 0, "factored_passes": 0}


@pytest.mark.parametrize(
    ("shape", "n_classes", "n_groups", "changes", "expected"),
    [
        ((100, 5), 0, 1, {}, "second moments of all splits in one visit of X"),
        ((100, 5), 0, 1, {}, "closed form, Krylov subspace of"),
        ((20, 50), 0, 1, {}, "products of rows with each other"),
        ((20, 50), 0, 2, {}, "in the row space of every wide group"),
        ((100, 5), 0, 1, {"moments_size": 3}, "kept, multiplied by blocks"),
        ((100, 5), 2, 2, {}, "factored Hessians of every split"),
        ((100, 5), 2, 2, {"own_pairs": 0}, "factored Hessians at common weights"),
        ((100, 5), 2, 2, CONJUGATE, "Hessians formed for lambda"),
        ((100, 5), 2, 2, {"formed_cost": 0}, "one matrix for all splits"),
        ((100, 5), 2, 2, {"most_responses": 0}, "curvature in lambda: by products"),
        ((100, 5), 2, 1, {"scan_rows": 40}, "scan of a shared lambda on 40 rows"),
    ],
)
def test_choices(shape, n_classes, n_groups, changes, expected):
    """The table of limits would say one thing and the engine do another."""
    _, build = make_problem(*shape, n_classes, n_groups)
    with use_limits(**changes):
        assert expected in str(build().plan)
