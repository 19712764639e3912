"""Reports of a fit: fitted attributes, models of iterations, and warnings."""

from abc import abstractmethod

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..._messages import shown
from ..._warn import warn
from ...diagnostics.certificate import FLAT, certify
from ...diagnostics.gap import describe_gap
from ...diagnostics.optimism import estimate_optimism, slope_covariance
from ...exceptions import FewRowsWarning, FlatObjectiveWarning, LambdaBoundWarning
from ...penalties.columns import spell
from ...solvers import Status
from ...solvers.capabilities import ADVICE, STANDARDIZE
from .._problem import mean_over_splits

#: Smallest number of held-out rows without a warning: the relative error of a mean of n
#: squares of normal errors is sqrt(2 / n).
FEW_ROWS = 10
#: Largest exact slope of a converged fit, in units of `tol`, without a warning.
SLOPE_OF_TOL = 10.0


def spell_some(kind, names):
    """Return a noun and some names; of many names only the first."""
    return f"{kind}{'' if len(names) == 1 else 's'} {spell(names, word=str)}"


class Attributes:
    """The fitted attributes of an estimator; a mixin."""

    @abstractmethod
    def _weight_attributes(self, coef, intercept, alpha, dtype):
        """Return the fitted attributes of some weights and penalties, by name.

        Parameters
        ----------
        coef : ndarray of shape (n_features, n_outputs)
        intercept : ndarray of shape (n_outputs,)
        alpha : float or ndarray
            From `_alpha_of`, in the form of the attribute `lambda_`.
        dtype : dtype

        Returns
        -------
        dict
        """

    def _set_weights(self, coef, intercept, alpha, dtype):
        """Set the fitted attributes of the weights and penalties."""
        attributes = self._weight_attributes(coef, intercept, alpha, dtype)
        for name, value in attributes.items():
            setattr(self, name, value)

    def _as_parameter(self, lambda_):
        """Return lambda (n_groups,) in the form of the attribute `lambda_`."""
        return float(lambda_[0]) if self.feature_groups is None else lambda_

    def _alpha(self, problem, lambda_):
        """Return scikit-learn's penalty in the form of the attribute `lambda_`."""
        return self._alpha_of(problem.total_weight, self._as_parameter(lambda_))

    def _alpha_of(self, total_weight, lambda_):
        """Return scikit-learn's penalty of rows whose weights have some sum."""
        return 2.0 * total_weight * np.exp(lambda_)

    def _reporter(self, problem, progress, dtype):
        """Return the function that reports an iteration of a problem."""
        if self.feature_groups is not None or problem.n_groups > 1:
            progress.names = problem.groups.names

        def report(n_iter, info, state):
            def attributes():
                coef, intercept = mean_over_splits(problem.to_features(state.weights))
                alpha = self._alpha(problem, info.lambda_)
                return self._weight_attributes(coef, intercept, alpha, dtype)

            return progress.report(n_iter, info, attributes)

        return report

    def _set_results(self, problem, result, coef, intercept, dtype):
        """Set the attributes of the weights, of lambda and of the run."""
        self._set_learned(problem.groups, result.lambda_, result.history)
        alpha = self._alpha(problem, result.lambda_)
        self._set_weights(coef, intercept, alpha, dtype)
        self.validation_loss_ = float(result.validation_loss)
        self.n_iter_ = result.n_iter
        self.converged_ = result.status.has_converged
        self.oracle_counts_ = problem.counts.as_dict()
        self.plan_ = problem.plan

    def _set_learned(self, groups, lambda_, history):
        """Set the attributes of the groups, of lambda and of the iterations."""
        self._set_groups(groups)
        self.history_, self.lambda_ = dict(history), self._as_parameter(lambda_)
        lambdas = self.history_["lambda"]
        self.history_["lambda"] = lambdas.reshape(len(lambdas), *np.shape(self.lambda_))

    def _set_groups(self, groups):
        """Set the attributes of the groups."""
        groups = groups.of_features
        names = np.empty(groups.n_groups, dtype=object)
        names[:] = groups.names
        self.feature_group_names_ = names
        self.feature_group_labels_ = np.where(groups.is_penalized, groups.labels, -1)
        ones = np.ones(len(groups.labels))
        self.penalty_factors_ = ones if groups.factors is None else groups.factors

    def _set_minimum(self, lambda_, validation_loss, standard_error):
        """Set the attributes of the lowest validation loss."""
        self.lambda_min_ = lambda_
        self.validation_loss_min_ = validation_loss
        self.validation_loss_standard_error_ = standard_error

    def _set_curve(self, result):
        """Set the attribute of the objective along one lambda for all features."""
        self.validation_curve_ = None
        if result.scan is None:
            return
        places, values = result.scan.places, result.scan.values
        if self.feature_groups is None and len(result.lambda_) == 1:
            places = np.append(places, result.lambda_)
            values = np.append(values, result.validation_loss)
        places, first = np.unique(places, return_index=True)
        kept = np.isfinite(values[first])
        self.validation_curve_ = {
            "lambda": places[kept],
            "validation_loss": values[first][kept],
        }

    def _set_checks(self, problem, result, source):
        """Set the certificate and the optimism, the checks of a fit."""
        self.certificate_ = self.optimism_ = None
        if source.needs_rows and not self.refit:
            # Without a refit the user expects so many rows that the exact adjoints of a
            # certificate would cost too much.
            return
        if result.status is Status.MAX_TIME:
            return
        with np.errstate(all="ignore"):
            self.certificate_, model = certify(problem, result)
            if model is not None and source.has_held_out_rows:
                covariance = slope_covariance(result.place, source.rows)
                free = problem.is_free(result.lambda_)
                self.optimism_ = estimate_optimism(covariance, model, free)


