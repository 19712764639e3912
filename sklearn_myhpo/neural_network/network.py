"""Multilayer perceptrons with weights that respond to hyperparameters, in torch.

MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks,
arXiv:1903.03088, eq. (10) and section 3.2.
"""

import math
from itertools import pairwise

import torch

#: Activation functions of hidden units, with derivatives as functions of the output.
TENSOR_ACTIVATIONS = {
    "identity": (lambda z: z, torch.ones_like),
    "logistic": (torch.sigmoid, lambda a: a * (1.0 - a)),
    "tanh": (torch.tanh, lambda a: 1.0 - a.square()),
    "relu": (torch.relu, lambda a: (a > 0).to(a.dtype)),
}


class ResponseLayer:
    """A linear layer with weights that respond linearly to r.

    The outputs are ``(W_e x + b_e) + (V_w r) * (W_h x) + (V_b r) * b_h``, with one r
    per example. Without r they are ``W_e x + b_e``.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    n_responses : int
        Length of r; 0 for a layer without response.
    response_scale : float
        Standard deviation of the initial V; 0 for no initial response.
    generator : torch.Generator
        Source of the initial weights.
    dtype : torch.dtype
        Type of the weights.
    """

    def __init__(self, n_in, n_out, n_responses, response_scale, generator, dtype):
        def draw(*shape, bound):
            values = torch.rand(shape, generator=generator, dtype=dtype)
            return ((2.0 * values - 1.0) * bound).requires_grad_()

        def draw_normal(*shape):
            values = torch.randn(shape, generator=generator, dtype=dtype)
            return (response_scale * values).requires_grad_()

        bound = 1.0 / math.sqrt(n_in)  # as in torch.nn.Linear
        self.weight = draw(n_out, n_in, bound=bound)
        self.bias = draw(n_out, bound=bound)
        self.general = [self.weight, self.bias]
        self.response = []
        if n_responses:
            self.response_weight = draw(n_out, n_in, bound=bound)
            self.response_bias = draw(n_out, bound=bound)
            self.weight_scale = draw_normal(n_out, n_responses)
            self.bias_scale = draw_normal(n_out, n_responses)
            self.response = [
                self.response_weight,
                self.response_bias,
                self.weight_scale,
                self.bias_scale,
            ]

    def __call__(self, x, r=None):
        """Return the outputs, shape (n, n_out), for x (n, n_in) and r (n, n_r)."""
        outputs = torch.nn.functional.linear(x, self.weight, self.bias)
        return outputs if r is None else outputs + self.respond(x, r)

    def respond(self, x, r):
        """Return the part of the outputs that is linear in r."""
        scaled = (r @ self.weight_scale.T) * (x @ self.response_weight.T)
        return scaled + (r @ self.bias_scale.T) * self.response_bias

    def squared_norm(self, r=None):
        """Return the squared norm of the weights of every example.

        ``|W|^2 = sum_o |W_e,o|^2 + 2 s_o <W_e,o, W_h,o> + s_o^2 |W_h,o|^2`` with
        ``s = V_w r``, so that no weight matrix per example is needed.

        Parameters
        ----------
        r : tensor of shape (n, n_responses), optional
            Input of the response.

        Returns
        -------
        tensor of shape (n,)
            Squared norms; one number of shape () without r.
        """
        fixed = self.weight.square().sum()
        if r is None:
            return fixed
        scale = r @ self.weight_scale.T
        cross = (self.weight * self.response_weight).sum(dim=1)
        own = self.response_weight.square().sum(dim=1)
        return fixed + 2.0 * scale @ cross + scale.square() @ own

    def at(self, r=None):
        """Return weight (n_out, n_in) and bias (n_out,) at one r of shape (n_r,)."""
        if r is None:
            return self.weight, self.bias
        weight_scale, bias_scale = self.weight_scale @ r, self.bias_scale @ r
        return (
            self.weight + weight_scale[:, None] * self.response_weight,
            self.bias + bias_scale * self.response_bias,
        )


