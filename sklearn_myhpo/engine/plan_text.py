"""The text of a plan."""

from ..data.limits import row_limits


def describe(plan):
    """Return a plan as text, a line per choice.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    str
    """
    shape = plan.shape
    kind = "sparse" if shape.is_sparse else "dense"
    splits = "1 split" if shape.n_splits == 1 else f"{shape.n_splits} splits"
    splits = splits if plan.holds_out else "no rows held out"
    sample = f"{plan.scan_rows} rows" if plan.scans_sample else "all rows"
    lines = {
        "data": f"{shape.n_samples} rows x {shape.n_features} features, {kind}; "
        f"{splits}, {shape.n_groups} lambda{'s' * (shape.n_groups > 1)}"
        f"{_unpenalized(plan)}",
        "rows": _rows(plan),
        "inner problems": _inner_problems(plan),
        "curvature in lambda": _curvature(plan),
        "start": f"scan of a shared lambda on {sample}",
        "memory beside X": f"about {kept_bytes(plan) / 2**20:.3g} MiB",
    }
    return "\n".join(f"{name + ':':<21}{text}" for name, text in lines.items())


def _unpenalized(plan):
    n_unpenalized = plan.shape.n_unpenalized
    if not n_unpenalized:
        return ""
    end = ", eliminated as the intercept is" if plan.uses_moments else ""
    return f"; {n_unpenalized} never penalized{end}"


def _rows(plan):
    if plan.tries_row_products:
        return "products of rows with each other"
    text = "kept, multiplied by blocks for all splits in one visit"
    if plan.uses_moments:
        text = "second moments of all splits in one visit of X"
    if plan.reduces_columns:
        text += ", in the row space of every wide group"
    return text


def _inner_problems(plan):
    if plan.subspace:
        return f"closed form, {plan.subspace}"
    if plan.by_rows:
        return "batches of rows, or products with all of them"
    if plan.uses_moments:
        return "closed form, Cholesky factors"
    if plan.factors_hessians:
        whose = "of every split" if plan.owns_hessians else "at common weights"
        return f"Newton steps by factored Hessians {whose}"
    if plan.forms_hessians:
        return "Newton steps by conjugate gradients; Hessians formed for lambda"
    if plan.shares_hessians:
        return "Newton steps by conjugate gradients, one matrix for all splits"
    return "Newton steps by conjugate gradients"


def _curvature(plan):
    if plan.uses_moments or plan.tries_row_products:
        return "exact"
    return f"by {plan.curvature_by}"


def kept_bytes(plan):
    """Return the memory that a fit keeps beside X, in bytes.

    Matrices and models of all splits, raw predictions and weights of rows, and two
    blocks of rows.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    int
    """
    shape, size = plan.shape, plan.n_coordinates
    kept = 2 * row_limits().block_entries
    kept += 5 * (shape.n_splits + 1) * shape.n_outputs * shape.n_features
    kept += plan.kept_vectors * shape.n_samples
    if plan.tries_row_products:
        return 8 * (kept + (2 + shape.n_splits) * shape.n_samples**2)
    if plan.reduces_columns:
        kept += shape.n_samples * (shape.n_features + size)
    if plan.uses_moments:
        return 8 * (kept + (4 * shape.n_splits + 4) * size**2)
    per_row = 8 * (shape.n_splits + 1) * (shape.n_outputs + 1)
    per_row += 2 * (shape.n_splits + 1) * shape.n_outputs**2
    if plan.factors_hessians:
        # Matrices, factors, and both Hessians of the models of all splits.
        kept += (2 + 6 * shape.n_splits) * plan.size**2
    elif plan.shared_price < float("inf"):
        matrices = 2 + 2 * shape.n_splits * plan.splits_shared_matrix
        kept += matrices * plan.shared_entries
    return 8 * (kept + per_row * shape.n_samples)
