"""Weights of all layers of a module in one pass."""

from __future__ import annotations

from ._layout import Layout
from ._nodes import FormedWeights, GeneralWeights, RowWeights
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
        rest.sort(key=lambda home: getattr(*home).ndim == 1)
        self._homes = [*self.penalized, *rest]
        kinds = [("", "")]
        if any(layer.n_responses for layer in layers):
            kinds += [("response_", ""), ("", "_scale")]
        parameters = [
            [getattr(layer, f"{prefix}{name}{suffix}") for layer, name in self._homes]
            for prefix, suffix in kinds
        ]
        axes = [layer._axis(name) for layer, name in self._homes]
        #: Names of the weights of every layer, and their numbers; -1 for no bias.
        self._places = [
            (layer, names, [self._number(layer, name) for name in names])
            for layer in layers
            for names in [layer._names()]
        ]
        self._layout = None
        if self._homes:
            weights, *rest = parameters
            self._layout = Layout(weights, axes, len(self.penalized), *rest)

    @property
    def flats(self):
        """Owners of the leaves of general weights, and of responses if there are."""
        return [] if self._layout is None else self._layout.flats

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
            Whether the pass is linear in r; then general weights have no gradient, and
            responses stay apart from them.
        is_fixed : bool
            Whether only r has a gradient.

        Returns
        -------
        (dict or None, tensor or None)
            `LayerWeights` by layer, None where layers use their own; and the mean
            penalty.
        """
        layout = self._layout
        if layout is None:
            return None, None
        if not self.penalized:
            factors = None
        if r is None or layout.response is None:
            return (None, None) if is_fixed else self._general(factors)
        general, response = layout.general.leaf, layout.response.leaf
        if is_linearized or is_fixed:
            general = general.detach()
        if is_fixed:
            response = response.detach()
        if is_by_row or len(r) > 1:
            return self._of_rows(r, factors, general, response, is_linearized)
        penalty, *found = FormedWeights.apply(
            layout, _mean(factors), is_linearized, r[0], general, response
        )
        kinds = [layout.weights, found] if is_linearized else [found]
        return self._named(*kinds), penalty

    def _number(self, layer, name):
        """Return the place of a weight in the order of all, or -1."""
        home = layer, name
        return self._homes.index(home) if home in self._homes else -1

    def _general(self, factors):
        """Return the weights at r = 0, for training."""
        layout = self._layout
        penalty, *weights = GeneralWeights.apply(
            layout, _mean(factors), layout.general.leaf
        )
        return self._named(weights), penalty

    def _of_rows(self, r, factors, general, response, is_linearized):
        """Return the weights whose responses are added to outputs."""
        layout, n_all, n = self._layout, len(self._homes), self._layout.n_apart
        penalty, *found = RowWeights.apply(
            layout, factors, not is_linearized, r, general, response
        )
        rows, moving = found[:n_all], found[n_all:]
        weights = moving[n:] or layout.weights[:n]
        none = [None] * (n_all - n)
        biases = layout.weights[n:] if is_linearized else none
        responses = moving[:n] or layout.responses[:n]
        return self._named([*weights, *biases], [*responses, *none], rows), penalty

    def _named(self, *kinds):
        """Return `LayerWeights` by layer, from tensors in the order of the weights."""
        kinds = [[*kind, None] for kind in kinds]
        return {
            layer: LayerWeights(
                *[
                    dict(zip(names, map(kind.__getitem__, places), strict=True))
                    for kind in kinds
                ]
            )
            for layer, names, places in self._places
        }


def _mean(factors):
    """Return the mean over the rows; None for None."""
    if factors is None:
        return None
    return factors[0] if len(factors) == 1 else factors.mean(dim=0)