class Perceptron:
    """Layers with dropout on their inputs and a penalty on their weights.

    A `Tuner` needs the attributes `general` and `response`, lists of leaf tensors, and
    the methods below; `linearized_outputs` only for the centred form.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units of the hidden layers, and of outputs.
    activation : str
        A key of `TENSOR_ACTIVATIONS`.
    n_responses : int
        Number of tuned hyperparameters.
    **options
        `response_scale`, `generator` and `dtype` of `ResponseLayer`.
    """

    def __init__(self, sizes, activation, n_responses, **options):
        self.layers = [
            ResponseLayer(n_in, n_out, n_responses, **options)
            for n_in, n_out in pairwise(sizes)
        ]
        self.activation, self.derivative = TENSOR_ACTIVATIONS[activation]
        self.general = [each for layer in self.layers for each in layer.general]
        self.response = [each for layer in self.layers for each in layer.response]

    def draw(self, n, generator):
        """Return uniform noise for dropout, one number per input of a layer.

        Parameters
        ----------
        n : int
            Number of examples.
        generator : torch.Generator
            Source of the noise.

        Returns
        -------
        list of tensor of shape (n, n_in)
            One per layer.
        """
        return [
            torch.rand(
                (n, layer.weight.shape[1]),
                generator=generator,
                dtype=layer.weight.dtype,
            )
            for layer in self.layers
        ]

    def outputs(self, x, r=None, values=None, noise=None):
        """Return the outputs.

        Parameters
        ----------
        x : tensor of shape (n, n_features)
            Inputs.
        r : tensor of shape (n, n_responses), optional
            Input of the response.
        values : tensor of shape (n, n_hyperparameters), optional
            Hyperparameters of the examples; their first columns are dropout rates.
        noise : list of tensor, optional
            Result of `draw`; None for no dropout.

        Returns
        -------
        tensor of shape (n, n_outputs)
            Outputs of the last layer.
        """
        hidden = x
        for index, layer in enumerate(self.layers):
            if index:
                hidden = self.activation(hidden)
            if noise is not None:
                hidden = hidden * _mask(noise[index], values[:, index, None])
            hidden = layer(hidden, r)
        return hidden

    def linearized_outputs(self, x, r, values, noise):
        """Return the outputs to first order in r, around r = 0.

        Equal to `outputs` plus its directional derivative by `torch.func.jvp`, but in
        one pass and a fraction of the time.

        Parameters
        ----------
        x, r, values, noise : tensor, or list of tensor
            As in `outputs`.

        Returns
        -------
        tensor of shape (n, n_outputs)
            Outputs of the last layer.
        """
        hidden, tangent = x, None
        for index, layer in enumerate(self.layers):
            if index:
                hidden = self.activation(hidden)
                tangent = tangent * self.derivative(hidden)
            mask = _mask(noise[index], values[:, index, None])
            hidden = hidden * mask
            response = layer.respond(hidden, r)
            if index:
                response = response + (tangent * mask) @ layer.weight.T
            hidden, tangent = layer(hidden), response
        return hidden + tangent

    def penalty(self, r, values):
        """Return ``sum_l exp(lambda_l) |W_l|^2`` of every example, shape (n,).

        Parameters
        ----------
        r : tensor of shape (n, n_responses) or None
            Input of the response.
        values : tensor of shape (n, n_hyperparameters)
            Hyperparameters of the examples; their last columns are lambdas.

        Returns
        -------
        tensor of shape (n,)
            Penalties.
        """
        strengths = values[:, len(self.layers) :].exp()
        return sum(
            strengths[:, index] * layer.squared_norm(r)
            for index, layer in enumerate(self.layers)
        )


def _mask(noise, rate):
    """Return the dropout factors of inputs, with mean one."""
    return (noise >= rate) / (1.0 - rate)
