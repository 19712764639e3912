"""Weights and penalties of all layers in one node, against formulas and differences."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sklearn_myhpo.neural_network.nn._formed import FormedWeights  # noqa: E402
from sklearn_myhpo.neural_network.nn._penalty import (  # noqa: E402
    RowPenalty,
    WeightPenalty,
)

#: Shapes of a matrix, of filters and of an embedding, and axes of their outputs.
SHAPES, AXES = [(3, 2), (2, 3, 2), (4, 3)], [0, 0, 1]


def numbers(n):
    """Return weights, responses and scales of n rows."""
    generator = torch.Generator().manual_seed(0)
    sizes = [shape[axis] for shape, axis in zip(SHAPES, AXES, strict=True)]
    shapes = [*SHAPES, *SHAPES, *((n, size) for size in sizes)]
    options = {"generator": generator, "dtype": torch.float64}
    return [torch.randn(shape, **options).requires_grad_() for shape in shapes]


def formed(weight, response, scale, axis):
    """Return a weight at the scales of one row, by definition."""
    shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
    return weight + scale.reshape(shape) * response


@pytest.mark.parametrize("n_used", [3, 2])
def test_weights_at_one_r(n_used):
    """Layers would have other weights, or gradients, if one has no part in the loss."""
    tensors = numbers(1)
    found = FormedWeights.apply(AXES, *tensors)
    expected = list(map(formed, tensors[:3], tensors[3:6], tensors[6:], AXES))
    torch.testing.assert_close(list(found), expected)
    slopes = [
        torch.autograd.grad(
            sum(one.sin().sum() for one in each[:n_used]),
            tensors,
            allow_unused=True,
            materialize_grads=True,
        )
        for each in (found, expected)
    ]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize(("n", "n_factors"), [(5, 5), (5, 1), (1, 5), (1, 1)])
def test_penalty_of_rows_is_that_of_their_weights(n, n_factors):
    """Weight decay would pull at other weights than those of the rows."""
    tensors = numbers(n)
    factors = torch.rand(n_factors, 3, dtype=torch.float64)
    found = RowPenalty.apply(AXES, factors, *tensors)
    rows = max(n, n_factors)
    expected = sum(
        factors[row % n_factors, m]
        * formed(tensors[m], tensors[3 + m], tensors[6 + m][row % n], AXES[m])
        .square()
        .sum()
        for row in range(rows)
        for m in range(3)
    )
    torch.testing.assert_close(found, expected / rows)
    slopes = [torch.autograd.grad(one, tensors) for one in (found, expected / rows)]
    torch.testing.assert_close(*slopes)


def test_penalty_of_weights():
    """Weight decay would be wrong, or reach weights that are held."""
    weights, factors = numbers(1)[:3], torch.rand(3, dtype=torch.float64)
    weights[1].requires_grad_(False)
    found = WeightPenalty.apply(factors, *weights)
    expected = sum(map(torch.mul, factors, (one.square().sum() for one in weights)))
    torch.testing.assert_close(found, expected)
    moved = weights[::2]
    slopes = [torch.autograd.grad(one, moved) for one in (found, expected)]
    torch.testing.assert_close(*slopes)
