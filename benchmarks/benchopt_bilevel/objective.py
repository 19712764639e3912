"""Choose the penalties of logistic regression by the loss of validation rows."""

import numpy as np
from benchmark_utils.logistic import LogisticPart, measures
from benchmark_utils.softmax import SoftmaxPart
from benchopt import BaseObjective


class Objective(BaseObjective):
    """The outer loss at the inner minimizer, as a function of the log-penalties."""

    name = "Bilevel logistic regression"
    min_benchopt_version = "1.6"
    requirements = ("scikit-learn",)
    parameters = {"n_reg": ["full", 1, "class"], "random_state": [2442]}

    def skip(self, y_train, **_):
        """Skip one penalty per class with two classes, and the others with more."""
        has_classes = len(np.unique(y_train)) > 2
        wrong = (self.n_reg == "class") != has_classes
        return wrong, "n_reg='class' is for more than two classes, and no other is"

    def set_data(self, X_train, y_train, X_val, y_val):
        """Keep the rows, and draw the start as the public benchmark does."""
        rng, n_features = np.random.RandomState(self.random_state), X_train.shape[1]
        n_outer = n_inner = n_features
        if self.n_reg == "class":
            n_outer = int(y_train.max()) + 1
            n_inner = n_features * n_outer
            self.inner = SoftmaxPart(X_train, y_train, n_outer, True)
            self.outer = SoftmaxPart(X_val, y_val, n_outer, False)
        else:
            self.inner = LogisticPart(X_train, y_train, True)
            self.outer = LogisticPart(X_val, y_val, False)
        self.inner_var0 = rng.randn(n_inner)
        self.outer_var0 = np.log(rng.rand(n_outer))
        if self.n_reg == 1:
            self.outer_var0 = self.outer_var0[:1]

    def get_objective(self):
        """Return the functions, their numbers of rows, and the start."""
        return {
            "f_inner": self.inner,
            "f_outer": self.outer,
            "n_inner_samples": len(self.inner.y),
            "n_outer_samples": len(self.outer.y),
            "inner_var0": self.inner_var0,
            "outer_var0": self.outer_var0,
            "f_inner_fb": self.inner,
            "f_outer_fb": self.outer,
        }

    def evaluate_result(self, inner_var, outer_var):
        """Return the outer loss at the inner minimizer, and the hypergradient."""
        found = measures(self.inner, self.outer, inner_var, outer_var)
        # benchopt follows `value`.
        return found | {"value": found["value_func"], "slope": found["value"]}

    def get_one_result(self):
        """Return a point of the right shape."""
        return {"inner_var": self.inner_var0, "outer_var": self.outer_var0}
