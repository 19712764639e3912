"""Losses: a wrong derivative would move every solution of every solver."""

from functools import partial

import numpy as np
import pytest
from scipy.special import softmax

from sklearn_myhpo.losses import (
    LOSSES,
    ClassScoresLoss,
    GammaLoss,
    Interval,
    LogisticLoss,
    Loss,
    MultinomialLoss,
    PoissonLoss,
    SquaredLoss,
    TweedieLoss,
)
from tests.helpers import numerical_gradient

N_ROWS = 7
#: Losses whose curvature has no bound.
UNBOUNDED = ("poisson", "gamma", "tweedie")
bounded = pytest.mark.parametrize("name", [n for n in LOSSES if n not in UNBOUNDED])


def make(name):
    """Return a loss with a target and raw predictions; new losses go here too."""
    rng = np.random.default_rng(0)
    amounts = rng.gamma(2.0, size=N_ROWS)
    loss, y = {
        "squared": lambda: (SquaredLoss(), rng.standard_normal((N_ROWS, 2))),
        "logistic": lambda: (LogisticLoss(), np.arange(N_ROWS) % 2),
        "multinomial": lambda: (MultinomialLoss(4), np.arange(N_ROWS) % 4),
        "class scores": lambda: (ClassScoresLoss(4), np.arange(N_ROWS) % 4),
        "poisson": lambda: (PoissonLoss(), np.arange(N_ROWS) % 4 * 1.0),
        "gamma": lambda: (GammaLoss(), amounts),
        "tweedie": lambda: (TweedieLoss(1.3), amounts * (np.arange(N_ROWS) % 3 > 0)),
    }[name]()
    return loss, y, rng.standard_normal((N_ROWS, loss.n_outputs(y)))


def by_row(function, raw):
    """Differentiate a function of each row of raw in that row alone."""
    return np.stack(
        [
            numerical_gradient(
                lambda row, i=i: function(
                    np.vstack([raw[:i], row[None], raw[i + 1 :]])
                )[i],
                raw[i],
            )
            for i in range(len(raw))
        ]
    )


