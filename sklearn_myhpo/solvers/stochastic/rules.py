"""The single list of the methods of the stochastic solver."""

from .amigo import AmIGO
from .saba import SABA
from .soba import SOBA
from .stocbio import StocBiO
from .walk import Rule

RULES: dict[str, Rule] = {
    "saba": SABA(),
    "soba": SOBA(),
    "amigo": AmIGO(),
    "stocbio": StocBiO(),
}
