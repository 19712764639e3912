"""Self-tuning multilayer perceptrons for classification and regression."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin

from .._typing import MatrixLike, RandomStateLike
from ._perceptron import SelfTuningPerceptron
from ._targets import ClassTargets, RealTargets


class STNMLPClassifier(ClassifierMixin, ClassTargets, SelfTuningPerceptron):
    """Classifier that tunes its dropout and penalties in training.

    A multilayer perceptron with a softmax. The hyperparameters are the dropout rate
    and the log-penalty of every layer. The weights are trained on one part of the rows
    as a function of the hyperparameters, while gradient steps on the held-out part
    move the hyperparameters [1]_. The result is an ordinary network, the best one on
    the held-out rows, and the schedule of its hyperparameters. Training needs PyTorch
    (``pip install '.[nn]'`` in the source directory), prediction does not.

    The training loss is the mean cross-entropy plus ``exp(lambda_l)`` times the sum of
    squared weights of every layer l, intercepts excluded.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of every hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation function of the hidden units.
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
        Layer l has ``"dropout_l"``, the dropout rate of its inputs (l = 0: of the
        features), and ``"lambda_l"``, the natural log of its penalty; a name without
        a number stands for all layers. Without tuning, a value may be an array: its
        entries are the values in successive iterations, and the last entry stays.
        Missing names have a dropout rate of 0.05 or a lambda of -7.
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
    random_state : int, RandomState instance or None, default=None
        Randomness of the split of the rows, the initial weights, the batches, dropout
        and the perturbations.
    verbose : bool, default=False
        Whether to print one line per iteration.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of the layers at the learned hyperparameters.
    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of the layers.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    hyperparameters_ : dict of str to float
        Values of all hyperparameters at the kept iteration, by name.
    dropout_ : ndarray of shape (n_layers - 1,)
        Dropout rates of `hyperparameters_`, in the order of `coefs_`.
    lambda_ : ndarray of shape (n_layers - 1,)
        Lambdas of `hyperparameters_`, natural logs, in the order of `coefs_`.
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
        Mean cross-entropy of the held-out rows, the lowest of all iterations.
    best_iter_ : int
        Iteration of the kept network; 0 is the network before training.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the validation loss stagnated before `max_iter` and `max_time`.
    n_layers_ : int
        Number of layers, features and outputs included.
    n_outputs_ : int
        Number of classes.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

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
    >>> from sklearn_myhpo.neural_network import STNMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = STNMLPClassifier((50,), random_state=0)
    >>> model.fit(X / 16.0, y).score(X / 16.0, y) > 0.95  # doctest: +SKIP
    True
    >>> sorted(model.hyperparameters_)  # doctest: +SKIP
    ['dropout_0', 'dropout_1', 'lambda_0', 'lambda_1']
    """

    def __init__(
        self,
        hidden_layer_sizes: int | ArrayLike = (100,),
        activation: Literal["identity", "logistic", "tanh", "relu"] = "relu",
        *,
        form: Literal["centred", "published"] = "centred",
        tune: bool | list[str] = True,
        hyperparameters: dict[str, float | ArrayLike] | None = None,
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
        random_state: RandomStateLike = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.form = form
        self.tune = tune
        self.hyperparameters = hyperparameters
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
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        index = self._raw_predict(X).argmax(axis=1)
        return self.classes_[index]

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.
        """
        return softmax(self._raw_predict(X), axis=1)

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the natural logs of the probabilities, without underflow.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logs of the probabilities, in the order of `classes_`.
        """
        return log_softmax(self._raw_predict(X), axis=1)


class STNMLPRegressor(
    MultiOutputMixin, RegressorMixin, RealTargets, SelfTuningPerceptron
):
    """Regressor that tunes its dropout and penalties in training.

    A multilayer perceptron with linear outputs. As in `STNMLPClassifier`, gradient
    steps on held-out rows move the hyperparameters, while the weights are trained on
    the other rows [1]_. Targets are standardized with the mean and standard deviation
    of the training rows. Training needs PyTorch
    (``pip install '.[nn]'`` in the source directory), prediction does not.

    The training loss is half the mean squared error of the standardized targets, plus
    ``exp(lambda_l)`` times the sum of squared weights of every layer l, intercepts
    excluded.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of every hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation function of the hidden units.
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
        Layer l has ``"dropout_l"``, the dropout rate of its inputs (l = 0: of the
        features), and ``"lambda_l"``, the natural log of its penalty; a name without
        a number stands for all layers. Without tuning, a value may be an array: its
        entries are the values in successive iterations, and the last entry stays.
        Missing names have a dropout rate of 0.05 or a lambda of -7.
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
    random_state : int, RandomState instance or None, default=None
        Randomness of the split of the rows, the initial weights, the batches, dropout
        and the perturbations.
    verbose : bool, default=False
        Whether to print one line per iteration.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of the layers at the learned hyperparameters.
    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of the layers.
    hyperparameters_ : dict of str to float
        Values of all hyperparameters at the kept iteration, by name.
    dropout_ : ndarray of shape (n_layers - 1,)
        Dropout rates of `hyperparameters_`, in the order of `coefs_`.
    lambda_ : ndarray of shape (n_layers - 1,)
        Lambdas of `hyperparameters_`, natural logs, in the order of `coefs_`.
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
        Half the mean squared error of the standardized targets of the held-out rows,
        the lowest of all iterations.
    best_iter_ : int
        Iteration of the kept network; 0 is the network before training.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the validation loss stagnated before `max_iter` and `max_time`.
    n_layers_ : int
        Number of layers, features and outputs included.
    n_outputs_ : int
        Number of targets.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

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
    >>> from sklearn_myhpo.neural_network import STNMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = STNMLPRegressor((20,), random_state=0)
    >>> model.fit(scale(X), y).score(scale(X), y) > 0.4  # doctest: +SKIP
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: int | ArrayLike = (100,),
        activation: Literal["identity", "logistic", "tanh", "relu"] = "relu",
        *,
        form: Literal["centred", "published"] = "centred",
        tune: bool | list[str] = True,
        hyperparameters: dict[str, float | ArrayLike] | None = None,
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
        random_state: RandomStateLike = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.form = form
        self.tune = tune
        self.hyperparameters = hyperparameters
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
        self.random_state = random_state
        self.verbose = verbose

    def _to_units(self, coefs, intercepts):
        mean, scale = self._y_units
        dtype = coefs[-1].dtype
        coefs[-1] = (coefs[-1] * scale).astype(dtype)
        intercepts[-1] = (intercepts[-1] * scale + mean).astype(dtype)
        return coefs, intercepts

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.
        """
        predictions = self._raw_predict(X)
        return predictions.reshape(len(predictions), *self._target_shape)
