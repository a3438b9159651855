#!/usr/bin/env python3
"""Compares the peer's J and gradients with the oracle's, tests/oracle/vae.py, in double precision:
both of its cases, rows padded and packed, on one rank and on two.  Prints the largest relative difference of J and of each
tensor's gradient (in the norm); exit 1 above 1e-5.
"""
import contextlib
import io
import os
import socket
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

warnings.filterwarnings("ignore")
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "oracle"))
with contextlib.redirect_stdout(io.StringIO()):
    import vae  # prints its golden numbers

import batch
import model
from objective import Affekt, Noise, Weights

LIMIT = 1e-5


def segment(oracle):
    """A segment of the oracle's as the peer's batches want it."""
    events = oracle["events"]
    column = lambda key: np.array([event[key] for event in events], np.uint8)
    out = {key: column(key) for key in batch.FIELDS + ("tonal", "bar")}
    return dict(out, tonic=oracle["tonic"], label=oracle["label"],
                onset=np.array(oracle["onset"], np.uint8), chroma=np.array(oracle["chroma"]),
                faders=np.array(oracle["faders"]), rhythm=np.array(oracle["rhythm"]),
                tonal_attributes=np.array(oracle["tonal"]))


def make_model(case, theta):
    vocabulary = batch.Vocabulary(dict(vae.SIZE, tonal=vae.N_TONAL), vae.BARS)
    shape = model.Shape(vae.WIDTH, vae.HEADS, vae.ENCODER_LAYERS, vae.DECODER_LAYERS, vae.MIXED,
                        vae.RESIDUAL, case["memory"], case["per_emotion"])
    peer = Affekt(shape, vocabulary)
    names = ("kl", "delta", "alpha", "gamma", "temperature", "free", "fader", "scale", "separation",
             "distance", "normal")
    peer.weights = Weights(**{name: case[name] for name in names})
    peer.noise = Noise(dropout=0.0, sample=False)
    with torch.no_grad():
        for name, tensor, place in peer.pieces():
            view = tensor if place is None else tensor[place]
            assert theta[name].numel() == view.numel(), (name, theta[name].shape, view.shape)
            view.copy_(theta[name].view(view.shape))
    return peer, vocabulary


def difference(a, b):
    return float((a - b).norm() / b.norm().clamp(min=1e-30)) if b.norm() > 0 else float(a.norm())


def make_micros(micros, case, vocabulary, form):
    return [batch.make_batch([[segment(s) for s in row] for _, row in micro], vocabulary,
                             memory=case["memory"], form=form, hide=0, dtype=torch.float64)
            for micro in micros if micro]


def oracle_gradients(case):
    theta, _ = vae.make_parameters(case)
    theta["mixture/log_weight"].requires_grad_(False)
    _, trained, _, _ = vae.objective(theta, case, vae.make_batches())
    trained.backward()
    return theta, trained.detach()


def worst_gradient(peer, theta):
    worst = ("", 0.0)
    for name, tensor, place in peer.pieces():
        want = torch.zeros_like(theta[name]) if theta[name].grad is None else theta[name].grad
        got = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        got = (got if place is None else got[place]).reshape(want.shape)
        worst = max(worst, (name, difference(got, want)), key=lambda pair: pair[1])
    return worst


def compare(case, form):
    theta, trained = oracle_gradients(case)
    peer, vocabulary = make_model(case, theta)
    loss, total = peer(make_micros(vae.make_batches(), case, vocabulary, form))
    loss.backward()
    return max(("J", difference(total, trained)), worst_gradient(peer, theta), key=lambda pair: pair[1])


def compare_rank(rank, case, port, result):
    """One of two ranks: the first has an unlabelled row, the second the other and the labelled."""
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    vae.noise = no_noise
    theta, _ = oracle_gradients(case)
    peer, vocabulary = make_model(case, theta)
    call = torch.nn.parallel.DistributedDataParallel(  # without it the mixture is not used
        peer, find_unused_parameters=case["normal"])
    free, labelled = vae.make_batches()
    micros = [[free[:1]], [free[1:], labelled]][rank]
    loss, _ = call(make_micros(micros, case, vocabulary, "padded"))
    loss.backward()
    result.put(worst_gradient(peer, theta))
    dist.destroy_process_group()


def compare_ranks(case):
    result = torch.multiprocessing.get_context("spawn").SimpleQueue()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    torch.multiprocessing.spawn(compare_rank, (case, port, result), nprocs=2)
    return max((result.get(), result.get()), key=lambda pair: pair[1])


def no_noise(group, row_id, segment):
    return torch.zeros(vae.LATENT)


def main():
    vae.noise = no_noise  # z = m
    worst = 0.0
    for case in vae.CASES:
        case = dict(case, full=False)  # the peer's encoders are factored
        found = {form: compare(case, form) for form in ("padded", "packed")}
        found["on two ranks"] = compare_ranks(case)
        for form, (name, value) in found.items():
            print(f"{case['name']} {form}: {value:.2g} ({name})")
            worst = max(worst, value)
    print(f"largest relative difference {worst:.2g}, limit {LIMIT:g}")
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main()