@pytest.mark.parametrize("name", LOSSES)
def test_gradient(name):
    """A wrong slope: inner problems stop at the wrong weights."""
    loss, y, raw = make(name)
    expected = by_row(lambda raw: loss.value(y, raw), raw)
    np.testing.assert_allclose(loss.gradient(y, raw), expected, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_curvature(name):
    """A wrong Hessian: hypergradients point elsewhere."""
    loss, y, raw = make(name)
    expected = by_row(lambda raw: loss.gradient(y, raw), raw)
    np.testing.assert_allclose(loss.curvature(y, raw), expected, atol=1e-9)


@bounded
def test_curvature_stays_below_its_declared_maximum(name):
    """Automatic step sizes and bounds of lambda rest on it."""
    loss, y, raw = make(name)
    for scale in (0.0, 0.1, 1.0, 10.0):
        largest = np.linalg.eigvalsh(loss.curvature(y, scale * raw)).max()
        assert largest <= loss.max_curvature * (1 + 1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_third(name):
    """A wrong third derivative: the second-order model misleads the step."""
    loss, y, raw = make(name)
    third = by_row(lambda raw: loss.curvature(y, raw), raw)
    a, b, c = np.random.default_rng(1).standard_normal((3, *raw.shape))
    expected = np.einsum("nijk,ni,nj,nk->n", third, a, b, c)
    np.testing.assert_allclose(loss.third(y, raw, a, b, c), expected, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_third_broadcasts(name):
    """The engine contracts whole stacks of directions at once."""
    loss, y, raw = make(name)
    directions = np.random.default_rng(1).standard_normal((5, *raw.shape))
    unit = np.eye(raw.shape[1])[0]
    together = loss.third(y, raw, raw, unit, directions)
    assert together.shape == (5, N_ROWS)
    for one, direction in zip(together, directions, strict=True):
        expected = loss.third(y, raw, raw, unit + 0 * raw, direction)
        np.testing.assert_allclose(one, expected, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_third_product(name):
    """Second derivatives in lambda of many groups take it, not `third`."""
    loss, y, raw = make(name)
    along, other, *vectors = np.random.default_rng(1).standard_normal((5, *raw.shape))
    found = loss.third_product(y, raw, along, np.stack(vectors))
    assert found.shape == (3, *raw.shape)
    for one, vector in zip(found, vectors, strict=True):
        expected = loss.third(y, raw, along, other, vector)
        np.testing.assert_allclose((one * other).sum(axis=1), expected, atol=1e-12)
    change = loss.curvature_slope(y, raw, along)
    np.testing.assert_allclose(
        np.einsum("nab,knb->kna", change, vectors), found, atol=1e-12
    )


def test_multinomial_is_a_softmax():
    """In other coordinates, it would be another model than scikit-learn's."""
    loss, y, raw = make("multinomial")
    scores = loss.scores(raw)
    probability = softmax(scores, axis=1)
    rows = np.arange(N_ROWS)
    np.testing.assert_allclose(loss.value(y, raw), -np.log(probability[rows, y]))
    slope = probability - np.eye(4)[y]
    np.testing.assert_allclose(loss.gradient(y, raw), slope @ loss.contrasts)
    # The penalty is that of the scores, whose sum over classes is zero.
    np.testing.assert_allclose(np.sum(raw**2), np.sum(scores**2))
    np.testing.assert_allclose(scores.sum(axis=1), 0.0, atol=1e-14)


def test_two_classes_of_a_softmax_are_logistic():
    """The two classifiers would disagree on binary data."""
    y, raw = np.array([0, 1, 1]), np.array([[0.3], [-1.2], [2.0]])
    softmax_loss = MultinomialLoss(2)
    scores = softmax_loss.scores(raw)
    log_odds = (scores[:, 1] - scores[:, 0])[:, None]
    np.testing.assert_allclose(
        softmax_loss.value(y, raw), LogisticLoss().value(y, log_odds)
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_extreme_predictions_stay_finite(name, size):
    """An overflow would end in NaN weights on separable classes."""
    loss, y, raw = make(name)
    raw = size * raw / np.abs(raw).max()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.all(np.isfinite(loss.value(y, raw)))
        assert np.all(np.isfinite(loss.gradient(y, raw)))
        assert np.all(np.isfinite(loss.curvature(y, raw)))
        assert np.all(np.isfinite(loss.third(y, raw, raw, raw, raw)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [0.0, 1.0, 50.0, 1e3])
def test_joint_calls_agree_with_single_ones(name, size):
    """Shared work must not change a result, in the tails either."""
    loss, y, raw = make(name)
    raw = size * raw
    first, second = loss.gradient(y, raw), loss.curvature(y, raw)
    value, gradient = loss.value_and_gradient(y, raw)
    np.testing.assert_allclose(value, loss.value(y, raw), rtol=1e-14, atol=0)
    np.testing.assert_allclose(gradient, first, rtol=1e-13, atol=1e-300)
    gradient, curvature = loss.gradient_and_curvature(y, raw)
    np.testing.assert_allclose(gradient, first, rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(curvature, second, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("name", LOSSES)
def test_arrays_that_are_given_are_not_changed(name):
    """The engine keeps raw predictions; work in place must stay inside."""
    loss, y, raw = make(name)
    kept_y, kept_raw = y.copy(), raw.copy()
    loss.value(y, raw), loss.gradient(y, raw), loss.curvature(y, raw)
    loss.third(y, raw, raw, raw, raw), loss.curvature_change(raw)
    loss.value_and_gradient(y, raw), loss.gradient_and_curvature(y, raw)
    np.testing.assert_array_equal(y, kept_y)
    np.testing.assert_array_equal(raw, kept_raw)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [0.1, 1.0, 5.0])
def test_curvature_change_bounds_the_curvature(name, size):
    """Newton takes a direction for accurate where it is small."""
    loss, y, raw = make(name)
    move = size * np.random.default_rng(1).standard_normal(raw.shape)
    factor = np.exp(loss.curvature_change(move))[:, None, None]
    old, new = loss.curvature(y, raw), loss.curvature(y, raw + move)
    for least, most in ((old, factor * new), (new, factor * old)):
        assert np.linalg.eigvalsh(most - least).min() > -1e-12 * most.max()


@pytest.mark.parametrize("name", LOSSES)
def test_registered_losses_declare_their_data(name):
    """Messages, checks and the choice of engine read them."""
    loss, y, raw = make(name)
    assert loss.name == {"class scores": "multinomial"}.get(name, name)
    assert loss.link in ("identity", "log", "logit", "softmax")
    assert (loss.y_range is None) == (loss.n_classes is not None)
    assert np.all(loss.value(y, raw) >= 0)
    if name not in UNBOUNDED:
        scale = loss.curvature_scale(y, np.ones(N_ROWS))
        assert scale == loss.max_curvature == loss.curvature_bound("A test")
        return
    with pytest.raises(ValueError, match=f"A test needs a bound .* {name} loss"):
        loss.curvature_bound("A test")


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("squared", np.array([[1.0], [np.nan]]), r"squared loss .*\(-inf, inf\).*nan"),
        ("squared", np.array([[1.0], [np.inf]]), r"squared loss .*\(-inf, inf\).*inf"),
        ("logistic", np.array([0, 2]), r"logistic loss .*integers from 0 to 1.*Got 2"),
        ("logistic", np.array([0.0, 0.5]), r"integers from 0 to 1.*float64"),
        ("multinomial", np.array([0, -1]), r"integers from 0 to 3.*Got -1"),
        ("poisson", np.array([0.0, -1.0]), r"poisson loss .*\[0, 1e\+100\].*Got -1"),
        ("poisson", np.array([0.0, np.nan]), r"poisson loss .*Got nan"),
        ("gamma", np.array([1.0, 0.0]), r"gamma loss .*\[1e-100, 1e\+100\].*Got 0"),
        ("tweedie", np.array([0.0, 1e101]), r"tweedie loss .*\[0, .*Got 1e\+101"),
    ],
)
def test_target_out_of_range(name, bad, message):
    """A label out of range would index another class."""
    loss, y, _ = make(name)
    loss.check_target(y)
    with pytest.raises(ValueError, match=message):
        loss.check_target(bad)


def test_interval():
    """Open and closed ends, in checks and in messages."""
    half = Interval(0.0, 2.0, low_closed=True)
    values = np.array([-0.1, 0.0, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(half.contains(values), [0, 1, 1, 0, 0])
    assert str(half) == "[0, 2)"
    assert str(Interval(0.0, np.inf, high_closed=True)) == "(0, inf]"


@pytest.mark.parametrize("name", ["logistic", "multinomial"])
def test_small_gradients_do_not_cancel(name):
    """Nearly separable classes: p - y would be zero long before it should."""
    loss, y, _ = make(name)
    raw = -1e-3 * loss.gradient(y, np.zeros((N_ROWS, loss.n_outputs(y))))
    raw *= 40.0 / np.abs(raw).max()
    slope = loss.gradient(y, raw)
    assert np.all(np.abs(slope).max(axis=1) > 0)
    np.testing.assert_array_less(np.abs(slope).max(axis=1), 1e-9)


def test_logistic_tails_are_exact():
    """All digits of numbers that 1 - p would round to zero."""
    loss, y = LogisticLoss(), np.array([0, 1, 0, 1])
    for size in (5.0, 36.0, 40.0, 300.0, 690.0):
        raw = size * np.array([[-1.0], [1.0], [1.0], [-1.0]])
        small = np.exp(-size)
        slope = [small / (1 + small), -small / (1 + small), 1 / (1 + small)]
        slope.append(-slope[-1])
        value = np.log1p(small) + np.array([0.0, 0.0, size, size])
        np.testing.assert_allclose(loss.value(y, raw), value, rtol=1e-14)
        np.testing.assert_allclose(loss.gradient(y, raw)[:, 0], slope, rtol=1e-14)
        bend = small / (1 + small) ** 2
        np.testing.assert_allclose(loss.curvature(y, raw)[:, 0, 0], bend, rtol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_intercept_start_is_the_best_constant(name):
    """The null model, against which "no interior minimum" is judged."""
    loss, y, raw = make(name)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, N_ROWS)
    constant = loss.intercept_start(y, weight) + 0 * raw
    np.testing.assert_allclose(weight @ loss.gradient(y, constant), 0.0, atol=1e-12)


def test_class_scores_are_the_softmax_of_contrasts():
    """A lambda per class, all equal, would be another model than one lambda."""
    contrasts, y, raw = make("multinomial")
    own, _, _ = make("class scores")
    scores, weight = contrasts.scores(raw), np.arange(1.0, N_ROWS + 1)
    np.testing.assert_allclose(own.value(y, scores), contrasts.value(y, raw))
    start = own.intercept_start(y, weight)
    assert start[-1] == 0.0
    np.testing.assert_allclose(
        start - start.mean(), contrasts.scores(contrasts.intercept_start(y, weight))
    )


def test_class_scores_leave_raw_predictions_alone():
    """The rows of the next question would have other scores."""
    loss, y, raw = make("class scores")
    before = raw.copy()
    for shape in (raw, np.asfortranarray(raw), raw[::-1][::-1]):
        loss.value_and_gradient(y, shape)
        loss.gradient_and_curvature(y, shape)
        np.testing.assert_array_equal(shape, before)


@pytest.mark.parametrize("name", ["logistic", "poisson", "gamma", "tweedie"])
def test_derivatives_at_once(name):
    """The slope in lambda would be of another loss than the weights."""
    loss, y, raw = make(name)
    one = np.ones((1, 1))
    for scale in (1.0, 600.0):
        at = scale * raw
        value, first, second, third = loss.derivatives(y, at[:, 0])
        np.testing.assert_allclose(value, loss.value(y, at), rtol=1e-12)
        np.testing.assert_allclose(first, loss.gradient(y, at)[:, 0], 1e-9, 1e-300)
        expected = loss.curvature(y, at)[:, 0, 0]
        np.testing.assert_allclose(second, expected, rtol=1e-7, atol=1e-14)
        expected = loss.third(y, at, one, one, one)
        np.testing.assert_allclose(third, expected, rtol=1e-7, atol=1e-14)
        mean = np.abs(second) + np.abs(first)
        for rough, exact in zip(
            loss.slopes(y, at[:, 0]), (first, second, third), strict=True
        ):
            assert np.all(np.abs(rough - exact) <= 1e-9 * (mean + np.abs(y)) + 1e-14)
        for derive in (loss.derivatives, partial(Loss.derivatives, loss)):
            both = derive(y, np.stack([at[:, 0], -at[:, 0]]))
            other = derive(y, -at[:, 0])
            for found, own, second in zip(
                both, derive(y, at[:, 0]), other, strict=True
            ):
                np.testing.assert_allclose(found, np.stack([own, second]))


@pytest.mark.parametrize("name", ["logistic", "poisson", "gamma", "tweedie"])
def test_mean_curvature(name):
    """The bounds of lambda would be in another unit than the data."""
    loss, y, raw = make(name)
    weight = np.arange(len(y)) * 1.0
    many = np.repeat(raw[:1], len(y), axis=0)
    expected = np.average(loss.curvature(y, many), axis=0, weights=weight)
    found = loss.mean_curvature(y, raw[0], weight)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
