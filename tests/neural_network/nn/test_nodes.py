"""Weights of all layers and their penalty in one node, against plain autograd."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sklearn_myhpo.neural_network.nn._flat import FlatParameters  # noqa: E402
from sklearn_myhpo.neural_network.nn._layout import Layout  # noqa: E402
from sklearn_myhpo.neural_network.nn._nodes import (  # noqa: E402
    FormedWeights,
    GeneralWeights,
    RowWeights,
)

#: Shapes of a matrix, of filters, of an embedding, of a matrix without penalty and of
#: two biases, and the axes of their outputs.
SHAPES, AXES = [(3, 2), (2, 3, 2), (4, 3), (5, 2), (3,), (2,)], [0, 0, 1, 0, 0, 0]
N_ALL, N_PENALIZED, N_APART, N_RESPONSES = len(SHAPES), 3, 4, 2


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
    return numbers.requires_grad_()


def tensors(n=N_ALL):
    """Return the layout of n weights, and all W, R and V as views of its leaves."""
    sizes = [s[axis] for s, axis in zip(SHAPES[:n], AXES[:n], strict=True)]
    shapes = [*SHAPES[:n], *SHAPES[:n], *((size, N_RESPONSES) for size in sizes)]
    each = [normal(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    layout = Layout(each[:n], AXES[:n], N_PENALIZED, each[n : 2 * n], each[2 * n :])
    views = [part for flat in layout.flats for part in flat.split(flat.leaf)]
    torch.testing.assert_close(views, each)
    return layout, views


def leaves(layout):
    return [flat.leaf for flat in layout.flats]


def formed(each, r):
    """Return all weights at one r, by definition."""
    n = len(each) // 3
    parts = zip(each[:n], each[n : 2 * n], each[2 * n :], AXES[:n], strict=True)
    return [
        weight
        + (matrix @ r).reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
        * response
        for weight, response, matrix, axis in parts
    ]


def penalty_of(weights, factors):
    pairs = zip(weights[:N_PENALIZED], factors, strict=True)
    return sum(factor * weight.square().sum() for weight, factor in pairs)


def curved(weights):
    """Return a loss of weights whose gradient is not theirs alone."""
    return sum(weight.sin().sum() for weight in weights)


def slopes(loss, variables):
    """Return gradients; zeros where there are none."""
    found = torch.autograd.grad(
        loss, variables, allow_unused=True, materialize_grads=True
    )
    # The next pass writes into the memory of gradients that nodes return.
    return [each.clone() for each in found]


@pytest.mark.parametrize(("n", "n_used"), [(6, 6), (6, 5), (6, 2), (N_APART, 4)])
@pytest.mark.parametrize("has_penalty", [True, False])
@pytest.mark.parametrize("is_apart", [False, True])
def test_weights_at_one_r(n, n_used, has_penalty, is_apart):
    """Layers would train along other slopes, also if one has no part in the loss.

    Also where general weights are held and stay apart, as in the linear response.
    """
    layout, each = tensors(n)
    given = leaves(layout)
    if is_apart:
        given[0] = given[0].detach()
    r = normal(N_RESPONSES, seed=20)
    factors = normal(N_PENALIZED, seed=21).detach().exp() if has_penalty else None
    penalty, *found = FormedWeights.apply(layout, factors, is_apart, r, *given)
    whole = expected = formed(each, r)
    if is_apart:
        pairs = zip(whole, each[:n], strict=True)
        expected = [weight - general for weight, general in pairs]
    torch.testing.assert_close(found, expected)
    losses = [curved(found[:n_used]), curved(expected[:n_used])]
    if has_penalty:
        losses[0] = losses[0] + 0.7 * penalty
        losses[1] = losses[1] + 0.7 * penalty_of(whole, factors)
    torch.testing.assert_close(*losses)
    variables = [r, *leaves(layout)[is_apart:]]
    torch.testing.assert_close(*(slopes(loss, variables) for loss in losses))


def test_fixed_weights_give_the_slope_in_r():
    """A tuning step would not know where to move, or cost as much as training."""
    layout, each = tensors()
    r = normal(N_RESPONSES, seed=20)
    fixed = [leaf.detach() for leaf in leaves(layout)]
    _, *found = FormedWeights.apply(layout, None, False, r, *fixed)
    torch.testing.assert_close(
        slopes(curved(found), [r]), slopes(curved(formed(each, r)), [r])
    )


def test_a_pass_that_is_overtaken_is_refused():
    """Gradients would be those of the weights of another pass, without a word."""
    layout, _ = tensors()
    r, factors = normal(N_RESPONSES, seed=20), torch.ones(N_PENALIZED).double()
    _, *found = FormedWeights.apply(layout, factors, False, r, *leaves(layout))
    FormedWeights.apply(layout, factors, False, 2.0 * r, *leaves(layout))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        slopes(curved(found), leaves(layout))


@pytest.mark.parametrize("size", [N_ALL, N_APART])
@pytest.mark.parametrize(("n", "n_factors"), [(5, 5), (5, 1), (1, 5), (1, 1)])
@pytest.mark.parametrize("moving", [2, 1, 0])
def test_rows_with_weights_of_their_own(n, n_factors, moving, size):
    """Weight decay would pull at other weights than those of the rows.

    Also where general weights are held, as in the linear response, or all of them.
    Shifts have general biases, except in the linear response.
    """
    layout, each = tensors(size)
    weights, responses, matrices = (each[i : i + size] for i in (0, size, 2 * size))
    both = leaves(layout)
    given = [leaf if i >= 2 - moving else leaf.detach() for i, leaf in enumerate(both)]
    r = normal(n, N_RESPONSES, seed=20)
    factors = normal(n_factors, N_PENALIZED, seed=21).detach().exp()
    penalty, *found = RowWeights.apply(layout, factors, moving != 1, r, *given)
    scales = [r @ matrix.T for matrix in matrices]
    shifts = zip(scales[N_APART:], responses[N_APART:], strict=True)
    shifts = [scale * response for scale, response in shifts]
    if moving != 1:
        held = [one if moving else one.detach() for one in weights[N_APART:]]
        shifts = [shift + bias for shift, bias in zip(shifts, held, strict=True)]
    wanted = [responses[:N_APART], weights[:N_APART]][:moving]
    wanted = [*scales[:N_APART], *shifts, *(one for part in wanted for one in part)]
    torch.testing.assert_close(found, wanted)
    rows = max(n, n_factors)
    expected = sum(
        penalty_of(formed(each, r[row % n]), factors[row % n_factors])
        for row in range(rows)
    )
    losses = [penalty, expected / rows]
    torch.testing.assert_close(*losses)
    losses = [0.7 * losses[0] + curved(found), 0.7 * losses[1] + curved(wanted)]
    variables = [r, *both[2 - moving :]]
    torch.testing.assert_close(*(slopes(loss, variables) for loss in losses))


@pytest.mark.parametrize("has_penalty", [True, False])
def test_general_weights(has_penalty):
    """Weight decay would be wrong."""
    layout, each = tensors()
    weights = each[: len(SHAPES)]
    factors = torch.rand(N_PENALIZED).double() if has_penalty else None
    leaf = layout.general.leaf
    penalty, *found = GeneralWeights.apply(layout, factors, leaf)
    torch.testing.assert_close(found, weights)
    losses = [curved(found), curved(weights)]
    if has_penalty:
        expected = penalty_of(weights, factors)
        torch.testing.assert_close(penalty, expected)
        losses = [losses[0] + 0.7 * penalty, losses[1] + 0.7 * expected]
    torch.testing.assert_close(*(slopes(loss, [leaf]) for loss in losses))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_parameters_keep_values_and_strides(order):
    """Weights would move when training starts, or lose the order that is fast."""
    filters = torch.empty_strided((4, 3, 2, 5), (30, 10, 5, 1)).normal_()
    if order != (0, 1, 2, 3):
        filters = filters.contiguous(memory_format=torch.channels_last)
    one, two = torch.nn.Parameter(filters.clone()), torch.nn.Parameter(torch.randn(3))
    flat = FlatParameters([one, two])
    torch.testing.assert_close(one.detach(), filters, check_stride=True)
    with torch.no_grad():
        flat.leaf.mul_(2.0)
    torch.testing.assert_close(one.detach(), 2.0 * filters)
    torch.testing.assert_close(flat.parts[0], 2.0 * filters)


@pytest.mark.parametrize("is_used", [True, False])
def test_weights_that_a_module_reads_by_itself_have_their_gradient(is_used):
    """Tied weights would train on half of their slope."""
    one, two = torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.randn(3))
    flat = FlatParameters([one, two])
    loss = (one * one.detach().cos()).sum() + 0.0 * flat.leaf.sum()
    if is_used:
        loss = loss + flat.split(flat.leaf)[0].sin().sum()
    direct = iter(
        torch.autograd.grad(loss, [one, two], allow_unused=True, retain_graph=True)
    )
    (own,) = torch.autograd.grad(loss, [flat.leaf])
    found, last = flat.split(flat.added(own if is_used else None, direct))
    torch.testing.assert_close(found, (1.0 + is_used) * one.detach().cos())
    assert not last.any()
