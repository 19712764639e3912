"""Assembly and training of networks from the parameters; needs PyTorch."""

import math
from contextlib import contextmanager

import torch

from ._rows import Rows
from ._training import MEASURES, Training, TrainingOptions
from .distribution import Distribution
from .forms import FORMS, Fixed
from .perceptron_network import perceptron_module, perceptron_network
from .tuner import StepSizes, Tuner

#: How far Adam can move a free hyperparameter in an iteration by "auto", and its top
#: step size. Published networks of 45000 rows had 0.003, which is this path.
HYPER_PATH, MAX_HYPER_STEP = 0.5, 0.1

_OPTIONS = tuple(TrainingOptions.__dataclass_fields__)


@contextmanager
def seeded(seed, device=None):
    """Seed the global random numbers of PyTorch within a block, and restore them.

    Parameters
    ----------
    seed : int
        Seed.
    device : torch.device, optional
        Device whose random numbers are seeded besides those of the CPU.

    Yields
    ------
    None
    """
    is_cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if is_cuda else []):
        torch.default_generator.manual_seed(seed)
        if is_cuda:
            torch.cuda.manual_seed(seed)
        yield


def form_of(estimator, plan):
    """Return the form of the response: that of the parameters, or none to tune."""
    return FORMS[estimator.form] if plan.is_tuned.any() else Fixed()


def train_perceptron(estimator, *, parts, sizes, plan, seed, report, deadline):
    """Train a perceptron on one part of the data and tune it on the other.

    Parameters
    ----------
    estimator : SelfTuningPerceptron
        Source of the options.
    parts : list of (array, ndarray)
        Features and encoded target of the training and the validation rows.
    sizes : list of int
        Units of all layers, from features to outputs.
    plan : Plan
        The hyperparameters.
    seed : int
        Seed of all randomness.
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
    form = form_of(estimator, plan)
    with seeded(seed):
        network = perceptron_network(
            perceptron_module(sizes, estimator.activation).to(dtype),
            int(plan.is_tuned.sum()),
            form.response_scale,
            generator,
        )
        tuner = make_tuner(estimator, network, plan, form, generator, n_rows=len(train))
        training = make_training(estimator, tuner, train, validation)
        return training.run(report, deadline)


def hyper_learning_rate(estimator, n_rows):
    """Return the step size of the hyperparameters.

    Parameters
    ----------
    estimator : SelfTuningEstimator
        Source of the options.
    n_rows : int
        Number of training rows.

    Returns
    -------
    float
    """
    if estimator.hyper_learning_rate != "auto":
        return estimator.hyper_learning_rate
    n_batches = math.ceil(n_rows / estimator.batch_size)
    n_tunings = n_batches / estimator.train_steps * estimator.validation_steps
    return min(MAX_HYPER_STEP, HYPER_PATH / n_tunings)


def make_tuner(estimator, network, plan, form, generator, *, n_rows, **options):
    """Return the tuner of a network, with the options of an estimator.

    Parameters
    ----------
    estimator : SelfTuningEstimator
        Source of the step sizes.
    network : ModuleNetwork
        The network.
    plan : Plan
        Its hyperparameters.
    form : Published, Centred or Fixed
        Form of the response.
    generator : torch.Generator
        Source of randomness.
    n_rows : int
        Number of training rows.
    **options
        `is_shared`, `optimizer` and `loss` of `Tuner`.

    Returns
    -------
    Tuner
    """
    weight = network.general[0]
    loss = options.pop("loss", MEASURES[estimator._task].loss)
    tuner = Tuner(
        network,
        Distribution(plan, estimator.sigma_init, weight.dtype, weight.device),
        form,
        loss,
        StepSizes(
            learning_rate=estimator.learning_rate_init,
            momentum=estimator.momentum,
            hyper_learning_rate=hyper_learning_rate(estimator, n_rows),
            entropy_weight=estimator.entropy_weight,
        ),
        generator,
        train_steps=estimator.train_steps,
        **options,
    )
    tuner.change_losses = network.change_losses
    tuner.gradients = network.gradients
    return tuner


def make_training(estimator, tuner, train, validation):
    """Return the loop of an estimator.

    Parameters
    ----------
    estimator : SelfTuningEstimator
        Source of the options.
    tuner : Tuner
        The tuner, whose loss is the measure.
    train, validation : Rows
        The rows.

    Returns
    -------
    Training
    """
    options = TrainingOptions(**{name: getattr(estimator, name) for name in _OPTIONS})
    measures = MEASURES[estimator._task]._replace(loss=tuner.loss)
    return Training(tuner, train, validation, measures, options)
