"""
A convolutional network that tunes itself
=========================================

`STNClassifier` makes any PyTorch module a self-tuning network.
Here a small convolutional network learns handwritten digits. While its weights are
trained, gradients on held-out rows move its penalties, its dropout rate, and two kinds
of augmentation, shifts and square holes. The plot shows their paths.

Needs PyTorch (the extra ``nn``).
"""
# sphinx_gallery_thumbnail_path = '_static/thumbnails/own_network.png'

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from sklearn_myhpo.neural_network import STNClassifier

X, y = load_digits(return_X_y=True)
images = X.reshape(-1, 1, 8, 8) / 16.0
X_train, X_test, y_train, y_test = train_test_split(images, y, random_state=0)

module = nn.Sequential(
    nn.Conv2d(1, 8, 3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.05),
    nn.Linear(288, 10),
)
model = STNClassifier(
    module,
    tune=["dropout", "lambda", "random_shift", "cutout_length"],
    learning_rate_init=0.05,
    batch_size=64,
    max_iter=30,
    random_state=0,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Thirty iterations are few.
    model.fit(X_train, y_train)
print(f"accuracy on new rows: {model.score(X_test, y_test):.3f}")

# %%
# The names of layers are those of the module. The path of every hyperparameter is in
# ``schedule_``.
_, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for name, path in model.schedule_.items():
    if name in model.hyperparameters_:
        axis = axes[0 if "lambda" in name else 2 if "cutout" in name else 1]
        axis.plot(path, label=name)
for axis, label in zip(axes, ("natural log", "share", "pixels"), strict=True):
    axis.set(xlabel="iteration", ylabel=label)
    axis.legend()

# %%
# The result is an ordinary module.
print(model.to_torch())
plt.show()
