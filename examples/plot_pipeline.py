"""
In a pipeline, in a search, in cross-validation
===============================================

The estimators are scikit-learn estimators, so they work in pipelines, in
`cross_val_score`, and in `GridSearchCV` over other hyperparameters.
"""

# %%
# A pipeline that standardizes, expands and fits. Everything, including the penalty, is
# learned from the training rows, so the score on new rows is unbiased.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_myhpo import MYHPORidge

X, y = load_diabetes(return_X_y=True, as_frame=True)


def expanded(estimator):
    """Return a pipeline that ends in an estimator."""
    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        estimator,
    )


learned = expanded(MYHPORidge())
learned.fit(X, y)
print(f"lambda {learned[-1].lambda_:.3f}, R2 on its own rows {learned.score(X, y):.3f}")

# %%
# Nested cross-validation needs no second search: the inner one is inside ``fit``. For
# comparison, a grid search inside every outer fold.

outer = KFold(5, shuffle=True, random_state=1)
searched = GridSearchCV(
    expanded(Ridge()), {"ridge__alpha": np.logspace(-2, 4, 7)}, cv=KFold(5)
)
for label, estimator in (("learned", learned), ("grid", searched)):
    scores = cross_val_score(estimator, X, y, cv=outer)
    print(f"{label:<8} R2 of five outer folds {scores.round(3)}")
    print(f"{'':<8} mean {scores.mean():.4f}")

# %%
# Other hyperparameters can be searched without the penalty in the grid: here the degree
# of the polynomial, two candidates instead of two times seven. The search scores each
# candidate on its own held-out rows; it does not use ``validation_loss_``.

search = GridSearchCV(learned, {"polynomialfeatures__degree": [1, 2]}, cv=KFold(3))
search.fit(X, y)
for degree, score in zip(
    search.cv_results_["param_polynomialfeatures__degree"],
    search.cv_results_["mean_test_score"],
    strict=True,
):
    print(f"degree {degree}: R2 {score:.4f}")

# %%
# Groups by column names: the pipeline passes frames on, so that linear and quadratic
# terms can be distinguished by name. A callable gets the frame of the fit.


def linear(frame):
    """Return the names of the columns of first degree."""
    return [name for name in frame if not ("^" in name or " " in name)]


def second(frame):
    """Return the names of all other columns."""
    return [name for name in frame if "^" in name or " " in name]


groups = [("linear", linear), ("second", second)]
grouped = expanded(MYHPORidge(feature_groups=groups))
grouped.set_output(transform="pandas")
scores = cross_val_score(grouped, X, y, cv=outer)
print(f"two penalties: R2 of five outer folds {scores.round(3)}")
print(f"mean {scores.mean():.4f}")
grouped.fit(X, y)
print(grouped[-1].penalties_frame())

# %%
# The largest coefficients of the pipeline's model, by name:

names = grouped[:-1].get_feature_names_out()
largest = np.argsort(-np.abs(grouped[-1].coef_))[:12]
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
axis.barh(names[largest], grouped[-1].coef_[largest])
axis.invert_yaxis()
axis.set(xlabel="coefficient", title="Twelve largest coefficients of 65")
plt.show()
