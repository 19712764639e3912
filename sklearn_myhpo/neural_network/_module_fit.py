"""Training of a user's module, and its result; needs PyTorch."""

import copy
from collections import OrderedDict

import numpy as np
import torch
from torch.utils.data import Dataset

from .._warn import warn
from ._build import (
    TRIED_ROWS,
    build,
    check_outputs,
    named_failure,
    shared_reasons,
    try_module,
)
from ._fit import form_of, make_training, make_tuner, seeded
from ._given import device_of, loss_of, optimizer_of
from ._rows import DatasetRows, Rows, features_of, refuse_loaders, targets_of
from ._training import EVALUATION_ROWS, readable
from .augmentation import KINDS
from .hyperparameters import make_plan
from .network import ModuleNetwork, sites_of
from .nn._convert import copied, self_tune, self_tuning_layers, to_torch
from .nn._lstm import STNLSTM
from .nn._response import ResponseLayer

__all__ = [
    "fit_module",
    "is_dataset",
    "ordinary",
    "predict",
    "refuse_loaders",
    "targets_of",
]


def is_dataset(X):
    """Whether X is a Dataset of PyTorch."""
    return isinstance(X, Dataset)


def fit_module(estimator, parts, n_outputs, seed, tasks):
    """Train the module of an estimator, and set its fitted attributes.

    Parameters
    ----------
    estimator : SelfTuningModule
        Source of the options.
    parts : list of (array or Dataset, ndarray or None, ndarray)
        Source, rows and encoded target of the training and the validation part.
    n_outputs : int
        Number of classes or of targets.
    seed : int
        Seed of all randomness.
    tasks : Tasks
        Callbacks.
    """
    device = device_of(estimator.device)
    with seeded(seed, device):
        # The parameters of a lazy module get their shapes and values in the trial.
        plain = built(estimator, parts[0][0], n_outputs).to(device)
        rows = [_rows(plain, *part, device) for part in parts]
        batches = [rows[0].take(slice(0, size))[0] for size in TRIED_ROWS]
        x, y = rows[0].take(slice(0, TRIED_ROWS[0]))
        outputs = try_module(plain, x)
        check_outputs(outputs, n_outputs, y, estimator._task)
        estimator._n_axes, estimator._n_outputs = outputs.ndim, n_outputs
        rows = [_rows(plain, *part, device) for part in parts]
        network, plan, form, generator = assemble(estimator, plain, seed, device)
        _warn_of_nothing(estimator, plan)
        optimizer = optimizer_of(estimator)
        tuner = make_tuner(
            estimator,
            network,
            plan,
            form,
            generator,
            n_rows=len(rows[0]),
            is_shared=_is_shared(estimator, network.module, batches, plan),
            optimizer=optimizer and network.by_weight(optimizer),
            loss=loss_of(estimator),
            response_share=estimator.response_share,
        )
        _try_steps(tuner, estimator, *rows[0].take(slice(0, estimator.batch_size)))
        estimator._rates = network.rates
        template = to_torch(network.module).cpu()

        def fitted(checkpoint):
            named = dict(zip(plan.names, checkpoint.values.tolist(), strict=True))
            module = filled(template, checkpoint.weights, named, network.rates)
            return {"module_": module, "hyperparameters_": named}

        outcome = make_training(estimator, tuner, *rows).run(
            lambda now: tasks.iterate(lambda: fitted(now)), tasks.deadline
        )
    estimator._set_outcome(outcome, fitted)


def _warn_of_nothing(estimator, plan):
    if estimator.tune is True and not plan.is_tuned.any():
        warn(
            "Nothing is tuned: the module has no dropout layer, and no layer whose "
            "weights can respond and all train. It trains as it is; tune=False says "
            "that this is meant.",
            UserWarning,
        )


def built(estimator, X, n_outputs):
    """Return the module of an estimator, from its parameters and the data."""
    facts = {"n_outputs": n_outputs}
    shape = np.shape(features_of(X, 0)) if is_dataset(X) else X.shape[1:]
    facts["n_features"] = estimator._n_features = shape[0] if shape else 1
    return build(estimator.module, estimator._arguments("module"), facts)


def assemble(estimator, plain, seed, device):
    """Return network, plan, form and generator for a module with known shapes."""
    generator = torch.Generator(device).manual_seed(seed)
    module = self_tune(plain, keep=estimator.keep)
    kinds = [kind for kind in KINDS.values() if estimator._task in kind.tasks]
    sites = sites_of(module, kinds)
    plan = make_plan(sites, estimator.tune, estimator.hyperparameters)
    form = form_of(estimator, plan)
    for layer in module.modules():
        if isinstance(layer, ResponseLayer):
            n_responses = int(plan.is_tuned.sum())
            layer.init_response(n_responses, form.response_scale, generator)
    _check_types(module)
    by_name = {site.name: site for site in sites}
    network = ModuleNetwork(module, [by_name[name] for name in plan.names])
    return network, plan, form, generator


def _check_types(module):
    """Raise if layers that respond have weights of different types."""
    first = None
    for name, layer in module.named_modules():
        for weight in layer.general if isinstance(layer, ResponseLayer) else ():
            first = first or (name, weight.dtype)
            if weight.dtype != first[1]:
                raise ValueError(
                    "Layers that respond must have weights of one type. The layer "
                    f"{first[0]!r} has {first[1]}, {name!r} has {weight.dtype}. Give "
                    "the module one type, as by module.float(), or name one of them in "
                    "the parameter 'keep'."
                )


