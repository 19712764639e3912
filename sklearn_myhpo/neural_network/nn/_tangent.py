"""An LSTM in time together with what is linear in r, and its own backward pass.

Autograd would record some thirty small operations for every time. As only tangents
have gradients, and are linear, one short loop forward and one back are enough.
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
    def forward(
        ctx, inputs, outputs, tangents, weight, response, scale, states, moved, mask
    ):
        """Return the tangents of outputs, and the last (dh, dc).

        The values come from an earlier loop. So all times are computed at once here,
        except for the cell and the tangents.

        Parameters
        ----------
        inputs, tangents : tensor of shape (n_times, n, 4 n_hidden)
            Gates without the hidden state.
        outputs : tensor of shape (n_times, n, n_hidden)
            Hidden states.
        weight, response : tensor of shape (4 n_hidden, n_hidden)
            W and R.
        scale : tensor of shape (n, 4 n_hidden) or (1, 4 n_hidden), or None
            s; None for one.
        states, moved : tensor of shape (2, n, n_hidden)
            First hidden state and cell, and their tangents.
        mask : tensor of shape (n, n_hidden) or None
            Recurrent dropout of the hidden state.
        """
        n_times, n, width = inputs.shape
        entered = torch.cat([states[:1], outputs[:-1]])
        entered = entered if mask is None else entered * mask
        sums = entered.reshape(-1, width // 4) @ torch.cat([weight, response]).T
        sums = sums.reshape(n_times, n, 2 * width)
        answers = sums[:, :, width:]
        slopes, carry, keep = _slopes(inputs + sums[:, :, :width], states[1])
        moves, back = torch.empty_like(outputs), weight.T.contiguous()
        changes = (
            tangents + answers
            if scale is None
            else torch.addcmul(tangents, scale, answers)
        )
        views = changes, slopes, keep, carry, moves
        dh, dc = moved
        for change, slope, f, e, move in zip(
            *(view.unbind() for view in views), strict=True
        ):
            dh = dh if mask is None else dh * mask
            dz = torch.addmm(change, dh, back).mul_(slope)
            part_i, part_f, part_g, part_o = dz.chunk(4, dim=1)
            # Two additions are faster than a sum along an axis of three.
            dc = (part_i + part_f).add_(part_g).addcmul_(f, dc)
            dh = torch.addcmul(part_o, e, dc, out=move)
        ctx.save_for_backward(weight, scale, slopes, answers, carry, keep, entered)
        ctx.mask = mask
        return moves, torch.stack([dh, dc])

    @staticmethod
    def backward(ctx, moves, ends):
        """Return the gradients in tangents, R, s and the first tangents."""
        weight, scale, slopes, answers, carry, keep, entered = ctx.saved_tensors
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
            gh = gate @ weight
            gh = gh if ctx.mask is None else gh.mul_(ctx.mask)
            gc = gc * f
        rows = gates if scale is None else gates * scale
        in_response = rows.reshape(-1, width).T @ entered.reshape(-1, size)
        in_scale = None if scale is None else _in_scale(gates * answers, scale)
        first = torch.stack([gh, gc])
        return None, None, gates, None, in_response, in_scale, None, first, None


def _in_scale(products, scale):
    """Return the sums over times, and over examples with one scale in all."""
    in_scale = products.sum(dim=0)
    return in_scale if len(scale) > 1 else in_scale.sum(dim=0, keepdim=True)


def _slopes(gates, cell):
    """Return the slopes a of all gates, e of the cell, and the forget gate.

    Parameters
    ----------
    gates : tensor of shape (n_times, n, 4 n_hidden)
        Gates before their functions.
    cell : tensor of shape (n, n_hidden)
        The first cell.

    Returns
    -------
    (tensor, tensor, tensor)
        Of shapes (n_times, n, 4 n_hidden) and twice (n_times, n, n_hidden).
    """
    opened = gates.sigmoid()
    i, f, _, o = opened.chunk(4, dim=2)
    g = gates.chunk(4, dim=2)[2].tanh()
    entering = i * g
    cells = torch.empty_like(g)
    before = [cell, *cells.unbind()]
    for c, now, enter, forget in zip(
        before[:-1], before[1:], entering.unbind(), f.unbind(), strict=True
    ):
        torch.addcmul(enter, forget, c, out=now)
    tanh = cells.tanh()
    slopes = torch.addcmul(opened, opened, opened, value=-1.0)
    a_i, a_f, a_g, a_o = slopes.chunk(4, dim=2)
    a_i.mul_(g)
    a_f[0].mul_(cell)
    a_f[1:].mul_(cells[:-1])
    torch.addcmul(i, entering, g, value=-1.0, out=a_g)
    a_o.mul_(tanh)
    return slopes, torch.addcmul(o, o * tanh, tanh, value=-1.0), f
