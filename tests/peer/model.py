"""The model: two factored encoders, the conditioned decoder with its heads, the sub-decoders.

Weights are (in, out).  Tensors that affekt keeps apart and that enter one product or one look-up
are kept as one here; `pieces` gives affekt's tensors by name.
"""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from attention import RelativeAttention, sinusoids
from batch import (BAR_FIELDS, CLASSES, EMOTIONS, FIELDS, GIVEN, GROUPS, INPUTS, N_ATTRIBUTES,
                   NOTE_FIELDS, ONSETS, TYPES)

COUNT_SCALE = 100  # the summed pool is divided by this
PRECISION = 10  # of the attributes


@dataclass
class Shape:
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mixed: int  # latent coordinates of a group under the mixture
    residual: int  # and under N(0, I)
    memory: int = 384
    per_emotion: int = 1
    full_inputs: bool = False

    @property
    def latent(self):
        return self.mixed + self.residual

    @property
    def condition(self):
        return 2 * self.latent + CLASSES

    @property
    def components(self):
        return EMOTIONS * self.per_emotion


PRESETS = dict(tiny=Shape(64, 2, 1, 2, 8, 8), small=Shape(128, 4, 2, 4, 12, 52),
               base=Shape(256, 4, 3, 6, 12, 116), large=Shape(512, 8, 4, 8, 16, 240))
LEARNING_RATES = dict(tiny=2e-3, small=2e-3, base=1e-3, large=5e-4)


def normal(rows, columns, scale=None):
    return nn.Parameter(torch.randn(rows, columns) * (scale or 1 / math.sqrt(rows)))


def zeros(columns):
    return nn.Parameter(torch.zeros(1, columns))


def linear(x, weight, bias):
    return torch.addmm(bias, x, weight)


def gelu(x):
    return F.gelu(x, approximate="tanh")


def gelu_sigmoid(x):
    """The same function: the compiler's exp is several times faster than its tanh."""
    return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x))


def random_mask(x, rate):
    """What dropout keeps of x: 16 random bits a number, drawn 64 at a time, several times faster
    than bernoulli_."""
    if rate == 0:
        return None
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[: x.numel()].view(x.shape) >= round(rate * 65536) - 32768


def branch(x, y, keep, rate):
    """x + dropout(y)."""
    return x + y if keep is None else x + torch.where(keep, y * (1 / (1 - rate)), 0.0)


def feed_forward(x, mixed, shift, keep, rate, p, gelu=gelu):
    """What follows attention in a layer, up to the next layer's attention."""
    x = branch(x, linear(mixed, p["out"], p["out_bias"]), keep[0], rate)
    up = linear(F.layer_norm(x, x.shape[1:], p["gain2"], p["bias2"], 1e-5), p["up"], p["up_bias"])
    x = branch(x, linear(gelu(up), p["down"], p["down_bias"]), keep[1], rate)
    if shift is not None:
        x = x + shift
    return x, F.layer_norm(x, x.shape[1:], p["gain"], p["bias"], 1e-5)


def feed_forward_compiled(x, mixed, shift, keep, rate, p):
    return feed_forward(x, mixed, shift, keep, rate, p, gelu_sigmoid)


kernels = dict(feed_forward=feed_forward, gelu=gelu)


def compile_kernels(dynamic):
    """Has what lies between two attentions, and GELU elsewhere, compiled from now on."""
    torch._dynamo.config.recompile_limit = 64
    kernels["feed_forward"] = torch.compile(feed_forward_compiled, dynamic=dynamic)
    kernels["gelu"] = torch.compile(gelu_sigmoid, dynamic=dynamic)


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return F.layer_norm(x, x.shape[1:], self.gain, self.bias, 1e-5)

    def pieces(self, prefix):
        return [(f"{prefix}/gain", self.gain, None), (f"{prefix}/bias", self.bias, None)]