def _rows(module, source, rows, target, device):
    """Return rows in the type of the weights of a module."""
    weights = [one for one in module.parameters() if one.is_floating_point()]
    dtype = weights[0].dtype if weights else torch.get_default_dtype()
    cls = DatasetRows if is_dataset(source) else Rows
    if target is not None and target.dtype.kind == "f":
        target = torch.from_numpy(target).to(dtype).numpy()
    tables = torch.nn.Embedding, torch.nn.EmbeddingBag
    has_indices = any(isinstance(one, tables) for one in module.modules())
    return cls(source, target, rows, _cast(has_indices, dtype), device)


def _cast(has_indices, dtype):
    """Return the function that gives features the type of the weights."""

    def cast(x):
        is_index = has_indices and not x.is_floating_point()
        return x.long() if is_index else x.to(dtype)

    return cast


def _is_shared(estimator, module, batches, plan):
    """Whether all examples of a batch have one perturbation."""
    if estimator.perturb == "batch" or not plan.is_tuned.any():
        return True
    if estimator.perturb == "auto" and _has_lstm(module):
        # With weights for every example, each time step would need its own loop.
        return True
    reasons = shared_reasons(module, batches)
    if not reasons:
        return False
    path, name, why = reasons[0]
    if estimator.perturb == "example":
        raise ValueError(
            "The 'perturb' parameter cannot be 'example' with the layer "
            f"{path!r} ({name}): {why}. Use 'batch' or 'auto'."
        )
    warn(
        f"All rows of a batch share one perturbation because of the layer {path!r} "
        f"({name}): {why}. Use perturb='batch' if this is intended.",
        UserWarning,
    )
    return True


def _has_lstm(module):
    return any(isinstance(layer, STNLSTM) for layer in module.modules())


def _try_steps(tuner, estimator, x, y):
    """Try the passes of a training step, so that a failure names a layer."""
    network = tuner.network
    h = tuner.distribution.h.detach()[None]
    values = tuner.distribution.values(h, 0)
    state = copy.deepcopy(network.module.state_dict())
    generator_state = tuner.generator.get_state()
    noise = network.draw(len(x), tuner.generator)
    is_tuned = len(h[0]) > 0
    r = tuner.form.response(h[0], h)
    with named_failure(network.module, "The module failed in training"):
        outputs = network.outputs(x, r, values, noise)
    losses = tuner.change_losses(tuner.loss(outputs, y), outputs, y, values)
    _try_backward(network, losses.mean(), [*network.general, *network.response])
    if estimator.form == "centred" and is_tuned:
        what = (
            "form='centred' differentiates the module forward, and that failed; "
            "form='published' does not need it. It failed"
        )
        with named_failure(network.module, what):
            outputs = network.linearized_outputs(x, torch.zeros_like(h), values, noise)
        _try_backward(network, outputs.sum(), network.response)
    network.module.load_state_dict(state)
    tuner.generator.set_state(generator_state)


def _try_backward(network, loss, leaves):
    """Try a backward pass, and name a layer that runs forward once more in it.

    It would do so with weights that are not those of the pass.
    """
    what = (
        "The module failed in the backward pass of training; layers that run forward "
        "once more in it, as by torch.utils.checkpoint, are not supported"
    )

    def refuse(layer, arguments):
        raise RuntimeError("it runs forward in the backward pass")

    with named_failure(network.module, what, always=True):
        handles = [
            layer.register_forward_pre_hook(refuse)
            for layer in self_tuning_layers(network.module)
        ]
        try:
            torch.autograd.grad(loss, leaves, allow_unused=True)
        finally:
            for handle in handles:
                handle.remove()


def filled(template, weights, hyperparameters, rates):
    """Return a copy of an ordinary module with learned weights and dropout rates.

    Parameters
    ----------
    template : torch.nn.Module
        The module.
    weights : dict of str to tensor
        Its state.
    hyperparameters : dict of str to float
        Values by name.
    rates : dict of str to str
        From the names of dropout rates to those of their layers.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.
    """
    module = copied(template)
    module.load_state_dict(weights)
    for name, path in rates.items():
        layer = module.get_submodule(path)
        attribute = "dropout" if isinstance(layer, torch.nn.LSTM) else "p"
        setattr(layer, attribute, hyperparameters[name])
    return module.eval()


def predict(module, X, device):
    """Return the outputs of a module.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    X : array or Dataset
        Features.
    device : str
        Where to compute.

    Returns
    -------
    ndarray of shape (n_samples, ...)
    """
    device = device_of(device)
    home = next(module.parameters()).device
    rows = _rows(module, X, None, None, device)
    try:
        module.to(device)
        with torch.no_grad():
            parts = [readable(module(x)) for x, _ in rows.parts(EVALUATION_ROWS)]
    finally:
        module.to(home)
    return np.concatenate(parts)


def ordinary(estimator):
    """Return an ordinary module whose outputs are those of predictions."""
    module = copy.deepcopy(estimator.module_)
    if estimator._task == "classification":
        return module
    mean, scale = (np.atleast_1d(part) for part in estimator._y_units)
    if np.all(mean == 0) and np.all(scale == 1):
        return module
    weight = next(module.parameters())
    units = torch.nn.Linear(len(mean), len(mean)).to(weight.dtype)
    with torch.no_grad():
        units.weight.copy_(torch.diag(torch.from_numpy(scale)))
        units.bias.copy_(torch.from_numpy(mean))
    parts = OrderedDict(module=module)
    if estimator._n_axes == 1:
        parts["column"] = torch.nn.Unflatten(0, (-1, 1))
    elif estimator._n_axes > 2:
        parts["row"] = torch.nn.Flatten()
    parts["units"] = units
    return torch.nn.Sequential(parts).eval()
