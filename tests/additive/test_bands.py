"""Bands of additive models: the true curve is inside, whatever happened to its term."""

import pickle
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor
from sklearn_myhpo.additive import _bands
from tests.helpers import covering_pairs

pandas = pytest.importorskip("pandas")


def make_frame(n=150, seed=0):
    """A curve, a number without effect, a category, and the sum of effects."""
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "age": rng.uniform(20, 80, n),
            "none": rng.normal(size=n),
            "kind": rng.choice(list("abcd"), n),
        }
    )
    frame["pay"] = frame["age"] / 30 + rng.normal(size=n)
    of_kind = frame["kind"].map({"a": 0.0, "b": 0.5, "c": -0.5, "d": 0.1})
    return frame, (np.sin(frame["age"] / 10) + of_kind).to_numpy()


def target_of(family, raw, seed=0):
    """Draw a target of a family."""
    rng = np.random.default_rng(seed)
    if family == "binary":
        return rng.uniform(size=len(raw)) < 1.0 / (1.0 + np.exp(-2.0 * raw))
    if family == "poisson":
        return rng.poisson(np.exp(raw)).astype(float)
    return raw + rng.normal(size=len(raw))


def model_of(family, **options):
    """An additive model of a family."""
    if family == "binary":
        return MYHPOAdditiveClassifier(**options)
    return MYHPOAdditiveRegressor(family=family, **options)


def quadratic_of(model, X, y, weight):
    """The Hessian and the slope at zero of the sum of losses, from all columns."""
    rows = model._terms.read(X, model)
    columns = np.asarray(model._terms.form(rows, np.ones(len(model._kept), bool)))
    if hasattr(model, "classes_"):
        mean = model.predict_proba(X)[:, 1]
        bend = weight * mean * (1.0 - mean)
    else:
        mean = model.predict(X)
        bend = weight * (mean if model.family == "poisson" else 1.0)
    columns = columns - bend @ columns / bend.sum()
    hessian = (columns * bend[:, None]).T @ columns
    return hessian, hessian @ model._coef[0] + columns.T @ (weight * (y - mean))


def penalties_of(model, weight):
    """The penalty of every column, infinite where its term is removed."""
    out = np.full(len(model._kept), np.inf)
    strengths = dict(zip(model.group_names_, np.exp(model.lambda_), strict=True))
    for part in model._terms.parts:
        if part.name in strengths:
            out[part.columns] = 2.0 * weight.sum() * strengths[part.name]
        elif model._kept[part.columns.start]:
            out[part.columns] = 0.0
    return out


def expected_moments(model, X, y, weight, number, n_nodes):
    """The second moments of a term: sums over grids, dense inverses at every node."""
    hessian, linear = quadratic_of(model, X, y, weight)
    penalty, parts = penalties_of(model, weight), model._terms.parts
    known = model.summary().dispersion
    noise = 1.0 if hasattr(model, "classes_") else known
    total = {p.name: np.trace(hessian[p.columns, p.columns]) for p in parts}
    for part in parts:
        penalty[part.columns] = np.minimum(penalty[part.columns], total[part.name])
    own = np.zeros(len(penalty), dtype=bool)
    own[model._terms.terms[number].columns] = True
    along = np.linalg.solve(
        hessian[np.ix_(~own, ~own)] + np.diag(penalty[~own]), hessian[~own][:, own]
    )
    precision = (hessian[np.ix_(own, own)] - hessian[own][:, ~own] @ along) / noise
    linear = (linear[own] - along.T @ linear[~own]) / noise
    coef = model._coef[0]
    n_rows = np.count_nonzero(weight)
    n_rows = weight.sum() if model._weights_count_rows else n_rows
    response = n_rows * noise + coef @ hessian @ coef
    first = model._terms.terms[number].columns.start
    groups = [
        (np.arange(p.columns.start, p.columns.stop) - first, response / total[p.name])
        for p in parts
        if p.term == model._terms.terms[number].name and penalty[p.columns.start] > 0
    ]
    # From far below the standard errors to far above the effects.
    low = 1e-2 / np.sqrt(np.diag(precision).max())
    nodes = [np.geomspace(low, 30.0 * np.sqrt(s), n_nodes) for _, s in groups]
    logs, moments = [], []
    for sigmas in product(*nodes):
        prior, log_mass = np.zeros(len(linear)), 0.0
        for (index, square), sigma in zip(groups, sigmas, strict=True):
            prior[index] = sigma**-2
            log_mass += np.log(sigma) - np.log1p(sigma**2 / square)
        covariance = np.linalg.inv(precision + np.diag(prior))
        mean = covariance @ linear
        _, log_root = np.linalg.slogdet(covariance)
        log_prior = np.log(prior[prior > 0]).sum()
        logs.append(log_mass + 0.5 * (linear @ mean + log_root + log_prior))
        off = mean - coef[own]
        moments.append(covariance + np.outer(off, off))
    share = np.exp(np.array(logs) - max(logs))
    return np.tensordot(share / share.sum(), moments, axes=1)


