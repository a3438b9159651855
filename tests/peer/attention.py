"""Attention with relative positions over spans of steps, forward and backward written out.

score(i, j) = [(q_i + u) . k_j + (q_i + v) . r_(i-j)] / sqrt(depth), as in Transformer-XL.  Steps lie
in one matrix (n_slots, width), with padding (`slice` groups) or without (`gather` groups).  Spans
that are computed together form a Group; memory is the steps of an earlier span, into whose values
gradients flow but not into the hidden states behind them.
"""
import math
from dataclasses import dataclass

import torch

TILE = 64  # queries taken at once, so that causal scores skip most of what is hidden
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
    """(count, length, width) -> (heads, count, length, depth), a view."""
    return x.unflatten(2, (heads, -1)).permute(2, 0, 1, 3)


def copy_by_head(x, heads, bias=None):
    """The same in one piece, with a bias (1, width) added."""
    view = by_head(x, heads)
    out = torch.empty(view.shape, dtype=x.dtype)
    if bias is None:
        return out.copy_(view)
    return torch.add(view, bias.view(heads, 1, 1, -1), out=out)


@dataclass
class Tile:
    """Queries first..end of every span of a group, the keys they see and the relative rows."""

    group: Group
    first: int
    end: int

    @property
    def length(self):
        return self.end - self.first

    @property
    def keys(self):
        return self.group.past + self.end if self.group.causal else self.group.keys

    @property
    def n_rows(self):
        return self.keys if self.group.causal else self.keys + self.length - 1

    def rows(self, r, heads):
        """(heads, n_rows, depth) of r (distances, width), a view; the largest distance first."""
        zero = r.shape[0] - 1 if self.group.causal else r.shape[0] // 2
        first = zero - (self.group.past + self.end - 1)
        return by_head(r[None, first : first + self.n_rows], heads)[:, 0]

    def mask(self):
        return self.group.mask[:, self.first : self.end, : self.keys]

    def skew(self, x):
        """A view of position scores (n, length, n_rows) as (n, length, keys): column j of row i is
        the distance past + i - j.  Causal rows run on into each other where the mask hides them."""
        stride = (self.length * self.n_rows, self.n_rows - 1, 1)
        return x.as_strided((len(x), self.length, self.keys), stride, self.length - 1)

    def unskew(self, score):
        """The backward pass of skew: score (n, length, keys), zero where hidden, by distance.  It
        has length - 1 numbers before its first, so that row 0 may start before itself."""
        lead, n = self.length - 1, len(score)
        if not self.group.causal:
            out = torch.zeros(n, self.length, self.n_rows, dtype=score.dtype)
            self.skew(out).copy_(score)
            return out
        stride = (self.length * self.n_rows, self.n_rows + 1, 1)
        out = score.as_strided(score.shape, stride, score.storage_offset() - lead).clone()
        out[:, 0, :lead] = 0
        return out


