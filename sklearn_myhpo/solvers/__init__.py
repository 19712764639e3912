"""Solvers of the bilevel problem, one method and its paper per file."""

from .driver import minimize_bilevel
from .hoag import HOAG
from .implicit import Implicit
from .myhpo.method import MYHPO
from .penalty import Penalty
from .protocol import BilevelResult, Info, Solver, State, Status
from .sho import SHO
from .sho_global import SHOGlobal
from .stn.method import STN
from .stochastic.method import Stochastic
from .unrolled import Unrolled

#: The single list of solvers; names, error messages and tests come from it.
SOLVERS = {
    "myhpo": MYHPO,
    "sho": SHO,
    "implicit": Implicit,
    "stochastic": Stochastic,
    "hoag": HOAG,
    "unrolled": Unrolled,
    "sho_global": SHOGlobal,
    "penalty": Penalty,
    "stn": STN,
}

__all__ = [
    "HOAG",
    "MYHPO",
    "SHO",
    "SOLVERS",
    "STN",
    "BilevelResult",
    "Implicit",
    "Info",
    "Penalty",
    "SHOGlobal",
    "Solver",
    "State",
    "Status",
    "Stochastic",
    "Unrolled",
    "minimize_bilevel",
]