class Block(nn.Module):
    """One layer; `entry` is the norm before its attention."""

    def __init__(self, width, depth):
        super().__init__()
        residual, hidden = 1 / math.sqrt(2 * depth), 4 * width
        self.norm1, self.norm2 = Norm(width), Norm(width)
        self.qkv, self.relative = normal(width, 3 * width), normal(width, width)
        self.u, self.v = zeros(width), zeros(width)
        self.out, self.out_bias = normal(width, width, residual / math.sqrt(width)), zeros(width)
        self.up, self.up_bias = normal(width, hidden), zeros(hidden)
        self.down, self.down_bias = normal(hidden, width, residual / math.sqrt(hidden)), zeros(width)

    def pieces(self, prefix):
        names = dict(qkv="attention/qkv/weight", relative="attention/relative/weight",
                     u="attention/u", v="attention/v", out="attention/out/weight",
                     out_bias="attention/out/bias", up="feedforward/up/weight",
                     up_bias="feedforward/up/bias", down="feedforward/down/weight",
                     down_bias="feedforward/down/bias")
        own = [(f"{prefix}/{name}", getattr(self, key), None) for key, name in names.items()]
        return own + self.norm1.pieces(f"{prefix}/norm1") + self.norm2.pieces(f"{prefix}/norm2")


class Stack(nn.Module):
    """Embeddings, layers with an optional shift before each, the last norm."""

    def __init__(self, shape, tables, layers, causal):
        super().__init__()
        self.shape, self.tables, self.causal = shape, tables, causal
        self.table = normal(sum(rows for _, rows in tables), shape.width, 0.2)
        self.blocks = nn.ModuleList(Block(shape.width, layers) for _ in range(layers))
        self.norm = Norm(shape.width)
        self.sinusoids = {}

    def relative(self, spans, dtype):
        if spans.reach not in self.sinusoids:
            self.sinusoids[spans.reach] = sinusoids(spans, self.causal, self.shape.width, dtype)
        return self.sinusoids[spans.reach]

    def embed(self, symbols):
        table = F.pad(self.table, (0, 0, 0, 1))  # a row of zeros for what an event lacks
        return F.embedding_bag(symbols, table, mode="sum", padding_idx=len(self.table))

    def forward(self, batch, dropout, shifts=None):
        x = self.embed(batch.symbols)
        if shifts is not None:
            x = x + shifts[0]
        sines, here = self.relative(batch.spans, x.dtype), self.blocks[0].norm1(x)
        for i, block in enumerate(self.blocks):
            mixed = RelativeAttention.apply(here, block.qkv, sines @ block.relative, block.u,
                                            block.v, batch.spans, self.shape.heads)
            last = i + 1 == len(self.blocks)
            following = self.norm if last else self.blocks[i + 1].norm1
            p = dict(out=block.out, out_bias=block.out_bias, gain2=block.norm2.gain,
                     bias2=block.norm2.bias, up=block.up, up_bias=block.up_bias, down=block.down,
                     down_bias=block.down_bias, gain=following.gain, bias=following.bias)
            shift = None if shifts is None or last else shifts[i + 1]
            keep = [random_mask(x, dropout) for _ in range(2)]
            x, here = kernels["feed_forward"](x, mixed, shift, keep, dropout, p)
        return here

    def pieces(self, prefix):
        out, first = self.norm.pieces(f"{prefix}/norm"), 0
        for name, rows in self.tables:
            out.append((f"{prefix}/embedding/{name}", self.table, (slice(first, first + rows), ...)))
            first += rows
        for i, block in enumerate(self.blocks):
            out += block.pieces(f"{prefix}/{i}")
        return out


class SegmentShift(torch.autograd.Function):
    """shift (S, width) of each slot's segment; padding has no gradient."""

    @staticmethod
    def forward(ctx, shift, segment):
        ctx.n = len(shift)
        ctx.save_for_backward(segment)
        return shift.index_select(0, segment)

    @staticmethod
    def backward(ctx, d):
        return d.new_zeros(ctx.n, d.shape[1]).index_add_(0, ctx.saved_tensors[0], d), None


