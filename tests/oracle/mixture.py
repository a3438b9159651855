#!/usr/bin/env python3
"""Golden numbers of the mixture's losses, by PyTorch autograd in double.

Written from the objective in model.md section 4, term by term; it shares nothing with model/*.c.
Usage: python3 mixture.py > mixture_golden.h
Inputs are multiples of 1/64, so that float and double builds read the same numbers; log pi too,
which leaves pi a per cent off its norm (the objective is defined all the same).
"""
import math
import random

import torch

torch.set_default_dtype(torch.float64)


def grid(generator, count, low, high):
    return [round(generator.uniform(low, high) * 64) / 64 for _ in range(count)]


def normal_kl(mean, log_variance, prior_mean, prior_log_variance):
    """KL of diagonal normals, summed over the last axis."""
    p = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    q = torch.distributions.Normal(prior_mean, torch.exp(prior_log_variance / 2))
    return torch.distributions.kl_divergence(p, q).sum(-1)


def dispersion(q, mean, log_variance):
    """L_d of every row: q (n, K), mean and log_variance (K, D)."""
    tau = torch.exp(-log_variance)
    a = mean**2 * tau / 2 - torch.log(tau) / 2
    tau_bar = q @ tau
    mean_bar = (q @ (tau * mean)) / tau_bar
    return (q @ a - mean_bar**2 * tau_bar / 2 + torch.log(tau_bar) / 2).sum(-1)


def objective(case, m, s, mean, log_variance):
    log_pi = torch.tensor(case["log_weight"])
    label = torch.tensor(case["label"])
    w, delta, alpha, gamma, temperature = (
        case[x] for x in ("w", "delta", "alpha", "gamma", "temperature"))
    kl = normal_kl(m[:, None], s[:, None], mean[None], log_variance[None])
    log_q = torch.log_softmax(log_pi - kl / temperature, 1)
    q = log_q.exp()
    free = label < 0
    parts = dict(kl=0.0, category=0.0, dispersion=0.0, label=0.0, entropy=0.0)
    j = torch.zeros(())
    mean_posterior = torch.zeros(len(log_pi))
    if free.any():
        q_u, log_q_u, kl_u = q[free], log_q[free], kl[free]
        kl_term = (q_u * kl_u).sum(1).mean()
        category = (q_u * (log_q_u - log_pi)).sum(1).mean()
        spread = dispersion(q_u, mean, log_variance).mean()
        mean_posterior = q_u.mean(0)
        entropy = -(q_u * log_q_u).sum(1).mean()
        information = -(mean_posterior * mean_posterior.log()).sum() - entropy
        j = j + w * (kl_term + category - delta * spread) - w * alpha * information
        parts["kl"] += kl_term
        parts["category"] += category
        parts["dispersion"] += spread
        parts["entropy"] += entropy
    n_labelled = int((~free).sum())
    correct = 0
    for i in torch.nonzero(~free).flatten().tolist():
        y, per = int(label[i]), case["per_emotion"]
        inside = slice(y * per, (y + 1) * per)
        total = q[i, inside].sum()
        q_in = q[i, inside] / total
        pi_in = log_pi[inside].exp() / log_pi[inside].exp().sum()
        kl_term = (q_in * kl[i, inside]).sum() / n_labelled
        category = (q_in * torch.log(q_in / pi_in)).sum() / n_labelled
        cross = -torch.log(total) / n_labelled
        j = j + w * (kl_term + category) + gamma * cross
        parts["kl"] += kl_term
        parts["category"] += category
        parts["label"] += cross
        correct += int(q[i].reshape(4, per).sum(1).argmax() == y)
    parts["max_posterior"] = q.max(1).values.mean()
    parts["correct"] = correct / n_labelled if n_labelled else 0.0
    return j, parts, mean_posterior, q, kl


def separation(mean, log_variance, per_emotion, distance):
    """Squared hinge over pairs of different emotions, and the least distance."""
    variance = log_variance.exp()
    loss, least = torch.zeros(()), math.inf
    for k in range(len(mean)):
        for l in range(k):
            if k // per_emotion == l // per_emotion:
                continue
            middle = (variance[k] + variance[l]) / 2
            apart = ((mean[k] - mean[l])**2 / middle / 8).sum() + 0.5 * (
                middle.log().sum() - 0.5 * (log_variance[k].sum() + log_variance[l].sum()))
            least = min(least, float(apart))
            loss = loss + torch.clamp(distance - apart, min=0)**2
    return loss, least


def array(name, values):
    values = torch.as_tensor(values, dtype=torch.float64).flatten().tolist()
    print(f"static const double {name}[] = {{")
    for at in range(0, len(values), 4):
        print("    " + " ".join(f"{x!r}," for x in values[at:at + 4]))
    print("};")


