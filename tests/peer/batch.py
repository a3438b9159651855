"""Batches: rows of one or two segments, as index tensors for the model.

A segment is a dict of numpy arrays: the six symbols of each event and `tonal` (NONE where it has
none), `bar`, and a segment's `tonic`, `label`, `onset` grid, `chroma`, `faders`, `rhythm` and
`tonal_attributes`.
"""
from dataclasses import dataclass

import numpy as np
import torch

import spans

NONE = 255
FIELDS = ("tempo", "signature", "position", "pitch", "duration", "velocity")
BAR_FIELDS, NOTE_FIELDS = FIELDS[:2], FIELDS[2:]
GIVEN = dict(tempo=(), signature=("tempo",), position=(), pitch=("position",),
             duration=("position", "pitch"), velocity=("position", "pitch", "duration"))
GROUPS = ("rhythm", "tonal")
INPUTS = dict(rhythm=("tempo", "signature", "position", "duration", "velocity"), tonal=("tonal",))
TYPES = dict(bar=0, note=1, start=2, hidden=3)
CLASSES, EMOTIONS, ONSETS, FADERS = 12, 4, 3, 4
N_ATTRIBUTES = dict(rhythm=5, tonal=3)


@dataclass
class Vocabulary:
    size: dict  # symbols of each field, and of `tonal`
    bars: int  # of a segment

    @property
    def cells(self):
        return self.bars * self.size["position"]

    def tables(self, fields, n_types):
        """(name, rows) of the embeddings that enter a stack."""
        return [(f, self.size[f]) for f in fields] + [("type", n_types), ("bar", self.bars)]


@dataclass
class Stack:
    """The inputs of one stack: rows of its table, NONE already its last row, and its spans."""

    symbols: torch.Tensor  # (n_slots, inputs)
    spans: spans.Spans
    segment: torch.Tensor  # (n_slots) the dummy and padding belong to any


@dataclass
class Batch:
    """All tensors of a micro-batch; S segments, those that begin rows first."""

    n_events: int
    encoders: dict  # group -> Stack
    pool: torch.Tensor  # (n_slots of the encoders) 1 where a slot is an event, 0 for padding
    count: torch.Tensor  # (S, 1) events
    decoder: Stack
    type_target: torch.Tensor  # (n_slots)
    type_weight: torch.Tensor  # (n_slots) 0 for padding, else 1
    notes: torch.Tensor  # slots that predict a note
    bars: torch.Tensor  # slots that predict a bar event
    heads: torch.Tensor  # (n_slots) place among notes, bars, and a row of zeros
    target: dict  # field -> (notes or bars)
    tempo_known: torch.Tensor  # (bars)
    label: torch.Tensor  # (S) -1: unlabelled
    tonic: torch.Tensor  # (S, 12) one-hot
    cell_segment: torch.Tensor  # (cells) the cells of the onset grids that exist
    cell: torch.Tensor
    cell_target: torch.Tensor
    chroma: torch.Tensor  # (S, bars, 12)
    faders: torch.Tensor  # (S, 4)
    attributes: dict  # group -> (S, n), nan: unknown


def _symbols(tables, columns, n_slots, slots, hidden=None):
    """Rows of one stacked table (n_slots, tables); what an event lacks is the row after the last."""
    last = sum(rows for _, rows in tables)
    out = np.full((n_slots, len(tables)), last, np.int64)
    first = 0
    for i, (name, rows) in enumerate(tables):
        column = columns[name].astype(np.int64)
        out[slots, i] = np.where(column == NONE, last, column + first)
        first += rows
    return torch.from_numpy(out)


def _joined(segments, key):
    return np.concatenate([segment[key] for segment in segments])


def _types(segments):
    return (_joined(segments, "position") != NONE).astype(np.uint8)


def _encoder(group, segments, vocabulary, layout, chunk, dtype):
    lengths = [len(segment["bar"]) for segment in segments]
    form, slots, n_slots = layout(lengths, [()] * len(lengths), False, chunk, dtype)
    tables = vocabulary.tables(INPUTS[group], 2)
    columns = {name: _joined(segments, name) for name, _ in tables if name != "type"}
    columns["type"] = _types(segments)
    at = np.concatenate(slots)
    segment = np.zeros(n_slots, np.int64)
    segment[at] = np.repeat(np.arange(len(segments)), lengths)
    return Stack(_symbols(tables, columns, n_slots, at), form, torch.from_numpy(segment)), at


def _row_steps(row, tables, hide, generator):
    """Inputs and targets of the steps of one row, a dict of columns each."""
    events = {name: _joined(row, name) for name in FIELDS + ("bar",)}
    kind = _types(row)
    inputs = {name: np.concatenate([[NONE], events[name]]) for name in FIELDS}
    inputs["bar"] = np.concatenate([[0], events["bar"]])
    inputs["type"] = np.concatenate([[TYPES["start"]], kind])
    hidden = (generator.random(len(inputs["type"])) < hide) & (inputs["type"] == TYPES["note"])
    inputs["type"][hidden] = TYPES["hidden"]
    for name in FIELDS:
        inputs[name] = np.where(hidden, NONE, inputs[name])
    targets = {name: np.concatenate([events[name], [NONE]]) for name in FIELDS}
    targets["type"] = np.concatenate([kind, [TYPES["bar"]]])
    return inputs, targets


