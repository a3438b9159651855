"""The objective J of one step over its micro-batches, and the losses on the latents."""
import math
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from batch import EMOTIONS, GROUPS
from model import Decoder, Encoder, SubDecoder, zeros

FADERS = (("rhythm", 0), ("rhythm", 1), ("tonal", 0), ("tonal", 1))


@dataclass
class Weights:
    kl: float = 0.2
    delta: float = 0.7
    alpha: float = 1.0
    gamma: float = 10.0
    temperature: float = 3.0
    free: float = 2.0
    fader: float = 10.0
    scale: float = 1.0
    separation: float = 1.0
    distance: float = 2.0
    normal: bool = False  # N(0, I) instead of the mixture


@dataclass
class Noise:
    dropout: float = 0.1
    sample: bool = True


@dataclass
class Latents:
    """Moments and draws of some segments, both groups; q and the like are made of them."""

    m: dict
    s: dict
    z: dict
    label: torch.Tensor
    faders: torch.Tensor

    @staticmethod
    def cat(parts):
        join = lambda name: {g: torch.cat([getattr(p, name)[g] for p in parts]) for g in GROUPS}
        return Latents(join("m"), join("s"), join("z"), torch.cat([p.label for p in parts]),
                       torch.cat([p.faders for p in parts]))


def gather(x):
    """The rows of all ranks, those of this rank with their gradient, and where these begin."""
    if not dist.is_initialized():
        return x
    counts = [torch.zeros(1, dtype=torch.long) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, torch.tensor([len(x)]))
    most = int(max(counts))
    padded = F.pad(x.detach(), (0, 0, 0, most - len(x)))
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    parts = [part[: int(n)] for part, n in zip(parts, counts)]
    parts[dist.get_rank()] = x
    return torch.cat(parts)


def mixture_divergence(m, s, mean, log_variance):
    """KL(N(m, e^s) || component), (n, K)."""
    tau = (-log_variance).exp()
    square = (s.exp()[:, None] + (m[:, None] - mean).square()) * tau
    return (log_variance - s[:, None] + square - 1).sum(2) / 2


def dispersion(q, mean, log_variance):
    """The Jensen gap of the log-partition, (n)."""
    tau = (-log_variance).exp()
    tau_bar = q @ tau
    mean_bar = q @ (tau * mean) / tau_bar
    a = mean.square() * tau / 2 + log_variance / 2
    return (q @ a - mean_bar.square() * tau_bar / 2 + tau_bar.log() / 2).sum(1)


def separation(mean, log_variance, per_emotion, distance):
    emotion = torch.arange(len(mean)) // per_emotion
    k, l = (emotion[:, None] < emotion).nonzero(as_tuple=True)
    variance = log_variance.exp()
    both = variance[k] + variance[l]
    apart = ((mean[k] - mean[l]).square() / both / 4 + (both / 2).log() / 2
             - (log_variance[k] + log_variance[l]) / 4).sum(1)
    return (distance - apart).clamp(min=0).square().sum()


def faders(z, a, scale):
    """z, a (B, faders) of the global batch."""
    miss = torch.tanh(scale * (z[:, None] - z)) - torch.sign(a[:, None] - a)
    return miss.square().sum() / len(z) ** 2


def normal_kl(m, s):
    return (s.exp() + m.square() - s - 1).sum(1) / 2


