"""The splits of a fit: the parameter `cv`, and the metadata for splitters."""

from __future__ import annotations

from sklearn import get_config
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_consistent_length

from .._messages import shown
from ..data.cv import make_splits
from ..data.design import Design
from ..data.moments.condensed_design import CondensedDesign
from ..data.rows import Rows
from ..exceptions import IgnoredGroupsWarning
from ._own_validation import check_own_classes


class SplitsMixin:
    """Splits of rows into training and validation parts; a mixin."""

    # `fit` takes groups for `cv`. A scikit-learn splitter requests them itself; others
    # get them after `set_fit_request(groups=True)`. Without it, groups meant for
    # something else, such as the splits of a search, are no error.
    __metadata_request__fit = {"groups": False}
    __metadata_request__partial_fit = {"groups": False}

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata that `fit` takes, and that a splitter `cv` takes.

        The user guide of scikit-learn explains metadata routing.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            Requests of the estimator, and of `cv` for its method `split`.
        """
        router = MetadataRouter(owner=self)
        router.add_self_request(self)
        mapping = MethodMapping().add(caller="fit", callee="split")
        return router.add(splitter=self.cv, method_mapping=mapping)

    def _metadata_of_splits(self, X, groups, params):
        """Return the arguments of a splitter beside X and y, by name."""
        metadata = {}
        if params:
            if not get_config()["enable_metadata_routing"]:
                raise TypeError(
                    f"{self._name()}.fit() got an unexpected keyword argument "
                    f"{shown(next(iter(params)))}. Metadata for cv, other than groups, "
                    "needs sklearn.set_config(enable_metadata_routing=True)."
                )
            metadata.update(process_routing(self, "fit", **params)["splitter"]["split"])
        if groups is not None:
            try:
                check_consistent_length(X, groups)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"groups must have one label for each row of X: {error}"
                ) from error
            metadata["groups"] = groups
        return metadata

    def _choose_pairs(self, given, checked, weights, metadata, *, own, criterion):
        """Return the training and validation rows of every split of a fit.

        Parameters
        ----------
        given : (X, y)
            As the user gave them.
        checked : (X, y)
            As numbers and labels, followed by the user's validation set.
        weights : ndarray of shape (n_samples,)
            Of the rows of `checked`.
        metadata : dict of str to object
            Further arguments of a splitter.
        own : (ndarray, ndarray) or None
            The split of the user's validation set.
        criterion : Criterion or None
            None if the loss of held-out rows is minimized.

        Returns
        -------
        list of (ndarray, ndarray)
            Empty with a criterion.
        """
        if (
            own is None
            and criterion is None
            and isinstance(checked[0], CondensedDesign)
        ):
            return checked[0].condensed.parts
        if own is None and criterion is None:
            return self._make_pairs(
                given, checked, weights, metadata, random_state=self.random_state
            )
        self._say_that_groups_are_unused("groups" in metadata, own is not None)
        if own is None:
            return []
        if self._is_classifier:
            check_own_classes(checked[1], weights, own)
        return [own]

    def _say_that_groups_are_unused(self, has_groups, has_own_validation):
        """Warn of groups if there are no splits."""
        if not has_groups:
            return
        reason = f"criterion={shown(self.criterion)} makes no splits"
        if has_own_validation:
            reason = "X_val is the only validation set"
        self._say(
            f"got groups, but {reason}: nothing keeps the rows of a group together. "
            "Groups are for cv, such as cv=GroupKFold(5) of sklearn.model_selection.",
            IgnoredGroupsWarning,
        )

    def _make_pairs(
        self, given, checked, weights, metadata, *, random_state, needs_classes=True
    ):
        """Return the splits given by `cv`; part of the data may lack classes."""
        X, y = checked
        if self._owner_rows is not None:
            X, given = self._owner_rows, (self._owner_rows, given[1])
        rows = Rows(
            *given,
            target=y,
            is_classifier=self._is_classifier,
            needs_classes=needs_classes,
            n_features=X.shape[1],
            weights=weights,
            metadata=metadata,
        )
        # Rows of a source may already have splits.
        cv = X.pairs if isinstance(X, Design) and X.pairs is not None else self.cv
        return make_splits(cv, rows, say=self._say, random_state=random_state)
