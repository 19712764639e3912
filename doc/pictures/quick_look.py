"""Draw the picture of the README: what a fit learns, in two panels.

python doc/pictures/quick_look.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.plotting import GroupPenaltyDisplay, ValidationObjectiveDisplay

FILE = Path(__file__).with_suffix(".png")


def main():
    """Write the picture beside this file."""
    X, y = load_diabetes(return_X_y=True)
    X = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    one = MYHPORidge().fit(X, y)
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    groups = ["mean"] * 10 + ["error"] * 10 + ["worst"] * 10
    three = MYHPOLogisticRegression(feature_groups=groups).fit(X, y)

    figure, axes = plt.subplots(
        1, 2, figsize=(9, 3.2), layout="constrained", width_ratios=(3, 2)
    )
    ValidationObjectiveDisplay.from_estimator(
        one, alphas=np.logspace(-2, 5, 8), ax=axes[0]
    )
    axes[0].set_title("MYHPORidge: no grid", fontsize=10)
    GroupPenaltyDisplay.from_estimator(three, ax=axes[1])
    axes[1].set_title("one penalty per group of features", fontsize=10)
    figure.savefig(FILE, dpi=110)


if __name__ == "__main__":
    main()
