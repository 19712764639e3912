"""Every number of the experiments, and where it is from.

"Stated" means: the paper's (arXiv:2007.13322). "Chosen here": the paper leaves it open.
"""

from dataclasses import dataclass

# --- protocol -------------------------------------------------------------------
RUNS = 10  # stated: mean and standard deviation over 10 random partitions
QUICK_RUNS = 2
LAMBDA_INIT = -1.0  # stated (all weights start from zero)
RHO = 1.0  # stated
SEARCH_RANGE = (-10.0, 5.0)  # stated: lambda of the black-box methods
SHO_BETA, SHO_NOISE = 0.01, 1e-4  # stated
#: Chosen here: the paper does not bound its methods. exp(-25) is no penalty and exp(10)
#: leaves no weights, so only a run that leaves for infinity feels them.
LAMBDA_BOUNDS = (-25.0, 10.0)
#: Chosen here: Algorithm 3 and the package's own methods stop at this relative error;
#: gradient methods always take all of their steps.
TOL = 1e-6
#: Errors of which the iteration that reaches them is kept: the paper's is not stated.
LEVELS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
#: Chosen here: a finite loss this many times that of zero weights is divergence.
GROWN = 1e3
ETA = 3  # chosen here: Hyperband's factor, the value its authors recommend

# --- data -----------------------------------------------------------------------
TITLES = {
    "cookie": "cookie (fat), least squares",
    "mnist-regression": "MNIST regression, least squares",
    "mnist-classification": "MNIST 0 against 1, logistic",
    "gtsrb": "GTSRB 30 against 80, logistic",
    "gtsrb-track": "GTSRB 30 against 80, split by track",
}
REGRESSION = ("cookie", "mnist-regression")
#: Mean and variance of y over all rows, of the digits by design (a test holds them).
TARGET_MOMENTS = {"cookie": (18.2666, 3.8613), "mnist-regression": (4.5, 8.25)}
#: Table of the paper with all settings of a data set.
TABLE_OF = {
    "cookie": 4,
    "mnist-regression": 5,
    "mnist-classification": 6,
    "gtsrb": 7,
}
#: The fields of `preprocessing.Choice`: the paper states
#: none; these are what `preprocessing_search` finds.
PREPROCESSING = {
    "cookie": ("unit rows", "[0, 1]", "all", "[0, 1]", 1, 1.0),
    "mnist-regression": ("none", "[-1, 1]", "training", "centred", 1, 0.5),
    "mnist-classification": ("none", "[-1, 1]", "training", "", 1, 1.0),
    "gtsrb": ("none", "standardized", "training", "", 1, 1.0),
    "gtsrb-track": ("none", "standardized", "training", "", 1, 1.0),
}

# --- budgets, step sizes (stated, Tables 4 to 7) ----------------------------------
#: Outer iterations; a black-box trial has as many gradient steps.
N_STEPS = {
    "cookie": 2500,
    "mnist-regression": 3000,
    "mnist-classification": 500,
    "gtsrb": 500,
    "gtsrb-track": 500,
}
#: Trials of a black-box method, n_S.
N_TRIALS = {
    "cookie": (2, 10),
    "mnist-regression": (2,),
    "mnist-classification": (2, 25),
    "gtsrb": (2, 10),
    "gtsrb-track": (2,),
}
#: Most iterations of Algorithm 3 (Table 3); it is stated for regression only.
MAX_ITERS = {"cookie": 100, "mnist-regression": 500}
#: Most iterations of the package's own default: chosen here, it needs about ten.
DEFAULT_ITERS = 100
#: alpha_train of the black-box methods.
TRAIN_ALPHA = {
    "cookie": 0.001,
    "mnist-regression": 0.001,
    "mnist-classification": 0.5,
    "gtsrb": 0.5,
    "gtsrb-track": 0.5,
}
#: Step sizes of every bilevel method, in the order of the tables.
STEPS = {
    "cookie": {
        "sho": ((0.05,), (0.01,), (0.005,)),
        "myhpo-c": ((0.005, 0.01, 0.1), (0.005, 0.01, 0.5)),
        "myhpo-bt": ((0.005, 0.01, 0.5), (0.01, 0.01, 0.5), (0.1, 0.1, 0.5)),
    },
    "mnist-regression": {
        "sho": ((0.01,), (0.005,), (0.001,)),
        "myhpo-c": ((0.001, 0.001, 0.001), (0.001, 0.001, 0.005)),
        "myhpo-bt": ((0.001, 0.001, 0.005), (0.01, 0.01, 0.05), (0.1, 0.1, 0.5)),
    },
    "mnist-classification": {
        "sho": ((0.05,), (0.01,), (0.001,)),
        "myhpo-c": ((0.05, 0.1, 0.1), (0.05, 0.1, 0.5)),
        "myhpo-bt": ((0.05, 0.1, 0.5), (0.1, 0.1, 0.5), (0.1, 0.5, 0.75)),
    },
    "gtsrb": {
        "sho": ((0.05,), (0.01,), (0.005,)),
        "myhpo-c": ((0.05, 0.1, 0.1), (0.05, 0.1, 0.75)),
        "myhpo-bt": ((0.05, 0.1, 0.75), (0.1, 0.5, 0.75), (0.5, 0.5, 0.75)),
    },
}
#: Step sizes of Table 2: of the lowest published validation loss.
BEST = {
    "cookie": {
        "sho": (0.005,),
        "myhpo-c": (0.005, 0.01, 0.5),
        "myhpo-bt": (0.1, 0.1, 0.5),
    },
    "mnist-regression": {
        "sho": (0.001,),
        "myhpo-c": (0.001, 0.001, 0.005),
        "myhpo-bt": (0.001, 0.001, 0.005),
    },
    "mnist-classification": {
        "sho": (0.01,),
        "myhpo-c": (0.05, 0.1, 0.5),
        "myhpo-bt": (0.1, 0.5, 0.75),
    },
    "gtsrb": {
        "sho": (0.01,),
        "myhpo-c": (0.05, 0.1, 0.75),
        "myhpo-bt": (0.5, 0.5, 0.75),
    },
}
#: Chosen here: by track only what Table 2 has.
STEPS["gtsrb-track"] = {name: (steps,) for name, steps in BEST["gtsrb"].items()}
BEST["gtsrb-track"] = BEST["gtsrb"]

