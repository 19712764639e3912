"""Base class of the estimators of a user's module."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._progress import with_callbacks
from ._base import SelfTuningEstimator, import_training, split_rows

#: Prefixes of arguments of the module, the optimizer and the loss, as in skorch.
PREFIXES = ("module", "optimizer", "criterion")


class SelfTuningModule(SelfTuningEstimator):
    """Base of the estimators; subclasses define the targets."""

    _parameter_constraints = {
        # `build` checks the module, which may be a function.
        "module": "no_validation",
        **SelfTuningEstimator._parameter_constraints,
        "perturb": [StrOptions({"auto", "example", "batch"})],
        "response_share": [Interval(Real, 0, 1, closed="right")],
        "keep": ["array-like"],
        "criterion": [callable, None],
        "optimizer": [callable, None],
        "device": [str],
    }

    def _set_arguments(self, arguments):
        """Keep arguments with a prefix, and refuse all others."""
        for name, value in arguments.items():
            if not _is_argument(name):
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}. Arguments of "
                    "the module are module__<name>; of the optimizer and the loss, "
                    "optimizer__<name> and criterion__<name>."
                )
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, arguments of the module included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of parameters that are estimators.

        Returns
        -------
        dict of str to object
            Names and values.
        """
        arguments = {
            name: value for name, value in vars(self).items() if _is_argument(name)
        }
        return {**super().get_params(deep=deep), **arguments}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, arguments of the module included.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : object
            The estimator.
        """
        arguments = {
            name: params.pop(name) for name in list(params) if _is_argument(name)
        }
        super().set_params(**params)
        self._set_arguments(arguments)
        return self

    @with_callbacks
    def fit(
        self, X: Any, y: ArrayLike | None = None, *, validation: Any = None
    ) -> Self:
        """Train the module, and tune its hyperparameters on held-out rows.

        After an error or an interruption the estimator is unchanged.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or torch.utils.data.Dataset
            Training data. Arrays of integers are indices for a module with an
            embedding, numbers for any other. Items of a Dataset are pairs of features
            and a target; they are read when a batch needs them.
        y : array-like of shape (n_samples,) or (n_samples, ...), default=None
            Target; None for a Dataset.
        validation : (X, y) or torch.utils.data.Dataset, default=None
            Rows to tune on and to stop by, instead of a part of X.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        TypeError
            If the module is not a module, or its arguments are invalid.
        ValueError
            If a parameter, the module or the data are invalid; the message names the
            layer, the value and what is allowed.
        """
        return self._fit(X, y, validation)

    def _train(self, X, y, validation, tasks):
        """Train on the training rows, and set the fitted attributes."""
        training = import_module_training()
        random_state = check_random_state(self.random_state)
        X, y = self._check_data(X, y, reset=True)
        if validation is None:
            strata = self._check_target(y)
            is_flat = strata is not None and strata.ndim == 1
            train, held_out = split_rows(
                len(y),
                strata if is_flat else None,
                self.validation_fraction,
                random_state,
            )
            sources = [(X, train), (X, held_out)]
        else:
            pair = self._validation_pair(validation)
            X_held, y_held = self._check_data(*pair, reset=False)
            train, held_out = np.split(np.arange(len(y) + len(y_held)), [len(y)])
            y = np.concatenate([y, y_held])
            strata = self._check_target(y)
            sources = [(X, None), (X_held, None)]
        target, n_outputs = self._encode_target(y, strata, train, np.float64)
        parts = [
            (source, rows, target[part])
            for (source, rows), part in zip(sources, (train, held_out), strict=True)
        ]
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        training.fit_module(self, parts, n_outputs, seed, tasks)

    def _validation_pair(self, validation):
        """Return features and targets to validate on; those of a Dataset are None."""
        if import_module_training().is_dataset(validation):
            return validation, None
        if isinstance(validation, tuple | list) and len(validation) == 2:
            return validation
        raise ValueError(
            "The 'validation' parameter must be a pair (X, y) or a Dataset. Got "
            f"{type(validation).__name__}."
        )

    def _check_data(self, X, y, reset):
        """Return features and targets, arrays or a Dataset."""
        training = import_module_training()
        training.refuse_loaders(X)
        if training.is_dataset(X):
            if y is not None:
                raise ValueError(
                    "The 'y' parameter must be None if X is a Dataset, whose items "
                    "have the targets."
                )
            return X, training.targets_of(X)
        if y is None:
            # The message that scikit-learn's checks expect.
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        return validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            allow_nd=True,
            dtype="numeric",
            multi_output=True,
            y_numeric=self._task == "regression",
            ensure_min_samples=2,
        )

    def _arguments(self, prefix):
        """Return the arguments of the module, the optimizer or the loss."""
        start = f"{prefix}__"
        return {
            name.removeprefix(start): value
            for name, value in vars(self).items()
            if name.startswith(start)
        }

    def _raw_predict(self, X):
        """Return the outputs of the module, an ndarray of shape (n_samples, ...)."""
        check_is_fitted(self)
        training = import_module_training()
        if not training.is_dataset(X):
            X = validate_data(
                self,
                X,
                reset=False,
                accept_sparse="csr",
                allow_nd=True,
                dtype="numeric",
            )
        return training.predict(self.module_, X, self.device)

    def to_torch(self) -> Any:
        """Return an ordinary module with the learned weights and dropout rates.

        Returns
        -------
        torch.nn.Module
            In evaluation mode, on the CPU. Its outputs are a number per class, or
            targets in the units of y.
        """
        check_is_fitted(self)
        return import_module_training().ordinary(self)

    def save(self, path: Any) -> None:
        """Write the fitted module, its hyperparameters and their history to a file.

        The file has tensors, numbers and texts only. It does not have the code of the
        module.

        Parameters
        ----------
        path : str, path or binary file
            Where to write.
        """
        check_is_fitted(self)
        import_module_training()
        from . import _files

        _files.save(self, path)

    @classmethod
    def load(cls, path: Any, module: Callable[..., Any] | Any, **params: Any) -> Self:
        """Return a fitted estimator from a file.

        Nothing in the file is executed.

        Parameters
        ----------
        path : str, path or binary file
            File written by `save`.
        module : torch.nn.Module or callable
            The parameter `module` that was fitted.
        **params : dict
            Other parameters: those that are not plain values, or whose values shall
            change, for example `device`.

        Returns
        -------
        object
            The estimator.

        Raises
        ------
        ValueError
            If the file is of another class, or the module has other weights.
        """
        import_module_training()
        from . import _files

        return _files.load(cls, path, module, params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags


def import_module_training():
    """Return the training of modules, which imports PyTorch; raise without it."""
    return import_training("_module_fit", "A self-tuning module")


def _is_argument(name):
    """Whether a name is that of an argument of module, optimizer or loss."""
    prefix, has_prefix, rest = name.partition("__")
    return bool(has_prefix and rest and prefix in PREFIXES)
