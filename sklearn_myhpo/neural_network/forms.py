"""Forms of the response of the weights to the hyperparameters.

A form defines the input r of the response, and the losses that train the weights. Let
h be the free hyperparameters and e their perturbation.
"""


class Published:
    """MacKay et al. (2019): weights are functions of h, and all train on one loss."""

    #: Standard deviation of the initial V.
    response_scale = 0.01
    #: Whether the general weights train at perturbed hyperparameters.
    is_perturbed = True

    def response(self, h, perturbed):
        """Return the input r of the response at perturbed hyperparameters.

        Parameters
        ----------
        h : tensor of shape (n_responses,)
            Current free hyperparameters.
        perturbed : tensor of shape (n, n_responses)
            ``h + e`` of every example.

        Returns
        -------
        tensor of shape (n, n_responses)
            r of every example.
        """
        return perturbed

    def training_losses(self, network, problem):
        """Yield each loss with the weights that it trains.

        Parameters
        ----------
        network : ModuleNetwork
            The network, or an object with its methods.
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

    The general weights w_0 train at h without perturbation, which removes the bias of
    a perturbed loss. The response Theta trains on outputs linearized in ``Theta e``.
    """

    response_scale = 0.0
    is_perturbed = False

    def response(self, h, perturbed):
        """Return e as ``(h + e) - h``, without the gradient of the last h."""
        return perturbed - h.detach()

    def training_losses(self, network, problem):
        """Yield the loss of the general weights, then the loss of the response."""
        outputs = network.outputs(problem.x, None, problem.values, problem.noise)
        loss = problem.objective(network, outputs, None, problem.values)
        yield loss, network.general

        if not problem.response_share:
            return
        part = problem.part()
        perturbation = self.response(part.h, part.perturbed)
        values = part.perturbed_values
        outputs = network.linearized_outputs(part.x, perturbation, values, part.noise)
        loss = part.objective(network, outputs, perturbation, values)
        yield loss, network.response


class Fixed:
    """No response: an ordinary network at the hyperparameters of a plan."""

    response_scale = 0.0
    is_perturbed = False

    def response(self, h, perturbed):
        """Return None, because no hyperparameter is tuned."""
        return None

    def training_losses(self, network, problem):
        """Yield the only loss, with the general weights."""
        outputs = network.outputs(problem.x, None, problem.values, problem.noise)
        loss = problem.objective(network, outputs, None, problem.values)
        yield loss, network.general


FORMS = {"published": Published(), "centred": Centred()}