def _decoder(rows, vocabulary, memory, layout, chunk, hide, generator, dtype):
    """rows: those of two segments first.  Returns the stack, its steps' slots and the targets."""
    tables = vocabulary.tables(FIELDS, len(TYPES))
    done = [_row_steps(row, tables, hide, generator) for row in rows]
    firsts = [len(row[0]["bar"]) + (len(row) == 1) for row in rows]
    seconds = [len(row[1]["bar"]) + 1 for row in rows if len(row) > 1]
    lengths = firsts + seconds
    _, slots, _ = layout(firsts, [()] * len(firsts), True, chunk, dtype)  # where memory lies
    pasts = [()] * len(rows) + [slots[i][-memory:] for i in range(len(seconds))]
    form, slots, n_slots = layout(lengths, pasts, True, chunk, dtype)
    cut = lambda column, i, second: column[firsts[i] :] if second else column[: firsts[i]]
    order = [(i, False) for i in range(len(rows))] + [(i, True) for i in range(len(seconds))]
    join = lambda which, name: np.concatenate([cut(done[i][which][name], i, s) for i, s in order])
    columns = {name: join(0, name) for name, _ in tables}
    targets = {name: join(1, name) for name in FIELDS + ("type",)}
    at = np.concatenate(slots)
    segment = np.zeros(n_slots, np.int64)
    segment[at] = np.repeat(np.arange(len(lengths)), lengths)
    stack = Stack(_symbols(tables, columns, n_slots, at), form, torch.from_numpy(segment))
    return stack, at, targets


def _targets(targets, at, n_slots):
    """The fields of Batch that say what each decoder step should predict."""
    index = lambda x: torch.from_numpy(np.asarray(x, np.int64))
    kind, weight = np.zeros(n_slots, np.int64), np.zeros(n_slots)
    kind[at], weight[at] = targets["type"], 1
    note, bar = targets["position"] != NONE, targets["signature"] != NONE
    heads = np.full(n_slots, note.sum() + bar.sum())
    heads[at[note]] = np.arange(note.sum())
    heads[at[bar]] = note.sum() + np.arange(bar.sum())
    target = {f: index(targets[f][note]) for f in NOTE_FIELDS}
    target.update({f: index(targets[f][bar]) for f in BAR_FIELDS})
    return dict(type_target=index(kind), type_weight=torch.from_numpy(weight), notes=index(at[note]),
                bars=index(at[bar]), heads=index(heads), target=target,
                tempo_known=target["tempo"] > 0)


def _latent_targets(segments, vocabulary):
    stack = lambda key: torch.from_numpy(np.stack([segment[key] for segment in segments]))
    onset = stack("onset").view(len(segments), -1)
    where = (onset != NONE).nonzero(as_tuple=True)
    tonic = torch.tensor([int(segment["tonic"]) for segment in segments])
    return dict(label=torch.tensor([int(segment["label"]) for segment in segments]),
                tonic=torch.nn.functional.one_hot(tonic, CLASSES), cell_segment=where[0],
                cell=where[1], cell_target=onset[where].long(),
                chroma=stack("chroma").view(len(segments), vocabulary.bars, CLASSES),
                faders=stack("faders"),
                attributes=dict(rhythm=stack("rhythm"), tonal=stack("tonal_attributes")))


def make_batch(rows, vocabulary, *, memory=384, form="padded", chunk=4, hide=0.2, generator=None,
               dtype=torch.float32):
    """A micro-batch of rows (lists of one or two segments), which must all be labelled or all be
    unlabelled for the losses to be means."""
    layout = dict(padded=spans.pad, packed=spans.pack)[form]
    rows = sorted(rows, key=lambda row: -len(row))  # stable
    segments = [row[0] for row in rows] + [row[1] for row in rows if len(row) > 1]
    generator = generator or np.random.default_rng(0)
    encoders = {}
    for group in GROUPS:
        encoders[group], at = _encoder(group, segments, vocabulary, layout, chunk, dtype)
    lengths = [len(segment["bar"]) for segment in segments]
    stack, steps, targets = _decoder(rows, vocabulary, memory, layout, chunk, hide, generator, dtype)
    pool = torch.zeros(len(encoders["rhythm"].segment))
    pool[torch.from_numpy(at)] = 1
    tensors = dict(_targets(targets, steps, len(stack.segment)), pool=pool,
                   count=torch.tensor(lengths)[:, None], **_latent_targets(segments, vocabulary))
    for key, value in tensors.items():
        if torch.is_tensor(value) and key in ("type_weight", "pool", "count", "tonic", "chroma", "faders"):
            tensors[key] = value.to(dtype)
    tensors["attributes"] = {g: x.to(dtype) for g, x in tensors["attributes"].items()}
    return Batch(n_events=sum(lengths), encoders=encoders, decoder=stack, **tensors)
