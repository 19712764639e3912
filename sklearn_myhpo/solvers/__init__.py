"""Solvers of the bilevel problem, one method and its paper per file.

====================  =================================================================
`driver.py`           `minimize_bilevel`: the only loop, and the check of a solver's
needs `protocol.py`         `Solver`, its report `Info`, the result of a run
`capabilities.py`     `Capabilities`: abilities and needs that a solver declares
`registry.py`         `SOLVERS`: the single list; add a solver here `options.py`
checks of options `phases.py`           reports of the phases of a run, for progress
bars `start/`              scans of one shared lambda for a start `myhpo/`
MY-HPO; `published.py` has Algorithms 1 and 3 step by step `sho.py`              SHO
with a local hypernetwork `sho_global.py`       SHO with a global hypernetwork
`implicit.py`         exact implicit differentiation `hoag.py`             inexact
implicit differentiation `unrolled.py`         derivatives through steps of gradient
descent `penalty.py`          the inner problem as a penalty `stochastic/`         eight
methods on batches of rows, from SABA to VRBO `stn/`                self-tuning networks
for linear models `steps/`              steps that several of them share;
`acceptance.py` judges them
====================  =================================================================
"""

from .capabilities import Capabilities
from .driver import minimize_bilevel
from .hoag import HOAG
from .implicit import Implicit
from .myhpo.method import MYHPO
from .penalty import Penalty
from .protocol import BilevelResult, Info, Solver, State, Status
from .registry import SOLVERS
from .sho import SHO
from .sho_global import SHOGlobal
from .stn.method import STN
from .stochastic.method import Stochastic
from .unrolled import Unrolled

__all__ = [
    "HOAG",
    "MYHPO",
    "SHO",
    "SOLVERS",
    "STN",
    "BilevelResult",
    "Capabilities",
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