# --- methods ----------------------------------------------------------------------
#: "spearmint" is played by scikit-optimize: a Gaussian process, expected improvement.
BLACK_BOX = {
    "random": "random search",
    "grid": "grid",
    "hyperopt": "hyperopt (TPE)",
    "spearmint": "Spearmint (GP, EI)",
    "hyperband": "Hyperband",
}
#: name -> (label, steps, response, metric, backtracking)
MYHPO_FORMS = {
    "myhpo-c": ("MY-HPO (C)", "gradient", "mean", "identity", False),
    "myhpo-bt": ("MY-HPO (BT)", "gradient", "mean", "identity", True),
    "myhpo-exact": ("Algorithm 3", "exact", "mean", "identity", True),
    "bt-tangent": ("MY-HPO (BT), corrected", "gradient", "tangent", "identity", True),
    "exact-both": ("Algorithm 3, corrected", "exact", "tangent", "hessian", True),
}
LABELS = {
    "sho": "SHO",
    **{name: form[0] for name, form in MYHPO_FORMS.items()},
    **BLACK_BOX,
    "default": "default of the package",
    "floor": "minimum over lambda",
}
GRADIENT = ("sho", "myhpo-c", "myhpo-bt", "bt-tangent")


@dataclass(frozen=True)
class Job:
    """One method with one setting on one run of a data set.

    `n_steps` counts outer iterations, or gradient steps of a trial; `n_trials` is zero
    for a method that is not a search.
    """

    data: str
    method: str
    steps: tuple
    seed: int
    n_steps: int
    n_trials: int
    preprocessing: tuple
    protocol: str


def protocol_of():
    """Return what else decides a result, so that a change of it runs again."""
    own = (LAMBDA_INIT, RHO, LAMBDA_BOUNDS, TOL, GROWN, SEARCH_RANGE, ETA, SHO_NOISE)
    return " ".join(map(str, own))


def settings_of(data):
    """Yield (method, step sizes, n_steps, n_trials) in the order of the tables."""
    n_steps = N_STEPS[data]
    for method, all_steps in STEPS[data].items():
        for steps in all_steps:
            yield method, steps, n_steps, 0
    for method in BLACK_BOX:
        for n_trials in N_TRIALS[data]:
            yield method, (), n_steps, n_trials
    if data in REGRESSION:
        yield "bt-tangent", BEST[data]["myhpo-bt"], n_steps, 0
        yield "myhpo-exact", (), MAX_ITERS[data], 0
        yield "exact-both", (), MAX_ITERS[data], 0
    yield "default", (), DEFAULT_ITERS, 0
    yield "floor", (), 0, 0


def make_jobs(data, runs, preprocessing=None):
    """Return the jobs of a data set; one run after the other."""
    chosen = PREPROCESSING[data] if preprocessing is None else preprocessing
    return [
        Job(data, method, steps, seed, n_steps, n_trials, chosen, protocol_of())
        for seed in range(runs)
        for method, steps, n_steps, n_trials in settings_of(data)
    ]
