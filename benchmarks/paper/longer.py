"""Where (BT) and its tangent form go when the budget is not the limit."""

from benchmarks.page import markdown

from .settings import LABELS, PREPROCESSING, TITLES, TRIPLES, Job, protocol_of

DATA = ("cookie", "mnist")
METHODS = ("myhpo-bt", "bt-tangent", "floor")
BUDGETS, QUICK_BUDGETS = (1000, 3000, 10000), (200, 600)  # chosen here


def make_longer_jobs(quick=False):
    """Return the jobs: run 0, at the step sizes where (BT) does best."""
    return [
        Job(
            data,
            method,
            () if method == "floor" else TRIPLES[data][0],
            0,
            QUICK_BUDGETS if quick else BUDGETS,
            PREPROCESSING[data],
            protocol_of(data),
        )
        for data in DATA
        for method in METHODS
    ]


def render_longer(lines):
    """Return one row per method: lambda and the validation loss of its exact model."""
    budgets = lines[0]["job"]["budgets"]
    head = ["data", "method", *(f"n_g = {budget}" for budget in budgets)]
    rows = [
        [
            TITLES[line["job"]["data"]],
            LABELS[line["job"]["method"]],
            *(
                f"{one['exact_validation_loss']:.5f} (lambda {one['lambda']:.2f})"
                for one in line["records"]
            ),
        ]
        for line in lines
    ]
    return "\n\n".join(
        [
            "**Longer runs.** Validation loss of the exact model at the method's "
            "lambda, run 0, same step sizes.",
            markdown(head, rows),
        ]
    )
