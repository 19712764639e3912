"""Solvers of the bilevel problem, one method and its paper per file."""

from .driver import minimize_bilevel
from .implicit import Implicit
from .myhpo import MYHPO
from .protocol import BilevelResult, Info, Solver, State, Status
from .sho import SHO
from .stn import STN

#: The single list of solvers; names, error messages and tests come from it.
SOLVERS = {
    "myhpo": MYHPO,
    "sho": SHO,
    "implicit": Implicit,
    "stn": STN,
}

__all__ = [
    "MYHPO",
    "SHO",
    "SOLVERS",
    "STN",
    "BilevelResult",
    "Implicit",
    "Info",
    "Solver",
    "State",
    "Status",
    "minimize_bilevel",
]
