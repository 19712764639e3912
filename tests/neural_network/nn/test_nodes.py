"""Weights of all layers and their penalty in one node, against plain autograd."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sklearn_myhpo.neural_network.nn._nodes import (  # noqa: E402
    FormedWeights,
    GeneralWeights,
    Layout,
    RowWeights,
)

#: Shapes of a matrix, of filters, of an embedding and of a bias without penalty, and
#: the axes of their outputs.
SHAPES, AXES = [(3, 2), (2, 3, 2), (4, 3), (3,)], [0, 0, 1, 0]
N_PENALIZED, N_RESPONSES = 3, 2


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
    return numbers.requires_grad_()


def tensors():
    """Return the layout, all W, all R and all V."""
    sizes = [shape[axis] for shape, axis in zip(SHAPES, AXES, strict=True)]
    shapes = [*SHAPES, *SHAPES, *((size, N_RESPONSES) for size in sizes)]
    each = [normal(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    return Layout(each[: len(SHAPES)], AXES, N_PENALIZED), each


def formed(each, r):
    """Return all weights at one r, by definition."""
    n = len(SHAPES)
    parts = zip(each[:n], each[n : 2 * n], each[2 * n :], AXES, strict=True)
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
    # Those of the nodes are in memory that the next pass uses again.
    return [each.clone() for each in found]


@pytest.mark.parametrize("n_used", [4, 2])
@pytest.mark.parametrize("has_penalty", [True, False])
def test_weights_at_one_r(n_used, has_penalty):
    """Layers would train along other slopes, also if one has no part in the loss."""
    layout, each = tensors()
    r = normal(N_RESPONSES, seed=20)
    factors = normal(N_PENALIZED, seed=21).detach().exp() if has_penalty else None
    penalty, *found = FormedWeights.apply(layout, factors, r, *each)
    expected = formed(each, r)
    torch.testing.assert_close(found, expected)
    losses = [curved(found[:n_used]), curved(expected[:n_used])]
    if has_penalty:
        losses[0] = losses[0] + 0.7 * penalty
        losses[1] = losses[1] + 0.7 * penalty_of(expected, factors)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(slopes(loss, [r, *each]) for loss in losses))


def test_fixed_weights_give_the_slope_in_r():
    """A tuning step would not know where to move, or cost as much as training."""
    layout, each = tensors()
    r = normal(N_RESPONSES, seed=20)
    fixed = [one.detach() for one in each]
    _, *found = FormedWeights.apply(layout, None, r, *fixed)
    torch.testing.assert_close(
        slopes(curved(found), [r]), slopes(curved(formed(each, r)), [r])
    )


def test_a_pass_that_is_overtaken_is_refused():
    """Gradients would be those of the weights of another pass, without a word."""
    layout, each = tensors()
    r, factors = normal(N_RESPONSES, seed=20), torch.ones(N_PENALIZED).double()
    _, *found = FormedWeights.apply(layout, factors, r, *each)
    FormedWeights.apply(layout, factors, 2.0 * r, *each)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        slopes(curved(found), each)


@pytest.mark.parametrize(("n", "n_factors"), [(5, 5), (5, 1), (1, 5), (1, 1)])
@pytest.mark.parametrize("is_fixed", [True, False])
def test_rows_with_weights_of_their_own(n, n_factors, is_fixed):
    """Weight decay would pull at other weights than those of the rows.

    Also where general weights are held, as in the linear response.
    """
    layout, each = tensors()
    size = len(SHAPES)
    if is_fixed:
        each[:size] = [weight.detach() for weight in each[:size]]
    r = normal(n, N_RESPONSES, seed=20)
    factors = normal(n_factors, N_PENALIZED, seed=21).detach().exp()
    penalty, scales, *rest = RowWeights.apply(layout, factors, r, *each)
    matrix = torch.cat(each[2 * size :])
    torch.testing.assert_close(scales, r @ matrix.T)
    moving = [*each[size : 2 * size], *([] if is_fixed else each[:size])]
    torch.testing.assert_close(rest, moving)
    rows = max(n, n_factors)
    expected = sum(
        penalty_of(formed(each, r[row % n]), factors[row % n_factors])
        for row in range(rows)
    )
    losses = [penalty, expected / rows]
    torch.testing.assert_close(*losses)
    losses[0] = 0.7 * losses[0] + curved([scales, *rest])
    losses[1] = 0.7 * losses[1] + curved([r @ matrix.T, *moving])
    variables = [r, *moving, *each[2 * size :]]
    torch.testing.assert_close(*(slopes(loss, variables) for loss in losses))


def test_general_weights():
    """Weight decay would be wrong."""
    layout, each = tensors()
    weights, factors = each[:N_PENALIZED], torch.rand(N_PENALIZED).double()
    penalty, *found = GeneralWeights.apply(layout, factors, *weights)
    torch.testing.assert_close(found, weights)
    expected = penalty_of(weights, factors)
    torch.testing.assert_close(penalty, expected)
    losses = [curved(found) + 0.7 * penalty, curved(weights) + 0.7 * expected]
    torch.testing.assert_close(*(slopes(loss, weights) for loss in losses))