def mixture_case(index, per_emotion, dimensions, label, weights, spread):
    generator = random.Random(100 + index)
    n_components, n = 4 * per_emotion, len(label)
    counts = [generator.uniform(1, 3) for _ in range(n_components)]
    case = dict(zip(("w", "delta", "alpha", "gamma", "temperature"), weights))
    case.update(per_emotion=per_emotion, label=label,
                log_weight=[math.log(x / sum(counts)) for x in counts])
    case["log_weight"] = [round(x * 64) / 64 for x in case["log_weight"]]
    inputs = [torch.tensor(grid(generator, rows * dimensions, low, high)).reshape(rows, dimensions)
              .requires_grad_() for rows, low, high in
              ((n, -spread, spread), (n, -2, .5), (n_components, -spread, spread),
               (n_components, -2, .75))]
    j, parts, mean_posterior, q, kl = objective(case, *inputs)
    gradients = torch.autograd.grad(j, inputs)
    loss, least = separation(inputs[2], inputs[3], per_emotion, 3.0)
    pushes = torch.autograd.grad(loss, inputs[2:])
    names = ("m", "s", "mean", "log_variance")
    for name, value in zip(names, inputs):
        array(f"{name}_{index}", value.detach())
    for name, value in zip(names, gradients):
        array(f"d{name}_{index}", value)
    array(f"log_weight_{index}", case["log_weight"])
    array(f"mean_posterior_{index}", mean_posterior.detach())
    array(f"q_{index}", q.detach())
    array(f"kl_{index}", kl.detach())
    array(f"push_mean_{index}", pushes[0])
    array(f"push_log_variance_{index}", pushes[1])
    print(f"static const int8_t label_{index}[] = {{{', '.join(map(str, label))}}};\n")
    order = ("kl", "category", "dispersion", "label", "entropy", "max_posterior", "correct")
    fields = [n, per_emotion, dimensions] + list(weights)
    text = ", ".join(repr(x) for x in fields) + ",\n     {"
    text += ", ".join(repr(float(parts[x])) for x in order) + "},\n     "
    text += f"{float(j.detach())!r}, {float(loss.detach())!r}, {least!r},\n     "
    arrays = [*names, *("d" + x for x in names), "log_weight", "mean_posterior", "q", "kl",
              "push_mean", "push_log_variance", "label"]
    return "    {" + text + ", ".join(f"{x}_{index}" for x in arrays) + "},"


def faders():
    generator = random.Random(7)
    n, s0 = 9, 1.5
    z = torch.tensor(grid(generator, n, -2, 2)).requires_grad_()
    a = torch.tensor([0.5, 2.0, 0.5, -1.0, 3.0, 2.0, 0.0, 0.25, -1.0])
    difference = torch.tanh(s0 * (z[:, None] - z[None])) - torch.sign(a[:, None] - a[None])
    loss = (difference**2).mean()
    array("fader_z", z.detach())
    array("fader_a", a)
    array("fader_dz", torch.autograd.grad(loss, z)[0])
    print(f"static const double fader_s0 = {s0}, fader_value = {float(loss.detach())!r};\n")


def normals():
    generator = random.Random(8)
    n, dimensions, free, scale = 5, 3, 1.5, .25
    m = torch.tensor(grid(generator, n * dimensions, -1.5, 1.5)).reshape(n, -1).requires_grad_()
    s = torch.tensor(grid(generator, n * dimensions, -1.5, .5)).reshape(n, -1).requires_grad_()
    rows = normal_kl(m, s, torch.zeros(()), torch.zeros(()))
    gradients = torch.autograd.grad(scale * torch.clamp(rows, min=free).sum(), (m, s))
    array("normal_m", m.detach())
    array("normal_s", s.detach())
    array("normal_dm", gradients[0])
    array("normal_ds", gradients[1])
    print(f"enum {{ NORMAL_ROWS = {n}, NORMAL_DIMENSIONS = {dimensions} }};")
    print(f"static const double normal_free = {free}, normal_scale = {scale},")
    print(f"                    normal_value = {float(rows.detach().sum())!r};\n")


def main():
    print("/* Written by mixture.py (PyTorch, double). */")
    print("#ifndef MIXTURE_GOLDEN_H\n#define MIXTURE_GOLDEN_H\n\n#include <stddef.h>")
    print("#include <stdint.h>\n")
    cases = [
        # per_emotion, D, labels, (w, delta, alpha, gamma, temperature), spread
        (1, 4, [-1, -1, 2, -1, 0, -1, 3], (0.5, 0.5, 1.0, 4.0, 1.0), 1.0),
        (2, 5, [-1, 1, -1, 1, -1, 3, -1, 0], (1.0, 0.75, 1.0, 1.0, 3.0), 1.5),
        (3, 3, [2, -1, -1, 0, -1, -1], (0.125, 1.0, 2.0, 8.0, 1.5), 1.0),
        (1, 6, [-1, -1, -1, -1], (1.0, 0.5, 1.0, 1.0, 2.0), 1.0),
        (3, 4, [0, 1, 2, 3, 3], (0.75, 0.5, 1.0, 2.0, 2.5), 1.0),
        (1, 3, [-1, 2, -1, 1, -1], (1.0, 0.0, 0.0, 1.0, 1.0), 4.0),
    ]
    rows = [mixture_case(i, *case) for i, case in enumerate(cases)]
    print("struct golden {\n    size_t n, per_emotion, dimensions;\n"
          "    double w, delta, alpha, gamma, temperature;\n"
          "    /* kl, category, dispersion, label, entropy, max_posterior, correct */\n"
          "    double parts[7], objective, separation, least;\n"
          "    const double *m, *s, *mean, *log_variance, *dm, *ds, *dmean, *dlog_variance;\n"
          "    const double *log_weight, *mean_posterior, *q, *kl, *push_mean, *push_log_variance;\n"
          "    const int8_t *label;\n};\n")
    print("static const struct golden golden[] = {")
    print("\n".join(rows))
    print("};\n")
    faders()
    normals()
    print("#endif")


main()
