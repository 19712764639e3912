"""The single list of solvers; names, error messages and tests come from it."""

from .hoag import HOAG
from .implicit import Implicit
from .myhpo.method import MYHPO
from .penalty import Penalty
from .protocol import Solver
from .sho import SHO
from .sho_global import SHOGlobal
from .stn.method import STN
from .stochastic.method import Stochastic
from .unrolled import Unrolled

SOLVERS: dict[str, type[Solver]] = {
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
