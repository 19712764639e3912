"""State of a pass through a module: responses, hyperparameters and noise."""

import torch


class Noise:
    """Random numbers that the next pass through the same module sees again.

    Parameters
    ----------
    generator : torch.Generator
        Source of the numbers.
    """

    def __init__(self, generator):
        self.generator = generator
        self._drawn = []
        self._next = 0

    def rewind(self):
        """Begin a pass, which gets the numbers of the last pass in the same order."""
        self._next = 0

    def uniform(self, shape, like):
        """Return numbers between 0 and 1, of the type and device of `like`."""
        return self._draw(torch.rand, shape, like)

    def normal(self, shape, like):
        """Return standard normal numbers, of the type and device of `like`."""
        return self._draw(torch.randn, shape, like)

    def _draw(self, source, shape, like):
        key, shape = self._next, tuple(shape)
        self._next += 1
        if key < len(self._drawn):
            drawn = _first_of(self._drawn[key], shape)
            if drawn is not None:
                return drawn
        # A pass through other layers, or over other rows, draws new numbers.
        del self._drawn[key:]
        numbers = source(
            shape, generator=self.generator, dtype=like.dtype, device=like.device
        )
        self._drawn.append(numbers)
        return numbers


def _first_of(numbers, shape):
    """Return the numbers of the first of the examples that they are of, or None.

    The pass of a response has the first examples of a batch.
    """
    pairs = list(enumerate(zip(numbers.shape, shape, strict=False)))
    axes = [axis for axis, (size, wanted) in pairs if size != wanted]
    if numbers.ndim != len(shape) or len(axes) > 1:
        return None
    if not axes:
        return numbers
    (axis,) = axes
    if numbers.shape[axis] < shape[axis]:
        return None
    return numbers.narrow(axis, 0, shape[axis])


class Rates:
    """Dropout rates of rows, and one minus them: computed once for all layers.

    Parameters
    ----------
    values : tensor of shape (n or 1, n_hyperparameters), or None
        Hyperparameters; None for a pass without dropout.
    """

    def __init__(self, values):
        self.values = values
        self._rest, self._columns = None, {}

    def at(self, column):
        """Return the rate of a column and one minus it, of shape (n,) or (1,)."""
        if column not in self._columns:
            if self._rest is None:
                # PyTorch would convert the number 1 to a tensor, which takes longer.
                self._rest = torch.sub(torch.ones_like(self.values), self.values)
            both = self.values, self._rest
            self._columns[column] = [each.select(1, column) for each in both]
        return self._columns[column]


class State:
    """State that the self-tuning layers of a module use in one pass.

    Parameters
    ----------
    r : tensor of shape (n, n_responses) or (1, n_responses), or None
        Input of the responses: of every example, or of all together. None for the
        general weights.
    rates : Rates
        Hyperparameters as dropout rates.
    noise : Noise or None
        Source of dropout masks; None for no dropout.
    is_linearized : bool
        Whether outputs are dual tensors, linear in r around r = 0.
    weights : dict or None
        `LayerWeights` by layer; None where layers make their own.
    """

    def __init__(self, r, rates, noise, *, is_linearized=False, weights=None):
        self.r, self.rates, self.noise = r, rates, noise
        self.is_linearized, self.weights = is_linearized, weights
