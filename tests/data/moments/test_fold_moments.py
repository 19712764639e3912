"""Second moments of folds: additive, and those of the rows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_myhpo.data import Batches, KeyFolds, RowFolds
from sklearn_myhpo.data.folds.rules import HoldOut
from sklearn_myhpo.data.folds.uses import NoFolds
from sklearn_myhpo.data.moments.condensed import condense, factors_of_moments
from sklearn_myhpo.data.moments.filling import Filler, rows_of_parts
from sklearn_myhpo.data.moments.fold_factors import factors_of_block
from sklearn_myhpo.data.moments.fold_moments import (
    Centre,
    add_products,
    centre_of_block,
    moments_of_block,
)
from sklearn_myhpo.data.moments.passes import condense_source, rows_of_block
from sklearn_myhpo.data.product_sum import MOST_NARROW
from sklearn_myhpo.data.streams.source import BatchSource, Block
from sklearn_myhpo.data.sums import squares_of
from sklearn_myhpo.data.threads import threads_of_a_fit
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._units import unit_exponents
from tests.helpers import as_sums

RNG = np.random.default_rng(0)
N, D = 120, 3
X = RNG.standard_normal((N, D)) + np.array([0.0, 5.0, -300.0])
Y = RNG.standard_normal((N, 2)) + 40.0
WEIGHT = RNG.integers(0, 3, N) / 2.0


def block_of(rows, *, y=Y, weight=WEIGHT, kind=np.asarray):
    """Return some rows as a block."""
    own = None if weight is None else weight[rows]
    return Block(kind(X[rows]), y[rows], own, rows.start, rows.start)


CENTRE = centre_of_block(block_of(slice(0, 10)), unit_exponents, is_about_means=True)


def added(task, *args, sizes=(N,), order=None, **options):
    """Return the sum of a task over blocks of some sizes."""
    ends = np.cumsum([0, *sizes])
    blocks = [block_of(slice(int(a), int(b)), **options) for a, b in pairwise(ends)]
    found = [task(blocks[number], *args) for number in order or range(len(blocks))]
    total = found[0]
    for one in found[1:]:
        total = total.plus(one)
    return total


def moments_by_hand(rule, weight, y=Y):
    """Return the sums of every kind, row by row; the last is of no split."""
    labels = np.zeros(N, int) if rule is None else rule.labels(block_of(slice(0, N)))
    labels = np.where(labels < 0, rule.n_splits if rule else 0, labels)
    found = {}
    for row in range(N):
        one = np.concatenate([X[row] - CENTRE.x, [1.0], y[row] - CENTRE.y])
        own = 1.0 if weight is None else float(weight[row])
        scale = own * 2.0**-CENTRE.weight_exponent
        if scale:
            known = found.get(labels[row], 0.0)
            found[labels[row]] = known + scale * np.outer(one, one)
    return found


def assert_close(found, expected):
    """Compare sums by fold, relative to the sizes of the columns."""
    assert set(found) == set(expected)
    for fold, matrix in found.items():
        whole, size = expected[fold], np.sqrt(np.diag(expected[fold]))
        unit = np.outer(size, size)
        if len(matrix) < len(whole):
            whole, unit = as_sums(whole, D + 1), as_sums(unit, D + 1)
        off = np.abs(matrix - whole) / np.where(unit > 0, unit, 1.0)
        assert off.max() < 1e-12


#: Uses of rows none of which is held out.
NONE = NoFolds().uses
RULES = [None, RowFolds(3), HoldOut(0.3, 1), KeyFolds(4, 0)]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "weight",
    [None, WEIGHT, (WEIGHT / 3).astype(np.float32), WEIGHT > 0.4],
    ids=["plain", "weighted", "single", "flags"],
)
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_moments_are_those_of_the_rows(rule, weight, kind):
    """Lambda would be learned from other folds, or other weights."""
    with use_limits(cached_entries=50):
        found = added(moments_of_block, rule, CENTRE, 1, 10, weight=weight, kind=kind)
    assert_close(found.matrices, moments_by_hand(rule, weight))
    assert found.n_rows == N
    used = N if weight is None else np.count_nonzero(weight)
    assert sum(found.counts.values()) == used


@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(1, N - 1), unique=True, max_size=10),
    rule=st.sampled_from(RULES),
    kind=st.sampled_from(["moments", "factors", "rows"]),
    data=st.data(),
)
def test_sums_do_not_depend_on_blocks(cuts, rule, kind, data):
    """A fit would depend on the sizes and the order of batches, or on the cluster."""
    sizes = np.diff([0, *sorted(cuts), N])
    order = data.draw(st.permutations(range(len(sizes))))
    options = {"sizes": sizes, "order": order}
    if kind == "moments":
        found = added(moments_of_block, rule, CENTRE, 1, 10, **options).matrices
    else:
        if kind == "factors":
            rows = added(factors_of_block, rule, CENTRE, **options)
        else:
            rows = added(rows_of_block, rule, CENTRE, 1, 10, **options).factors
            assert rows.counts == {fold: len(own) for fold, own in rows.rows.items()}
        found = {fold: own.T @ own for fold, own in rows.rows.items()}
    expected = moments_by_hand(rule, WEIGHT)
    if kind == "factors":
        # Of targets with each other only squares are kept.
        for matrices in (found, expected):
            for matrix in matrices.values():
                matrix[D + 1, D + 2] = matrix[D + 2, D + 1] = 0.0
    assert_close(found, expected)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_moments_of_several_threads(rule):
    """The sums of a thread would be lost."""
    with use_limits(cached_entries=50, thin_work=0), threads_of_a_fit(3):
        found = moments_of_block(block_of(slice(0, N)), rule, CENTRE, 1, 10)
    assert_close(found.matrices, moments_by_hand(rule, WEIGHT))


def test_a_weight_is_a_repetition():
    """A row of weight two would not count as two rows."""
    whole = np.repeat(np.arange(N), (2 * WEIGHT).astype(int))
    block = Block(X[whole], Y[whole], None, 0, 0)
    once = moments_of_block(block, None, CENTRE, 1, 10).total(NONE)
    weighted = added(moments_of_block, None, CENTRE, 1, 10).total(NONE)
    # In units of 1/2, and of the unit of the weights.
    scale = 2.0 * 2.0**CENTRE.weight_exponent
    np.testing.assert_allclose(once, scale * weighted, rtol=1e-12)


def test_many_targets_keep_their_squares():
    """Each target's loss needs its own square, but no products of others."""
    y = RNG.standard_normal((N, 20))
    first = block_of(slice(0, N), y=y)
    centre = centre_of_block(first, unit_exponents, is_about_means=True)
    moments = added(moments_of_block, None, centre, 1, 10, y=y)
    found, rows = moments.total(NONE), factors_of_moments(moments, centre)[0]
    squares = np.diag(rows.T @ rows)
    np.testing.assert_allclose(squares, squares_of(found), rtol=1e-12)
    np.testing.assert_allclose(
        (rows.T @ rows)[: D + 1], found[: D + 1], atol=1e-11 * np.abs(found).max()
    )


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("exponent", [0, -400, 300])
def test_condensed_rows_stand_for_all(moves, exponent):
    """Weights, origins and units would be those of the sums, not of the rows."""
    y = np.ldexp(Y, exponent)
    centre = centre_of_block(
        block_of(slice(0, N), y=y), unit_exponents, is_about_means=True
    )
    rule = RowFolds(3)
    moments = added(moments_of_block, rule, centre, 1, 10, y=y)
    rows = factors_of_moments(moments, centre), moments.counts, rule.uses
    found = condense(*rows, centre, moments.sample, np.float64, None, moves=moves)
    assert len(found.weight) == 3 * (D + 2)
    assert found.design.n_counted == np.count_nonzero(WEIGHT)
    whole = np.column_stack([found.design.raw(), found.y + (centre.y if moves else 0)])
    for fold in range(3):
        own, used = found.parts.kinds == fold, np.arange(N) % 3 == fold
        expected = np.column_stack([X, y])[used]
        total = WEIGHT[used].sum()
        np.testing.assert_allclose(found.weight[own].sum(), total)
        mean = WEIGHT[used] @ expected / total
        np.testing.assert_allclose(
            found.weight[own] @ whole[own] / total, mean, rtol=1e-12
        )
        square = WEIGHT[used] @ (expected - mean) ** 2
        np.testing.assert_allclose(
            found.weight[own] @ (whole[own] - mean) ** 2, square, rtol=1e-9
        )
    np.testing.assert_array_equal(
        found.parts.n_training_rows,
        [np.count_nonzero(WEIGHT[np.arange(N) % 3 != fold]) for fold in range(3)],
    )
    assert found.parts.n_held_out == np.count_nonzero(WEIGHT)


