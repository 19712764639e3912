"""The campaign of counts, costs and rates: its oracle, and a part of it."""

import numpy as np
import pytest
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance

from benchmarks.campaign import families
from benchmarks.campaign.rows import parts_of


def task_of(family, **facts):
    """Return the first task of a family with some facts."""
    for seed in range(1000):
        task = families.make_task(seed)
        if task.family == family and all(
            getattr(task, name) == value for name, value in facts.items()
        ):
            return task
    raise AssertionError("no such task")


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("family", families.FAMILIES)
def test_losses_are_those_of_scikit_learn(family, fit_intercept):
    """An oracle with a fault of its own would accuse or excuse the package."""
    task = task_of(family, kind="weights", fit_intercept=fit_intercept)
    power = families.FAMILIES[family][1]
    lambdas, found = np.array([0.0, -3.0]), []
    for lambda_ in lambdas:
        options = {
            "alpha": 2 * np.exp(lambda_),
            "fit_intercept": fit_intercept,
            "solver": "newton-cholesky",
            "tol": 1e-12,
            "max_iter": 1000,
        }
        plain = {
            "poisson": PoissonRegressor(**options),
            "gamma": GammaRegressor(**options),
            "tweedie": TweedieRegressor(power=1.5, link="log", **options),
        }[family]
        total = weight = 0.0
        for train, held in task.pairs:
            plain.fit(task.dense[train], task.y[train], task.weight[train])
            predicted = plain.predict(task.dense[held])
            own = mean_tweedie_deviance(
                task.y[held], predicted, sample_weight=task.weight[held], power=power
            )
            total += 0.5 * own * task.weight[held].sum()
            weight += task.weight[held].sum()
        found.append(total / weight)
    parts = [families._in_double(part) for part in parts_of(task)]
    expected = families.losses(parts, lambdas, power)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_random_problems_end_at_the_best_of_a_grid():
    """The promise of the package: `make campaign` in small."""
    failures = []
    found = families.run(range(10_000, 10_080, 5), failures.append)
    assert not failures
    assert sum(map(len, found.values())) == 8


def test_a_fault_is_seen(monkeypatch):
    """A judge that acquits everybody is no judge."""
    task = task_of("gamma", kind="gaussian")
    cls = families.FAMILIES["gamma"][0]
    assert not families.judge(task).fault
    fit = cls.fit

    def wrong_loss(model, *args, **options):
        fit(model, *args, **options)
        model.validation_loss_ *= 1.001

    monkeypatch.setattr(cls, "fit", wrong_loss)
    assert "rows have" in families.judge(task).fault

    def wrong_lambda(model, *args, **options):
        fit(model, *args, **options)
        model.lambda_ += 3.0

    monkeypatch.setattr(cls, "fit", wrong_lambda)
    assert "worse than the grid" in families.judge(task).fault
