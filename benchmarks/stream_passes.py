"""Passes over batches that fits of likelihoods take, of random problems.

Numbers of rows and features, kinds of targets, shares of the rarest class, signals,
scales, weights, folds and groups are drawn. With `--memory` every fit is compared with
that of the same rows in memory.

    python -m benchmarks.stream_passes --problems 200
"""

import argparse
import warnings
from collections import defaultdict

import numpy as np

from sklearn_myhpo import MYHPOLogisticRegression, MYHPOPoissonRegressor
from sklearn_myhpo.data import Batches, RowFolds

#: Fewest and most rows: more than the sample from which a fit starts.
ROWS = 20_000, 60_000
KINDS = "two classes", "rare class", "nearly separable", "many classes", "few counts"


def draw(seed):
    """Return a kind, X, y, weights, a class and its options.

    Parameters
    ----------
    seed : int

    Returns
    -------
    kind : str
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,) or None
    make : type
    options : dict
    """
    rng = np.random.default_rng(seed)
    kind, d = str(rng.choice(KINDS)), int(rng.integers(2, 20))
    n = int(rng.integers(*ROWS))
    rows = rng.standard_normal((n, d))
    raw = rows @ (rng.standard_normal(d) * (rng.random(d) < 0.7))
    raw = rng.choice([0.3, 2.0]) * raw / max(raw.std(), 1e-9)
    make, y = MYHPOLogisticRegression, None
    share = float(np.exp(rng.uniform(np.log(0.001), np.log(0.5))))
    noise = float(np.exp(rng.uniform(np.log(0.003), np.log(0.2))))
    if kind == "many classes":
        n_classes = int(rng.integers(3, 9))
        score = rows @ rng.standard_normal((d, n_classes))
        y = (score + rng.choice([0.1, 1.0]) * rng.gumbel(size=score.shape)).argmax(1)
    elif kind == "few counts":
        make = MYHPOPoissonRegressor
        y = rng.poisson(rng.choice([0.02, 1.0]) * np.exp(np.clip(raw, -4, 4)))
    else:
        factor = noise if kind == "nearly separable" else 1.0
        score = raw + factor * raw.std() * rng.logistic(size=n)
        share = 0.5 if kind == "two classes" else share
        y = (score > np.quantile(score, 1.0 - share)).astype(int)
    options = {
        "cv": [5, RowFolds(3), RowFolds(10)][rng.integers(3)],
        "standardize": bool(rng.random() < 0.4),
        "feature_groups": np.arange(d) % 2 if rng.random() < 0.2 else None,
    }
    weight = rng.integers(0, 3, n) / 2.0 if rng.random() < 0.3 else None
    X = rows * np.exp(rng.choice([0.0, 2.0]) * rng.normal(size=d))
    return kind, X + rng.choice([0.0, 10.0]), y, weight, make, options


def main(arguments=None):
    """Print the passes by kind, and the largest differences from memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--memory", action="store_true", help="fit in memory too")
    options = parser.parse_args(arguments)
    passes, worst, open_ones = defaultdict(list), 0.0, []
    warnings.simplefilter("ignore")
    for seed in range(options.first, options.first + options.problems):
        kind, X, y, weight, make, given = draw(seed)
        batches = Batches.from_arrays(X, y, weight, batch_size=7000)
        model = make(**given).fit(batches)
        passes[kind].append(batches.n_passes)
        if not model.converged_:
            open_ones.append(seed)
        if options.memory:
            plain = make(**given, tol=1e-9).fit(X, y, weight)
            off = np.abs(model.coef_ - plain.coef_).max() / np.abs(plain.coef_).max()
            worst = max(worst, off)
    passes["all"] = [one for found in passes.values() for one in found]
    print(f"{'kind':>16}  problems  mean  median  90 %  most  above 12")
    for kind, found in passes.items():
        mean, median, ninth = np.mean(found), np.median(found), np.quantile(found, 0.9)
        above = int(np.sum(np.array(found) > 12))
        print(
            f"{kind:>16}  {len(found):8}  {mean:4.1f}  {median:6.0f}  {ninth:4.0f}  "
            f"{max(found):4}  {above:8}"
        )
    print(f"not converged: {open_ones or 'none'}")
    if options.memory:
        print(f"largest relative difference of coef_ from memory: {worst:.1e}")


if __name__ == "__main__":
    main()
