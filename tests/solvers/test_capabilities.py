"""Needs and abilities of solvers, and the refusal of a problem that does not suit."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_myhpo import BilevelRidge
from sklearn_myhpo.bilevel.contract import Offers
from sklearn_myhpo.bilevel.per_target import TargetsProblem
from sklearn_myhpo.solvers import (
    MYHPO,
    SOLVERS,
    Capabilities,
    Implicit,
    Solver,
    Status,
    Stochastic,
    minimize_bilevel,
)
from tests.helpers import SPECS, data_for


class Own(Solver):
    """Implicit differentiation under another name, without declared capabilities."""

    def init(self, problem, lambda_0, weights_0):
        """Return the first state."""
        return Implicit().init(problem, lambda_0, weights_0)

    def step(self, problem, state, rng):
        """Return the next state and its report."""
        return Implicit().step(problem, state, rng)


class Stranger:
    """The two functions of a solver, of no class that the package knows."""

    init, step = Own.init, Own.step


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_declares_its_capabilities(name):
    """A need that nobody declares would end in an error deep inside."""
    capabilities = SOLVERS[name]().capabilities
    assert isinstance(capabilities, Capabilities)
    assert capabilities.unmet(Offers(rows=True)) is None


def test_a_solver_that_declares_nothing_works():
    """The defaults suit a method that looks at splits."""
    result = minimize_bilevel(SPECS["ridge-groups"]().problem(), Own(), max_iter=200)
    assert result.status is Status.CONVERGED


@pytest.mark.parametrize("solver", ["myhpo", MYHPO, Stranger()])
def test_anything_else_is_refused(solver):
    """A missing attribute would be found after the scan, or not at all."""
    problem = SPECS["ridge-holdout"]().problem()
    before = problem.counts.n_inner_solves
    with pytest.raises(TypeError, match=r"subclass of .*Solver.*Capabilities\(needs_s"):
        minimize_bilevel(problem, solver)
    assert problem.counts.n_inner_solves == before


def test_estimators_refuse_a_stranger():
    """The parameter would be named nowhere."""
    X, y = data_for(BilevelRidge)
    with pytest.raises(ValueError, match=r"'solver' parameter .*\.Solver\. Got .*Str"):
        BilevelRidge(solver=Stranger()).fit(X, y)


def test_targets_need_a_solver_that_learns_them():
    """Lambdas that interact would be learned for targets that do not."""
    problem = SPECS["ridge-targets"]().problem(all_directions=False)
    with pytest.raises(ValueError, match=r"independent lambda.*Implicit.*\['myhpo'\]"):
        minimize_bilevel(TargetsProblem(problem), Implicit())


def test_rows_and_directions_that_a_problem_left_out():
    """Batches of nothing, or a response that has lost its directions."""
    problem = SPECS["ridge-wide"]().problem(all_directions=False)
    with pytest.raises(ValueError, match=r"rows, but Stochastic\(.*'implicit'"):
        minimize_bilevel(problem, Stochastic())
    with pytest.raises(ValueError, match=r"subspace.*MYHPO\(.*all_directions=True"):
        minimize_bilevel(problem, MYHPO(response="mean"))


def test_a_criterion_needs_a_solver_without_splits():
    """Training and validation would be the same rows."""
    problem = SPECS["ridge-groups"]().criterion_problem("gcv")
    match = r"holds no rows out, but MYHPO\(.*\['myhpo', 'implicit'\]"
    with pytest.raises(ValueError, match=match):
        minimize_bilevel(problem, replace(MYHPO(), rho=1.0))
    assert np.isfinite(minimize_bilevel(problem, MYHPO()).validation_loss)
