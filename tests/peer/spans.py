"""Where the steps of a batch lie, padded or packed, and in which groups attention takes them."""
import numpy as np
import torch

from attention import HIDDEN, Group, Spans

NEAR = 0.85  # spans of a packed group are at least so long as a share of its longest


def _mask(spans, length, past, causal, dtype):
    """What each query of each span must not see, or None when it sees everything."""
    full = all(n == length and len(old) == past for n, old in spans)
    if full and not causal:
        return None
    hidden = np.zeros((1 if full else len(spans), length, past + length), bool)
    if causal:
        hidden |= np.arange(past + length) > np.arange(length)[:, None] + past
    if not full:
        for i, (n, old) in enumerate(spans):
            hidden[i, :, : past - len(old)] = True
            hidden[i, :, past + n :] = True
    return torch.from_numpy(hidden).to(dtype) * HIDDEN


def _group(spans, first, length, past, own, filler, causal, dtype):
    """spans: (length, memory's slots) each, padded to `length` and `past`; own: their slots, or
    None; filler: the slot that stands for none."""
    memory = np.full((len(spans), past), filler)
    index = np.full((len(spans), length), filler)
    for i, (n, old) in enumerate(spans):
        memory[i, past - len(old) :] = old
        if own is not None:
            index[i, :n] = own[i]
    return Group(count=len(spans), length=length, past=past, first=first,
                 own=None if own is None else torch.from_numpy(index.ravel()),
                 memory=torch.from_numpy(memory.ravel()) if past else None,
                 mask=_mask(spans, length, past, causal, dtype), causal=causal)


def _near(spans, order, chunk):
    """Runs of `order` whose spans have nearly the same length and memory."""
    runs = []
    for i in order:
        first = spans[runs[-1][0]] if runs else None
        if (first and len(runs[-1]) < chunk and spans[i][0] >= NEAR * first[0]
                and abs(len(spans[i][1]) - len(first[1])) <= (1 - NEAR) * (first[0] + len(first[1]))):
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def pack(lengths, pasts, causal, chunk, dtype):
    """Slots without padding, the spans one after the other; the last slot is a dummy.  Returns the
    spans and the slots of each."""
    starts = np.concatenate([[0], np.cumsum(lengths)])
    slots = [np.arange(starts[i], starts[i + 1]) for i in range(len(lengths))]
    spans = list(zip(lengths, pasts))
    order = sorted(range(len(spans)), key=lambda i: (-len(pasts[i]) // 32, -lengths[i]))
    groups, first, place = [], 0, np.zeros(starts[-1] + 1, np.int64)
    for run in _near(spans, order, chunk):
        some = [spans[i] for i in run]
        length, past = max(n for n, _ in some), max(len(old) for _, old in some)
        group = _group(some, first, length, past, [slots[i] for i in run], starts[-1], causal, dtype)
        for row, i in enumerate(run):
            place[slots[i]] = first + row * group.length + np.arange(lengths[i])
        first += group.count * group.length
        groups.append(group)
    place[-1] = first  # a row of zeros
    reach = max(group.keys for group in groups) - 1
    return Spans(groups, torch.from_numpy(place), reach), slots, int(starts[-1]) + 1


def pad(lengths, pasts, causal, chunk, dtype):
    """Slots padded to the longest span of those without and of those with memory, which come
    last."""
    n_plain = sum(len(old) == 0 for old in pasts)
    groups, slots, first = [], [], 0
    for begin, end in ((0, n_plain), (n_plain, len(lengths))):
        if begin == end:
            continue
        length = max(lengths[begin:end])
        past = max(len(old) for old in pasts[begin:end])
        for i in range(begin, end):
            at = first + (i - begin) * length
            slots.append(np.arange(at, at + lengths[i]))
        for i in range(begin, end, chunk):
            some = list(zip(lengths, pasts))[i : min(i + chunk, end)]
            groups.append(_group(some, first + (i - begin) * length, length, past, None, 0, causal,
                                 dtype))
        first += (end - begin) * length
    reach = max(group.keys for group in groups) - 1
    return Spans(groups, None, reach), slots, first
