"""
Reading the certificate
=======================

After every fit, ``certificate_`` tells how close the result is to a minimum. Here its
printed form is explained line by line, for a successful fit and for three others.
"""

# %%
# One penalty for the diabetes data.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import MYHPORidge, SHORidge

X, y = load_diabetes(return_X_y=True)
X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
folds = list(KFold(5, shuffle=True, random_state=0).split(X))
model = MYHPORidge(cv=folds).fit(X, y)
print(model.certificate_)

# %%
# - *converged*: the solver reached ``tol``.
# - *hypergradient*: the derivative of the out-of-fold loss in lambda, computed again by
#   exact solves, independently of the solver. Relative to the loss it should be small.
# - *inner problems*: how exactly the weights of every split minimize its training loss.
# - *at lower bound*, *at upper bound*: the groups for which the loss still falls
#   towards a weaker, or a stronger, penalty.
# - *curvature*: the smallest second derivative. Positive means a minimum; near zero
#   means that the loss hardly depends on lambda.
# - *linear solves*: whether all linear systems behind these numbers were solved to
#   their tolerance.
#
# The same as numbers:

certificate = model.certificate_
print(certificate.is_minimum, certificate.relative_hypergradient)
print(certificate.least_curvature)

# %%
# **A useless group.** Ten columns of noise get their own penalty. It ends at the upper
# bound, the fit warns, and the certificate names the group.

noise = np.random.default_rng(0).standard_normal((len(y), 10))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    unwanted = MYHPORidge(
        cv=folds, feature_groups=["measured"] * 10 + ["noise"] * 10
    ).fit(np.hstack([X, noise]), y)
print(unwanted.certificate_)
for warning in caught:
    print(f"\n{warning.category.__name__}: {warning.message}")

# %%
# This is not a failure: the coefficients of the group are zero to many digits, which is
# the right answer. If *all* groups end there, the features do not predict the target.

print("largest coefficient of the noise:", np.abs(unwanted.coef_[10:]).max())

# %%
# **A solver that was stopped.** After too few iterations the hypergradient is not zero,
# and the certificate is not that of a minimum. The warning says what to change.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    stopped = MYHPORidge(cv=folds, rho=1.0, lambda_init=2.0, max_iter=3).fit(X, y)
print(stopped.certificate_)
print(f"\n{caught[0].category.__name__}: {caught[0].message}")

# %%
# **A solver with another fixed point.** SHO reaches its own fixed point, so its
# tolerance is met. The hypergradient there is not zero.

other = SHORidge(cv=folds, lambda_init=-1.0, max_iter=2000, random_state=0).fit(X, y)
print(other.certificate_)

# %%
# The final lambda of each of them on the curve of the out-of-fold loss:


def cross_validation_loss(lambda_):
    """Return half the mean squared error of all rows, each held out once."""
    squares = 0.0
    for train, held_out in folds:
        plain = Ridge(alpha=2 * len(train) * np.exp(lambda_)).fit(X[train], y[train])
        squares += np.sum((plain.predict(X[held_out]) - y[held_out]) ** 2)
    return squares / (2 * len(y))


lambdas = np.linspace(-7, 1, 80)
figure, axis = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
axis.plot(lambdas, [cross_validation_loss(value) for value in lambdas], color="0.6")
for label, fitted in (("minimum", model), ("stopped", stopped), ("SHO", other)):
    loss = cross_validation_loss(fitted.lambda_)
    axis.plot(fitted.lambda_, loss, "o", label=label)
axis.set(xlabel="lambda (natural log)", ylabel="loss of the held-out rows")
axis.legend()
plt.show()
