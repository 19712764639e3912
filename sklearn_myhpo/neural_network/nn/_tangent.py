"""An LSTM in time together with what is linear in r, and its own backward pass.

Autograd would record some thirty small operations for every time. As only tangents
have gradients, and are linear, one loop forward and one back are enough.
"""

import torch


class TangentLSTM(torch.autograd.Function):
    """Values and tangents of one direction of one layer.

    With the gates ``z = inputs + W h``, their tangents are
    ``dz = tangents + W dh + s * (R h)``, s one row per example or one in all. The
    tangents of cell and hidden state are linear in dz:

        dc' = a_i dz_i + a_f dz_f + a_g dz_g + f dc,    dh' = a_o dz_o + e dc'
    """

    @staticmethod
    def forward(ctx, inputs, tangents, weight, response, scale, states, moved, mask):
        """Return outputs, their tangents, and the last (h, dh, c, dc).

        Parameters
        ----------
        inputs, tangents : tensor of shape (n_times, n, 4 n_hidden)
            Gates without the hidden state.
        weight, response : tensor of shape (4 n_hidden, n_hidden)
            W and R.
        scale : tensor of shape (n, 4 n_hidden) or (1, 4 n_hidden)
            s.
        states, moved : tensor of shape (2, n, n_hidden)
            First hidden state and cell, and their tangents.
        mask : tensor of shape (n, n_hidden)
            Recurrent dropout of the hidden state.
        """
        n_times, n, width = inputs.shape
        size = width // 4
        both = torch.cat([weight, response]).T.contiguous()
        back = weight.T.contiguous()
        # Buffers of all times, and views of their times: indexing costs as much as
        # the small operations themselves.
        sums = torch.cat([inputs, torch.zeros_like(inputs)], dim=2)
        gates, slopes = torch.empty_like(inputs), torch.empty_like(inputs)
        outputs, moves, carry, entered = (
            inputs.new_empty(n_times, n, size) for _ in range(4)
        )
        parts = outputs, moves, carry, entered, tangents
        views = _times(sums, gates, slopes, *parts)
        (h, c), (dh, dc) = states, moved
        for view in views:
            both_t, z, answer, z_g, gate, i, f, _, o, *view = view
            slope, a_i, a_f, a_g, a_o, output, move, e, enter, tangent = view
            torch.mul(h, mask, out=enter)
            torch.addmm(both_t, enter, both, out=both_t)
            dz = torch.addmm(tangent, dh * mask, back).addcmul_(scale, answer)
            torch.sigmoid(z, out=gate)
            g = z_g.tanh()
            torch.addcmul(gate, gate, gate, value=-1.0, out=slope)
            entering = i * g
            a_i.mul_(g)
            a_f.mul_(c)
            torch.addcmul(i, entering, g, value=-1.0, out=a_g)
            c = torch.addcmul(entering, f, c)
            tanh = c.tanh()
            a_o.mul_(tanh)
            h = torch.mul(o, tanh, out=output)
            torch.addcmul(o, h, tanh, value=-1.0, out=e)
            part_i, part_f, part_g, part_o = dz.mul_(slope).chunk(4, dim=1)
            # Two additions are faster than a sum along an axis of three.
            dc = (part_i + part_f).add_(part_g).addcmul_(f, dc)
            dh = torch.addcmul(part_o, e, dc, out=move)
        answers, keep = sums[:, :, width:], gates[:, :, size : 2 * size]
        ctx.save_for_backward(
            weight, scale, mask, slopes, answers, carry, keep, entered
        )
        last = torch.stack([h, c])
        ctx.mark_non_differentiable(outputs, last)
        return outputs, moves, last, torch.stack([dh, dc])

    @staticmethod
    def backward(ctx, _outputs, moves, _last, ends):
        """Return the gradients in tangents, R, s and the first tangents."""
        weight, scale, mask, slopes, answers, carry, keep, entered = ctx.saved_tensors
        n_times, n, width = slopes.shape
        size = width // 4
        gates = torch.empty_like(slopes)
        ins, outs = (each.view(n_times, n, 4, size) for each in (slopes, gates))
        views = zip(
            gates.unbind(),
            *(each[:, :, :3].unbind() for each in (ins, outs)),
            *(each[:, :, 3].unbind() for each in (ins, outs)),
            *(each.unbind() for each in (moves, carry, keep)),
            strict=True,
        )
        gh, gc = ends
        for gate, a, now, a_o, now_o, move, e, f in reversed(list(views)):
            gh = gh + move
            gc = torch.addcmul(gc, e, gh)
            torch.mul(a, gc[:, None], out=now)
            torch.mul(a_o, gh, out=now_o)
            gh = (gate @ weight).mul_(mask)
            gc = gc * f
        rows = (gates * scale).reshape(-1, width)
        in_response = rows.T @ entered.reshape(-1, size)
        in_scale = (gates * answers).sum(dim=0)
        if len(scale) == 1:
            in_scale = in_scale.sum(dim=0, keepdim=True)
        first = torch.stack([gh, gc])
        return None, gates, None, in_response, in_scale, None, first, None


def _times(sums, gates, slopes, *parts):
    """Yield views of every time: of sums and their parts, of gates, of slopes."""
    width = gates.shape[2]
    size = width // 4
    return zip(
        sums.unbind(),
        sums[:, :, :width].unbind(),
        sums[:, :, width:].unbind(),
        sums[:, :, 2 * size : 3 * size].unbind(),
        gates.unbind(),
        *(part.unbind() for part in gates.chunk(4, dim=2)),
        slopes.unbind(),
        *(part.unbind() for part in slopes.chunk(4, dim=2)),
        *(part.unbind() for part in parts),
        strict=True,
    )
