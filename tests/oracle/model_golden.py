#!/usr/bin/env python3
"""Golden numbers for tests/test_golden.c, from PyTorch: attention, a whole block, GELU, AdamW.

Written from the formulas, one query and one key at a time, with relative vectors looked up by their
distance; gradients are autograd's, with memory cut off by detach().  Inputs are sine waves, which
the test computes in the same way.  Run: model_golden.py > model_golden.h
"""
import math
import torch

torch.set_default_dtype(torch.float64)
WIDTH, HEADS, STEPS = 4, 2, 8
SPANS = {  # (first, count, context)
    "causal": [(0, 3, 0), (3, 2, 3), (5, 1, 0), (6, 2, 1)],
    "full": [(0, 4, 0), (4, 1, 0), (5, 3, 1)],
}


def wave(phase, *shape):
    n = math.prod(shape)
    x = torch.tensor([math.sin(0.7 * (i + 1) * (1 + 0.01 * i) + phase) for i in range(n)])
    return x.reshape(shape).requires_grad_()


def emit(name, tensor):
    values = tensor.detach().flatten().tolist()
    print(f"static const double golden_{name}[{len(values)}] = {{")
    for i in range(0, len(values), 4):
        print("    " + ", ".join(f"{v:.14e}" for v in values[i:i + 4]) + ",")
    print("};")


def distances(kind):
    reach = max(context + count - 1 for _, count, context in SPANS[kind])
    return list(range(0 if kind == "causal" else -reach, reach + 1))


def attend(q, k, v, k_memory, v_memory, r, u, v_bias, kind):
    """r: dictionary from distance to vector; k_memory, v_memory: what later spans see."""
    depth = WIDTH // HEADS
    y = [None] * STEPS
    for first, count, context in SPANS[kind]:
        for i in range(first, first + count):
            heads = []
            for h in range(HEADS):
                c = slice(h * depth, (h + 1) * depth)
                last = i if kind == "causal" else first + count - 1
                keys = range(first - context, last + 1)
                scores, values = [], []
                for j in keys:
                    key, value = (k[j], v[j]) if j >= first else (k_memory[j], v_memory[j])
                    score = ((q[i][c] + u[c]) * key[c]).sum()
                    score = score + ((q[i][c] + v_bias[c]) * r[i - j][c]).sum()
                    scores.append(score / math.sqrt(depth))
                    values.append(value[c])
                p = torch.softmax(torch.stack(scores), 0)
                heads.append(sum(p[m] * values[m] for m in range(len(values))))
            y[i] = torch.cat(heads)
    return torch.stack(y)


def attention(kind):
    qkv = wave(0.1, STEPS, 3 * WIDTH)
    table = wave(0.2, len(distances(kind)), WIDTH)
    u, v_bias = wave(0.3, WIDTH), wave(0.4, WIDTH)
    dy = wave(0.5, STEPS, WIDTH).detach()
    memory = qkv[:, WIDTH:].detach().clone().requires_grad_()
    q, k, v = qkv.split(WIDTH, 1)
    r = dict(zip(distances(kind), table))
    y = attend(q, k, v, memory[:, :WIDTH], memory[:, WIDTH:], r, u, v_bias, kind)
    (y * dy).sum().backward()
    for name, tensor in (("y", y), ("dqkv", qkv.grad), ("dmemory", memory.grad),
                         ("dr", table.grad), ("du", u.grad), ("dv", v_bias.grad)):
        emit(f"{kind}_{name}", tensor)


def sinusoid(distance):
    half = WIDTH // 2
    angles = [distance * 10000 ** (-2 * i / WIDTH) for i in range(half)]
    return torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles])


def block(kind):
    hidden = 4 * WIDTH
    shapes = [("down", hidden, WIDTH), ("down_bias", WIDTH), ("up", WIDTH, hidden),
              ("up_bias", hidden), ("norm2_gain", WIDTH), ("norm2_bias", WIDTH),
              ("out", WIDTH, WIDTH), ("out_bias", WIDTH), ("u", WIDTH), ("v", WIDTH),
              ("relative", WIDTH, WIDTH), ("qkv", WIDTH, 3 * WIDTH), ("norm1_gain", WIDTH),
              ("norm1_bias", WIDTH)]
    p = {name: wave(1.0 + i, *shape) for i, (name, *shape) in enumerate(shapes)}
    x = wave(0.6, STEPS, WIDTH)
    norm = lambda z, name: torch.nn.functional.layer_norm(
        z, (WIDTH,), p[name + "_gain"], p[name + "_bias"], 1e-5)
    normed = norm(x, "norm1")
    q, k, v = (normed @ p["qkv"]).split(WIDTH, 1)
    _, k_memory, v_memory = (normed.detach() @ p["qkv"]).split(WIDTH, 1)
    r = {d: sinusoid(d) @ p["relative"] for d in distances(kind)}
    mixed = attend(q, k, v, k_memory, v_memory, r, p["u"], p["v"], kind)
    after = x + mixed @ p["out"] + p["out_bias"]
    inner = torch.nn.functional.gelu(norm(after, "norm2") @ p["up"] + p["up_bias"],
                                     approximate="tanh")
    y = after + inner @ p["down"] + p["down_bias"]
    (y * wave(0.5, STEPS, WIDTH).detach()).sum().backward()
    emit(f"block_{kind}_y", y)
    emit(f"block_{kind}_dx", x.grad)
    emit(f"block_{kind}_gradient", torch.cat([p[name].grad.flatten() for name, *_ in shapes]))


def gelu():
    x = torch.linspace(-6, 6, 25)
    emit("gelu", torch.nn.functional.gelu(x, approximate="tanh"))


def adam():
    """Six decayed weights and three undecayed ones, five steps at gradients times .5."""
    weight, bias = wave(0.7, 2, 3), wave(0.8, 3)
    optimizer = torch.optim.AdamW([{"params": [weight], "weight_decay": 0.1},
                                   {"params": [bias], "weight_decay": 0.0}],
                                  lr=0.01, betas=(0.9, 0.98), eps=1e-8)
    for step in range(1, 6):
        weight.grad = 0.5 * wave(float(step), 2, 3).detach()
        bias.grad = 0.5 * wave(10.0 + step, 3).detach()
        optimizer.step()
    emit("adam", torch.cat([weight.flatten(), bias]))


print("/* Written by model_golden.py; do not edit. */")
for kind_ in SPANS:
    attention(kind_)
    block(kind_)
gelu()
adam()
