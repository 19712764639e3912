"""The solver from the parameters of an estimator: any solver, MY-HPO, or SHO."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from .._messages import shown
from ..criteria import CriterionProblem
from ..selection.nested import choose_shrinkage
from ..solvers import MYHPO, SHO
from ..solvers.driver import check_solver
from ._base import BilevelLinearModel
from ._checks import resolve_criterion, resolve_solver


class ChoosingModel(BilevelLinearModel):
    """Base of the estimators with `criterion`, `selection` and `shrinkage`."""

    _parameter_constraints = {
        **BilevelLinearModel._parameter_constraints,
        # Names and objects are checked where they are resolved.
        "criterion": "no_validation",
        "selection": [StrOptions({"min", "one_se"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    _has_shrinkage = True

    @abstractmethod
    def _check_solver_without_splits(self, solver):
        """Raise a ValueError if the solver needs a training and a validation part."""

    def _choose_criterion(self, loss, solver):
        criterion = resolve_criterion(self.criterion, loss, self._name())
        if criterion is not None:
            self._check_solver_without_splits(solver)
            if self.selection == "one_se":
                raise ValueError(
                    "selection='one_se' needs the standard error of the loss of "
                    f"held-out rows, but criterion={shown(self.criterion)} holds none "
                    "out. Use criterion='validation', or selection='min'."
                )
        return criterion

    def _choose_shrinkage(self, source, progress):
        self.shrinkage_, self.shrinkage_path_ = 0.0, None
        if source.groups.n_groups > 1:
            if self.shrinkage == "auto":
                with np.errstate(all="ignore"):
                    found = choose_shrinkage(source, self.n_jobs, progress)
                self.shrinkage_, self.shrinkage_path_ = found
            else:
                self.shrinkage_ = float(self.shrinkage)
        return self.shrinkage_


class AnySolverModel(ChoosingModel):
    """Base of the estimators whose solver is chosen by name or object."""

    _parameter_constraints = {
        "solver": "no_validation",
        **ChoosingModel._parameter_constraints,
    }

    def _make_solver(self):
        return resolve_solver(self.solver)

    def _check_solver_without_splits(self, solver):
        check_solver(solver, CriterionProblem.OFFERS)


class MYHPOModel(ChoosingModel):
    """Base of the estimators whose solver is MY-HPO."""

    _parameter_constraints = {
        **ChoosingModel._parameter_constraints,
        **MYHPO._parameter_constraints,
    }

    def _make_solver(self):
        return MYHPO(
            steps=self.steps,
            response=self.response,
            metric=self.metric,
            rho=self.rho,
            step_sizes=self.step_sizes,
            backtracking=self.backtracking,
        )

    def _check_solver_without_splits(self, solver):
        if solver.capabilities.needs_split:
            raise ValueError(
                f"criterion={shown(self.criterion)} holds no rows out, but "
                f"steps={shown(self.steps)}, response={shown(self.response)}, "
                f"metric={shown(self.metric)}, rho={shown(self.rho)} need a training "
                "and a validation part. Use their defaults, or criterion='validation'."
            )


class SHOModel(BilevelLinearModel):
    """Base of the estimators whose solver is SHO."""

    _parameter_constraints = {
        **BilevelLinearModel._parameter_constraints,
        **SHO._parameter_constraints,
    }

    def _make_solver(self):
        return SHO(step_sizes=self.step_sizes, noise_scale=self.noise_scale)
