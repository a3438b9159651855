"""Attention with relative positions over spans of steps, forward and backward written out.

score(i, j) = [(q_i + u) . k_j + (q_i + v) . r_(i-j)] / sqrt(depth), as in Transformer-XL.  Steps lie
in one matrix (n_slots, width), with padding (`slice` groups) or without (`gather` groups).  Spans
that are computed together form a Group; memory is the steps of an earlier span, into whose values
gradients flow but not into the hidden states behind them.
"""
import math
from dataclasses import dataclass

import torch

HIDDEN = -1e30  # added to a score that must not be seen; finite, so that padding stays finite


@dataclass
class Group:
    """Spans of (at most) `length` steps, each after (at most) `past` steps of memory."""

    count: int
    length: int
    past: int
    first: int  # of its slots in the padded order
    own: torch.Tensor | None  # (count * length) slots; None: the slots from `first` on
    memory: torch.Tensor | None  # (count * past) slots
    mask: torch.Tensor | None  # (count or 1, length, past + length), added to the scores
    causal: bool

    @property
    def keys(self):
        return self.past + self.length

    @property
    def slots(self):
        return slice(self.first, self.first + self.count * self.length)


@dataclass
class Spans:
    """All groups of a batch; `place` (n_slots) leads from the padded order back to the slots."""

    groups: list
    place: torch.Tensor | None
    reach: int  # largest key distance

    def to_slots(self, pieces):
        if self.place is None:
            return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        nothing = pieces[0].new_zeros(1, pieces[0].shape[1])  # for the dummy slot
        return torch.cat([*pieces, nothing]).index_select(0, self.place)


