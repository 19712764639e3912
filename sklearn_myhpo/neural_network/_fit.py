"""Assembly and training of a network from the parameters; needs PyTorch."""

import torch

from ._training import NETWORK_LOSSES, Rows, Training, TrainingOptions
from .forms import FORMS, Fixed
from .network import Perceptron
from .tuner import Distribution, StepSizes, Tuner

_OPTIONS = tuple(TrainingOptions.__dataclass_fields__)


def train_network(*, parts, sizes, plan, estimator, seed, report, deadline):
    """Train a network on one part of the data and tune it on the other.

    Parameters
    ----------
    parts : list of (array, ndarray)
        Features and encoded target of the training and the validation rows.
    sizes : list of int
        Units of all layers, from features to outputs.
    plan : Plan
        The hyperparameters.
    estimator : SelfTuningPerceptron
        Source of the options.
    seed : int
        Seed of the generator of all randomness.
    report : callable
        Function of the `Checkpoint` of every iteration; true ends the training.
    deadline : Deadline
        Of the training.

    Returns
    -------
    Outcome
    """
    generator = torch.Generator().manual_seed(seed)
    train, validation = (Rows(*part) for part in parts)
    dtype = train.take(slice(0, 1))[0].dtype
    form = FORMS[estimator.form] if plan.is_tuned.any() else Fixed()
    network = Perceptron(
        sizes,
        estimator.activation,
        int(plan.is_tuned.sum()),
        response_scale=form.response_scale,
        generator=generator,
        dtype=dtype,
    )
    task = "classification" if estimator._is_classifier else "regression"
    tuner = Tuner(
        network,
        Distribution(plan, estimator.sigma_init, dtype),
        form,
        NETWORK_LOSSES[task],
        StepSizes(
            learning_rate=estimator.learning_rate_init,
            momentum=estimator.momentum,
            hyper_learning_rate=estimator.hyper_learning_rate,
            entropy_weight=estimator.entropy_weight,
        ),
        generator,
    )
    options = TrainingOptions(**{name: getattr(estimator, name) for name in _OPTIONS})
    return Training(tuner, train, validation, task, options).run(report, deadline)
