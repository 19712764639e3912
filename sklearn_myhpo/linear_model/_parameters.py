"""What the estimators of one solver have in common, whatever their loss."""

import functools
import inspect

from ..solvers import MYHPO, SHO
from ._base import BilevelLinearModel
from ._checks import resolve_solver
from ._shrinkage import ShrinkingModel


def with_parameters(**parameters):
    """Return a class decorator that adds parameters to those of the base classes.

    Parameters
    ----------
    **parameters : (default, constraint)
        By name; the constraint is in scikit-learn's terms.

    Returns
    -------
    callable
        Takes the class and returns it.
    """
    defaults = {name: default for name, (default, _) in parameters.items()}
    constraints = {name: constraint for name, (_, constraint) in parameters.items()}

    def decorate(cls):
        inherited = cls.__init__

        @functools.wraps(inherited)
        def initialize(self, **given):
            for name, default in defaults.items():
                setattr(self, name, given.pop(name, default))
            inherited(self, **given)

        signature = inspect.signature(inherited)
        own = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in defaults.items()
        ]
        initialize.__signature__ = signature.replace(
            parameters=[*signature.parameters.values(), *own]
        )
        cls.__init__ = initialize
        cls._parameter_constraints = {**cls._parameter_constraints, **constraints}
        return cls

    return decorate


class AnySolver(ShrinkingModel):
    """Parameters of an estimator whose solver is chosen by name or object."""

    # What a solver and a criterion may be is checked where they are resolved.
    _parameter_constraints = {
        "solver": "no_validation",
        "criterion": "no_validation",
        **ShrinkingModel._shared_constraints,
    }

    def __init__(
        self,
        *,
        solver="myhpo",
        criterion="validation",
        cv=5,
        feature_groups=None,
        shrinkage=0.0,
        selection="min",
        fit_intercept=True,
        refit=True,
        lambda_init="auto",
        lambda_bounds="auto",
        max_iter=200,
        tol=1e-6,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.solver = solver
        self.criterion = criterion
        super().__init__(
            cv=cv,
            feature_groups=feature_groups,
            shrinkage=shrinkage,
            selection=selection,
            fit_intercept=fit_intercept,
            refit=refit,
            lambda_init=lambda_init,
            lambda_bounds=lambda_bounds,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def _make_solver(self):
        return resolve_solver(self.solver)


class MYHPOSolver(ShrinkingModel):
    """Parameters of an estimator whose solver is MY-HPO."""

    _parameter_constraints = {
        **MYHPO._parameter_constraints,
        "criterion": "no_validation",
        **ShrinkingModel._shared_constraints,
    }

    def __init__(
        self,
        *,
        steps="exact",
        response="tangent",
        metric="hessian",
        rho="auto",
        step_sizes="auto",
        backtracking=True,
        criterion="validation",
        cv=5,
        feature_groups=None,
        shrinkage=0.0,
        selection="min",
        fit_intercept=True,
        refit=True,
        lambda_init="auto",
        lambda_bounds="auto",
        max_iter=200,
        tol=1e-6,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.steps = steps
        self.response = response
        self.metric = metric
        self.rho = rho
        self.step_sizes = step_sizes
        self.backtracking = backtracking
        self.criterion = criterion
        super().__init__(
            cv=cv,
            feature_groups=feature_groups,
            shrinkage=shrinkage,
            selection=selection,
            fit_intercept=fit_intercept,
            refit=refit,
            lambda_init=lambda_init,
            lambda_bounds=lambda_bounds,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def _make_solver(self):
        return MYHPO(**{name: getattr(self, name) for name in MYHPO.__match_args__})


class SHOSolver(BilevelLinearModel):
    """Parameters of an estimator whose solver is SHO."""

    _parameter_constraints = {
        **SHO._parameter_constraints,
        **BilevelLinearModel._shared_constraints,
    }

    def __init__(
        self,
        *,
        step_sizes="auto",
        noise_scale=1e-4,
        cv=5,
        feature_groups=None,
        fit_intercept=True,
        refit=True,
        lambda_init="auto",
        lambda_bounds="auto",
        max_iter=200,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.step_sizes = step_sizes
        self.noise_scale = noise_scale
        super().__init__(
            cv=cv,
            feature_groups=feature_groups,
            fit_intercept=fit_intercept,
            refit=refit,
            lambda_init=lambda_init,
            lambda_bounds=lambda_bounds,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def _make_solver(self):
        return SHO(**{name: getattr(self, name) for name in SHO.__match_args__})
