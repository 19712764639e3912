"""Gradient descent with momentum, against PyTorch's."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sklearn_myhpo.neural_network._descent import GradientDescent  # noqa: E402


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_pytorch(momentum):
    """Weights would follow another path.

    Also where types differ, some have no gradient for a while, and the rate changes.
    """
    torch.manual_seed(0)
    start = [torch.randn(5), torch.randn(3, 2).double(), torch.randn(4)]
    found = []
    for cls in (GradientDescent, torch.optim.SGD):
        parameters = [each.clone().requires_grad_() for each in start]
        optimizer = cls(parameters, lr=0.1, momentum=momentum)
        for step in range(6):
            optimizer.param_groups[0]["lr"] = 0.1 if step < 3 else 0.01
            for index, each in enumerate(parameters):
                has_none = index == 2 and step in (0, 4)
                each.grad = None if has_none else each.detach().cos() + step
            optimizer.step()
        found.append([each.detach() for each in parameters])
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-7)
