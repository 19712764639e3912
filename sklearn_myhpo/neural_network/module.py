"""Self-tuning networks of a user's own modules of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin

from .._typing import RandomStateLike
from ._module import SelfTuningModule
from ._targets import ClassTargets, RealTargets


class STNClassifier(ClassifierMixin, ClassTargets, SelfTuningModule):
    """Classifier that tunes the hyperparameters of any PyTorch module in training.

    Linear, convolutional, embedding and LSTM layers learn how their weights respond to
    the penalties of all layers, to dropout rates, to noise and to augmentation, while
    gradient steps on held-out rows move these hyperparameters [1]_. The result is an
    ordinary module, the best one on the held-out rows, and the schedule of its
    hyperparameters. Needs PyTorch (``pip install '.[nn]'`` in the source directory).

    The module returns a number per class, of shape (n_samples, n_classes), or
    (n_samples, n_classes, ...) if y has more than one axis. The training loss is the
    criterion plus ``exp(lambda_l)`` times the sum of squared weights of every layer l,
    intercepts excluded.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The network: a module, which is copied and whose weights are the start, or its
        class or a function that returns it. Arguments are ``module__<name>``;
        parameters with the names `n_features` and `n_outputs` get the second axis of X
        and the number of classes if no argument gives them.
    form : {"centred", "published"}, default="centred"
        Form of the response of the weights to the hyperparameters. "centred" as in
        [2]_: general weights are trained without perturbation, and a linearized
        response separately, with two gradients per training step. "published" as in
        [1]_: all weights are trained together, with one gradient per training step.
    tune : bool or list of str, default=True
        Hyperparameters to tune: all, none, or a list of names. The others have the
        values in `hyperparameters`.
    hyperparameters : dict, default=None
        Values by name: the start of a tuned hyperparameter, the value of any other.
        A layer with the name l has ``"lambda_l"``, the natural log of its penalty, or
        ``"dropout_l"``, if it is dropout; a name without a layer stands for all.
        Named here or in `tune`, a network also has ``"input_dropout_l"`` and
        ``"recurrent_dropout_l"`` of an LSTM, ``"input_noise"``, ``"label_smoothing"``
        (classification), and for images ``"random_shift"``, ``"random_crop"``,
        ``"brightness"``, ``"cutout_length"`` and ``"cutout_holes"``;
        `sklearn_myhpo.neural_network.kinds` takes more. Without tuning, a value may be
        an array: its entries are the values in successive iterations, and the last
        entry stays. Without a value, dropout starts at the rate of its layer, lambda
        at -7.
    perturb : {"auto", "example", "batch"}, default="auto"
        Whether every row of a batch has its own perturbation, or all rows of a batch
        share one, which costs less. "auto" is by row unless a layer does not allow it:
        batch normalization, an LSTM, or rows on another axis than the first.
    response_share : float, default=0.25
        Fraction of the training rows on which the response trains, in the centred
        form: once per `train_steps` training steps, more often for larger fractions.
        The general weights always train on all rows.
    keep : list of str, default=()
        Names of layers whose weights train without a response, for example because they
        cannot be converted.
    criterion : callable, default=None
        Class of the loss, as in `torch.nn`, called with ``reduction="none"`` and the
        arguments ``criterion__<name>``. None is the cross-entropy.
    optimizer : callable, default=None
        Class of the optimizer of the weights, as in `torch.optim`, called with the
        weights, ``lr=learning_rate_init`` and the arguments ``optimizer__<name>``.
        None is gradient descent with `momentum`.
    sigma_init : float, default=0.5
        Initial standard deviation sigma of the perturbation of the free
        hyperparameters: lambda, and the logit of dropout rate / 0.9. Tuning moves
        sigma between 0.001 and 1.5.
    entropy_weight : float, default=1e-3
        tau, the weight of the entropy of the perturbation in the tuning objective.
    batch_size : int, default=128
        Number of rows per gradient, in training and in tuning.
    learning_rate_init : float, default=0.01
        Initial step size of gradient descent. It falls to a tenth, at most twice, when
        the validation loss stagnates.
    momentum : float, default=0.9
        Momentum of gradient descent.
    hyper_learning_rate : float or "auto", default="auto"
        Step size of Adam on the free hyperparameters and on sigma. "auto" is 0.5 by the
        number of tuning steps of an iteration, at most 0.1, so that hyperparameters
        move as far in an iteration whatever the number of rows.
    train_steps : int, default=2
        Number of training steps before every phase of tuning.
    validation_steps : int, default=1
        Number of tuning steps in every phase of tuning.
    n_warmup_iter : int, default=5
        Number of initial iterations without tuning.
    max_iter : int, default=200
        Maximum number of iterations, which are passes over the training rows.
    max_time : float or None, default=None
        Seconds after which the training stops, even within an iteration, with the best
        network so far, `converged_` False and a warning; None for no limit.
    n_iter_no_change : int or inf, default=10
        The validation loss stagnates after this many iterations without a new minimum.
    validation_fraction : float, default=0.2
        Fraction of the rows to hold out for tuning and early stopping. Stratified by
        class if every class has enough rows.
    device : str, default="cpu"
        Device for training and prediction, for example "cuda".
    random_state : int, RandomState instance or None, default=None
        Randomness of the split of the rows, the initial weights, the batches, dropout
        and the perturbations.
    verbose : bool, default=False
        Whether to print one line per iteration.
    **arguments : dict
        Arguments with the prefixes ``module__``, ``optimizer__`` and ``criterion__``.

    Attributes
    ----------
    module_ : torch.nn.Module
        Ordinary module at the learned hyperparameters, in evaluation mode, on the CPU.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    hyperparameters_ : dict of str to float
        Values of all hyperparameters at the kept iteration, by name.
    schedule_ : dict of str to ndarray of shape (n_iter,)
        History of the fit, suited to `pandas.DataFrame`, with one entry per iteration:
        every hyperparameter by name, at the end of the iteration; ``sigma_<name>`` of
        every tuned hyperparameter; "learning_rate", "train_loss", "validation_loss",
        "validation_score", "n_gradients" (number of gradients of batches so far) and
        "time" in seconds.
    loss_curve_ : list of float
        Mean training loss of every iteration, penalty included.
    validation_scores_ : list of float
        Accuracy of the held-out rows after every iteration.
    best_validation_score_ : float
        Score of the kept network on the held-out rows.
    validation_loss_ : float
        Mean loss of the held-out rows, without penalties, the lowest of all
        iterations.
    best_iter_ : int
        Iteration of the kept network; 0 is the network before training.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the validation loss stagnated before `max_iter` and `max_time`.
    n_features_in_ : int
        Size of the second axis of X, if X is an array.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    See Also
    --------
    STNRegressor : The same for regression.
    STNMLPClassifier : A perceptron, which predicts without PyTorch.

    References
    ----------
    .. [1] MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks:
       Bilevel Optimization of Hyperparameters using Structured Best-Response
       Functions, arXiv:1903.03088.
    .. [2] Bae & Grosse (2020), Delta-STN: Efficient Bilevel Optimization for Neural
       Networks using Structured Response Jacobians, arXiv:2010.13514.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_myhpo.neural_network import STNClassifier
    >>> from torch import nn
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X.reshape(-1, 1, 8, 8) / 16.0
    >>> module = nn.Sequential(
    ...     nn.Conv2d(1, 8, 3),
    ...     nn.ReLU(),
    ...     nn.Flatten(),
    ...     nn.Dropout(),
    ...     nn.Linear(288, 10),
    ... )
    >>> model = STNClassifier(module, random_state=0)
    >>> model.fit(images, y).score(images, y) > 0.95  # doctest: +SKIP
    True
    >>> sorted(model.hyperparameters_)  # doctest: +SKIP
    ['dropout_3', 'lambda_0', 'lambda_4']
    """

    def __init__(
        self,
        module: Any,
        *,
        form: Literal["centred", "published"] = "centred",
        tune: bool | list[str] = True,
        hyperparameters: dict[str, float | ArrayLike] | None = None,
        perturb: Literal["auto", "example", "batch"] = "auto",
        response_share: float = 0.25,
        keep: Sequence[str] = (),
        criterion: Callable[..., Any] | None = None,
        optimizer: Callable[..., Any] | None = None,
        sigma_init: float = 0.5,
        entropy_weight: float = 1e-3,
        batch_size: int = 128,
        learning_rate_init: float = 0.01,
        momentum: float = 0.9,
        hyper_learning_rate: float | Literal["auto"] = "auto",
        train_steps: int = 2,
        validation_steps: int = 1,
        n_warmup_iter: int = 5,
        max_iter: int = 200,
        max_time: float | None = None,
        n_iter_no_change: int | float = 10,
        validation_fraction: float = 0.2,
        device: str = "cpu",
        random_state: RandomStateLike = None,
        verbose: bool = False,
        **arguments: Any,
    ) -> None:
        self.module = module
        self.form = form
        self.tune = tune
        self.hyperparameters = hyperparameters
        self.perturb = perturb
        self.response_share = response_share
        self.keep = keep
        self.criterion = criterion
        self.optimizer = optimizer
        self.sigma_init = sigma_init
        self.entropy_weight = entropy_weight
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.hyper_learning_rate = hyper_learning_rate
        self.train_steps = train_steps
        self.validation_steps = validation_steps
        self.n_warmup_iter = n_warmup_iter
        self.max_iter = max_iter
        self.max_time = max_time
        self.n_iter_no_change = n_iter_no_change
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self._set_arguments(arguments)

    def predict(self, X: Any) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or torch.utils.data.Dataset
            Data, as in `fit`; targets of a Dataset are not used.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, ...)
            Labels.
        """
        index = self._raw_predict(X).argmax(axis=1)
        return self.classes_[index]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or torch.utils.data.Dataset
            Data, as in `fit`; targets of a Dataset are not used.

        Returns
        -------
        ndarray of shape (n_samples, n_classes, ...)
            Probabilities, in the order of `classes_`.
        """
        return softmax(self._raw_predict(X), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the natural logs of the probabilities, without underflow.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or torch.utils.data.Dataset
            Data, as in `fit`; targets of a Dataset are not used.

        Returns
        -------
        ndarray of shape (n_samples, n_classes, ...)
            Natural logs of the probabilities, in the order of `classes_`.
        """
        return log_softmax(self._raw_predict(X), axis=1)


