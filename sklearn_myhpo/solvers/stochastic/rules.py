"""The single list of the methods of the stochastic solver."""

from .amigo import AmIGO
from .f2sa import F2SA
from .mrbo import MRBO
from .saba import SABA
from .soba import SOBA
from .srba import SRBA
from .stocbio import StocBiO
from .vrbo import VRBO
from .walk import Rule

RULES: dict[str, Rule] = {
    "saba": SABA(),
    "srba": SRBA(),
    "soba": SOBA(),
    "f2sa": F2SA(),
    "amigo": AmIGO(),
    "stocbio": StocBiO(),
    "mrbo": MRBO(),
    "vrbo": VRBO(),
}
