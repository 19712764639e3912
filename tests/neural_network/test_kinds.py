"""Kinds of hyperparameters: transforms, registration, and what they do to rows."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_myhpo.neural_network import STNClassifier, kinds

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from sklearn_myhpo.neural_network.augmentation import KINDS  # noqa: E402
from sklearn_myhpo.neural_network.nn import Noise  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N = 400


def noise(seed=0):
    return Noise(torch.Generator().manual_seed(seed))


def images():
    """Return N images of one bright pixel in the middle, of 9 x 9."""
    x = torch.zeros(N, 1, 9, 9, dtype=torch.float64)
    x[:, 0, 4, 4] = 1.0
    return x


def applied(name, x, **values):
    values = {key: torch.full((1,), value).to(x) for key, value in values.items()}
    return KINDS[name].apply(x, values, noise())


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_transforms_are_inverse_and_stay_in_range(kind):
    """A start value would not be where tuning starts, or a step leave the range."""
    for free in (kind.free_low, -0.7, 0.0, 1.3, kind.free_high):
        value = kind.from_free(free)
        assert kind.low <= value <= kind.high
        assert kind.to_free(value) == pytest.approx(free, abs=1e-9)
        tensor = kind.transform.from_free(torch.tensor(free).double(), torch.exp)
        assert float(tensor) == pytest.approx(value)
    assert kind.free_low < kind.to_free(kind.default) < kind.free_high


def test_values_outside_of_a_range_have_no_coordinate():
    """A rate of zero would be tuned from somewhere else."""
    kind = KINDS["dropout"]
    assert kind.to_free(0.0) == -math.inf
    assert kind.to_free(kinds.MAX_DROPOUT) == math.inf


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_noise", 0.0),
        ("random_shift", 0.0),
        ("random_crop", 0.0),
        ("brightness", 0.0),
        ("cutout_length", 0.0),
        ("cutout_holes", 0.0),
    ],
)
def test_no_augmentation_at_zero(name, value):
    """Rows would be changed that should stay."""
    x = torch.rand(N, 2, 9, 7, dtype=torch.float64)
    torch.testing.assert_close(applied(name, x, **{name: value}), x)


def test_noise_and_brightness_have_their_size():
    """The value that is learned would not be that of training."""
    x = torch.ones(N, 1, 9, 9, dtype=torch.float64)
    noisy = applied("input_noise", x, input_noise=0.3)
    assert float((noisy - x).std()) == pytest.approx(0.3, rel=0.02)
    bright = applied("brightness", x, brightness=0.4)[:, 0, 0, 0]
    assert torch.all((bright >= 0.6) & (bright <= 1.4))
    assert float(bright.std()) == pytest.approx(0.4 / math.sqrt(3.0), rel=0.1)


def test_every_row_has_its_own_value():
    """The response would learn that a value has no effect."""
    x = torch.ones(2, 1, 4, 4, dtype=torch.float64)
    values = {"input_noise": torch.tensor([0.0, 1.0], dtype=torch.float64)}
    found = KINDS["input_noise"].apply(x, values, noise())
    assert torch.equal(found[0], x[0])
    assert torch.all(found[1] != x[1])


def test_shifts_move_by_at_most_their_share():
    """A shift of a third of an image would hide a digit, or not move it."""
    found = applied("random_shift", images(), random_shift=1 / 3)
    weights = found.sum(dim=(1, 2, 3))
    places = torch.arange(9, dtype=torch.float64) - 4
    for axis in (2, 3):
        center = (found.sum(dim=(1, 5 - axis)) * places).sum(dim=1) / weights
        assert float(center.abs().max()) <= 3.0 + 1e-9
        assert float(center.max()) > 2.5
        assert float(center.min()) < -2.5
        assert abs(float(center.mean())) < 0.35


def test_crops_enlarge_what_is_left():
    """Windows would leave the image, or not be enlarged."""
    x = torch.ones(N, 1, 9, 9, dtype=torch.float64)
    inner = applied("random_crop", x, random_crop=0.5)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(inner, torch.ones_like(inner))
    found = applied("random_crop", images(), random_crop=0.5).sum(dim=(1, 2, 3))
    assert float(found.max()) > 1.5


@pytest.mark.parametrize(("length", "holes"), [(1, 1), (2, 1), (3, 1), (3, 4)])
def test_holes_have_their_size(length, holes):
    """cutout_length would be no number of pixels."""
    x = torch.ones(N, 2, 40, 50, dtype=torch.float64)
    found = applied(
        "cutout_length", x, cutout_length=float(length), cutout_holes=float(holes)
    )
    assert torch.equal(found[:, 0], found[:, 1])
    missing = (found[:, 0] == 0).sum(dim=(1, 2))
    assert int(missing.max()) == holes * length**2
    if holes == 1:
        # Some reach over the border; most do not.
        assert float((missing == length**2).double().mean()) > 0.8
        places = [(image[0] == 0).nonzero() for image in found[missing == length**2]]
        spans = [place.max(dim=0).values - place.min(dim=0).values for place in places]
        assert all(span.tolist() == [length - 1] * 2 for span in spans)


def test_holes_alone_have_a_quarter_of_the_side():
    """cutout_holes without cutout_length would do nothing."""
    x = torch.ones(N, 1, 40, 48, dtype=torch.float64)
    found = applied("cutout_holes", x, cutout_holes=1.0)
    assert int((found == 0).sum(dim=(1, 2, 3)).max()) == 100
    both = {"cutout_holes": 1.0, "cutout_length": 2.0}
    assert torch.equal(applied("cutout_holes", x, **both), x)


def test_label_smoothing_is_that_of_torch():
    """Another target would be learned than the name says."""
    outputs, y = torch.randn(N, 5).double(), torch.randint(0, 5, (N,))
    losses = nn.functional.cross_entropy(outputs, y, reduction="none")
    share = torch.tensor([0.3]).double()
    found = KINDS["label_smoothing"].apply(
        losses, outputs, y, {"label_smoothing": share}
    )
    expected = nn.functional.cross_entropy(
        outputs, y, reduction="none", label_smoothing=0.3
    )
    torch.testing.assert_close(found, expected)


def test_counts_are_rounded_to_their_mean():
    """A length of 2.3 pixels would be one of 2, whose response cannot be seen."""
    seen = []

    class Length(kinds.InputKind):
        name = "length_of_this_test"
        default = 2.3
        high = 5.0
        transform = kinds.Bounded(0.0, 5.0)
        is_integer = True

        def apply(self, x, values, noise):
            seen.append(values[self.name])
            return x

    kinds.register(Length)
    try:
        fit(tune=False, hyperparameters={"length_of_this_test": 2.3})
    finally:
        del kinds.KINDS["length_of_this_test"]
    seen = torch.cat(seen)
    assert set(seen.tolist()) == {2.0, 3.0}
    assert float(seen.mean()) == pytest.approx(2.3, abs=0.06)


def fit(max_iter=4, **options):
    X, y = load_digits(return_X_y=True)
    module = nn.Sequential(nn.Linear(64, 10))
    return STNClassifier(
        module, max_iter=max_iter, n_warmup_iter=1, random_state=0, **options
    ).fit(X[:500] / 16.0, y[:500])


def test_a_kind_of_ones_own():
    """The ten lines of the guide would not work."""

    @kinds.register
    class Fading(kinds.InputKind):
        """Largest share by which a row is darkened."""

        name = "fading"
        default = 0.2

        def apply(self, x, values, noise):
            share = values[self.name] * noise.uniform((len(x),), x)
            return x * (1.0 - share)[:, None]

    try:
        model = fit(tune=["fading"])
        again = fit(tune=["fading"], hyperparameters={"fading": 0.6})
        plain = fit()
    finally:
        del kinds.KINDS["fading"]
    assert list(model.schedule_)[:2] == ["lambda_0", "fading"]
    assert model.schedule_["fading"][0] == pytest.approx(0.2)
    assert model.schedule_["fading"][-1] != model.schedule_["fading"][0]
    assert again.schedule_["train_loss"][0] != model.schedule_["train_loss"][0]
    assert "fading" not in plain.hyperparameters_


def test_bad_kinds_are_refused():
    """Two kinds of one name would hide one another."""

    class Nameless(kinds.InputKind):
        pass

    class Dropout2(kinds.InputKind):
        name = "dropout"

    class Far(kinds.InputKind):
        name = "far"
        default = 2.0

    with pytest.raises(ValueError, match=r"Nameless needs a name .* Got ''"):
        kinds.register(Nameless)
    with pytest.raises(ValueError, match=r"Dropout2 needs a name.*'dropout'"):
        kinds.register(Dropout2)
    with pytest.raises(ValueError, match=r"default of Far must be from .* Got 2\.0"):
        kinds.register(Far)
    assert "far" not in kinds.KINDS


def test_augmentation_is_of_training_only():
    """Predictions and the validation loss would be those of noisy rows."""
    model = fit(tune=False, hyperparameters={"input_noise": 5.0})
    X, _ = load_digits(return_X_y=True)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    assert model.schedule_["train_loss"][-1] > 1.3 * model.validation_loss_
