"""Units of y: ridge fits divide tiny or huge targets by a power of two.

The objective is in squared units of y, so it overflows or loses its digits long before
y does. A power of two changes no digit: the results are exact multiples.
"""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from ._problem import LastFit
from ._targets import merge

#: Targets whose largest entry is between ``2^-ORDINARY`` and ``2^ORDINARY`` are not
#: changed: fourth powers of y, as in products of slopes, do not overflow or underflow.
ORDINARY = 100
#: Columns of the history, and the power of the unit of y in each.
_HISTORY = {
    "train_loss": 2,
    "validation_loss": 2,
    "hypergradient_norm": 2,
    "primal_residual": 1,
    "dual_residual": 1,
}


def unit_exponents(y):
    """Return the exponents of the powers of two that are units of the columns of y.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_targets)
        Finite numbers.

    Returns
    -------
    ndarray of int of shape (n_targets,)
        Zero for ordinary sizes.
    """
    _, exponents = np.frexp(np.maximum(-y.min(axis=0), y.max(axis=0)))
    return np.where(np.abs(exponents) <= ORDINARY, 0, exponents)


class UnitsMixin:
    """Fits in units of two of y; a mixin for the base class of the ridge estimators."""

    #: Exponent of the unit of y in messages.
    _exponent = 0

    def _learn(self, source, solver, progress):
        exponents = np.unique(unit_exponents(source.target))
        if exponents.any():
            # The weights may be outside of the range of single precision.
            source = replace(source, dtype=np.dtype(np.float64))
        if not self._is_per_target:
            # One lambda for all targets has one objective, their sum.
            exponents = unit_exponents(source.target.reshape(-1, 1))
        self._exponent = int(exponents[0]) if len(exponents) == 1 else 0
        if self._is_per_target or not self._exponent:
            return super()._learn(source, solver, progress)
        self._last_fit = _scaled_weights(self._last_fit, -self._exponent)
        reported = _ScaledProgress(progress, self._exponent)
        models = super()._learn(source.in_unit(self._exponent), solver, reported)
        self._restore_unit(self._exponent)
        return _scaled_models(models, self._exponent)

    def _learn_targets(self, source, solver, progress):
        exponents = unit_exponents(source.target)
        if not exponents.any():
            return super()._learn_targets(source, solver, progress)
        fits, order = [], []
        with progress.phase("solve"):
            for exponent in np.unique(exponents):
                columns = np.flatnonzero(exponents == exponent)
                part = source.of_targets(columns).in_unit(exponent)
                reported = _ScaledProgress(progress, exponent, is_part=True)
                found = super()._learn_targets(part, solver, reported)
                fits.append(_restored_targets(found, exponent))
                order.append(columns)
        return _reordered(merge(fits), np.argsort(np.concatenate(order)))

    def _restore_unit(self, exponent):
        """Convert the fitted attributes from a unit of y to y itself."""
        own, square = exponent, 2 * exponent
        for name in ("dual_coef_" if self._has_dual else "coef_", "intercept_"):
            setattr(self, name, np.ldexp(getattr(self, name), own))
        for name in (
            "validation_loss_",
            "validation_loss_min_",
            "validation_loss_standard_error_",
            "optimism_",
        ):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, float(np.ldexp(value, square)))
        self.history_ = _restored_history(self.history_, exponent)
        for name, column in (
            ("validation_curve_", "validation_loss"),
            ("shrinkage_path_", "nested_loss"),
        ):
            table = getattr(self, name, None)
            if table is not None:
                setattr(self, name, {**table, column: np.ldexp(table[column], square)})
        if self.certificate_ is not None:
            slope = np.ldexp(self.certificate_.hypergradient, square)
            self.certificate_ = replace(self.certificate_, hypergradient=slope)
        self._last_fit = _scaled_weights(self._last_fit, exponent)
        self._facts = _restored_facts(self._facts, exponent)

    def _say(self, text, category):
        if self._exponent:
            text += f" Losses in this message are of y / {2.0**self._exponent:.2g}."
        super()._say(text, category)


class _ScaledProgress:
    """The `Progress` of a fit in a unit of y, which reports in units of y itself.

    For a part of the targets (`is_part`) it reports no phases.
    """

    def __init__(self, progress, exponent, is_part=False):
        self._progress, self._exponent = progress, exponent
        self._is_part = is_part

    def __getattr__(self, name):
        return getattr(self._progress, name)

    def phase(self, name, n_steps=None):
        """Report a phase, unless this is for a part of the targets."""
        if self._is_part:
            return nullcontext()
        return self._progress.phase(name, n_steps)

    def part(self, name):
        """Report a part of a phase, unless this is a part itself."""
        return nullcontext() if self._is_part else self._progress.part(name)

    def step(self):
        """Report a step of a phase, unless this is for a part of the targets."""
        if not self._is_part:
            self._progress.step()

    def report(self, n_iter, info, attributes):
        """Report an iteration in units of y itself."""
        restored = _restored_history(info._asdict(), self._exponent)

        def restored_attributes():
            found = attributes()
            weights = ("coef_", "intercept_")
            return found | {
                name: np.ldexp(found[name], self._exponent) for name in weights
            }

        own = None if attributes is None else restored_attributes
        return self._progress.report(n_iter, type(info)(**restored), own)


def _restored_history(history, exponent):
    return {
        name: np.ldexp(values, _HISTORY[name] * exponent)
        if name in _HISTORY
        else values
        for name, values in history.items()
    }


def _restored_targets(found, exponent):
    """Return a `TargetsFit` in units of y itself."""
    return found._replace(
        validation_loss=np.ldexp(found.validation_loss, 2 * exponent),
        coef=np.ldexp(found.coef, exponent),
        intercept=np.ldexp(found.intercept, exponent),
        history=_restored_history(found.history, exponent),
        models=_scaled_models(found.models, exponent),
        posterior=_restored_posterior(found.posterior, exponent),
    )


def _restored_posterior(posterior, exponent):
    if posterior is None or posterior.mean_square is None:
        return posterior
    square = np.ldexp(posterior.mean_square, 2 * exponent)
    return posterior._replace(mean_square=square)


def _restored_facts(facts, exponent):
    if facts is None:
        return None
    baseline = facts.baseline
    if baseline is not None:
        baseline = np.ldexp(baseline, 2 * exponent)[()]
    posterior = _restored_posterior(facts.posterior, exponent)
    return facts._replace(posterior=posterior, baseline=baseline)


def _scaled_models(models, exponent):
    """Return coefficients and intercepts of splits in another unit of y."""
    return [tuple(np.ldexp(part, exponent) for part in model) for model in models]


def _reordered(found, order):
    """Return a `TargetsFit` with its targets in another order."""
    by_target = ("lambda_", "validation_loss", "coef", "intercept", "bounds", "slope")
    history = found.history | {"lambda": found.history["lambda"][:, order]}
    columns = {name: getattr(found, name)[..., order] for name in by_target}
    models = [tuple(part[..., order] for part in model) for model in found.models]
    posterior = found.posterior
    if posterior is not None:
        parts = (None if part is None else part[..., order] for part in posterior)
        posterior = type(posterior)(*parts)
    return found._replace(
        **columns, history=history, models=models, posterior=posterior
    )


def _scaled_weights(last, exponent):
    """Return a `LastFit` with its weights in another unit of y."""
    if last is None or last.weights is None:
        return last
    return LastFit(last.lambda_, _scaled_models(last.weights, exponent))