def _by_feature(effect):
    """The values of an effect, an array per feature."""
    return effect.values.T if effect.values.ndim > 1 else [effect.values]


def assert_errors(model, X, y, weight, n_nodes):
    """Compare the standard errors of all terms with those of dense sums."""
    for number, name in enumerate(model.term_names_):
        effect = model.partial_effects(name, n_points=9)[name]
        at = pandas.concat([X.iloc[:1]] * len(effect.values), ignore_index=True)
        for one, values in zip(name.split(":"), _by_feature(effect), strict=True):
            at[one] = values
        rows = model._terms.form(model._terms.read(at, model), model._kept | True)
        own = model._terms.terms[number].columns
        rows = (rows - model._means)[:, own]
        moments = expected_moments(model, X, y, weight, number, n_nodes)
        error = np.sqrt(np.einsum("ni,ij,nj->n", rows, moments, rows))
        assert_allclose(effect.standard_error, error, rtol=5e-3, err_msg=name)


@pytest.mark.parametrize(
    ("family", "select", "penalize_linear", "weighted"),
    covering_pairs(
        ("normal", "poisson", "binary"), (0.01, None), (True, False), (False, True)
    ),
)
def test_bands_are_those_of_all_strengths(
    family, select, penalize_linear, weighted, monkeypatch
):
    """A removed effect would be known for certain, or be of another size."""
    monkeypatch.setattr(_bands, "N_NODES", 60)
    options = {"select": select, "penalize_linear": penalize_linear}
    X, raw = make_frame()
    y, weight = target_of(family, raw), np.ones(len(raw))
    if weighted:
        weight = np.random.default_rng(1).uniform(0.5, 2.0, len(raw))
    model = model_of(family, n_splines=5, tol=1e-9, **options).fit(X, y, weight)
    assert_errors(model, X, y, weight, n_nodes=40)


def test_bands_of_pairs_hours_and_missing_values(monkeypatch):
    """Terms of one part or three would have bands of a line and a curve."""
    monkeypatch.setattr(_bands, "N_NODES", 32)
    X, raw = make_frame(100)
    y, weight = target_of("normal", raw), np.ones(100)
    options = {"n_splines": 4, "tol": 1e-9, "select": None}
    model = MYHPOAdditiveRegressor(cyclic=["none"], pairs=[("age", "pay")], **options)
    assert_errors(model.fit(X, y), X, y, weight, n_nodes=40)
    few = X[["age", "kind"]].copy()
    few.loc[::7, "age"] = np.nan
    # A line, a curve and an indicator.
    model = MYHPOAdditiveRegressor(missing="indicator", **options).fit(few, y)
    assert [len(one.groups) for one in model._likelihoods] == [3, 1]
    assert_errors(model, few, y, weight, n_nodes=16)


def curves_of(seed, n=150, noise=3.0):
    """Rows of five numbers and three curves, with noise in units of their sum."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, 5))
    curves = np.zeros((5, n))
    curves[0], curves[1] = np.sin(6.0 * X[:, 0]), 2.0 * X[:, 1]
    curves[2] = np.exp(-(((X[:, 2] - 0.6) / 0.15) ** 2))
    curves -= curves.mean(axis=1, keepdims=True)
    signal = curves.sum(axis=0)
    return X, signal + noise * signal.std() * rng.normal(size=n), curves


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_true_curves_are_inside(noise):
    """Curves that noise hides would be said to be zero for certain."""
    inside, weak = [], []
    for seed in range(8):
        X, y, curves = curves_of(seed, noise=noise)
        model = MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
        for k, effect in enumerate(model.partial_effects(n_points=50).values()):
            low, high = (
                np.interp(X[:, k], effect.values, end)
                for end in (effect.low, effect.high)
            )
            share = np.mean((low <= curves[k]) & (curves[k] <= high))
            if k < 3:
                inside.append(share)
                weak += [share] if model.edof_[k] < 0.5 else []
    assert 0.9 < np.mean(inside) < 0.995
    if noise == 3.0:
        # Terms that are held or removed.
        assert len(weak) > 6
        assert np.mean(weak) > 0.85


def test_the_band_of_a_removed_term():
    """It would be a line through zero, and no curve would be in it but that."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(150, 5))
    y = 0.5 * np.sin(6.0 * X[:, 0]) + rng.normal(size=150)
    model = MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
    assert len(model.dropped_) > 2
    for effect in model.partial_effects(model.dropped_).values():
        assert not effect.effect.any()
        assert_allclose(effect.low, -effect.high)
        # A line alone is zero somewhere.
        error = effect.standard_error
        assert error.min() > 0.1 * error.max()


