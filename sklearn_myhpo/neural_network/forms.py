"""How the weights of a self-tuning network follow its hyperparameters.

A form says what the layers respond to, and which loss moves which weights. Let h be
the free hyperparameters and e their perturbation.
"""


class Published:
    """MacKay et al. (2019): weights are functions of h, trained all at once."""

    #: Standard deviation of the first V.
    response_scale = 0.01

    def response(self, h, perturbed):
        """Return what the layers respond to at perturbed hyperparameters.

        Parameters
        ----------
        h : tensor of shape (n_responses,)
            Where tuning stands.
        perturbed : tensor of shape (n, n_responses)
            ``h + e`` of every example.

        Returns
        -------
        tensor of shape (n, n_responses)
            r of every example.
        """
        return perturbed

    def training_losses(self, network, problem):
        """Yield losses and the weights that each of them moves.

        Parameters
        ----------
        network : Perceptron
            The network, or another with its methods.
        problem : TrainingProblem
            A batch and its hyperparameters.

        Yields
        ------
        (tensor of shape (), list of tensor)
        """
        r = problem.perturbed
        outputs = network.outputs(problem.x, r, problem.perturbed_values, problem.noise)
        loss = problem.objective(network, outputs, r, problem.perturbed_values)
        yield loss, network.general + network.response


class Centred:
    """Bae & Grosse (2020), Delta-STN, arXiv:2010.13514: weights are w_0 + Theta e.

    The general weights w_0 train at h itself, without perturbation, and so without a
    bias. The responses Theta train on outputs linearized in ``Theta e``.
    """

    response_scale = 0.0

    def response(self, h, perturbed):
        """Return ``h + e`` less the value of h, whose gradient stays."""
        return perturbed - h.detach()

    def training_losses(self, network, problem):
        """Yield the loss of the general weights, then that of the responses."""
        outputs = network.outputs(problem.x, None, problem.values, problem.noise)
        loss = problem.objective(network, outputs, None, problem.values)
        yield loss, network.general

        perturbation = self.response(problem.h, problem.perturbed)
        values = problem.perturbed_values
        outputs = network.linearized_outputs(
            problem.x, perturbation, values, problem.noise
        )
        loss = problem.objective(network, outputs, perturbation, values)
        yield loss, network.response


class Fixed:
    """No response: an ordinary network at the hyperparameters of a plan."""

    response_scale = 0.0

    def response(self, h, perturbed):
        """Return nothing, as nothing is tuned."""
        return None

    def training_losses(self, network, problem):
        """Yield the one loss of the one set of weights."""
        outputs = network.outputs(problem.x, None, problem.values, problem.noise)
        loss = problem.objective(network, outputs, None, problem.values)
        yield loss, network.general


FORMS = {"published": Published(), "centred": Centred()}
