"""Solvers of the bilevel problem, one method and its paper per file."""

from .driver import minimize_bilevel
from .hoag import HOAG
from .implicit import Implicit
from .myhpo import MYHPO
from .protocol import BilevelResult, Info, Solver, State, Status
from .sho import SHO
from .stochastic import Stochastic

#: The single list of solvers; names, error messages and tests come from it.
SOLVERS = {
    "myhpo": MYHPO,
    "sho": SHO,
    "implicit": Implicit,
    "stochastic": Stochastic,
    "hoag": HOAG,
}

__all__ = [
    "HOAG",
    "MYHPO",
    "SHO",
    "SOLVERS",
    "BilevelResult",
    "Implicit",
    "Info",
    "Solver",
    "State",
    "Status",
    "Stochastic",
    "minimize_bilevel",
]
