"""Self-tuning layers, and their conversion, against layers of PyTorch."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from sklearn_myhpo.neural_network import nn as stn  # noqa: E402
from sklearn_myhpo.neural_network.hyperparameters import Site  # noqa: E402
from sklearn_myhpo.neural_network.kinds import LAMBDA  # noqa: E402
from sklearn_myhpo.neural_network.network import ModuleNetwork  # noqa: E402
from sklearn_myhpo.neural_network.nn._convert import self_tuning_layers  # noqa: E402
from sklearn_myhpo.neural_network.nn._response import ResponseLayer  # noqa: E402

DOUBLE = torch.float64
N, N_RESPONSES = 5, 3


class Sequences(nn.Module):
    """Embedding, LSTM and a linear layer; targets of all times."""

    def __init__(self, batch_first=True, **options):
        super().__init__()
        self.batch_first = batch_first
        self.embedding = nn.Embedding(9, 4, padding_idx=0)
        self.lstm = nn.LSTM(4, 6, batch_first=batch_first, **options)
        n_directions = 2 if options.get("bidirectional") else 1
        self.linear = nn.Linear(6 * n_directions, 3)

    def forward(self, x):
        x = self.embedding(x)
        x, (hidden, cell) = self.lstm(x if self.batch_first else x.transpose(0, 1))
        x = x if self.batch_first else x.transpose(0, 1)
        return self.linear(x) + (hidden * cell).sum(dim=(0, 2))[:, None, None]


def images():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular", stride=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 2, groups=2, bias=False, dilation=1),
        nn.GroupNorm(2, 6),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(6, 3),
    )


def signals():
    return nn.Sequential(
        nn.Conv1d(2, 3, 3),
        nn.BatchNorm1d(3),
        nn.Tanh(),
        nn.Dropout1d(0.3),
        nn.Flatten(),
        nn.LayerNorm(12),
        nn.Linear(12, 2, bias=False),
    )


def tokens():
    return torch.randint(1, 9, (N, 7))  # Padding, which is 0, has no gradient.


#: Module, and a batch for it.
CASES = {
    "linear": (lambda: nn.Linear(4, 2), lambda: torch.randn(N, 4)),
    "linear, three axes": (lambda: nn.Linear(4, 2), lambda: torch.randn(N, 6, 4)),
    "images": (images, lambda: torch.randn(N, 2, 8, 8)),
    "signals": (signals, lambda: torch.randn(N, 2, 6)),
    "lstm": (Sequences, tokens),
    "lstm, time first": (lambda: Sequences(batch_first=False), tokens),
    "lstm, two layers, both directions": (
        lambda: Sequences(num_layers=2, bidirectional=True, dropout=0.4),
        tokens,
    ),
    "lstm, no bias": (lambda: Sequences(bias=False), tokens),
}


@pytest.fixture(params=CASES)
def case(request):
    """Return a module, its self-tuning copy with a strong response, and a batch."""
    module, batch = CASES[request.param]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        module = module().to(DOUBLE).eval()
        x = batch()
        x = x.to(DOUBLE) if x.is_floating_point() else x
        tuning = stn.self_tune(module, N_RESPONSES, response_scale=0.7)
    return module, tuning, x


def inputs(n=N, seed=1):
    """Return inputs of the response."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, N_RESPONSES, dtype=DOUBLE, generator=generator)


def outputs(module, x, r):
    with stn.respond(module, r):
        return module(x)


def responses_of(module):
    """Return the parameters of all responses."""
    layers = [one for one in self_tuning_layers(module) if hasattr(one, "responses")]
    return [each for layer in layers for each in layer.responses]