def tiles(group):
    """The last first: in a causal group it sees all keys."""
    count = -(-group.length // TILE)
    cuts = [group.length * i // count for i in range(count + 1)]
    return [Tile(group, a, b) for a, b in zip(cuts, cuts[1:])][::-1]


def keys_values(group, qkv, own, heads):
    """k and v (heads * count, keys, depth) of a group, memory first."""
    width = own.shape[2] // 3
    parts = []
    for part in (1, 2):
        columns = slice(part * width, (part + 1) * width)
        out = torch.empty(heads, group.count, group.keys, width // heads, dtype=own.dtype)
        out[:, :, group.past :].copy_(by_head(own[:, :, columns], heads))
        if group.past:
            old = qkv[:, columns].index_select(0, group.memory).view(group.count, group.past, width)
            out[:, :, : group.past].copy_(by_head(old, heads))
        parts.append(out.flatten(0, 1))
    return parts


def tile_forward(tile, query, key, value, r, u, v, heads):
    """query (count, length, width).  Returns mixed (heads, count, length, depth) and what the
    backward pass needs."""
    qu, qv = copy_by_head(query, heads, u), copy_by_head(query, heads, v)
    n, depth = heads * tile.group.count, qu.shape[3]
    position = torch.bmm(qv.flatten(1, 2), tile.rows(r, heads).transpose(1, 2))
    shifted = tile.skew(position.view(n, tile.length, -1))
    score = torch.empty(n, tile.length, tile.keys, dtype=query.dtype)
    if tile.group.mask is None:
        score.copy_(shifted)
    else:
        shape = (heads, tile.group.count, tile.length, tile.keys)
        torch.add(shifted.view(shape), tile.mask(), out=score.view(shape))
    scale = 1 / math.sqrt(depth)
    score.baddbmm_(qu.flatten(0, 1), key[:, : tile.keys].transpose(1, 2), beta=scale, alpha=scale)
    weight = torch._softmax(score, -1, False, out=score)
    return torch.bmm(weight, value[:, : tile.keys]).view(qu.shape), (qu, qv, weight)


def group_forward(group, qkv, r, u, v, heads):
    """Returns mixed (count * length, width) and what the backward pass needs."""
    own = qkv[group.slots] if group.own is None else qkv.index_select(0, group.own)
    own, width = own.view(group.count, group.length, -1), qkv.shape[1] // 3
    key, value = keys_values(group, qkv, own, heads)
    out, saved = torch.empty(group.count, group.length, width, dtype=qkv.dtype), []
    for tile in tiles(group):
        part = slice(tile.first, tile.end)
        mixed, kept = tile_forward(tile, own[:, part, :width], key, value, r, u, v, heads)
        by_head(out[:, part], heads).copy_(mixed)
        saved.append(kept)
    return out.view(-1, width), (key, value, saved)


def softmax_backward(tile, weight, dmixed, value):
    """d score over its scale, with room for unskew before its first number."""
    scale = 1 / math.sqrt(dmixed.shape[2])
    dweight = torch.empty_like(weight)
    torch.baddbmm(dweight, dmixed, value.transpose(1, 2), beta=0, alpha=scale, out=dweight)
    storage = torch.empty(tile.length - 1 + weight.numel(), dtype=weight.dtype)
    storage[: tile.length - 1] = 0
    dscore = storage[tile.length - 1 :].view(weight.shape)
    return torch._softmax_backward_data(dweight, weight, -1, weight.dtype, grad_input=dscore)


def tile_backward(tile, saved, dmixed, key, value, dkey, dvalue, r, dr, dbias, heads):
    """dmixed (count, length, width).  Returns dquery (heads, count, length, depth); adds to dkey,
    dvalue (heads * count, keys, depth), dr (distances, width) and dbias (2, heads, depth)."""
    (qu, qv, weight), keys = saved, tile.keys
    dmixed = copy_by_head(dmixed, heads).flatten(0, 1)
    dvalue[:, :keys].baddbmm_(weight.transpose(1, 2), dmixed)
    dscore = softmax_backward(tile, weight, dmixed, value[:, :keys])
    dqu = torch.bmm(dscore, key[:, :keys]).view(heads, -1, qu.shape[3])
    dkey[:, :keys].baddbmm_(dscore.transpose(1, 2), qu.flatten(0, 1))
    dposition = tile.unskew(dscore).view(heads, -1, tile.n_rows)
    dqv = torch.bmm(dposition, tile.rows(r, heads))
    tile.rows(dr, heads).add_(torch.bmm(dposition.transpose(1, 2), qv.flatten(1, 2)))
    dbias[0] += dqu.sum(1)
    dbias[1] += dqv.sum(1)
    return dqu.add_(dqv).view(qu.shape)


def group_backward(group, saved, dmixed, r, dr, dbias, heads):
    """Returns dqkv (count * length, 3 width) and dmemory (count * past, 2 width) or None; adds to
    dr (distances, width) and dbias (2, heads, depth)."""
    key, value, kept = saved
    width = dmixed.shape[1]
    dkey, dvalue = torch.zeros_like(key), torch.zeros_like(value)
    dmixed = dmixed.view(group.count, group.length, width)
    dqkv = torch.empty(group.count, group.length, 3 * width, dtype=dmixed.dtype)
    for tile, parts in zip(tiles(group), kept):
        part = slice(tile.first, tile.end)
        dquery = tile_backward(tile, parts, dmixed[:, part], key, value, dkey, dvalue, r, dr, dbias,
                               heads)
        by_head(dqkv[:, part, :width], heads).copy_(dquery)
    both = [d.view(heads, group.count, group.keys, -1) for d in (dkey, dvalue)]
    for i, d in enumerate(both):
        columns = slice((1 + i) * width, (2 + i) * width)
        by_head(dqkv[:, :, columns], heads).copy_(d[:, :, group.past :])
    dqkv = dqkv.view(-1, 3 * width)
    if not group.past:
        return dqkv, None
    dmemory = torch.empty(group.count, group.past, 2 * width, dtype=dmixed.dtype)
    for i, d in enumerate(both):
        by_head(dmemory[:, :, i * width : (i + 1) * width], heads).copy_(d[:, :, : group.past])
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
