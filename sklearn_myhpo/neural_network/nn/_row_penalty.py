"""The penalty of rows with weights of their own, without forming those weights."""

import torch


def squares(weights):
    """Return the sums of squares of weights, shape (n_weights,)."""
    return torch.stack(torch._foreach_norm(weights)).square()


class RowPenalty:
    """``mean_i sum_m c_im |W_m + s_im * R_m|^2`` and its gradients.

    With ``|W + s * R|^2 = |W|^2 + sum_o 2 s_o <W_o, R_o> + s_o^2 |R_o|^2`` and
    ``s_io = V_o r_i`` only the means over the rows of c, of c r, and of c s_o r are
    needed: a product per weight, and no pass over the outputs of all rows.

    Parameters
    ----------
    layout : Layout
        Order of the weights.
    factors : tensor of shape (n or 1, n_penalized)
        c.
    r : tensor of shape (n or 1, n_responses)
        Input of the responses.
    scales : list of tensor of shape (n or 1, n_out)
        s by weight.
    """

    def __init__(self, layout, factors, r, scales):
        n, rows = layout.n_penalized, layout.rows
        self.layout, self.scales, self.n_rows = layout, scales[:n], len(r)
        self.means = factors[0] if len(factors) == 1 else factors.mean(dim=0)
        self.factors = self.means[None] if len(r) == 1 else factors
        #: c r of all weights; its means and those of c s r, of every output.
        weighted = self.factors[:, :, None] * r[:, None]
        torch.index_select(weighted.mean(dim=0), 0, layout.homes, out=rows.moments[0])
        for (piece, cross, own, second), scale, each in zip(
            rows.forward, self.scales, weighted.unbind(1), strict=True
        ):
            torch.addmm(
                second, scale.T, each, beta=0, alpha=1.0 / self.n_rows, out=second
            )
            # Rows have no formed weights: their memory is free.
            piece.dot(piece.weight, piece.response, piece.formed, cross)
            piece.dot(piece.response, piece.response, piece.formed, own)
        # Means of c s and of c s^2, of every output.
        products = rows.moments * layout.matrix[: len(layout.homes)]
        torch.sum(products, 2, out=rows.numbers[2:])

    def mean(self):
        """Return the penalty."""
        cross, own, linear, square = self.layout.rows.numbers.unbind()
        weights = self.layout.weights[: self.layout.n_penalized]
        general = torch.dot(self.means, squares(weights))
        linear = torch.dot(linear, cross)
        return general.add_(linear, alpha=2.0).add_(torch.dot(square, own))

    def in_r(self, gradient):
        """Return the gradient in r.

        Parameters
        ----------
        gradient : tensor of shape ()
            Gradient in the penalty.

        Returns
        -------
        tensor of shape (n or 1, n_responses)
        """
        shares = (2.0 / self.n_rows) * gradient * self.factors
        parts = zip(
            self.layout.rows.forward,
            self.scales,
            self.layout.matrices,
            shares.split(1, dim=1),
            strict=False,
        )
        return sum(
            share * (torch.addcmul(cross, scale, own) @ matrix)
            for (_, cross, own, _), scale, matrix, share in parts
        )

    def write(self, gradient, in_responses, in_weights):
        """Write the gradients in R and W into memory, and add that in V.

        Parameters
        ----------
        gradient : tensor of shape ()
            Gradient in the penalty.
        in_responses, in_weights : tuple of tensor
            Gradients in all R, and in all W; the latter may be empty.
        """
        rows = self.layout.rows
        torch.mul(rows.numbers, gradient, out=rows.scaled)
        in_matrix = self.layout.in_matrices[0][: len(self.layout.homes)]
        for mean, number in zip(rows.moments, rows.scaled, strict=False):
            in_matrix.addcmul_(mean, number[:, None], value=2.0)
        factors = (gradient * self.means).unbind()
        for m, (piece, linear, square) in enumerate(rows.backward):
            response, out = piece.response, piece.in_response
            torch.addcmul(in_responses[m], linear, piece.weight, value=2.0, out=out)
            out.addcmul_(square, response, value=2.0)
            if in_weights:
                each = piece.penalized(in_weights[m], piece.weight, factors[m])
                each.addcmul_(linear, response, value=2.0)