class Affekt(nn.Module):
    """All parameters; a call on the micro-batches of a step gives a loss whose backward pass, with
    those done on the way, leaves the gradient of J."""

    def __init__(self, shape, vocabulary):
        super().__init__()
        self.shape, self.weights, self.noise = shape, Weights(), Noise()
        self.encoder = nn.ModuleDict({g: Encoder(shape, vocabulary, g) for g in GROUPS})
        self.decoder = Decoder(shape, vocabulary)
        self.subdecoder = SubDecoder(shape, vocabulary)
        direction = F.normalize(torch.randn(shape.components, 2 * shape.mixed))
        self.mean = nn.Parameter(3.5 / math.sqrt(2) * (direction - direction.mean(0)))
        self.log_variance = nn.Parameter(torch.zeros(shape.components, 2 * shape.mixed))
        self.log_weight = zeros(shape.components).requires_grad_(False)  # set by the fit alone
        self.log_weight.data -= math.log(shape.components)

    def encode(self, batch):
        m, s, z = {}, {}, {}
        for group in GROUPS:
            m[group], s[group] = self.encoder[group](batch.encoders[group], batch, self.noise.dropout)
            z[group] = m[group]
            if self.noise.sample:
                z[group] = m[group] + (s[group] / 2).exp() * torch.randn_like(m[group])
        return Latents(m, s, z, batch.label, batch.faders)

    def reconstruct(self, batch, z):
        """The parts of R, summed over the micro-batch."""
        condition = torch.cat([z["rhythm"], z["tonal"], batch.tonic], 1)
        return self.decoder(batch, condition, self.noise.dropout) | self.subdecoder(batch, z)

    def normal_parts(self, latents, scale, part):
        w, mixed = self.weights, self.shape.mixed
        for group in GROUPS:
            m, s = latents.m[group], latents.s[group]
            residual = normal_kl(m[:, mixed:], s[:, mixed:])
            part["residual"] = part["residual"] + scale @ residual.clamp(min=w.free / 2)
            if w.normal:
                part["kl"] = part["kl"] + scale @ normal_kl(m[:, :mixed], s[:, :mixed])

    def mixture_parts(self, latents, free, labelled, part):
        """free, labelled (n): 1/B_u and 1/B_l where the segment is of that kind, else 0."""
        mixed, per = self.shape.mixed, self.shape.per_emotion
        m, s = (torch.cat([x[g][:, :mixed] for g in GROUPS], 1) for x in (latents.m, latents.s))
        kl = mixture_divergence(m, s, self.mean, self.log_variance)
        log_q = F.log_softmax(self.log_weight - kl / self.weights.temperature, 1)
        q = log_q.exp()
        qbar = gather(free[:, None] * q).sum(0)
        inside = (torch.arange(kl.shape[1]) // per == latents.label[:, None])
        hidden = torch.where(inside | (latents.label < 0)[:, None], 0.0, -math.inf)
        log_c = F.log_softmax(log_q + hidden, 1)
        log_prior = self.log_weight + hidden
        log_prior = torch.where(latents.label[:, None] < 0, log_prior, F.log_softmax(log_prior, 1))
        c = log_c.exp()
        both = free + labelled  # a labelled segment's c is q within its emotion, others' is q
        part["kl"] = part["kl"] + both @ (c * kl).sum(1)
        part["category"] = both @ (c * torch.where(c > 0, log_c - log_prior, 0)).sum(1)
        part["dispersion"] = free @ dispersion(q, self.mean, self.log_variance)
        part["label"] = -labelled @ (log_q + hidden).logsumexp(1)
        part["entropy"] = -free @ (q * log_q).sum(1)
        part["information"] = -(qbar * qbar.log()).sum() - part["entropy"]

    def latent_parts(self, latents):
        label = gather(latents.label[:, None])
        n_labelled = int((label >= 0).sum())
        n_free = len(label) - n_labelled
        is_free = (latents.label < 0).to(self.mean.dtype)
        free, labelled = is_free / max(n_free, 1), (1 - is_free) / max(n_labelled, 1)
        part = dict(residual=0, kl=0)
        self.normal_parts(latents, free + labelled, part)
        z = torch.stack([latents.z[group][:, i] for group, i in FADERS], 1)
        part["fader"] = faders(gather(z), gather(latents.faders), self.weights.scale)
        if not self.weights.normal:
            self.mixture_parts(latents, free, labelled, part)
            if not dist.is_initialized() or dist.get_rank() == 0:
                part["separation"] = separation(self.mean, self.log_variance,
                                                self.shape.per_emotion, self.weights.distance)
        return part, n_free, n_labelled

    def latent_loss(self, part):
        w = self.weights
        loss = w.kl * (part["residual"] + part["kl"]) + w.fader * part["fader"]
        if w.normal:
            return loss
        loss = loss + w.kl * (part["category"] - w.delta * part["dispersion"]
                              - w.alpha * part["information"]) + w.gamma * part["label"]
        return loss + w.separation * part.get("separation", 0)

    def forward(self, batches):
        """Encodes all, decodes all but the last micro-batch with its own backward pass, and returns
        J less what these are worth, plus what carries their gradient on to the encoders; and J
        itself.  Gradients are those of J times the ranks, since DistributedDataParallel takes
        means."""
        ranks = dist.get_world_size() if dist.is_initialized() else 1
        encoded = [self.encode(batch) for batch in batches]
        part, n_free, n_labelled = self.latent_parts(Latents.cat(encoded))
        loss = self.latent_loss(part)
        shown, loss = loss.detach().clone(), ranks * loss
        for batch, latents in zip(batches, encoded):
            scale = 1 / (n_free if batch.label[0] < 0 else n_labelled)
            if batch is batches[-1]:
                last = scale * sum(self.reconstruct(batch, latents.z).values())
                return loss + ranks * last, shown + last.detach()
            z = {g: latents.z[g].detach().requires_grad_() for g in GROUPS}
            nats = scale * sum(self.reconstruct(batch, z).values())
            (ranks * nats).backward()
            shown += nats.detach()
            loss = loss + sum((latents.z[g] * z[g].grad).sum() for g in GROUPS)

    def pieces(self):
        """(affekt's name, parameter, place in it or None) of every tensor."""
        out = self.decoder.pieces("decoder") + self.subdecoder.pieces("subdecoder")
        for group in GROUPS:
            out += self.encoder[group].pieces(f"encoder/{group}")
        return out + [("mixture/mean", self.mean, None),
                      ("mixture/log_variance", self.log_variance, None),
                      ("mixture/log_weight", self.log_weight, None)]
