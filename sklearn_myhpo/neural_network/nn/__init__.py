"""Layers of PyTorch whose weights respond to hyperparameters; needs PyTorch."""

from ..._messages import import_optional

import_optional("torch", "sklearn_myhpo.neural_network.nn", extra="nn")

from ._convert import self_tune, to_torch  # noqa: E402
from ._dropout import STNDropout, STNVariationalDropout  # noqa: E402
from ._layers import STNConv1d, STNConv2d, STNEmbedding, STNLinear  # noqa: E402
from ._lstm import STNLSTM  # noqa: E402
from ._passes import linearized, respond  # noqa: E402
from ._state import Noise  # noqa: E402

__all__ = [
    "STNLSTM",
    "Noise",
    "STNConv1d",
    "STNConv2d",
    "STNDropout",
    "STNEmbedding",
    "STNLinear",
    "STNVariationalDropout",
    "linearized",
    "respond",
    "self_tune",
    "to_torch",
]
