#!/usr/bin/env python3
"""Golden numbers of the measures, by scikit-learn and NumPy.

Usage: python3 measures.py > measures_golden.h
Inputs are multiples of 1/64, so that they print exactly.
"""
import numpy as np
from sklearn import metrics
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

POINTS, ASKED, WIDTH = 40, 12, 3


def show(name, values, kind="double"):
    flat = np.asarray(values).reshape(-1)
    text = ", ".join(repr(x.item()) for x in flat)
    print(f"static const {kind} {name}[] = {{{text}}};")


def number(name, value):
    print(f"static const double {name} = {float(value)!r};")


def fisher(x, label):
    between = within = 0.0
    for y in np.unique(label):
        own = x[label == y]
        between += len(own) * np.sum((own.mean(0) - x.mean(0)) ** 2)
        within += np.sum((own - own.mean(0)) ** 2)
    return between / within


def cluster(x, label, told):
    number("golden_fisher", fisher(x, label))
    number("golden_silhouette", metrics.silhouette_score(x, label))
    show("golden_silhouettes", metrics.silhouette_samples(x, label))
    number("golden_davies_bouldin", metrics.davies_bouldin_score(x, label))
    number("golden_nmi", metrics.normalized_mutual_info_score(label, told))
    number("golden_ari", metrics.adjusted_rand_score(label, told))
    number("golden_accuracy", metrics.accuracy_score(label, told))
    number("golden_arousal", np.mean((label < 2) == (told < 2)))
    number("golden_valence", np.mean((label % 3 == 0) == (told % 3 == 0)))
    number("golden_macro_f1", metrics.f1_score(label, told, average="macro"))


def regressions(x, label, y, asked):
    scaler = StandardScaler().fit(x)
    logistic = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-7, max_iter=10000)
    logistic.fit(scaler.transform(x), label)
    show("golden_log_p", logistic.predict_log_proba(scaler.transform(asked)))
    some = label != 2
    logistic.fit(scaler.fit(x[some]).transform(x[some]), label[some])
    show("golden_log_p_of_three", logistic.predict_log_proba(scaler.transform(asked)))
    scaler.fit(x)
    show("golden_ridge", Ridge(alpha=1.0).fit(scaler.transform(x), y).predict(scaler.transform(asked)))


def densities(a, b):
    """Gaussian kernel densities of two samples on one grid of 512 points."""
    span = max(a.max(), b.max()) - min(a.min(), b.min())
    widths = [max(s.std(ddof=1) * len(s) ** -0.2, span / 100) for s in (a, b)]
    margin = 3 * max(widths)
    grid = np.linspace(min(a.min(), b.min()) - margin, max(a.max(), b.max()) + margin, 512)
    for sample, width in zip((a, b), widths):
        density = np.exp(-0.5 * ((grid[:, None] - sample) / width) ** 2).sum(1)
        yield density / density.sum()


def overlap(a, b):
    p, q = densities(a, b)
    number("golden_overlap", np.minimum(p, q).sum())
    number("golden_divergence", (p * np.log((p + 1e-12) / (q + 1e-12))).sum())


def main():
    random = np.random.default_rng(5)
    grid = lambda a: np.round(a * 64) / 64
    label = random.integers(0, 4, POINTS)
    centres = random.normal(0, 1.2, (4, WIDTH))
    x = grid(centres[label] + random.normal(0, 1, (POINTS, WIDTH)))
    asked = grid(random.normal(0, 1.5, (ASKED, WIDTH)))
    y = grid(x @ [0.5, -1, 2] + random.normal(0, 1, POINTS))
    told = np.where(random.random(POINTS) < 0.6, label, random.integers(0, 3, POINTS))
    print("/* Written by measures.py. */")
    show("golden_x", x)
    show("golden_label", label, "int8_t")
    show("golden_told", told, "int8_t")
    show("golden_y", y)
    show("golden_asked", asked)
    show("golden_x_0", x[:, 0])
    show("golden_asked_0", asked[:, 0])
    cluster(x, label, told)
    regressions(x, label, y, asked)
    overlap(x[:, 0], asked[:, 0])
    number("golden_correlation", np.corrcoef(x[:, 0], y)[0, 1] ** 2)
    show("golden_neighbours",
         KNeighborsClassifier(5).fit(x, label).predict(asked), "int8_t")


main()