class Encoder(nn.Module):
    def __init__(self, shape, vocabulary, group):
        super().__init__()
        self.count = group == "rhythm"
        self.stack = Stack(shape, vocabulary.tables(INPUTS[group], 2), shape.encoder_layers, False)
        self.head = normal(shape.width * (2 if self.count else 1), 2 * shape.latent, 0.02)
        self.head_bias = zeros(2 * shape.latent)

    def forward(self, stack, batch, dropout):
        x = self.stack(stack, dropout) * batch.pool[:, None]
        total = x.new_zeros(len(batch.count), x.shape[1]).index_add(0, stack.segment, x)
        pooled = total / batch.count
        if self.count:
            pooled = torch.cat([pooled, total / COUNT_SCALE], 1)
        return linear(pooled, self.head, self.head_bias).chunk(2, 1)

    def pieces(self, prefix):
        return self.stack.pieces(prefix) + [(f"{prefix}/head/weight", self.head, None),
                                            (f"{prefix}/head/bias", self.head_bias, None)]


class Parted(torch.autograd.Function):
    """The rows of h at `notes` and at `bars`; no row is taken twice, and `place` leads back."""

    @staticmethod
    def forward(ctx, h, notes, bars, place):
        ctx.save_for_backward(place)
        return h.index_select(0, notes), h.index_select(0, bars)

    @staticmethod
    def backward(ctx, dnotes, dbars):
        nothing = dnotes.new_zeros(1, dnotes.shape[1])
        d = torch.cat([dnotes, dbars, nothing]).index_select(0, ctx.saved_tensors[0])
        return d, None, None, None


class FieldHeads(nn.Module):
    """The heads of the fields of one kind of event: their hidden layers are one product."""

    def __init__(self, width, vocabulary, fields):
        super().__init__()
        self.fields, self.width, self.size = fields, width, vocabulary.size
        self.hidden = normal(width, len(fields) * width)
        self.hidden_bias = zeros(len(fields) * width)
        rows = {f: sum(vocabulary.size[other] for other in GIVEN[f]) for f in fields}
        self.given = nn.ParameterDict({f: normal(rows[f], width, 0.05) for f in fields if rows[f]})
        self.out = nn.ParameterDict({f: normal(width, vocabulary.size[f], 0.02) for f in fields})
        self.out_bias = nn.ParameterDict({f: zeros(vocabulary.size[f]) for f in fields})

    def given_rows(self, field, target):
        first, columns = 0, []
        for other in GIVEN[field]:
            columns.append(target[other] + first)
            first += self.size[other]
        return torch.stack(columns, 1)

    def forward(self, h, target):
        """nats (n) of each field."""
        hidden = linear(h, self.hidden, self.hidden_bias).split(self.width, 1)
        nats = {}
        for field, pre in zip(self.fields, hidden):
            if GIVEN[field]:
                pre = pre + F.embedding_bag(self.given_rows(field, target), self.given[field],
                                            mode="sum")
            logits = linear(kernels["gelu"](pre), self.out[field], self.out_bias[field])
            nats[field] = F.cross_entropy(logits, target[field], reduction="none")
        return nats

    def pieces(self, prefix):
        out = []
        for i, field in enumerate(self.fields):
            columns, first = (..., slice(i * self.width, (i + 1) * self.width)), 0
            out += [(f"{prefix}/{field}/hidden/weight", self.hidden, columns),
                    (f"{prefix}/{field}/hidden/bias", self.hidden_bias, columns),
                    (f"{prefix}/{field}/out/weight", self.out[field], None),
                    (f"{prefix}/{field}/out/bias", self.out_bias[field], None)]
            for other in GIVEN[field]:
                rows = (slice(first, first + self.size[other]), ...)
                out.append((f"{prefix}/{field}/given/{other}", self.given[field], rows))
                first += self.size[other]
        return out