def test_known_strengths_have_the_bands_of_their_posterior():
    """Bands of clear curves would be much wider than the data allow."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(3000, 2))
    y = np.sin(9.0 * X[:, 0]) + np.cos(9.0 * X[:, 1]) + 0.1 * rng.normal(size=3000)
    model = MYHPOAdditiveRegressor(n_splines=10).fit(X, y)
    hessian, _ = quadratic_of(model, X, y, np.ones(3000))
    penalty = np.diag(penalties_of(model, np.ones(3000)))
    covariance = model.summary().dispersion * np.linalg.inv(hessian + penalty)
    for term in model._terms.terms:
        effect = model.partial_effects(term.name)[term.name]
        rows = model._terms.rows_of(term, effect.values[:, None])
        own = covariance[term.columns, term.columns]
        error = np.sqrt(np.einsum("ni,ij,nj->n", rows, own, rows))
        assert np.all(effect.standard_error > 0.98 * error)
        assert np.mean(effect.standard_error / error) < 1.1


def test_a_removed_twin_is_not_forgotten():
    """Of two numbers that are alike, the one that stays would seem to be the cause."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    y = X[:, 0] + rng.normal(size=300)
    twins = MYHPOAdditiveRegressor(n_splines=6).fit(X, y)
    alone = MYHPOAdditiveRegressor(n_splines=6).fit(X[:, :1], y)
    assert twins.dropped_ == ["x1"]
    wide, narrow = (
        one.partial_effects("x0")["x0"].standard_error for one in (twins, alone)
    )
    assert np.all(wide > 1.05 * narrow)
    assert np.mean(wide / narrow) < 2.0


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_and_order_of_rows(unit):
    """Bands would depend on what is arbitrary."""
    X, y, _ = curves_of(1)
    one = MYHPOAdditiveRegressor(n_splines=6).fit(X, y).partial_effects()
    other = MYHPOAdditiveRegressor(n_splines=6).fit(3e5 * X[::-1], unit * y[::-1])
    for left, right in zip(one.values(), other.partial_effects().values(), strict=True):
        scaled = unit * left.standard_error
        assert_allclose(right.standard_error, scaled, rtol=1e-3)


def test_names_of_classes_do_not_matter():
    """The band of a class would be that of another one."""
    X, y, _ = curves_of(2, n=240, noise=1.0)
    labels = np.digitize(y, np.quantile(y, [0.3, 0.7]))
    options = {"n_splines": 5, "tol": 1e-9}
    one = MYHPOAdditiveClassifier(**options).fit(X[:, :3], labels)
    order = np.array([2, 0, 1])
    other = MYHPOAdditiveClassifier(**options).fit(X[:, :3], order[labels])
    for name, effect in one.partial_effects(n_points=10).items():
        found = other.partial_effects(name, n_points=10)[name]
        expected = effect.standard_error[np.argsort(order)]
        assert_allclose(found.standard_error, expected, rtol=1e-2)
        assert np.all(expected > 0.0)


HOSTILE = {
    "fewer rows than columns": lambda X, y: (X[:20], y[:20]),
    "twins": lambda X, y: (X[:, [0, 0, 1]], y),
    "a constant": lambda X, y: (np.c_[X, np.ones(len(X))], y),
    "no noise": lambda X, y: (X, X[:, 0]),
    "nothing": lambda X, y: (X, 0.0 * y),
    "one rare row": lambda X, y: (X, np.where(np.arange(len(y)) < 1, 1e6, y)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("penalize_linear", [True, False])
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_bands_are_always_numbers(change, penalize_linear):
    """A picture would be empty, or a sum of errors NaN."""
    X, y = change(*curves_of(3)[:2])
    model = MYHPOAdditiveRegressor(n_splines=5, penalize_linear=penalize_linear)
    for effect in model.fit(X, y).partial_effects(n_points=20).values():
        assert np.all(np.isfinite(effect.standard_error))
        assert np.all(effect.low <= effect.high)


def test_a_fit_keeps_little():
    """A pickle would hold the square of all columns, or the rows."""
    X, y, _ = curves_of(4)
    model = MYHPOAdditiveRegressor(n_splines=10).fit(X, y)
    few = sum(len(pickle.dumps(one)) for one in model._likelihoods)
    assert few < 5 * (8 * 9**2 + 2000)
    again = pickle.loads(pickle.dumps(model)).partial_effects("x0")["x0"]
    assert_allclose(again.high, model.partial_effects("x0")["x0"].high)