def passes_of(rows, y, *, is_about_means=True, least=1e-9, size=8, **changes):
    """Return how often rows are read to be condensed."""
    batches = Batches.from_arrays(rows, y, batch_size=10)
    options = {"is_about_means": is_about_means, "least": least}
    with use_limits(block_entries=size, **changes):
        source = BatchSource(batches)
        condense_source(
            source, RowFolds(3), exponents=unit_exponents, n_sample=10, **options
        )
    return batches.n_passes


def test_second_pass_only_where_digits_are_at_risk():
    """Every fit would read the rows twice, or some be wrong in many digits."""
    rng = np.random.default_rng(0)
    plain, y = rng.standard_normal((N, D)), rng.standard_normal(N)
    assert passes_of(plain, y) == 1
    assert passes_of(plain + 1e9, y + 1e9) == 1
    # The origin of the first rows is far from that of all.
    later = np.where(np.arange(N) < 16, 0.0, 1.0)[:, None] + 1e-2 * plain[:, :1]
    assert passes_of(later, y, size=2) == 1
    assert passes_of(later, y, size=2, large_mean=5.0) == 2
    # Dependent features do no harm, nearly dependent ones do.
    assert passes_of(np.hstack([plain, plain]), y) == 1
    near = plain[:, :1] + 1e-5 * rng.standard_normal((N, 1))
    assert passes_of(np.hstack([plain, near]), y) == 2
    # A model explains nearly everything.
    assert passes_of(plain, plain.sum(axis=1) + 1e-8 * y) == 2
    assert passes_of(plain + 1e5, y, is_about_means=False) == 2
    # All rows are in one block and are kept.
    assert passes_of(plain, plain.sum(axis=1), size=10_000) == 1


