#!/usr/bin/env python3
"""Golden numbers of the discriminant, by NumPy.

Usage: python3 discriminant.py > discriminant_golden.h
Inputs are multiples of 1/64, so that they print exactly.
"""
import numpy as np

CASES = {  # rows, coordinates, classes
    "wide": (60, 19, 24),     # several blocks; as many axes as coordinates
    "four": (60, 5, 4),       # three axes
    "few": (6, 11, 4),        # fewer rows than coordinates
    "twice": (50, 6, 7),      # the last coordinate is the first once more
    "line": (20, 1, 3),       # one coordinate
}


def discriminant(x, label):
    n, d = x.shape
    mean, classes = x.mean(0), np.unique(label)
    within, between = np.zeros((d, d)), np.zeros((d, d))
    for y in classes:
        own = x[label == y]
        gap = own - own.mean(0)
        within += gap.T @ gap / n
        between += len(own) / n * np.outer(own.mean(0) - mean, own.mean(0) - mean)
    within += 1e-3 * np.trace(within) / d * np.eye(d)
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    value, vector = np.linalg.eigh(inverse @ between @ inverse.T)
    axis = inverse.T @ vector[:, ::-1]
    size = np.abs(axis)
    first = (size >= (1 - 1e-6) * size.max(0)).argmax(0)
    axis *= np.sign(axis[first, np.arange(d)])
    known = min(d, len(classes) - 1)  # beyond, any basis will do
    return mean, value[::-1], axis[:, :known], within


def show(name, values, kind="double"):
    flat = np.asarray(values).reshape(-1)
    print(f"static const {kind} {name}[] = {{{', '.join(repr(x.item()) for x in flat)}}};")


print("/* Written by discriminant.py. */")
draw = np.random.default_rng(5)
for case, (n, d, classes) in CASES.items():
    label = np.concatenate([np.arange(classes), draw.integers(0, classes, n)])[:n].astype(np.int8)
    centre = draw.normal(size=(classes, d))
    x = centre[label] + draw.normal(size=(n, d)) @ draw.normal(size=(d, d)) * 0.5
    x = np.round(x * 64) / 64
    if case == "twice":
        x[:, -1] = x[:, 0]
    mean, value, axis, within = discriminant(x, label)
    show(f"golden_{case}_x", x)
    show(f"golden_{case}_label", label, "int8_t")
    show(f"golden_{case}_mean", mean)
    show(f"golden_{case}_value", value)
    show(f"golden_{case}_axis", axis)
    show(f"golden_{case}_within", within)