@pytest.mark.parametrize("r", [None, torch.zeros(1, N_RESPONSES, dtype=DOUBLE)])
def test_without_response_outputs_stay(case, r):
    """A converted module would not begin where the user's module is."""
    module, tuning, x = case
    torch.testing.assert_close(tuning(x), module(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(outputs(tuning, x, r), module(x), rtol=0, atol=1e-12)
    if r is not None:
        each = outputs(tuning, x, r.expand(N, -1))
        torch.testing.assert_close(each, module(x), rtol=0, atol=1e-12)


def test_every_example_has_the_weights_of_its_own_r(case):
    """The response would be taught with other weights than are used later.

    Per example, for all together, and as a plain module of formed weights.
    """
    module, tuning, x = case
    r = inputs()
    found = outputs(tuning, x, r)
    assert not torch.allclose(found, module(x), atol=0.01)
    for row in range(N):
        plain = stn.to_torch(tuning, r[row])
        torch.testing.assert_close(plain(x)[row], found[row])
        torch.testing.assert_close(
            outputs(tuning, x, r[row : row + 1])[row], found[row]
        )


def test_back_to_torch_it_is_an_ordinary_module(case):
    """The module could not be stored, exported or loaded without this package."""
    module, tuning, x = case
    plain = stn.to_torch(tuning)
    assert list(map(type, plain.modules())) == list(map(type, module.modules()))
    assert list(plain.state_dict()) == list(module.state_dict())
    assert repr(plain) == repr(module)
    assert {"sklearn_myhpo" in type(one).__module__ for one in plain.modules()} == {
        False
    }
    module.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(x), module(x), rtol=0, atol=0)
    copied = pickle.loads(pickle.dumps(tuning))
    torch.testing.assert_close(
        outputs(copied, x, inputs()), outputs(tuning, x, inputs())
    )


@pytest.mark.parametrize("n", [1, N])
def test_linearization_is_the_derivative(case, n):
    """Responses of the centred form would be trained on another function.

    Against central differences of the outputs in r.
    """
    _, tuning, x = case
    r, step = inputs(n), 1e-5
    ends = [outputs(tuning, x, sign * step * r) for sign in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * step)
    expected = outputs(tuning, x, None) + slope
    found = stn.linearized(tuning, x, r)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n", [1, N])
@pytest.mark.parametrize("way", ["respond", "linearized"])
def test_gradients_against_finite_differences(case, way, n):
    """Tuning and training steps would not descend their loss.

    In r, which is the gradient in the hyperparameters, and in the responses.
    """
    _, tuning, x = case
    r = inputs(n).requires_grad_()
    weights = [r, *responses_of(tuning)]

    def loss():
        found = (
            outputs(tuning, x, r) if way == "respond" else stn.linearized(tuning, x, r)
        )
        return found.square().sum()

    gradients = torch.autograd.grad(loss(), weights)
    generator = torch.Generator().manual_seed(3)
    for weight, gradient in zip(weights, gradients, strict=True):
        direction = torch.randn(weight.shape, generator=generator, dtype=DOUBLE)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight.add_(direction, alpha=sign * 1e-6)
            values.append(float(loss().detach()))
            with torch.no_grad():
                weight.sub_(direction, alpha=sign * 1e-6)
        numeric = (values[0] - values[1]) / 2e-6
        expected = float((gradient * direction).sum())
        assert numeric == pytest.approx(expected, rel=2e-5, abs=1e-6)


def test_squared_norm_is_that_of_the_formed_weights(case):
    """The wrong amount of weight decay would be tuned."""
    _, tuning, _ = case
    r = inputs()
    for layer in self_tuning_layers(tuning):
        if not isinstance(layer, ResponseLayer):
            continue
        network = ModuleNetwork(tuning, [Site(LAMBDA, layer.path)])
        formed = [layer.formed(one) for one in r]
        names = [name for name, _ in layer.pairs]
        expected = [sum(one[name].square().sum() for name in names) for one in formed]
        values = torch.linspace(-1.0, 0.5, len(r), dtype=DOUBLE)[:, None]
        penalty = values[:, 0].exp() * torch.stack(expected)
        torch.testing.assert_close(network.penalty(r, values), penalty.mean())
        general = sum(getattr(layer, name).square().sum() for name in names)
        penalty = values[:1].exp()[0, 0] * general
        torch.testing.assert_close(network.penalty(None, values[:1]), penalty)


def test_norm_and_gradients_of_formed_weights(case):
    """Weight decay of the published form would pull at other weights than are used.

    With one r for all, norms come from the weights of the pass before: against norms
    by row, whose formula does not form weights.
    """
    _, tuning, x = case
    every = self_tuning_layers(tuning)
    layers = [one for one in every if isinstance(one, ResponseLayer)]
    sites = [Site(LAMBDA, layer.path) for layer in layers]
    network = ModuleNetwork(tuning, sites)
    r = inputs(1)
    values = torch.linspace(-1.0, 0.5, len(sites), dtype=DOUBLE)[None]
    weights = network.general + network.response
    found = []
    for has_pass in (True, False):
        if has_pass:
            network.outputs(x, r, values, network.draw(len(x), torch.Generator()))
        penalty = network.penalty(r, values)
        slopes = torch.autograd.grad(penalty, weights, allow_unused=True)
        found.append((penalty, [one for one in slopes if one is not None]))
    torch.testing.assert_close(*found)
    network.linearized_outputs(x, r, values, network.draw(len(x), torch.Generator()))
    fixed = network.penalty(r, values)
    torch.testing.assert_close(fixed, penalty)
    none = torch.autograd.grad(fixed, network.general, allow_unused=True)
    assert all(one is None for one in none)


def test_one_perturbation_is_the_same_for_every_row(case):
    """Responses of the centred form would depend on how rows share perturbations.

    Outputs, penalty and slopes of a linearized pass at one r, for which weights have
    the scales, against rows that have copies of it.
    """
    _, tuning, x = case
    every = self_tuning_layers(tuning)
    layers = [one for one in every if isinstance(one, ResponseLayer)]
    network = ModuleNetwork(tuning, [Site(LAMBDA, layer.path) for layer in layers])
    r = inputs(1).requires_grad_()
    values = torch.linspace(-1.0, 0.5, len(layers), dtype=DOUBLE)[None]
    found = []
    for n in (1, N):
        each, its_values = r.expand(n, -1), values.expand(n, -1)
        noise = network.draw(len(x), torch.Generator())
        outputs = network.linearized_outputs(x, each, its_values, noise)
        penalty = network.penalty(each, its_values)
        loss = outputs.sin().mean() + penalty
        slopes = torch.autograd.grad(loss, [r, *network.response])
        # The next pass writes into the memory of gradients.
        found.append([outputs, penalty, *(slope.clone() for slope in slopes)])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


def test_padding_has_no_response():
    """Padding would become a word."""
    module = nn.Embedding(5, 3, padding_idx=2).to(DOUBLE)
    tuning = stn.self_tune(module, N_RESPONSES, response_scale=1.0)
    x = torch.full((N, 4), 2)
    assert not outputs(tuning, x, inputs()[:1]).any()
    (gradient,) = torch.autograd.grad(
        outputs(tuning, torch.arange(N)[:, None], inputs()[:1]).sum(),
        [tuning.response_weight],
    )
    assert not gradient[2].any()
    assert gradient[1].any()


def test_the_module_is_not_changed_and_frozen_layers_stay():
    """A user's pretrained network would be changed, or its frozen part trained."""
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    module[0].requires_grad_(False)
    before = copy.deepcopy(module)
    tuning = stn.self_tune(module, 2)
    assert type(module[2]) is nn.Linear
    for one, two in zip(module.parameters(), before.parameters(), strict=True):
        assert torch.equal(one, two)
    assert type(tuning[0]) is nn.Linear
    assert type(tuning[2]) is stn.STNLinear
    kept = stn.self_tune(before, 2, keep=["2"])
    assert type(kept[2]) is nn.Linear


def with_parameter():
    module = nn.Sequential(nn.Linear(2, 2))
    module.scale = nn.Parameter(torch.ones(1))
    return module


def tied():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight
    return module


class Attention(nn.Module):
    """Attention between two layers with responses."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        x = self.first(x)
        return self.last(self.attention(x, x, x, need_weights=False)[0])


class Encoder(nn.Module):
    """A layer that reads the weights of its parts in evaluation, to be fast."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("n_rows", [1, N])
def test_encoders_respond_in_evaluation(n_rows):
    """Validation losses would be those of the general weights."""
    tuning = stn.self_tune(
        Encoder(), 2, response_scale=0.7, keep=["layer.self_attn"]
    ).eval()
    x, r = torch.randn(N, 3, 4), torch.randn(n_rows, 2)
    with torch.no_grad(), stn.respond(tuning, r):
        found = tuning(x)
    each = [
        stn.to_torch(tuning, r[row % n_rows]).eval()(x[row : row + 1])
        for row in range(N)
    ]
    torch.testing.assert_close(found, torch.cat(each))
    assert torch.backends.mha.get_fastpath_enabled()


def test_blocks_within_blocks():
    """After the inner block, the rest of the outer one would have general weights."""
    tuning = stn.self_tune(nn.Linear(4, 2), 1, response_scale=0.7)
    x, (one, two) = torch.randn(N, 4), torch.randn(2, 1, 1)
    with stn.respond(tuning, one):
        expected = tuning(x)
        with stn.respond(tuning, two):
            assert not torch.equal(tuning(x), expected)
        torch.testing.assert_close(tuning(x), expected)
    torch.testing.assert_close(tuning(x), stn.to_torch(tuning)(x))


class Twice(nn.Module):
    """One layer for both halves of the features, and more than one output."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        one, two = (self.layer(part).tanh() for part in x.chunk(2, dim=1))
        return one * two, {"rest": (one, x)}


@pytest.mark.parametrize("n_rows", [1, N])
@pytest.mark.parametrize("way", ["respond", "linearized"])
def test_two_passes_before_one_backward(way, n_rows):
    """A loss of two passes, as of pairs, would have a wrong slope."""
    tuning = stn.self_tune(Twice().to(DOUBLE), 2, response_scale=0.7)
    x, r = torch.randn(2, N, 4, dtype=DOUBLE), torch.randn(2, n_rows, 2, dtype=DOUBLE)
    variables = tuning.layer.responses

    def loss():
        found = []
        for inputs, at in zip(x, r, strict=True):
            if way == "respond":
                with stn.respond(tuning, at):
                    found.append(tuning(inputs))
            else:
                found.append(stn.linearized(tuning, inputs, at))
        (one, _), (two, others) = found
        assert torch.equal(others["rest"][1], x[1])
        return (one - two).square().sum() + others["rest"][0].sin().sum()

    gradients = torch.autograd.grad(loss(), variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        direction, values = torch.randn_like(variable), []
        with torch.no_grad():
            for step in (1e-6, -2e-6):
                variable.add_(direction, alpha=step)
                values.append(loss())
            variable.add_(direction, alpha=1e-6)
        numeric = (values[0] - values[1]) / 2e-6
        torch.testing.assert_close(
            (gradient * direction).sum(), numeric, rtol=1e-6, atol=1e-7
        )


def test_forward_derivative_of_attention():
    """Transformers could not be tuned in the default form."""
    module = Attention().to(DOUBLE)
    options = {"keep": ["attention"], "response_scale": 0.7}
    tuning = stn.self_tune(module, N_RESPONSES, **options)
    x, r, step = torch.randn(N, 3, 4, dtype=DOUBLE), inputs(), 1e-5
    with torch.no_grad():
        ends = [outputs(tuning, x, sign * step * r) for sign in (1, -1)]
        expected = tuning(x) + (ends[0] - ends[1]) / (2 * step)
    found = stn.linearized(tuning, x, r)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


def parametrized():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))


def pruned():
    module = nn.Sequential(nn.Linear(2, 2))
    prune.l1_unstructured(module[0], "weight", amount=1)
    return module


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (lambda: nn.Sequential(nn.GRU(2, 3)), {}, r"layer '0' \(GRU\) cannot be conv"),
        (pruned, {}, r"'0' \(Linear\).*\['weight'\] are computed from others"),
        (tied, {"keep": ["1"]}, r"are one tensor.* or keep=\['0', '1'\]"),
        (
            lambda: nn.Sequential(nn.Identity(), nn.MultiheadAttention(4, 2)),
            {},
            r"'1' \(MultiheadAttention\).*keep=\['1'\]",
        ),
        (lambda: nn.LSTM(2, 3, proj_size=2), {}, r"itself \(LSTM\).*proj_size=2"),
        (lambda: nn.Sequential(nn.Embedding(4, 2, max_norm=1.0)), {}, "'0'.*max_norm"),
        (lambda: nn.Sequential(nn.Embedding(4, 2, sparse=True)), {}, "'0'.*sparse"),
        (lambda: nn.Linear(2, 0), {}, r"\(Linear\).*\['weight', 'bias'\] have no num"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(0, 2)),
            {},
            r"layer '1' \(Linear\) cannot.*\['weight'\] have no numbers",
        ),
        (with_parameter, {}, r"itself \(Sequential\).*'scale'"),
        (tied, {}, "'0.weight' and '1.weight' are one tensor"),
        (parametrized, {}, r"layer '0' \(ParametrizedLinear\) cannot"),
        (lambda: nn.Sequential(nn.ReLU()), {}, r"\(Sequential\) has no parameters"),
        (lambda: nn.Sequential(nn.LazyLinear(3)), {}, r"'0' \(LazyLinear\) does not"),
        (
            lambda: nn.Sequential(nn.Linear(2, 2)),
            {"keep": ["1"]},
            r"'keep' parameter names '1'. Layers of this module are \['0'\]",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_bad_modules_are_named(module, options, message):
    """A user would search a large network for the layer that is meant."""
    with pytest.raises(ValueError, match=message):
        stn.self_tune(module(), 2, **options)


def test_kept_layers_are_not_asked():
    """A network with one attention layer could not be used at all."""
    module = nn.ModuleDict({"a": nn.MultiheadAttention(4, 2), "b": nn.Linear(4, 2)})
    tuning = stn.self_tune(module, 2, keep=["a"])
    assert type(tuning["a"]) is nn.MultiheadAttention
    assert type(tuning["b"]) is stn.STNLinear
    kept = stn.self_tune(tied(), 2, keep=["0", "1"])
    assert kept[0].weight is kept[1].weight


def test_a_layer_in_two_places_is_one_layer():
    """Recurrence in depth would be refused though its response is well defined."""
    shared = nn.Linear(3, 3).to(DOUBLE)
    tuning = stn.self_tune(nn.Sequential(shared, nn.Tanh(), shared), N_RESPONSES)
    assert tuning[0] is tuning[2]
    x, r = torch.randn(N, 3, dtype=DOUBLE), inputs()
    found = outputs(tuning, x, r)
    for row in range(N):
        plain = stn.to_torch(tuning, r[row])
        torch.testing.assert_close(plain(x)[row], found[row])


def test_examples_on_another_axis_are_refused():
    """Rows would get the hyperparameters of others without a word."""
    module = nn.Sequential(nn.Flatten(0, 1), nn.Linear(4, 2)).to(DOUBLE)
    tuning = stn.self_tune(module, N_RESPONSES)
    x = torch.randn(N, 3, 4, dtype=DOUBLE)
    with pytest.raises(ValueError, match=r"layer '1' \(STNLinear\).*perturb='batch'"):
        outputs(tuning, x, inputs())
    assert outputs(tuning, x, inputs()[:1]).shape == (3 * N, 2)


def test_missing_torch_says_how_to_get_it(monkeypatch):
    """A ModuleNotFoundError for torch would not name the extra."""
    import importlib
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        importlib.reload(stn)


def rates(kind_rates):
    """Return values of (n, 1) for one rate per example."""
    return torch.tensor(kind_rates, dtype=DOUBLE)[:, None]


def noise(seed=0):
    return stn.Noise(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n_shared_axes", [0, 1, 2])
def test_dropout_has_a_rate_per_example(n_shared_axes):
    """The rates that are tuned would not be those of the network."""
    layer = stn.STNDropout(0.5, n_shared_axes)
    layer.columns = {"dropout": 0}
    x = torch.ones(3, 300, 5, 7, dtype=DOUBLE)
    source = noise()
    with stn.respond(layer, values=rates([0.0, 0.2, 0.6]), noise=source):
        found = layer(x)
    with stn.respond(layer, values=rates([0.0, 0.2, 0.6]), noise=source):
        assert torch.equal(found, layer(x))  # The second pass has the same masks.
    dropped = (found == 0).double().mean(dim=(1, 2, 3))
    torch.testing.assert_close(dropped, rates([0.0, 0.2, 0.6])[:, 0], rtol=0, atol=0.09)
    torch.testing.assert_close(
        found[2][found[2] != 0].unique(), torch.tensor([2.5], dtype=DOUBLE)
    )
    groups = found.flatten(4 - n_shared_axes) if n_shared_axes else found[..., None]
    assert torch.all(groups == groups[..., :1])
    with stn.respond(layer):
        assert torch.equal(layer(x), x)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_dropout_of_channels(size):
    """Rates of whole channels would not be tuned, or come back as rates of numbers."""
    plain = getattr(nn, f"Dropout{size}d")
    tuning = stn.self_tune(nn.Sequential(nn.Linear(4, 4), plain(0.3)))
    layer = tuning[1]
    layer.columns = {"dropout": 0}
    x = torch.ones(50, 8, *[4] * size, dtype=DOUBLE)
    with stn.respond(layer, values=rates([0.5]), noise=noise()):
        channels = layer(x).flatten(2)
    assert torch.equal(channels, channels[:, :, :1].expand_as(channels))
    assert float((channels == 0).double().mean()) == pytest.approx(0.5, abs=0.1)
    assert type(stn.to_torch(tuning)[1]) is plain


@pytest.mark.parametrize("batch_first", [True, False])
def test_variational_dropout_has_one_mask_for_all_times(batch_first):
    """Every time would drop other features, which is ordinary dropout."""
    layer = stn.STNVariationalDropout(0.5, batch_first=batch_first)
    layer.columns = {"dropout": 0}
    x = torch.ones(2, 11, 400, dtype=DOUBLE)
    x = x if batch_first else x.transpose(0, 1)
    with stn.respond(layer, values=rates([0.1, 0.7]), noise=noise()):
        tuned = layer(x)
    free = layer(x)  # at p = 0.5, outside of self-tuning
    for found in (tuned, free):
        found = found if batch_first else found.transpose(0, 1)
        assert torch.equal(found[:, :1].expand_as(found), found)
    tuned = tuned if batch_first else tuned.transpose(0, 1)
    dropped = (tuned == 0).double().mean(dim=(1, 2))
    torch.testing.assert_close(dropped, rates([0.1, 0.7])[:, 0], rtol=0, atol=0.08)
    assert float((free == 0).double().mean()) == pytest.approx(0.5, abs=0.1)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize("kind", ["input_dropout", "recurrent_dropout", "dropout"])
def test_dropout_of_an_lstm_in_time(kind):
    """Recurrent dropout would not be that of Gal & Ghahramani, or not be there.

    Against a loop of `torch.nn.LSTMCell` with the same masks.
    """
    torch.manual_seed(0)
    n_layers = 2 if kind == "dropout" else 1
    module = nn.LSTM(3, 4, n_layers, batch_first=True).to(DOUBLE)
    tuning = stn.self_tune(module)
    tuning.columns = {kind: 0}
    x, rate = torch.randn(N, 6, 3, dtype=DOUBLE), rates([0.1, 0.3, 0.5, 0.7, 0.0])
    with stn.respond(tuning, values=rate, noise=noise()):
        found, (hidden, cell) = tuning(x)
    shape = {
        "input_dropout": (N, 1, 3),
        "recurrent_dropout": (N, 4),
        "dropout": (6, N, 4),
    }
    numbers = noise().uniform(shape[kind], x)
    wide = rate if kind == "recurrent_dropout" else rate[:, None]
    wide = rate[None] if kind == "dropout" else wide
    mask = (numbers >= wide) / (1 - wide)
    run = x * mask if kind == "input_dropout" else x
    for layer in range(n_layers):
        cells = nn.LSTMCell(run.shape[2], 4).to(DOUBLE)
        for name, weight in cells.named_parameters():
            weight.data.copy_(getattr(module, f"{name}_l{layer}"))
        if layer:
            run = run * mask.transpose(0, 1)
        h = c = torch.zeros(N, 4, dtype=DOUBLE)
        steps = []
        for time in range(6):
            h = h * mask if kind == "recurrent_dropout" else h
            h, c = cells(run[:, time], (h, c))
            steps.append(h)
        run = torch.stack(steps, dim=1)
    torch.testing.assert_close(found, run)
    torch.testing.assert_close(hidden[-1], h)
    torch.testing.assert_close(cell[-1], c)


def test_lstm_from_a_given_state():
    """A model that carries its state from chunk to chunk would start at zero."""
    torch.manual_seed(0)
    module = nn.LSTM(3, 4, 2).to(DOUBLE)
    tuning = stn.self_tune(module, N_RESPONSES, response_scale=0.7)
    x = torch.randn(6, N, 3, dtype=DOUBLE)
    start = tuple(torch.randn(2, N, 4, dtype=DOUBLE) for _ in range(2))
    r = inputs()
    with stn.respond(tuning, r):
        found, _ = tuning(x, start)
    for row in range(N):
        expected, _ = stn.to_torch(tuning, r[row])(x, start)
        torch.testing.assert_close(found[:, row], expected[:, row])


def test_packed_sequences_are_refused():
    """The message would come from the middle of a time step."""
    tuning = stn.self_tune(nn.Sequential(nn.LSTM(3, 4)), N_RESPONSES)
    packed = nn.utils.rnn.pack_sequence([torch.randn(4, 3), torch.randn(2, 3)])
    with (
        stn.respond(tuning, torch.zeros(2, N_RESPONSES)),
        pytest.raises(ValueError, match=r"layer '0' \(STNLSTM\).*one length"),
    ):
        tuning(packed)


def test_noise_of_a_second_pass_is_the_same():
    """The two losses of the centred form would see different masks."""
    source = noise()
    like = torch.zeros(1)
    first = source.uniform((3, 2), like), source.normal((4,), like)
    source.rewind()
    assert torch.equal(source.uniform((3, 2), like), first[0])
    assert torch.equal(source.normal((4,), like), first[1])
    source.rewind()
    # The response sees the first rows of the batch, with the masks that they had.
    assert torch.equal(source.uniform((2, 2), like), first[0][:2])
    source.rewind()
    assert source.uniform((5, 2), like).shape == (5, 2)
    np.testing.assert_array_less(source.uniform((99,), like).numpy(), 1.0)


@pytest.mark.parametrize("is_allowed", [True, False])
def test_kernels_of_attention_are_as_before(is_allowed):
    """Other modules of the process would be slower, or use what was forbidden."""

    class Failing(nn.Linear):
        def forward(self, x):
            found.append(cuda.flash_sdp_enabled())
            raise ArithmeticError

    cuda, found = torch.backends.cuda, []
    before = cuda.flash_sdp_enabled()
    module = nn.Sequential(Failing(2, 2), nn.Linear(2, 2))
    tuning = stn.self_tune(module, 1, keep=["0"])
    try:
        cuda.enable_flash_sdp(is_allowed)
        with pytest.raises(ArithmeticError):
            stn.linearized(tuning, torch.ones(3, 2), torch.ones(1, 1))
        assert cuda.flash_sdp_enabled() == is_allowed
    finally:
        cuda.enable_flash_sdp(before)
    assert found == [False]
