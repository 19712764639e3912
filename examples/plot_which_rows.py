"""
Which rows to trust
===================

Labels come from five annotators of unknown reliability, and some have been checked. The
weight of every annotator in the training loss, or of every single label, is learned so
that the loss of the checked labels is smallest.
"""

# %%
# Digits, labelled in parts by five people. Their errors are known here, but not to the
# fit. Another hundred digits have been checked.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_myhpo import MYHPOLogisticRegression

rng = np.random.default_rng(0)
X, y = load_digits(return_X_y=True)
X_train, X_rest, right, y_rest = train_test_split(
    X / 16.0, y, train_size=1000, random_state=0, stratify=y
)
X_clean, X_test, y_clean, y_test = train_test_split(
    X_rest, y_rest, train_size=100, random_state=0, stratify=y_rest
)
names = np.array(["Ann", "Ben", "Cleo", "Dan", "Eve"])
rates = np.array([0.02, 0.1, 0.3, 0.6, 0.9])
annotator = rng.integers(0, 5, len(right))
wrong = rng.random(len(right)) < rates[annotator]
y_train = right.copy()
y_train[wrong] = (right[wrong] + rng.integers(1, 10, wrong.sum())) % 10

# %%
# The checked rows are the validation set. ``row_groups`` has the annotator of every
# row, or is ``"each"`` for one weight per row. As only a few rows are checked,
# ``shrinkage`` pulls the weights together.

clean = {"X_val": X_clean, "y_val": y_clean}
plain = MYHPOLogisticRegression().fit(X_train, y_train, **clean)
by_name = MYHPOLogisticRegression(shrinkage=0.1)
by_name.fit(X_train, y_train, row_groups=names[annotator], **clean)
by_row = MYHPOLogisticRegression(shrinkage=0.1, max_iter=30, tol=1e-3)
by_row.fit(X_train, y_train, row_groups="each", **clean)
checked = MYHPOLogisticRegression().fit(X_clean, y_clean)
for label, model in (
    ("checked only", checked),
    ("all alike", plain),
    ("by annotator", by_name),
    ("by row", by_row),
):
    print(f"{label:<14} test error {1.0 - model.score(X_test, y_test):.3f}")

# %%
# Weights of annotators decrease with their numbers of errors, and weights of single
# labels separate right from wrong labels.

fig, (left, right_axis) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
shares = [wrong[names[annotator] == name].mean() for name in by_name.row_groups_]
labels = [
    f"{name}\n{share:.0%}"
    for name, share in zip(by_name.row_groups_, shares, strict=True)
]
left.bar(labels, by_name.row_weights_)
left.set(xlabel="annotator, and share of wrong labels", ylabel="weight")
left.set_title("One weight per annotator")

bins = np.linspace(0.0, 1.0, 21)
parts = [by_row.row_weights_[~wrong], by_row.row_weights_[wrong]]
right_axis.hist(parts, bins, label=["right labels", "wrong labels"])
right_axis.set(xlabel="weight", ylabel="rows", title="One weight per row")
right_axis.legend()
plt.show()
