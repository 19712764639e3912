"""Estimators whose lambdas can be held together, or taken stronger than the best."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..selection.nested import choose_shrinkage
from ._base import BilevelLinearModel


class ShrinkingModel(BilevelLinearModel):
    """Base of the estimators that have parameters `shrinkage` and `selection`."""

    _shared_constraints = {
        "selection": [StrOptions({"min", "one_se"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        **BilevelLinearModel._shared_constraints,
    }

    def __init__(self, *, shrinkage, selection, **options):
        self.shrinkage, self.selection = shrinkage, selection
        super().__init__(**options)

    def _choose_shrinkage(self, source):
        self.shrinkage_ = 0.0
        vars(self).pop("shrinkage_path_", None)
        if source.groups.n_groups > 1:
            if self.shrinkage == "auto":
                with np.errstate(all="ignore"):
                    chosen = choose_shrinkage(source)
                self.shrinkage_, self.shrinkage_path_ = chosen
            else:
                self.shrinkage_ = float(self.shrinkage)
        return self.shrinkage_
