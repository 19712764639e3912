"""Every limit of size, and the costs behind the choices of the plan.

`Limits` and `RowLimits` are the table of numbers; `use_limits` changes them for a time.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace

from ..data.limits import CURRENT as CURRENT_ROW_LIMITS
from ..data.limits import RowLimits, row_limits


@dataclass(frozen=True)
class Limits:
    """Limits of the engine. A "size" counts coordinates times coupled outputs.

    Attributes
    ----------
    moments_size : int
        Coordinates up to which ridge is solved from second moments.
    device_size : int
        Rows of a symmetric matrix from which its eigenvectors are computed on the
        device of a tensor, not on the host. `benchmarks.device` prints the times of
        both.
    tridiagonal_size : int
        Coordinates from which matrices of all penalties are tridiagonal, not diagonal.
    dense_size : int
        Size up to which Hessians are formed and factored.
    row_factor_size : int
        Features up to which ill-conditioned ridge is solved by QR factors of the rows.
    row_factor_entries : int
        Entries of X up to which that is done.
    singular_cost : float
        Rows times columns times the smaller of both, up to which singular values are
        computed for the range of lambda.
    factored_size : int
        Size up to which a criterion may factor a matrix.
    apart_entries : int
        Entries up to which one inverse per output is kept, where a matrix of all
        outputs would be too large.
    formed_cost : float
        Operations up to which the Hessian of every split is formed at every step of
        several lambdas; beyond, one shared matrix preconditions them.
    products_per_solve : int
        Products of a Hessian that one solve takes. Hessians are formed where their
        solves take more products than they have rows.
    few_lambdas : int
        Lambdas up to which second derivatives come from the responses of the weights,
        which is exact.
    products_per_response, cubes : int
        Products that the response to one lambda takes, and cubes of the size of a
        Hessian that curvature in all lambdas takes.
    most_responses : float
        Numbers in the responses of all splits up to which they are formed.
    raw_entries : int
        Number of raw predictions of solutions that may be kept in any case.
    row_share : float
        Rows per coordinate up to which Hessians are solved with in the space of the
        rows.
    inverse_share : float
        Responses per coordinate from which ridge takes the inverse of the Hessian.
    strong_penalty : float
        Penalty over the trace of the data's curvature, beyond which the weight of a
        feature is computed alone: other features change it by less than one part in
        this.
    eigen_ratio, singular_ratio : float
        Ratios of the largest to the smallest second moment of a feature up to which
        eigenvectors of moments, or singular vectors of rows, keep the small ones.
    krylov_share, krylov_steps : float, int
        Share of the coordinates, and number of steps, beyond which a Krylov subspace
        costs more than a decomposition.
    rational_size : int
        Coordinates below which an eigendecomposition is as fast as a rational Krylov
        subspace.
    rows_per_coordinate : int
        Training rows per coordinate up to which singular vectors of the rows are
        affordable.
    gram_base, gram_share, factor_share : float
        Cost of a shared matrix in products of a Hessian with one vector: a constant
        and a share of the features for forming it, a share of its entries per row for
        factoring it. Thin products run at the speed of memory, these at that of the
        cores.
    solve_share : float
        Entries of a shared matrix per entry of the rows, beyond which solves with the
        matrix cost so much more than products with the rows that more products are
        better.
    cheap_products, accurate_products : int
        Cost of the shared matrix, in products per split, up to which it is formed at
        once, for solutions of low and of high accuracy.
    saved_products : float
        Products that a split saves by its own factor.
    own_pairs : int
        Products of pairs of features in all rows up to which every split has a Hessian
        at its own weights.
    pass_base, pass_output, pass_entry : float
        Nanoseconds of a pass for all splits: the calls of a small one, and what every
        raw prediction and every product adds.
    gram_entry, gram_pair, sparse_entry, cube : float
        Nanoseconds of a Gram matrix per entry of a row and per product of two, of
        either per entry or product of sparse rows, and of a factorization per cube of
        its size.
    factored_passes : float
        Cost of new factors, in passes, up to which Newton's method uses factors.
    kept_change : float
        Change of the log of a penalty up to which a factor is kept.
    changed_curvature : float
        Relative change of the mean curvature up to which a shared matrix is kept.
    scan_rows : int
        Rows of the sample for the scan of problems of more than twice as many rows.
    model_rows, rows_per_weight : int
        The same if a model of all rows or a solver of small steps corrects the result
        of the sample; and the minimum number of rows of such a sample per weight.
    spectrum_entries : int
        Entries of the left singular vectors of sparse rows up to which they are kept.
    optimism_rows : int
        Rows that the covariance of slopes is estimated from.
    target_entries : int
        Entries of a block of targets with a lambda each.
    turned_targets : int
        Number of targets from which fewer rotated ones, with the same sums over
        targets, replace them, if there are more targets than rows.
    turned_share : float
        Share of the rows that remain, up to which the rows of every kind are rotated to
        few before their targets are.
    together_entries, least_together : int
        Entries of the weights of all splits up to which targets with a lambda each are
        learned together, and targets that are in any case.
    turned_sample : int
        Rows whose rotated targets are kept then, for the covariance of slopes.
    target_share : float
        Targets per row from which products of all pairs of rows are formed, where there
        are too many features for moments.
    posterior_work : float
        Multiplications up to which the variances of weights that are combinations of
        rows are computed in a fit.
    summary_rows, summary_rows_per_weight : int
        Size of the sample of rows, at least so many rows per weight, for the degrees of
        freedom and the shares of a summary if the loss is not squared.
    summary_size : int
        Rows of a Hessian up to which the degrees of freedom are computed even where
        the fit would never form one.
    summary_entries : int
        Weights up to which a fit keeps their shares of the prediction's variance.
    """

    moments_size: int = 2500
    tridiagonal_size: int = 128
    dense_size: int = 2500
    # Reasoned for a GPU, as no GPU has measured it; on a CPU both ways are LAPACK's.
    # Either way n^2 numbers cross the bus once, the matrix or its vectors, so that the
    # operations decide: 9 n^3 at 3e10 to 1e11 per second of a host, against about n
    # steps one after another of 50 microseconds on a device. They meet at 400 to 750.
    device_size: int = 1000
    row_factor_size: int = 500
    row_factor_entries: int = 2**23
    singular_cost: float = 1e8
    factored_size: int = 5000
    apart_entries: int = 2**25
    formed_cost: float = 1e9
    products_per_solve: int = 60
    few_lambdas: int = 30
    products_per_response: int = 3
    cubes: int = 8
    most_responses: float = 3e7
    raw_entries: int = 2**22
    row_share: float = 0.5
    inverse_share: float = 0.75
    strong_penalty: float = 1e6
    eigen_ratio: float = 1e10
    singular_ratio: float = 1e16
    krylov_share: float = 0.4
    krylov_steps: int = 160
    rational_size: int = 256
    rows_per_coordinate: int = 3
    gram_base: float = 12.0
    gram_share: float = 1 / 13
    factor_share: float = 1 / 25
    solve_share: float = 5.0
    cheap_products: int = 2
    accurate_products: int = 80
    saved_products: float = 5.0
    own_pairs: int = 2**19
    pass_base: float = 2e5
    pass_output: float = 4.0
    pass_entry: float = 0.35
    gram_entry: float = 0.85
    gram_pair: float = 0.022
    sparse_entry: float = 2.0
    cube: float = 0.03
    factored_passes: float = 15.0
    kept_change: float = 0.7
    changed_curvature: float = 0.05
    scan_rows: int = 8192
    model_rows: int = 2048
    rows_per_weight: int = 4
    spectrum_entries: int = 2**22
    optimism_rows: int = 2**12
    target_entries: int = 2**21
    turned_targets: int = 256
    turned_share: float = 0.9
    turned_sample: int = 512
    together_entries: int = 3 * 2**19
    least_together: int = 64
    target_share: float = 0.1
    posterior_work: float = 1e8
    summary_rows: int = 2**12
    summary_rows_per_weight: int = 20
    summary_size: int = 500
    summary_entries: int = 2**22


_CURRENT = ContextVar("limits of the engine")
_DEFAULTS = Limits()


def limits():
    """Return the `Limits` in force."""
    return _CURRENT.get(_DEFAULTS)


@contextmanager
def use_limits(**changes):
    """Use other values of `Limits` and `RowLimits` within a context.

    Parameters
    ----------
    **changes : float
        New values by the name of the limit.

    Raises
    ------
    TypeError
        If there is no such limit.
    """
    names = {field.name for field in fields(RowLimits)}
    of_rows = {name: value for name, value in changes.items() if name in names}
    others = {name: value for name, value in changes.items() if name not in names}
    tokens = (
        (_CURRENT, _CURRENT.set(replace(limits(), **others))),
        (CURRENT_ROW_LIMITS, CURRENT_ROW_LIMITS.set(replace(row_limits(), **of_rows))),
    )
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)
