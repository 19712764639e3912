"""The penalty of rows with weights of their own, without forming those weights."""

import torch


def squares(weights):
    """Return the sums of squares of weights, shape (n_weights,)."""
    return torch.stack(torch._foreach_norm(weights)).square()


class RowPenalty:
    """``mean_i sum_m c_im |W_m + s_im * R_m|^2`` and its gradients.

    With ``|W + s * R|^2 = |W|^2 + sum_o 2 s_o <W_o, R_o> + s_o^2 |R_o|^2`` and
    ``s_io = V_o r_i`` only the means over the rows of c, of c r, and of c s_o r are
    needed: two products for all weights, and no pass over the outputs of all rows.

    Parameters
    ----------
    layout : Layout
        Order of the weights.
    factors : tensor of shape (n or 1, n_penalized)
        c.
    r : tensor of shape (n or 1, n_responses)
        Input of the responses.
    scales : tensor of shape (n or 1, n_outputs)
        s of all weights, of those with a penalty first.
    """

    def __init__(self, layout, factors, r, scales):
        rows, n_outputs = layout.rows, len(layout.homes)
        self.layout, self.n_rows = layout, len(r)
        self.scales = scales[:, :n_outputs]
        self.means = factors[0] if len(factors) == 1 else factors.mean(dim=0)
        factors = self.means[None] if len(r) == 1 else factors
        #: c of every output.
        self.factors = torch.index_select(factors, 1, layout.homes)
        # Means of c r and of c s r, of every output.
        each = self.factors.expand(len(r), -1), self.factors * self.scales
        for weighted, out in zip(each, rows.moments, strict=True):
            torch.addmm(out, weighted.T, r, beta=0, alpha=1.0 / self.n_rows, out=out)
        # Means of c s and of c s^2, of every output.
        products = rows.moments * layout.matrix[:n_outputs]
        torch.sum(products, 2, out=rows.numbers[2:])
        # Rows have no formed weights: their memory is free.
        weights, responses, memory = rows.penalized
        torch.mul(weights, responses, out=memory)
        for piece, cross, _ in rows.forward:
            piece.sum_by_output(piece.formed, cross)
        torch.mul(responses, responses, out=memory)
        for piece, _, own in rows.forward:
            piece.sum_by_output(piece.formed, own)

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
        cross, own, *_ = self.layout.rows.numbers
        slopes = torch.addcmul(cross, self.scales, own).mul_(self.factors)
        matrix = self.layout.matrix[: len(self.layout.homes)]
        return (2.0 / self.n_rows) * gradient * (slopes @ matrix)

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
        in_matrix = self.layout.in_matrix[: len(self.layout.homes)]
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
