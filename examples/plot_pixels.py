"""
One penalty per pixel
=====================

Images have pixels without information, such as the corners. One penalty per feature
identifies them. 64 penalties are far too many for a grid. They may also overfit; the
second half of this example shows how to prevent it.
"""

# %%
# Odd against even digits, 8 by 8 pixels, half of them for the fit.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sklearn_myhpo import LambdaBoundWarning, MYHPOLogisticRegression
from sklearn_myhpo.plotting import GroupPenaltyDisplay

digits = load_digits()
X, y = digits.data / 16, digits.target % 2
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, random_state=0, stratify=y
)

# %%
# One penalty for all pixels; one for each; and one for each with ``shrinkage`` towards
# each other, with a given value or with one found by splits within the splits ("auto").
# Some pixels do not help: their penalties end at the upper bound, with a warning that
# is not shown here.

options = {
    "one lambda": {},
    "one per pixel": {"feature_groups": "each"},
    "shrinkage=0.1": {"feature_groups": "each", "shrinkage": 0.1},
    'shrinkage="auto"': {"feature_groups": "each", "shrinkage": "auto"},
}
models = {}
for label, own in options.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        model = MYHPOLogisticRegression(**own).fit(X_train, y_train)
    models[label] = model
    print(
        f"{label:<17} held-out loss {model.validation_loss_:.4f}, "
        f"on new rows {log_loss(y_test, model.predict_proba(X_test)):.4f}"
    )

# %%
# More penalties lower the out-of-fold loss, from which they were learned, and raise the
# loss of new rows. ``shrinkage="auto"`` returns to one penalty here. Its nested losses
# show the reason, and are the losses to compare.

path = models['shrinkage="auto"'].shrinkage_path_
for shrinkage, loss in zip(path["shrinkage"], path["nested_loss"], strict=True):
    print(f"shrinkage {shrinkage:<8.3g} nested loss {loss:.4f}")

# %%
# The learned penalties as images, relative to the best penalty that all pixels share:
# purple ones are weaker, orange ones stronger. Without `shrinkage` many end at a bound.

figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
difference = X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0)
image = axes[0].imshow(difference.reshape(8, 8), cmap="RdBu", vmin=-0.4, vmax=0.4)
axes[0].set(title="odd minus even")
figure.colorbar(image, ax=axes[0])
for axis, label in zip(axes[1:], ("one per pixel", "shrinkage=0.1"), strict=True):
    GroupPenaltyDisplay.from_estimator(models[label], image_shape=(8, 8), ax=axis)
    axis.set(title=label)
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()
