#!/usr/bin/env python3
"""Golden numbers of the measures of disentanglement, in plain Python.

Usage: python3 disentangle.py > disentangle_golden.h
Inputs are multiples of 1/64, so that they print exactly.
"""
import math
import random
from collections import Counter

ROWS, CODES, FACTORS, BINS = 150, 5, 4, 20


def grid(x):
    return round(x * 64) / 64


def histogram(column):
    low, high = min(column), max(column)
    return [min(int((x - low) / (high - low) * BINS), BINS - 1) for x in column]


def entropy(symbols):
    n = len(symbols)
    return -sum(c / n * math.log(c / n) for c in Counter(symbols).values())


def information(a, b):
    """By its definition: sum p(a, b) log p(a, b) / p(a) p(b)."""
    n = len(a)
    count_a, count_b = Counter(a), Counter(b)
    return sum(c / n * math.log(c * n / (count_a[x] * count_b[y]))
               for (x, y), c in Counter(zip(a, b)).items())


def r_squared(x, y):
    """1 - residual over total sum of squares of the least-squares line."""
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    slope = (sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) /
             sum((a - mean_x) ** 2 for a in x))
    residual = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y))
    return 1 - residual / sum((b - mean_y) ** 2 for b in y)


def top_gap(values):
    first, second = sorted(values)[-1:-3:-1]
    return first - second


def mean(values):
    return sum(values) / len(values)


def modularity(mi):
    """mi[code][factor], with the template of Ridgeway and Mozer."""
    scores = []
    for row in mi:
        best = row.index(max(row))
        template = [x if f == best else 0 for f, x in enumerate(row)]
        delta = sum((x - t) ** 2 for x, t in zip(row, template)) / (
            row[best] ** 2 * (len(row) - 1))
        scores.append(1 - delta)
    return mean(scores)


def show(name, values):
    text = ", ".join("NAN" if x is None else repr(float(x)) for x in values)
    print(f"static const double {name}[] = {{{text}}};")


def main():
    random.seed(11)
    factors = [[grid(random.gauss(0, 1)) for _ in range(ROWS)] for _ in range(FACTORS)]
    noise = lambda s: random.gauss(0, s)
    codes = [[grid(2 * factors[0][i] + noise(0.5)) for i in range(ROWS)],
             [grid(factors[1][i] - 0.7 * factors[0][i] + noise(0.3)) for i in range(ROWS)],
             [grid(factors[2][i] ** 3 + noise(0.1)) for i in range(ROWS)],
             [grid(factors[2][i] + factors[3][i] + noise(1)) for i in range(ROWS)],
             [grid(noise(1)) for _ in range(ROWS)]]
    unknown = [i for i in range(ROWS) if random.random() < 0.1]
    known = [[i for i in range(ROWS) if f != 1 or i not in unknown] for f in range(FACTORS)]
    code_bins = [histogram(c) for c in codes]
    mi, r2, entropies = [[] for _ in codes], [[] for _ in codes], []
    for f, factor in enumerate(factors):
        factor_bins = histogram([factor[i] for i in known[f]])
        entropies.append(entropy(factor_bins))
        for c in range(CODES):
            mi[c].append(information([code_bins[c][i] for i in known[f]], factor_bins))
            r2[c].append(r_squared([codes[c][i] for i in known[f]], [factor[i] for i in known[f]]))
    gaps = [top_gap([mi[c][f] for c in range(CODES)]) / entropies[f] for f in range(FACTORS)]
    separations = [top_gap([r2[c][f] for c in range(CODES)]) for f in range(FACTORS)]
    print("/* Written by disentangle.py. */")
    show("golden_codes", [x for c in codes for x in c])
    show("golden_factors", [x if i in known[f] else None
                            for f, column in enumerate(factors) for i, x in enumerate(column)])
    show("golden_gaps", gaps)
    show("golden_separations", separations)
    show("golden_disentanglement", [mean(gaps), mean(separations), modularity(mi)])


main()