@pytest.mark.parametrize(
    ("used", "are_slices"),
    [
        (np.arange(23) % 5 + 1, True),
        ((np.arange(23) + 3) % 5 + 1, True),
        (np.where(np.arange(23) % 5 == 2, -1, np.arange(23) % 5 + 1), True),
        (np.repeat([1, 2, 3], 8), True),
        (np.arange(3) + 1, True),
        (np.zeros(7, dtype=int), True),
        (np.tile([1, 2, 1, 3], 6), False),
        (np.r_[np.arange(20) % 5 + 1, 1, 1, 2], False),
        (np.random.default_rng(0).integers(-1, 6, 40), False),
        (np.zeros(0, dtype=int), True),
    ],
    ids=["every", "later", "dropped", "runs", "few", "one", "twice", "end", "any", "0"],
)
def test_rows_of_parts(used, are_slices):
    """Rows would be counted in another fold, or folds by row be copied."""
    found, kinds = np.full(len(used), -1), []
    for part, rows in rows_of_parts(used, 6):
        assert np.all(found[rows] == -1)
        found[rows] = part
        kinds.append(isinstance(rows, slice))
    np.testing.assert_array_equal(found, used)
    assert all(kinds) or not are_slices


@settings(max_examples=40, deadline=None)
@given(
    used=st.one_of(
        st.lists(st.integers(-1, 4), min_size=1, max_size=60),
        st.builds(
            lambda part, n_rows: [*part * n_rows, *part[:1]],
            st.permutations(range(-1, 5)),
            st.integers(1, 9),
        ),
        st.builds(lambda n: [0] * n + [1] * (60 - n), st.integers(0, 60)),
    ),
    small_product=st.sampled_from([1, 1000, 10**6]),
    n_columns=st.sampled_from([D, MOST_NARROW]),
)
def test_products_of_parts(used, small_product, n_columns):
    """Rows would count in another fold, twice or not at all."""
    used = np.array(used)
    rows = RNG.standard_normal((len(used), n_columns))
    centre = Centre(np.zeros(n_columns), np.zeros(1), np.zeros(1, dtype=int), 0)
    sums, filler = {}, Filler(centre)
    with use_limits(small_product=small_product):
        for _ in range(2):
            # The memory of the first time is used again.
            filled = filler.fill(rows, rows[:, :1], None)
            add_products(sums, filler, filled, used, 6)
    assert set(sums) == set(used[used >= 0].tolist())
    whole = np.column_stack([rows, np.ones(len(used)), rows[:, 0]])
    for part, found in sums.items():
        own = 2.0 * whole[used == part].T @ whole[used == part]
        expected = as_sums(own, n_columns + 1)
        np.testing.assert_allclose(found.matrix(), expected, atol=1e-11)
