"""Weights of all layers of a module in one pass."""

from __future__ import annotations

from ._nodes import FormedWeights, GeneralWeights, Layout, RowWeights
from ._response import LayerWeights


class AllWeights:
    """Weights of all layers, which a pass gets with their penalty in one node.

    Parameters
    ----------
    layers : list of ResponseLayer
        The layers.
    penalized : list of ResponseLayer
        Those whose weights have a penalty.
    """

    def __init__(self, layers, penalized):
        self.layers = layers
        #: Layer and name of every weight with a penalty.
        self.penalized = [(one, name) for one in penalized for name, _ in one.pairs]
        rest = [
            (layer, name)
            for layer in layers
            for name in layer._names()
            if getattr(layer, name) is not None and (layer, name) not in self.penalized
        ]
        self._homes = [*self.penalized, *rest]
        self._weights = [getattr(layer, name) for layer, name in self._homes]
        self._responses = []
        axes = [layer._axis(name) for layer, name in self._homes]
        self._layout = Layout(self._weights, axes, len(self.penalized))
        if any(layer.n_responses for layer in layers):
            for prefix, suffix in (("response_", ""), ("", "_scale")):
                self._responses += [
                    getattr(layer, f"{prefix}{name}{suffix}")
                    for layer, name in self._homes
                ]

    def at(self, r, factors, *, is_by_row=False, is_linearized=False, is_fixed=False):
        """Return the weights of a pass, and their penalty.

        Parameters
        ----------
        r : tensor of shape (n or 1, n_responses) or None
            Input of the responses.
        factors : tensor of shape (n or 1, n_penalized) or None
            Factors of the squared norms of the weights of every row; None for no
            penalty.
        is_by_row : bool
            Whether responses stay apart even where all rows have one r.
        is_linearized : bool
            Whether they do because the pass is linear in r; then general weights have
            no gradient.
        is_fixed : bool
            Whether only r has a gradient.

        Returns
        -------
        (dict or None, tensor or None)
            `LayerWeights` by layer, None where layers use their own; and the mean
            penalty.
        """
        if not self.penalized:
            factors = None
        if r is None or not self._responses:
            return self._general(factors)
        weights, responses = self._weights, self._responses
        if is_linearized or is_fixed:
            weights = [weight.detach() for weight in weights]
        if is_fixed:
            responses = [each.detach() for each in responses]
        tensors = (*weights, *responses)
        if is_by_row or is_linearized or len(r) > 1:
            return self._of_rows(r, factors, weights, tensors)
        factors = _mean(factors)
        penalty, *formed = FormedWeights.apply(self._layout, factors, r[0], *tensors)
        named = self._by_layer(formed)
        return {layer: LayerWeights(named[layer]) for layer in self.layers}, penalty

    def _general(self, factors):
        """Return the weights at r = 0, for training."""
        if factors is None:
            return None, None
        n = len(self.penalized)
        penalty, *moved = GeneralWeights.apply(
            self._layout, _mean(factors), *self._weights[:n]
        )
        named = self._by_layer([*moved, *self._weights[n:]])
        return {layer: LayerWeights(named[layer]) for layer in self.layers}, penalty

    def _of_rows(self, r, factors, weights, tensors):
        """Return the weights whose responses are added to outputs."""
        penalty, scales, *rest = RowWeights.apply(self._layout, factors, r, *tensors)
        n = len(weights)
        responses, weights = rest[:n], rest[n:] or weights
        parts = (weights, responses, scales.split(self._layout.sizes, dim=1))
        weights, responses, scales = map(self._by_layer, parts)
        return {
            layer: LayerWeights(weights[layer], responses[layer], scales[layer])
            for layer in self.layers
        }, penalty

    def _by_layer(self, tensors):
        """Return tensors in the order of the weights by layer and name."""
        named = {layer: dict.fromkeys(layer._names()) for layer in self.layers}
        for (layer, name), tensor in zip(self._homes, tensors, strict=True):
            named[layer][name] = tensor
        return named


def _mean(factors):
    """Return the mean over the rows; None for None."""
    if factors is None:
        return None
    return factors[0] if len(factors) == 1 else factors.mean(dim=0)
