"""Compare times of the losses with SciPy's and scikit-learn's functions.

One thread, best of several repeats, microseconds; in brackets the time relative to this
package. The compiled losses are a private part of scikit-learn, which the package does
not use. All results are compared first.
"""

import timeit

import numpy as np
from scipy.special import expit, softmax
from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, SquaredLoss

#: Rows: of a small fit, of a block that stays in the cache, of all rows at once.
SIZES = (500, 50_000, 500_000)
#: Numbers that one repeat works on, about, and repeats.
NUMBERS, REPEATS = 2e6, 7


def main():
    """Print the table."""
    print(f"{'loss':14}{'rows':>8}  {'function':18}{'here':>9}  others")
    for n_rows in SIZES:
        for name, functions in problems(n_rows).items():
            for function, calls in functions.items():
                report(name, n_rows, function, calls)


def problems(n_rows):
    """Return loss -> function -> implementation -> call, on random data."""
    rng = np.random.default_rng(0)
    found = {
        "squared": squared_calls(rng, n_rows),
        "logistic": logistic_calls(rng, n_rows),
    }
    for n_classes in (3, 10):
        calls = multinomial_calls(rng, n_rows, n_classes)
        found[f"multinomial-{n_classes}"] = calls
    return found


def squared_calls(rng, n_rows):
    """Return the calls of the squared loss."""
    loss, y, raw = SquaredLoss(), *rng.standard_normal((2, n_rows, 1))
    return {
        "value": {"here": lambda: loss.value(y, raw)},
        "gradient": {"here": lambda: loss.gradient(y, raw)},
    }


def logistic_calls(rng, n_rows):
    """Return the calls of the binary loss; compiled ones take a float target."""
    loss, compiled = LogisticLoss(), HalfBinomialLoss()
    y, raw = rng.integers(0, 2, n_rows), 2 * rng.standard_normal((n_rows, 1))

    def scipy_gradient():
        sign = 1.0 - 2.0 * y
        return (sign * expit(sign * raw[:, 0]))[:, None]

    def compiled_value():
        # With a target of zeros the losses of the tails keep all digits.
        return compiled.loss(np.zeros(n_rows), (1.0 - 2.0 * y) * raw[:, 0])

    return {
        "value": {
            "here": lambda: loss.value(y, raw),
            "scipy": lambda: np.logaddexp(0.0, (1.0 - 2.0 * y) * raw[:, 0]),
            "compiled": compiled_value,
        },
        "gradient": {
            "here": lambda: loss.gradient(y, raw),
            "scipy": scipy_gradient,
            "compiled": lambda: compiled.gradient(y.astype(float), raw[:, 0])[:, None],
        },
        "curvature": {
            "here": lambda: loss.curvature(y, raw),
            "scipy": lambda: (expit(raw) * expit(-raw))[:, :, None],
        },
        "value+gradient": {
            "here": lambda: loss.value_and_gradient(y, raw)[1],
            "compiled": lambda: compiled.loss_gradient(y.astype(float), raw[:, 0])[1][
                :, None
            ],
        },
        "gradient+curvature": {
            "here": lambda: loss.gradient_and_curvature(y, raw)[1],
            "compiled": lambda: compiled.gradient_hessian(y.astype(float), raw[:, 0])[
                1
            ][:, None, None],
        },
    }


def multinomial_calls(rng, n_rows, n_classes):
    """Return the calls of the softmax loss, raw predictions as the engine has them."""
    loss, compiled = (
        MultinomialLoss(n_classes),
        HalfMultinomialLoss(n_classes=n_classes),
    )
    y = rng.integers(0, n_classes, n_rows)
    raw = 2 * rng.standard_normal((n_classes - 1, n_rows)).T
    rows = np.arange(n_rows)

    def project(gradient):
        # p_y - 1 as minus the sum of the others, which does not cancel.
        gradient[rows, y] = 0.0
        gradient[rows, y] = -gradient.sum(axis=1)
        return gradient @ loss.contrasts

    def log_softmax_value():
        scores = loss.scores(raw)
        return -np.log(softmax(scores, axis=1)[rows, y])

    return {
        "value": {
            "here": lambda: loss.value(y, raw),
            "scipy": log_softmax_value,
            "compiled": lambda: compiled.loss(y.astype(float), loss.scores(raw)),
        },
        "gradient": {
            "here": lambda: loss.gradient(y, raw),
            "scipy": lambda: project(softmax(loss.scores(raw), axis=1)),
            "compiled": lambda: project(
                compiled.gradient(y.astype(float), loss.scores(raw))
            ),
        },
        "curvature": {"here": lambda: loss.curvature(y, raw)},
    }


def report(name, n_rows, function, calls):
    """Print the times of one function, after a comparison of the results."""
    expected = calls["here"]()
    for call in calls.values():
        np.testing.assert_allclose(call(), expected, rtol=1e-9, atol=1e-13)
    number = max(1, int(NUMBERS / expected.size))
    times = {
        key: min(timeit.repeat(call, number=number, repeat=REPEATS)) / number * 1e6
        for key, call in calls.items()
    }
    own = times.pop("here")
    others = "  ".join(
        f"{key} {time:.0f} ({time / own:.1f})" for key, time in times.items()
    )
    print(f"{name:14}{n_rows:>8}  {function:18}{own:>9.0f}  {others}")


if __name__ == "__main__":
    main()