class Decoder(nn.Module):
    def __init__(self, shape, vocabulary):
        super().__init__()
        layers, width = shape.decoder_layers, shape.width
        self.stack = Stack(shape, vocabulary.tables(FIELDS, len(TYPES)), layers, True)
        self.condition = normal(shape.condition, layers * width, 0.2 / math.sqrt(shape.condition))
        self.kind, self.kind_bias = normal(width, 2, 0.02), zeros(2)
        self.heads = nn.ModuleList([FieldHeads(width, vocabulary, NOTE_FIELDS),
                                    FieldHeads(width, vocabulary, BAR_FIELDS)])

    def forward(self, batch, condition, dropout):
        """Summed nats of each field and of the type."""
        shifts = [SegmentShift.apply(shift, batch.decoder.segment) for shift in
                  (condition @ self.condition).split(self.stack.shape.width, 1)]
        h = self.stack(batch.decoder, dropout, shifts)
        kind = F.cross_entropy(linear(h, self.kind, self.kind_bias), batch.type_target,
                               reduction="none")
        notes, bars = Parted.apply(h, batch.notes, batch.bars, batch.heads)
        nats = self.heads[0](notes, batch.target) | self.heads[1](bars, batch.target)
        nats["tempo"] = nats["tempo"] * batch.tempo_known
        nats["type"] = kind * batch.type_weight
        return {name: x.sum() for name, x in nats.items()}

    def pieces(self, prefix):
        out = self.stack.pieces(prefix)
        for i in range(len(self.stack.blocks)):
            columns = slice(i * self.stack.shape.width, (i + 1) * self.stack.shape.width)
            out.append((f"{prefix}/{i}/condition/weight", self.condition, (..., columns)))
        for heads in self.heads:
            out += heads.pieces(f"{prefix}/heads")
        return out + [(f"{prefix}/heads/type/weight", self.kind, None),
                      (f"{prefix}/heads/type/bias", self.kind_bias, None)]


class SubDecoder(nn.Module):
    def __init__(self, shape, vocabulary):
        super().__init__()
        self.mixed, self.bars = shape.mixed, vocabulary.bars
        width, latent, chroma = shape.width, shape.latent, vocabulary.bars * CLASSES
        self.onset_in, self.cell = normal(latent, width), normal(vocabulary.cells, width, 0.5)
        self.onset_out, self.onset_bias = normal(width, ONSETS, 0.02), zeros(ONSETS)
        self.chroma_in, self.chroma_in_bias = normal(latent, width), zeros(width)
        self.chroma_out, self.chroma_bias = normal(width, chroma, 0.02), zeros(chroma)
        self.attributes = nn.ParameterDict({g: normal(shape.mixed, N_ATTRIBUTES[g]) for g in GROUPS})
        self.attributes_bias = nn.ParameterDict({g: zeros(N_ATTRIBUTES[g]) for g in GROUPS})

    def onset(self, batch, z):
        pre = F.embedding(batch.cell_segment, z @ self.onset_in) + F.embedding(batch.cell, self.cell)
        logits = linear(kernels["gelu"](pre), self.onset_out, self.onset_bias)
        return F.cross_entropy(logits, batch.cell_target, reduction="sum")

    def chroma(self, batch, z):
        v = kernels["gelu"](linear(z, self.chroma_in, self.chroma_in_bias))
        logits = linear(v, self.chroma_out, self.chroma_bias).view(-1, self.bars, CLASSES)
        return -(batch.chroma * F.log_softmax(logits, 2)).sum()

    def attribute(self, group, batch, z):
        want = batch.attributes[group]
        got = linear(z[:, : self.mixed], self.attributes[group], self.attributes_bias[group])
        miss = torch.where(want.isnan(), 0, got - want.nan_to_num())
        return PRECISION / 2 * miss.square().sum()

    def forward(self, batch, z):
        return dict(onset=self.onset(batch, z["rhythm"]), chroma=self.chroma(batch, z["tonal"]),
                    attributes=sum(self.attribute(group, batch, z[group]) for group in GROUPS))

    def pieces(self, prefix):
        names = dict(onset_in="onset/in/weight", cell="onset/cell", onset_out="onset/out/weight",
                     onset_bias="onset/out/bias", chroma_in="chroma/in/weight",
                     chroma_in_bias="chroma/in/bias", chroma_out="chroma/out/weight",
                     chroma_bias="chroma/out/bias")
        out = [(f"{prefix}/{name}", getattr(self, key), None) for key, name in names.items()]
        for group in GROUPS:
            name = f"{prefix}/attributes/{group}"
            out += [(f"{name}/weight", self.attributes[group], None),
                    (f"{name}/bias", self.attributes_bias[group], None)]
        return out
