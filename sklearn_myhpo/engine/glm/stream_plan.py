"""The plan of a fit of rows beyond memory."""

from ..limits import limits
from ..plan import Plan
from ..shape import Shape

#: Copies of the matrices of all splits: sums of a pass and of a block, models of two
#: passes, and their factors.
COPIES = 8


class StreamPlan(Plan):
    """How a problem of rows beyond memory is computed."""

    def __str__(self):
        shape = self.shape
        n_bytes = hessian_bytes(self.size, shape.n_splits)
        kind = "sparse" if shape.is_sparse else "dense"
        folds = f"{shape.n_splits} split{'s' * (shape.n_splits > 1)}"
        lines = {
            "data": f"{shape.n_samples} rows x {shape.n_features} features, {kind}; "
            f"{folds}, {shape.n_groups} lambda{'s' * (shape.n_groups != 1)}",
            "rows": "read again in every pass, for all splits at once",
            "inner problems": "second-order models of all splits from every pass",
            "curvature in lambda": "from the models, third derivatives from the rows",
            "start": "fit of a sample",
            "memory beside X": f"about {n_bytes / 2**20:.3g} MiB",
        }
        return "\n".join(f"{name + ':':<21}{text}" for name, text in lines.items())

    __repr__ = __str__


def hessian_bytes(size, n_splits):
    """Return the bytes of the Hessians of all splits, while a pass adds them up.

    Parameters
    ----------
    size : int
        Rows of a Hessian of all coupled outputs.
    n_splits : int

    Returns
    -------
    int
    """
    return 8 * COPIES * (2 * n_splits + 1) * size**2


def stream_plan(sample, rows):
    """Return the `StreamPlan` of rows.

    Parameters
    ----------
    sample : HashedSample
    rows : StreamedRows
    """
    n_sample, n_features = sample.X.shape
    is_sparse = hasattr(sample.X, "nnz")
    entries = sample.X.nnz / n_sample if is_sparse else float(n_features)
    shape = Shape(
        n_samples=sample.n_rows,
        n_features=n_features,
        entries_per_row=entries,
        is_sparse=is_sparse,
        fit_intercept=rows.reading.view.fit_intercept,
        group_sizes=rows.groups.sizes,
        lambdas_per_group=rows.groups.width,
        n_outputs=rows.reading.n_outputs,
        n_splits=rows.reading.n_splits,
        is_quadratic=False,
        n_unpenalized=rows.groups.n_unpenalized,
    )
    return StreamPlan(shape, limits())
