"""Fits to the rows of a source: in few passes, or by rows kept in memory."""

from numbers import Integral
from typing import NamedTuple

from ..._messages import shown
from ...criteria.alo import ApproximateLeaveOneOut
from ...criteria.streamed import AllRows
from ...data.cv import check_cv_type, say_what_groups_need, takes_groups
from ...data.folds.listed import rule_of_splitter
from ...data.folds.rules import fold_rule, is_rule
from ...data.rows import Rows
from ...data.streams.joined import JoinedSource, OwnValidation
from ...data.streams.kept import (
    TooManyRowsError,
    in_double,
    kept_design,
    named,
    parts_of,
    rows_of_block,
)
from ...engine.glm.stream_plan import hessian_bytes
from ...engine.limits import limits
from ...losses import SquaredLoss
from .._checks import resolve_criterion
from .._own_validation import NO_VALIDATION, own_validation
from .coded import coded_rows
from .long_rows import first_look
from .moments import condensed_rows

GIB = 2**30


class Room(NamedTuple):
    """Limits of memory of a fit to the rows of a source.

    Attributes
    ----------
    n_features : int
        Maximum number of features for matrices of all pairs of features.
    n_bytes : int
        Maximum size of the Hessians of all splits in bytes.
    n_kept : int
        Maximum size in bytes of rows that are kept in memory if they must be.
    n_listed : int
        Maximum number of rows for which a number is kept per row, for folds.
    """

    n_features: int
    n_bytes: int
    n_kept: int
    n_listed: int


class Read(NamedTuple):
    """Arguments of a fit, after the rows of a source were read.

    Attributes
    ----------
    X : LongRows, Design or object
        As given if it is not a source.
    y, sample_weight : array-like or None
        None with `LongRows`.
    validation : (X_val, y_val, sample_weight_val)
        None each if `X` contains these rows.
    """

    X: object
    y: object
    sample_weight: object
    validation: tuple = NO_VALIDATION


class NeedsRowsError(Exception):
    """An option needs single rows, and no rows may be kept."""


class SourceReader:
    """Reads the rows of a source for a fit.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    room : Room
    takes_keys : bool
        Whether the groups are the keys of the source.
    """

    def __init__(self, model, solver, metadata, room, *, takes_keys):
        self.model, self.solver, self.room = model, solver, room
        (self.groups, self.params), self.takes_keys = metadata, takes_keys

    def read(self, source, validation):
        """Return the `Read` of a source.

        Parameters
        ----------
        source : RowSource
        validation : (X_val, y_val, sample_weight_val)
            Arguments of `fit`; the first may be a source.
        """
        model = self.model
        with source:
            if model._codes_classes:
                model._is_multilabel = _has_columns(source.first().y)
            own = own_validation(model, source, validation)
            if own is not None:
                source = JoinedSource(source, own)
            with source:
                if model._is_from_moments or model._codes_classes:
                    return self._from_moments(source)
                return self._in_passes(source)

    # Ridge.

    def _from_moments(self, source):
        """Return the condensed rows for ridge regression."""
        model, room = self.model, self.room
        criterion = resolve_criterion(model.criterion, SquaredLoss(), model._name())
        looks = criterion is not None
        looks = looks and (criterion.needs_rows or criterion.is_matrix_free)
        if looks and not source.is_one_block:
            return self._kept(source, f"criterion={shown(model.criterion)}", _CRITERION)
        size = source.n_features
        if size > room.n_features:
            what = f"ridge regression of {size} features"
            return self._kept(source, what, _FEATURES)
        if size > limits().moments_size and room.n_kept:
            # The rows take less memory than one matrix of all pairs of features.
            kept = self._kept_up_to(source, min(room.n_kept, 8 * size**2))
            if kept is not None:
                return kept
        if model._codes_classes:
            source, rule = coded_rows(model, source, self.rule)
        else:
            rule = self.rule(source)
        return Read(*condensed_rows(model, source, rule))

    # Other losses.

    def _in_passes(self, source):
        """Return the rows for a loss other than the squared loss."""
        obstacle = obstacle_to_passes(self.model, self.solver)
        if obstacle is not None:
            return self._kept(source, *obstacle)
        model, room = self.model, self.room
        rule = self.rule(source)
        if rule is None and model.criterion != "validation":
            rule = AllRows()
        rows = first_look(model, source, rule)
        if rows.facts.sample.is_all:
            return self._of_sample(source, rows)
        n_bytes = hessian_bytes(rows.n_weights, rows.rule.n_splits)
        if n_bytes > room.n_bytes:
            what = (
                f"{rows.n_weights} weights, whose Hessians in all splits take "
                f"{n_bytes / GIB:.1f} GiB,"
            )
            return self._kept(source, what, _FEATURES)
        return Read(rows, None, None)

    def _of_sample(self, source, rows):
        """Return all rows, which are all in the sample."""
        sample = in_double(rows.facts.sample.in_order())
        return self._split(source, sample, rows.rule, sample.kind)

    # Splits.

    def rule(self, source):
        """Return the rule of the splits; None for that of a number `cv`."""
        model, cv = self.model, self.model.cv
        has_groups = self.groups is not None
        if isinstance(source, JoinedSource):
            model._say_that_groups_are_unused(has_groups, has_own_validation=True)
            return OwnValidation()
        if model.criterion != "validation":
            model._say_that_groups_are_unused(has_groups, has_own_validation=False)
            return None
        if cv is not None:
            check_cv_type(cv)
        if has_groups and not takes_groups(cv):
            say_what_groups_need(5 if cv is None else cv, model._say)
        takes = has_groups and takes_groups(cv) and not self.takes_keys
        if is_rule(cv) and not (takes or self.params):
            return None
        return rule_of_splitter(
            cv,
            source,
            is_classifier=model._is_classifier,
            has_groups=has_groups,
            rows_of=self._rows_of_splitter,
            most=self.room.n_listed,
            say=model._say,
        )

    def _rows_of_splitter(self, X, y, weight, key):
        """Return the `Rows` that a splitter sees."""
        model, groups = self.model, self.groups if key is None else key
        y = y.reshape(len(y)) if model._is_classifier else y
        return Rows(
            X,
            y,
            target=y,
            is_classifier=model._is_classifier,
            n_features=X.shape[1],
            weights=weight,
            metadata=model._metadata_of_splits(X, groups, self.params),
        )

    # Rows that are kept.

    def _kept(self, source, what, advice):
        """Return all rows in memory, or raise if there are too many."""
        most = self.room.n_kept
        if not most:
            raise NeedsRowsError(advice.format(what=what))
        kept = self._kept_up_to(source, most)
        if kept is None:
            raise ValueError(
                f"{advice.format(what=what)}. Rows are kept in memory for it, but "
                f"these take more than {most / GIB:.3g} GiB."
            )
        return kept

    def _kept_up_to(self, source, most):
        """Return all rows in memory; None if they take more bytes than that."""
        model = self.model
        try:
            rows = source.map_reduce(rows_of_block, most).joined()
        except TooManyRowsError:
            return None
        rule = self.rule(source)
        is_number = model.cv is None or isinstance(model.cv, Integral)
        if rule is None and not is_number and model.criterion == "validation":
            rule = fold_rule(model.cv, source, random_state=model.random_state)
        return self._split(source, rows, rule, None)

    def _split(self, source, rows, rule, kinds):
        """Return rows in memory, and the validation set contained in them."""
        if isinstance(source, JoinedSource):
            own, more = parts_of(rows, source.training.n_samples)
            X_val = named(more[0], source.names)
            design = kept_design(own[0], source)
            return Read(design, *own[1:], (X_val, *more[1:]))
        pairs = None
        if rule is not None:
            pairs = rule.uses.pairs(rule.kinds(rows) if kinds is None else kinds)
        return Read(kept_design(rows.X, source, pairs), rows.y, rows.weight)


