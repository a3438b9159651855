#!/usr/bin/env python3
"""Compares the peer's J and gradients with the oracle's, tests/oracle/vae.py, in double precision:
both of its cases, rows padded and packed.  Prints the largest relative difference of J and of each
tensor's gradient (in the norm); exit 1 above 1e-5.
"""
import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import torch

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


def compare(case, form):
    theta, _ = vae.make_parameters(case)
    theta["mixture/log_weight"].requires_grad_(False)
    shown, trained, _, _ = vae.objective(theta, case, vae.make_batches())
    trained.backward()
    peer, vocabulary = make_model(case, theta)
    micros = [batch.make_batch([[segment(s) for s in row] for _, row in micro], vocabulary,
                               memory=case["memory"], form=form, hide=0, dtype=torch.float64)
              for micro in vae.make_batches()]
    loss, total = peer(micros)
    loss.backward()
    worst = ("J", difference(total, trained.detach()))
    for name, tensor, place in peer.pieces():
        want = torch.zeros_like(theta[name]) if theta[name].grad is None else theta[name].grad
        got = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        got = (got if place is None else got[place]).reshape(want.shape)
        worst = max(worst, (name, difference(got, want)), key=lambda pair: pair[1])
    return worst


def main():
    vae.noise = lambda group, row_id, segment: torch.zeros(vae.LATENT)  # z = m
    worst = 0.0
    for case in vae.CASES:
        if case["full"]:  # the peer's encoders are factored
            case = dict(case, full=False)
        for form in ("padded", "packed"):
            name, value = compare(case, form)
            print(f"{case['name']} {form}: {value:.2g} ({name})")
            worst = max(worst, value)
    print(f"largest relative difference {worst:.2g}, limit {LIMIT:g}")
    sys.exit(worst > LIMIT)


main()