class STNRegressor(MultiOutputMixin, RegressorMixin, RealTargets, SelfTuningModule):
    """Regressor that tunes the hyperparameters of any PyTorch module in training.

    As in `STNClassifier`, gradient steps on held-out rows move penalties, dropout
    rates, noise and augmentation, while the weights are trained on the other rows
    [1]_. Targets are standardized with the mean and standard deviation of the training
    rows. Needs PyTorch (``pip install '.[nn]'`` in the source directory).

    The module returns a number per target, of shape (n_samples, n_targets), or
    (n_samples,) for one. The training loss is the criterion of the standardized
    targets plus ``exp(lambda_l)`` times the sum of squared weights of every layer l,
    intercepts excluded.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The network: a module, which is copied and whose weights are the start, or its
        class or a function that returns it. Arguments are ``module__<name>``;
        parameters with the names `n_features` and `n_outputs` get the second axis of X
        and the number of targets if no argument gives them.
    form : {"centred", "published"}, default="centred"
        Form of the response of the weights to the hyperparameters. "centred" as in
        [2]_: general weights are trained without perturbation, and a linearized
        response separately, with two gradients per training step. "published" as in
        [1]_: all weights are trained together, with one gradient per training step.
    tune : bool or list of str, default=True
        Hyperparameters to tune: all, none, or a list of names. The others have the
        values in `hyperparameters`.
    hyperparameters : dict, default=None
        Values by name: the start of a tuned hyperparameter, the value of any other.
        A layer with the name l has ``"lambda_l"``, the natural log of its penalty, or
        ``"dropout_l"``, if it is dropout; a name without a layer stands for all.
        Named here or in `tune`, a network also has ``"input_dropout_l"`` and
        ``"recurrent_dropout_l"`` of an LSTM, ``"input_noise"``, ``"label_smoothing"``
        (classification), and for images ``"random_shift"``, ``"random_crop"``,
        ``"brightness"``, ``"cutout_length"`` and ``"cutout_holes"``;
        `sklearn_myhpo.neural_network.kinds` takes more. Without tuning, a value may be
        an array: its entries are the values in successive iterations, and the last
        entry stays. Without a value, dropout starts at the rate of its layer, lambda
        at -7.
    perturb : {"auto", "example", "batch"}, default="auto"
        Whether every row of a batch has its own perturbation, or all rows of a batch
        share one, which costs less. "auto" is by row unless a layer does not allow it:
        batch normalization, an LSTM, or rows on another axis than the first.
    response_share : float, default=0.25
        Fraction of the training rows on which the response trains, in the centred
        form: once per `train_steps` training steps, more often for larger fractions.
        The general weights always train on all rows.
    keep : list of str, default=()
        Names of layers whose weights train without a response, for example because they
        cannot be converted.
    criterion : callable, default=None
        Class of the loss, as in `torch.nn`, called with ``reduction="none"`` and the
        arguments ``criterion__<name>``. None is half the squared error.
    optimizer : callable, default=None
        Class of the optimizer of the weights, as in `torch.optim`, called with the
        weights, ``lr=learning_rate_init`` and the arguments ``optimizer__<name>``.
        None is gradient descent with `momentum`.
    sigma_init : float, default=0.5
        Initial standard deviation sigma of the perturbation of the free
        hyperparameters: lambda, and the logit of dropout rate / 0.9. Tuning moves
        sigma between 0.001 and 1.5.
    entropy_weight : float, default=1e-3
        tau, the weight of the entropy of the perturbation in the tuning objective.
    batch_size : int, default=128
        Number of rows per gradient, in training and in tuning.
    learning_rate_init : float, default=0.01
        Initial step size of gradient descent. It falls to a tenth, at most twice, when
        the validation loss stagnates.
    momentum : float, default=0.9
        Momentum of gradient descent.
    hyper_learning_rate : float or "auto", default="auto"
        Step size of Adam on the free hyperparameters and on sigma. "auto" is 0.5 by the
        number of tuning steps of an iteration, at most 0.1, so that hyperparameters
        move as far in an iteration whatever the number of rows.
    train_steps : int, default=2
        Number of training steps before every phase of tuning.
    validation_steps : int, default=1
        Number of tuning steps in every phase of tuning.
    n_warmup_iter : int, default=5
        Number of initial iterations without tuning.
    max_iter : int, default=200
        Maximum number of iterations, which are passes over the training rows.
    max_time : float or None, default=None
        Seconds after which the training stops, even within an iteration, with the best
        network so far, `converged_` False and a warning; None for no limit.
    n_iter_no_change : int or inf, default=10
        The validation loss stagnates after this many iterations without a new minimum.
    validation_fraction : float, default=0.2
        Fraction of the rows to hold out for tuning and early stopping.
    device : str, default="cpu"
        Device for training and prediction, for example "cuda".
    random_state : int, RandomState instance or None, default=None
        Randomness of the split of the rows, the initial weights, the batches, dropout
        and the perturbations.
    verbose : bool, default=False
        Whether to print one line per iteration.
    **arguments : dict
        Arguments with the prefixes ``module__``, ``optimizer__`` and ``criterion__``.

    Attributes
    ----------
    module_ : torch.nn.Module
        Ordinary module at the learned hyperparameters, in evaluation mode, on the CPU.
    hyperparameters_ : dict of str to float
        Values of all hyperparameters at the kept iteration, by name.
    schedule_ : dict of str to ndarray of shape (n_iter,)
        History of the fit, suited to `pandas.DataFrame`, with one entry per iteration:
        every hyperparameter by name, at the end of the iteration; ``sigma_<name>`` of
        every tuned hyperparameter; "learning_rate", "train_loss", "validation_loss",
        "validation_score", "n_gradients" (number of gradients of batches so far) and
        "time" in seconds.
    loss_curve_ : list of float
        Mean training loss of every iteration, penalty included.
    validation_scores_ : list of float
        R^2 of the held-out rows after every iteration.
    best_validation_score_ : float
        Score of the kept network on the held-out rows.
    validation_loss_ : float
        Mean loss of the standardized targets of the held-out rows, without penalties,
        the lowest of all iterations.
    best_iter_ : int
        Iteration of the kept network; 0 is the network before training.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the validation loss stagnated before `max_iter` and `max_time`.
    n_features_in_ : int
        Size of the second axis of X, if X is an array.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    See Also
    --------
    STNClassifier : The same for classification.
    STNMLPRegressor : A perceptron, which predicts without PyTorch.

    References
    ----------
    .. [1] MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks:
       Bilevel Optimization of Hyperparameters using Structured Best-Response
       Functions, arXiv:1903.03088.
    .. [2] Bae & Grosse (2020), Delta-STN: Efficient Bilevel Optimization for Neural
       Networks using Structured Response Jacobians, arXiv:2010.13514.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_myhpo.neural_network import STNRegressor
    >>> from torch import nn
    >>> X, y = load_diabetes(return_X_y=True)
    >>> module = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 1))
    >>> model = STNRegressor(module, random_state=0)
    >>> model.fit(scale(X), y).score(scale(X), y) > 0.4  # doctest: +SKIP
    True
    """

    def __init__(
        self,
        module: Any,
        *,
        form: Literal["centred", "published"] = "centred",
        tune: bool | list[str] = True,
        hyperparameters: dict[str, float | ArrayLike] | None = None,
        perturb: Literal["auto", "example", "batch"] = "auto",
        response_share: float = 0.25,
        keep: Sequence[str] = (),
        criterion: Callable[..., Any] | None = None,
        optimizer: Callable[..., Any] | None = None,
        sigma_init: float = 0.5,
        entropy_weight: float = 1e-3,
        batch_size: int = 128,
        learning_rate_init: float = 0.01,
        momentum: float = 0.9,
        hyper_learning_rate: float | Literal["auto"] = "auto",
        train_steps: int = 2,
        validation_steps: int = 1,
        n_warmup_iter: int = 5,
        max_iter: int = 200,
        max_time: float | None = None,
        n_iter_no_change: int | float = 10,
        validation_fraction: float = 0.2,
        device: str = "cpu",
        random_state: RandomStateLike = None,
        verbose: bool = False,
        **arguments: Any,
    ) -> None:
        self.module = module
        self.form = form
        self.tune = tune
        self.hyperparameters = hyperparameters
        self.perturb = perturb
        self.response_share = response_share
        self.keep = keep
        self.criterion = criterion
        self.optimizer = optimizer
        self.sigma_init = sigma_init
        self.entropy_weight = entropy_weight
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.hyper_learning_rate = hyper_learning_rate
        self.train_steps = train_steps
        self.validation_steps = validation_steps
        self.n_warmup_iter = n_warmup_iter
        self.max_iter = max_iter
        self.max_time = max_time
        self.n_iter_no_change = n_iter_no_change
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self._set_arguments(arguments)

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or torch.utils.data.Dataset
            Data, as in `fit`; targets of a Dataset are not used.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.
        """
        outputs = self._raw_predict(X)
        mean, scale = self._y_units
        outputs = outputs.reshape(len(outputs), -1) * scale + mean
        return outputs.reshape(len(outputs), *self._target_shape)