def _leaves_out(model):
    """Whether the criterion is approximate leave-one-out."""
    is_name = isinstance(model.criterion, str) and model.criterion == "alo"
    return is_name or isinstance(model.criterion, ApproximateLeaveOneOut)


def _has_columns(y):
    """Whether y has a column per label."""
    return y.ndim == 2 and y.shape[1] > 1


#: Advice for options that need all rows: what to use instead.
_CRITERION = (
    "{what} needs rows one by one. Use criterion='validation', or 'gcv', 'sure' or "
    "'reml' of ridge regression"
)
_FEATURES = (
    "{what} needs rows one by one. Use fewer features, such as those of "
    "sklearn.random_projection or of a hash, or fewer folds"
)
_SHRINKAGE = "{what} needs splits within splits. Use a number for shrinkage"
_SOLVER = (
    "{what} leaves the solutions that sums over rows give. Use "
    "MYHPOLogisticRegression or its kin with their own options"
)
_STARTS = "{what} needs rows one by one. Use n_starts=1"
_CENTRES = (
    "{what} makes other rows for every split. Use fit_intercept=True, or scale the "
    "features before"
)
_MODEL = "{what} needs rows one by one. Use MYHPOLogisticRegression"


def obstacle_to_passes(model, solver):
    """Return the option that needs all rows of a loss other than squares, or None.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver

    Returns
    -------
    (str, str) or None
        The option, and what to use instead.
    """
    capabilities = solver.capabilities
    if not model._reads_in_passes:
        return model._name(), _MODEL
    if model.criterion != "validation" and (model.shrinkage or not _leaves_out(model)):
        return f"criterion={shown(model.criterion)}", _CRITERION
    if model.shrinkage == "auto":
        return f"shrinkage={shown(model.shrinkage)}", _SHRINKAGE
    if model.n_starts > 1:
        return f"n_starts={shown(model.n_starts)}", _STARTS
    if model.standardize and not model.fit_intercept:
        return "standardize=True without an intercept", _CENTRES
    if not capabilities.finds_minimizers or capabilities.all_directions:
        return f"the solver {shown(solver)}", _SOLVER
    return None
