"""Fitted estimators of modules as files of tensors, numbers and texts."""

import numpy as np
import torch

from .._messages import shown
from ._build import build
from ._module_fit import filled
from .nn._convert import to_torch

#: Version of the file format.
FORMAT = 1
_NUMBERS = "biuf"


def save(estimator, path):
    """Write a fitted estimator to a file, without code.

    Parameters
    ----------
    estimator : SelfTuningModule
        The estimator.
    path : str, path or binary file
        Where to write.
    """
    params = estimator.get_params(deep=False)
    fitted = {
        name: value
        for name, value in vars(estimator).items()
        if name not in (*params, "module_") and name[:5] != "_skl_"
    }
    weights = estimator.module_.state_dict()
    torch.save(
        {
            "format": FORMAT,
            "class": type(estimator).__name__,
            "params": {k: v for k, v in params.items() if _is_plain(v)},
            "fitted": {name: _packed(value) for name, value in fitted.items()},
            "weights": dict(weights),
        },
        path,
    )


def load(cls, path, module, params):
    """Return a fitted estimator from a file; nothing in it is executed.

    Parameters
    ----------
    cls : type
        Class of the estimator.
    path : str, path or binary file
        File written by `save`.
    module : torch.nn.Module or callable
        The parameter `module`.
    params : dict
        Other parameters.

    Returns
    -------
    SelfTuningModule

    Raises
    ------
    ValueError
        If the file is of another class, or the module has other weights.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # Any byte of another file may be the first wrong one.
        raise ValueError(
            f"The file is not one that {cls.__name__}.save wrote, or it is damaged: "
            f"{type(error).__name__}."
        ) from error
    content = content if isinstance(content, dict) else {}
    if content.get("format") != FORMAT or content.get("class") != cls.__name__:
        raise ValueError(
            f"The file is not one that {cls.__name__}.save of this version wrote, but "
            f"of {shown(content.get('class'))}, format {shown(content.get('format'))}."
        )
    estimator = cls(module, **{**content["params"], **params})
    for name, value in content["fitted"].items():
        setattr(estimator, name, _unpacked(value))
    facts = {
        "n_outputs": estimator._n_outputs,
        "n_features": estimator._n_features,
    }
    plain = to_torch(build(module, estimator._arguments("module"), facts))
    try:
        estimator.module_ = filled(
            plain, content["weights"], estimator.hyperparameters_, estimator._rates
        )
    except RuntimeError as error:
        raise ValueError(
            f"The 'module' parameter has other weights than the file: {error}"
        ) from error
    return estimator


def _is_plain(value):
    """Whether a value is a number, a text, None, or a list, tuple or dict of them."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return value is None or type(value) in (bool, int, float, str)


def _packed(value):
    """Return a value without types of NumPy, which safe files cannot have."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in _NUMBERS:
            return {"array": torch.from_numpy(value.copy())}
        return {"array": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, dict):
        return {"dict": {name: _packed(one) for name, one in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [_packed(one) for one in value]}
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(value):
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {name: _unpacked(one) for name, one in value["dict"].items()}
    if "tuple" in value:
        return tuple(_unpacked(one) for one in value["tuple"])
    if "dtype" in value:
        return np.array(value["array"], dtype=value["dtype"])
    return value["array"].numpy()
