"""Every choice of engine, made from the shape of a problem.

`make_plan` turns a shape into a `Plan` before anything is computed; the numbers that it
compares with are in `limits.py`.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from .limits import Limits, limits
from .plan_text import describe
from .shape import Shape


@dataclass(frozen=True)
class Plan:
    """How a problem is computed: decided from its shape, and printable.

    Attributes
    ----------
    shape : Shape
    limits : Limits
    by_rows : bool
        Whether rows must be kept, in the coordinates of the features, for batches.
    all_directions : bool
        Whether coordinates that no solution takes must be kept.
    subspace : str
        Coordinates in which a shared lambda has diagonal Hessians; found in the data.
    holds_out : bool
        Whether rows are held out; a criterion holds out none.
    kept_vectors : int
        Number of singular vectors of the rows that are kept for a criterion.
    """

    shape: Shape
    limits: Limits
    by_rows: bool = False
    all_directions: bool = True
    subspace: str = ""
    holds_out: bool = True
    kept_vectors: int = 0

    # Sources of the inner problems.

    @cached_property
    def reduces_columns(self):
        """Whether wide groups are replaced by their row spaces."""
        return self.shape.is_wide and not self.shape.is_sparse and not self.by_rows

    @cached_property
    def n_coordinates(self):
        """Coordinates of a weight vector, the intercept included."""
        shape = self.shape
        sizes = shape.group_sizes
        if self.reduces_columns:
            sizes = [min(size, shape.n_samples + 1) for size in sizes]
        return sum(sizes) + shape.n_unpenalized + shape.fit_intercept

    @cached_property
    def tries_row_products(self):
        """Whether solutions may be combinations of rows: one lambda, wide ridge.

        Or ridge of many targets, none of which is to be solved for alone.
        """
        shape = self.shape
        few = not shape.is_sparse or shape.n_samples <= self.limits.dense_size
        wide = shape.is_wide or self._has_many_targets
        needs_all = self.by_rows or self.all_directions or shape.n_unpenalized
        one = shape.is_quadratic and shape.n_groups == 1
        return one and wide and few and not needs_all

    @property
    def _has_many_targets(self):
        """Whether products of rows cost less than solving for every target.

        Where there are too many features for second moments.
        """
        shape, limits = self.shape, self.limits
        many = shape.n_outputs >= limits.target_share * shape.n_samples
        large = shape.n_features > limits.moments_size and not shape.is_sparse
        return many and large and shape.n_samples <= limits.factored_size

    @cached_property
    def uses_moments(self):
        """Whether X is no longer needed after the second moments are known."""
        n_features = self.n_coordinates - self.shape.fit_intercept
        small = n_features <= self.limits.moments_size
        return self.shape.is_quadratic and small and not self.by_rows

    @property
    def can_rotate(self):
        """Whether features may be replaced by the principal axes of their groups."""
        return not (self.by_rows or self.shape.is_sparse or self.shape.is_quadratic)

    @property
    def can_factor_rows(self):
        """Whether ridge may be solved by QR factors of the rows of every split."""
        shape = self.shape
        is_small = shape.n_features <= self.limits.row_factor_size
        n_entries = shape.n_samples * shape.n_features
        is_small = is_small and n_entries <= self.limits.row_factor_entries
        return shape.is_quadratic and is_small and not self.by_rows

    @cached_property
    def solves_in_rows(self):
        """Whether Hessians of several lambdas are solved with in the space of the rows.

        With one lambda they are diagonal.
        """
        wide = self.limits.row_share * self.n_coordinates >= self.shape.n_samples
        return wide and self.shape.n_groups > 1 and not self.shape.is_sparse

    @cached_property
    def centres_at_means(self):
        """Whether the means of the features are computed first."""
        shape = self.shape
        return not self.uses_moments or shape.is_sparse or shape.is_wide

    # Generalized linear models.

    @property
    def size(self):
        """Rows of a Hessian of all coupled outputs."""
        return self.n_coordinates * self.shape.n_outputs

    @property
    def is_dense(self):
        """Whether a Hessian may be formed and factored."""
        return self.size <= self.limits.dense_size

    @cached_property
    def shares_hessians(self):
        """Whether forming the Hessian of every split is to be avoided."""
        shape = self.shape
        if shape.n_groups == 1 or not self.is_dense:
            return False
        per_row = self.size * (self.n_coordinates + shape.n_groups)
        per_row += shape.n_outputs * shape.n_groups**2
        cost = shape.n_splits * shape.n_samples * per_row
        return cost > self.limits.formed_cost

    @cached_property
    def curvature_by(self):
        """How curvature in lambda is found: by "responses", "inverses", "products"."""
        shape, limits = self.shape, self.limits
        if self.shares_hessians and shape.n_groups > limits.few_lambdas:
            n_columns = limits.products_per_response * shape.n_splits * shape.n_groups
            responses = 4.0 * n_columns * shape.n_samples * self.size
            inverses = 2.0 * shape.n_samples * self.size**2
            inverses += limits.cubes * shape.n_splits * self.size**3
            if responses > inverses:
                return "inverses"
        too_many = shape.n_groups * shape.n_splits * self.size > limits.most_responses
        # The response to a single lambda is no larger than the weights themselves.
        return "products" if too_many and shape.n_groups > 1 else "responses"

    @cached_property
    def forms_hessians(self):
        """Whether every split forms and factors its Hessian."""
        n_solves = self.limits.products_per_solve * (1 + self.shape.n_groups)
        often = n_solves > self.size and self.is_dense
        return often and self.curvature_by != "products" and not self.shares_hessians

    @cached_property
    def shared_entries(self):
        """Entries of the shared matrices."""
        if self.is_dense:
            return self.size**2
        return self.shape.n_outputs * self.n_coordinates**2

    @property
    def factor_price(self):
        """Cost of factoring the shared matrix, in products of a Hessian."""
        return self.limits.factor_share * self.shared_entries / self.shape.n_samples

    @cached_property
    def shared_price(self):
        """Cost of forming and factoring it; infinite if it is too large."""
        shape, limits = self.shape, self.limits
        apart = shape.n_outputs > 1 and self.n_coordinates <= limits.dense_size
        apart = apart and self.shared_entries <= limits.apart_entries
        n_entries = shape.n_samples * shape.entries_per_row * shape.n_outputs
        slow = self.shared_entries > limits.solve_share * n_entries
        if slow or not (self.is_dense or apart):
            return float("inf")
        per_row = self.n_coordinates * limits.gram_share
        if shape.is_sparse:
            per_row = shape.entries_per_row
        n_grams = (shape.n_outputs + 1) / 2 if self.is_dense else 1
        return (limits.gram_base + per_row) * n_grams + self.factor_price

    @cached_property
    def factors_hessians(self):
        """Whether Newton's method takes its steps from factored matrices."""
        by_responses = self.curvature_by == "responses" and not self.shares_hessians
        is_cheap = self.owns_hessians or self.gram_price <= self.limits.factored_passes
        is_exact = self.is_dense and by_responses and not self.shape.is_quadratic
        return is_exact and is_cheap

    @cached_property
    def owns_hessians(self):
        """Whether every split has a matrix at its own weights."""
        n_pairs = self.shape.n_samples * self.size * (self.size + 1) // 2
        return self.is_dense and n_pairs <= self.limits.own_pairs

    @cached_property
    def forms_own_hessians(self):
        """Whether derivatives in lambda come from the Hessian of every split, formed.

        Otherwise they come from products of it, one or two passes for every lambda.
        """
        if self.owns_hessians or not self.holds_out:
            return True
        return self.shape.n_splits * self.gram_price <= 1 + self.shape.n_groups

    @cached_property
    def gram_price(self):
        """Cost of a Gram matrix, and of factoring it for all splits, in passes."""
        shape, limits, size = self.shape, self.limits, self.n_coordinates
        n_grams = shape.n_outputs * (shape.n_outputs + 1) // 2
        gram = limits.gram_entry * size + limits.gram_pair * size**2
        if shape.is_sparse:
            gram = limits.sparse_entry * shape.entries_per_row**2
        return shape.n_samples * n_grams * gram / self._pass_cost + self.factor_passes

    @property
    def own_price(self):
        """Cost of a Gram matrix for every split, and of factoring them, in passes."""
        gram = self.gram_price - self.factor_passes
        return self.shape.n_splits * gram + self.factor_passes

    @cached_property
    def factor_passes(self):
        """Cost of factoring a matrix for every split, in passes."""
        return self.limits.cube * self.shape.n_splits * self.size**3 / self._pass_cost

    @property
    def _pass_cost(self):
        """Nanoseconds of a pass over the rows for all splits."""
        shape, limits = self.shape, self.limits
        product = limits.pass_entry * self.n_coordinates
        if shape.is_sparse:
            product = limits.sparse_entry * shape.entries_per_row
        per_output = limits.pass_output + product
        n_raw = shape.n_samples * shape.n_splits * shape.n_outputs
        return limits.pass_base + n_raw * per_output

    @property
    def splits_shared_matrix(self):
        """Whether every split gets a shared matrix of its own rows."""
        return self.shares_hessians or self.factor_price <= self.limits.saved_products

    @property
    def scan_rows(self):
        """Rows of the sample for the scan."""
        limits, most = self.limits, self.limits.scan_rows
        if not (self.factors_hessians or self.by_rows):
            return most
        return min(most, max(limits.model_rows, limits.rows_per_weight * self.size))

    @cached_property
    def scans_sample(self):
        """Whether the scan begins with a sample of the rows."""
        least = self.scan_rows * (1 if self.by_rows else 2)
        many = self.holds_out and self.shape.n_samples > least
        return many and not (self.uses_moments or self.tries_row_products)

    def of_rows(self, n_samples):
        """Return the plan of the same problem with fewer rows."""
        return replace(self, shape=replace(self.shape, n_samples=n_samples))

    def of_outputs(self, n_outputs):
        """Return the plan of the same problem with other targets."""
        return replace(self, shape=replace(self.shape, n_outputs=n_outputs))

    def of_splits(self, n_splits):
        """Return the plan of some of the splits."""
        return replace(self, shape=replace(self.shape, n_splits=n_splits))

    def __str__(self):
        return describe(self)

    __repr__ = __str__


def make_plan(
    design, groups, loss, n_outputs, n_splits, fit_intercept, *, by_rows, all_directions
):
    """Return the `Plan` of a problem.

    Parameters
    ----------
    design : Design
    groups : FeatureGroups
    loss : Loss
    n_outputs, n_splits : int
    fit_intercept, by_rows, all_directions : bool
    """
    shape = Shape(
        n_samples=design.n_samples,
        n_features=design.n_features,
        entries_per_row=design.entries_per_row,
        is_sparse=design.is_sparse,
        fit_intercept=fit_intercept,
        group_sizes=groups.sizes,
        n_outputs=n_outputs,
        n_splits=n_splits,
        is_quadratic=loss.is_quadratic,
        n_unpenalized=groups.n_unpenalized,
        lambdas_per_group=groups.width,
    )
    return Plan(shape, limits(), by_rows, all_directions)