def sinusoids(spans, causal, width, dtype):
    """(rows, width) of distances reach..0, or reach..-reach: the largest first."""
    last = 0 if causal else -spans.reach
    distance = torch.arange(spans.reach, last - 1, -1, dtype=torch.float64)
    angle = distance[:, None] * 10000 ** (-2 * torch.arange(width // 2, dtype=torch.float64) / width)
    return torch.cat([angle.sin(), angle.cos()], 1).to(dtype)


def by_head(x, heads):
    """(n, width) -> (heads, n, depth), a view."""
    return x.view(x.shape[0], heads, -1).transpose(0, 1)


def copy_by_head(x, heads, bias=None):
    """(n, width) -> (heads, n, depth) in one piece, with a bias (width) added."""
    view = by_head(x, heads)
    out = torch.empty(view.shape, dtype=x.dtype)
    if bias is None:
        return out.copy_(view)
    return torch.add(view, bias.view(heads, 1, -1), out=out)


def keys_values(group, qkv, own, heads):
    """k and v (heads * count, keys, depth) of a group, memory first."""
    width = own.shape[1] // 3
    depth = width // heads
    parts = []
    for part in (1, 2):
        columns = slice(part * width, (part + 1) * width)
        out = torch.empty(heads, group.count, group.keys, depth, dtype=own.dtype)
        here = by_head(own[:, columns], heads).view(heads, group.count, group.length, depth)
        out[:, :, group.past :].copy_(here)
        if group.past:
            old = by_head(qkv[:, columns].index_select(0, group.memory), heads)
            out[:, :, : group.past].copy_(old.view(heads, group.count, group.past, depth))
        parts.append(out.view(heads * group.count, group.keys, depth))
    return parts


def relative_rows(group, r):
    """The rows of r (rows, width) that a group's distances need, the largest first."""
    first = (r.shape[0] if group.causal else (r.shape[0] + 1) // 2) - group.keys
    return slice(first, first + group.keys + (0 if group.causal else group.length - 1))


def skew(group, x, rows):
    """A view of position scores (.., length, rows) as (.., length, keys): column j of row i is the
    distance past + i - j.  Causal rows run on into each other where the mask hides them."""
    shape = (x.shape[0], group.length, group.keys)
    return x.as_strided(shape, (group.length * rows, rows - 1, 1), group.length - 1)


def unskew(group, scores, rows):
    """The backward pass of skew: scores (.., length, keys), zero where hidden, by distance."""
    n = scores.shape[0]
    if not group.causal:
        out = torch.zeros(n, group.length, rows, dtype=scores.dtype)
        skew(group, out, rows).copy_(scores)
        return out
    # `scores` has length - 1 numbers before its first, so that row 0 may start before itself
    lead = group.length - 1
    out = scores.as_strided(scores.shape, (group.length * rows, rows + 1, 1),
                            scores.storage_offset() - lead).clone()
    out[:, 0, :lead] = 0
    return out


def group_forward(group, qkv, r, u, v, heads):
    """Returns mixed (count * length, width) and what the backward pass needs."""
    own = qkv[group.slots] if group.own is None else qkv.index_select(0, group.own)
    width = own.shape[1] // 3
    depth, n = width // heads, heads * group.count
    query = own[:, :width]
    qu, qv = copy_by_head(query, heads, u), copy_by_head(query, heads, v)
    key, value = keys_values(group, qkv, own, heads)
    rows = by_head(r[relative_rows(group, r)], heads)
    position = torch.bmm(qv, rows.transpose(1, 2))
    shifted = skew(group, position.view(n, group.length, -1), rows.shape[1])
    score = torch.empty(n, group.length, group.keys, dtype=own.dtype)
    if group.mask is None:
        score.copy_(shifted)
    else:
        shape = (heads, group.count, group.length, group.keys)
        torch.add(shifted.view(shape), group.mask, out=score.view(shape))
    del position, shifted
    scale = 1 / math.sqrt(depth)
    score.baddbmm_(qu.view(n, group.length, depth), key.transpose(1, 2), beta=scale, alpha=scale)
    weight = torch._softmax(score, -1, False, out=score)
    mixed = torch.bmm(weight, value).view(heads, -1, depth)
    return mixed.transpose(0, 1).reshape(-1, width), (qu, qv, key, value, weight)


def softmax_backward(group, weight, dmixed, value, scale):
    """scale * d score, with room for unskew before its first number."""
    dweight = torch.empty_like(weight)
    torch.baddbmm(dweight, dmixed, value.transpose(1, 2), beta=0, alpha=scale, out=dweight)
    storage = torch.empty(group.length - 1 + weight.numel(), dtype=weight.dtype)
    storage[: group.length - 1] = 0
    dscore = storage[group.length - 1 :].view(weight.shape)
    return torch._softmax_backward_data(dweight, weight, -1, weight.dtype, grad_input=dscore)


def group_backward(group, saved, dmixed, r, dr, dbias, heads):
    """Returns dqkv (count * length, 3 width) and dmemory (count * past, 2 width) or None; adds to
    dr (rows, width) and dbias (2, heads, depth)."""
    qu, qv, key, value, weight = saved
    depth = qu.shape[2]
    n, width = heads * group.count, heads * depth
    dmixed = copy_by_head(dmixed, heads).view(n, group.length, depth)
    dvalue = torch.bmm(weight.transpose(1, 2), dmixed)
    dscore = softmax_backward(group, weight, dmixed, value, 1 / math.sqrt(depth))
    dqu = torch.bmm(dscore, key).view(heads, -1, depth)
    dkey = torch.bmm(dscore.transpose(1, 2), qu.view(n, group.length, depth))
    which = relative_rows(group, r)
    rows = by_head(r[which], heads)
    dposition = unskew(group, dscore, rows.shape[1]).view(heads, -1, rows.shape[1])
    dqv = torch.bmm(dposition, rows)
    by_head(dr[which], heads).add_(torch.bmm(dposition.transpose(1, 2), qv))
    dbias[0] += dqu.sum(1)
    dbias[1] += dqv.sum(1)
    dqkv = torch.empty(group.count * group.length, 3 * width, dtype=dmixed.dtype)
    torch.add(dqu, dqv, out=by_head(dqkv[:, :width], heads))
    shape = (heads, group.count, group.keys, depth)
    parts = (dkey.view(shape), dvalue.view(shape))
    whole = dqkv.view(group.count, group.length, 3, heads, depth).permute(2, 3, 0, 1, 4)
    for part, d in enumerate(parts):
        whole[1 + part].copy_(d[:, :, group.past :])
    if not group.past:
        return dqkv, None
    dmemory = torch.empty(group.count, group.past, 2, heads, depth, dtype=dmixed.dtype)
    for part, d in enumerate(parts):
        dmemory.permute(2, 3, 0, 1, 4)[part].copy_(d[:, :, : group.past])
    return dqkv, dmemory.view(-1, 2 * width)


class RelativeAttention(torch.autograd.Function):
    """mixed (n_slots, width) from normalised inputs x (n_slots, width); the projection to q, k and
    v is inside, because memory's gradient ends in its weight."""

    @staticmethod
    def forward(ctx, x, weight, r, u, v, spans, heads):
        qkv = x @ weight
        done = [group_forward(group, qkv, r, u, v, heads) for group in spans.groups]
        ctx.spans, ctx.heads, ctx.saved = spans, heads, [saved for _, saved in done]
        ctx.save_for_backward(x, weight, r)
        return spans.to_slots([mixed for mixed, _ in done])

    @staticmethod
    def backward(ctx, dmixed):
        x, weight, r = ctx.saved_tensors
        spans, heads, width = ctx.spans, ctx.heads, x.shape[1]
        dr, dbias = torch.zeros_like(r), torch.zeros(2, heads, width // heads, dtype=x.dtype)
        pieces, memories = [], []
        for i, group in enumerate(spans.groups):
            d = dmixed[group.slots] if group.own is None else dmixed.index_select(0, group.own)
            dqkv, dmemory = group_backward(group, ctx.saved[i], d, r, dr, dbias, heads)
            ctx.saved[i] = None
            pieces.append(dqkv)
            if dmemory is not None:
                memories.append((group.memory, dmemory))
        dqkv = spans.to_slots(pieces)
        dweight = x.T @ dqkv
        for memory, d in memories:
            dweight[:, width:].addmm_(x.index_select(0, memory).T, d)
        return dqkv @ weight.T, dweight, dr, dbias[0].view(1, -1), dbias[1].view(1, -1), None, None