class Warnings:
    """The warnings of an estimator after a fit; a mixin."""

    #: Meaning of lambdas at their upper bounds.
    _meaning_of_upper = "these features do not help"

    def _say(self, text, category):
        warn(f"{self._name()} {text}", category)

    def _warn(self, problem, result):
        """Warn of a run that did not converge, and of unreliable results."""
        if result.status is Status.STOPPED:
            return
        if not result.status.has_converged:
            self._warn_of_the_end(problem, result)
            return
        certificate = self.certificate_
        if certificate is None:
            return
        if certificate.n_unfinished_solves:
            text = f"converged to an inexact lambda. {self._describe_unfinished()}"
            self._say(text, ConvergenceWarning)
        objective = self._criterion_name()
        if problem.shrinkage.strength:
            objective += " with its shrinkage"
        slope = certificate.relative_hypergradient
        if not certificate.is_level and slope > SLOPE_OF_TOL * self.tol:
            self._warn_of_slope(slope, objective)
        self._warn_of_lambda(certificate, objective, problem.loss.negligible_sum)

    def _warn_of_slope(self, slope, objective):
        """Warn if only the solver's approximate slope is zero at the end."""
        remedy = "the options that approximate by their defaults"
        if self._has_parameter("solver"):
            remedy = "the solver by 'implicit', or by one with a finer approximation"
        self._say(
            "converged by an approximate derivative, but the exact derivative is "
            f"{slope:.1e} times the {objective}: lambda is not at a minimum. Replace "
            f"{remedy}.",
            ConvergenceWarning,
        )

    def _warn_of_lambda(self, certificate, objective, negligible_sum):
        """Warn if the objective has no minimum, or a very flat one."""
        if certificate.certain:
            self._warn_of_certainty(objective, negligible_sum)
            return
        lower, upper = certificate.lower, certificate.upper
        self._warn_at_bounds(lower, upper, objective)
        if (lower | upper).any():
            return
        if self.validation_curve_ is not None:
            self._warn_if_flat(objective)
        elif certificate.is_in_tail and self._has_parameter("lambda_init"):
            self._warn_of_tail(certificate, objective)

    def _warn_of_the_end(self, problem, result):
        """Warn of a run that did not converge, and say why."""
        text = f"{result.message}."
        if not self._has_parameter("standardize"):
            text = text.replace(f", {ADVICE}", "")
        elif self.standardize:
            text = text.replace(f", {STANDARDIZE}", "")
        if self.certificate_ is not None and np.size(self.lambda_) > 1:
            slope = np.abs(self.certificate_.hypergradient)
            steepest = self._describe(np.arange(len(slope)) == slope.argmax())
            text += f" The derivative is largest for the lambda of {steepest}."
        if problem.counts.n_unfinished_solves:
            text += f" {self._describe_unfinished()}"
        self._say(text, ConvergenceWarning)

    def _describe_unfinished(self):
        """Return advice about unfinished inner or linear solves."""
        text = "Inner solves reached their maximum number of iterations."
        if not self._has_parameter("lambda_bounds"):
            return text
        return f"{text} {self._or_standardize('raise the lower end of lambda_bounds')}"

    def _or_standardize(self, remedy):
        """Return a remedy as a sentence, after standardize=True unless it is set."""
        if self.standardize:
            return f"{remedy[0].upper()}{remedy[1:]}."
        return f"Set standardize=True, or {remedy}."

    def _warn_of_certainty(self, objective, negligible_sum):
        """Warn if the objective has reached its limit, zero."""
        advice = "Any weaker penalty predicts these rows as well."
        if np.size(self.lambda_) > 1:
            remedies = []
            if self._is_per_class:
                remedies.append("compare with alpha_per_target=False on new rows")
            elif self._has_parameter("feature_groups"):
                remedies.append("compare with feature_groups=None on new rows")
            if self._has_shrinkage:
                remedies.append("set shrinkage='auto'")
            advice = (
                "That many lambdas may fit the held-out rows themselves: "
                f"{', or '.join(remedies)}."
            )
        self._say(
            "predicts all held-out rows with certainty: their losses, "
            f"{self.validation_loss_:.1e} each, add up to less than "
            f"{negligible_sum}, so that the {objective} no longer "
            f"determines lambda. {advice}",
            FlatObjectiveWarning,
        )

    def _warn_if_flat(self, objective):
        """Warn if the objective is constant over the whole range of lambda."""
        values = self.validation_curve_["validation_loss"]
        if np.ptp(values) <= FLAT * np.abs(values).max():
            self._say(
                f"found a flat objective: the {objective} is {values[-1]:.6g} for "
                "every lambda, so that these data do not determine it. The features "
                "may be constant or unrelated to the target; predictions do not depend "
                "on lambda anyway.",
                FlatObjectiveWarning,
            )

    def _warn_of_tail(self, certificate, objective):
        """Warn of an end on a flat part of the objective."""
        slope = f"{certificate.relative_hypergradient:.1e} times its value"
        text = f"ended where the {objective} is nearly flat, with a slope of {slope}."
        text += " A minimum may be far away. lambda_init='auto' looks for it."
        self._say(text, FlatObjectiveWarning)

    def _warn_of_few_rows(self, source):
        """Warn if the objective is a mean over very few rows."""
        n_held_out = source.parts.n_held_out
        if n_held_out >= FEW_ROWS:
            return
        if source.has_own_validation:
            advice = "Use more rows in X_val, or cv=5 instead of X_val."
        elif np.isclose(source.parts.held_out_weight, source.weights.sum()):
            advice = (
                "Every row is held out already: other folds do not help, only more "
                "rows do."
            )
        else:
            advice = (
                "Use cv=5, which holds out every row once, or a larger validation part."
            )
        self._say(
            f"learns lambda from {n_held_out} held-out rows: their mean loss has a "
            f"random error of about {np.sqrt(2.0 / n_held_out):.0%}, so lambda is "
            f"mostly random too. {advice}",
            FewRowsWarning,
        )

    def _warn_of_gap(self, problem, result):
        """Warn of a lambda learned for weights that differ from the refit's."""
        gap = describe_gap(problem, result)
        if gap:
            remedy = self._or_standardize(
                "give the solver more inner or training steps, or use solver='implicit'"
            )
            self._say(f"{gap}. {remedy}", ConvergenceWarning)

    def _warn_at_bounds(self, lower, upper, objective):
        """Warn of lambdas at a bound where the objective is still falling."""
        for where, side, meaning in (
            (lower, "lower", "no penalty is best"),
            (upper, "upper", self._meaning_of_upper),
        ):
            if where.any():
                advice = "Wider bounds would hardly change the predictions."
                if self._are_bounds_given(where):
                    advice = (
                        f"Widen lambda_bounds={shown(self.lambda_bounds)} to find it."
                    )
                self._say(
                    f"found no minimum inside the bounds of lambda: the {objective} is "
                    f"still falling at the {side} bound for {self._describe(where)}, "
                    f"so {meaning}. {advice}",
                    LambdaBoundWarning,
                )

    def _are_bounds_given(self, where):
        """Whether the user gave bounds for some lambdas, given a mask."""
        if not isinstance(self.lambda_bounds, dict):
            return not isinstance(self.lambda_bounds, str)
        names = self.feature_group_names_
        # With one lambda per target there is only one group.
        own = names[where] if len(names) == len(where) else names
        return any(
            not isinstance(self.lambda_bounds.get(name, "auto"), str) for name in own
        )

    def _criterion_name(self):
        """Return the name of the objective over lambda."""
        if isinstance(self.criterion, str) and self.criterion == "validation":
            return "validation loss"
        return f"criterion {shown(self.criterion)}"

    def _describe(self, where):
        """Return the names of the groups of some lambdas, given a mask."""
        if self.feature_groups is None:
            return "all features"
        return spell_some("group", self.feature_group_names_[where])
