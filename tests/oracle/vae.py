#!/usr/bin/env python3
"""Golden numbers of the whole objective J and its gradients, by PyTorch autograd in double.

Written from model.md and the headers of model/: encoders, mixture, sub-decoders, decoder with
memory, faders, separation.  Every row is computed by itself, one segment after the other; memory is
cut off by detach().  Parameters are sine waves that the test computes in the same way; the
posterior's noise is Philox4x32-10, as in the program; batches are written out.
Usage: vae.py > vae_golden.h
"""
import math
import random

import torch

torch.set_default_dtype(torch.float64)
gelu = lambda x: torch.nn.functional.gelu(x, approximate="tanh")

NONE = 255
FIELDS = ("tempo", "signature", "position", "pitch", "duration", "velocity")
BAR_FIELDS, NOTE_FIELDS = FIELDS[:2], FIELDS[2:]
RHYTHM_FIELDS = ("tempo", "signature", "position", "duration", "velocity")
SIZE = dict(tempo=5, signature=3, position=6, pitch=9, duration=4, velocity=3)
N_TONAL, BARS, CLASSES, EMOTIONS = 11, 3, 12, 4
CELLS = BARS * SIZE["position"]
GIVEN = dict(tempo=(), signature=("tempo",), position=(), pitch=("position",),
             duration=("position", "pitch"), velocity=("position", "pitch", "duration"))
TYPES = dict(bar=0, note=1, start=2, hidden=3)
WIDTH, HEADS, ENCODER_LAYERS, DECODER_LAYERS = 8, 2, 2, 2
MIXED, RESIDUAL = 3, 2
LATENT = MIXED + RESIDUAL
GROUPS = ("rhythm", "tonal")
FADERS = (("rhythm", 0), ("rhythm", 1), ("tonal", 0), ("tonal", 1))
N_ATTRIBUTES = dict(rhythm=5, tonal=3)
SEED, STEP, ROW_STEPS, STREAM_POSTERIOR = 77, 13, 2048, 2

CASES = [
    dict(name="mixture", memory=6, per_emotion=2, full=False, normal=False, kl=0.7, delta=0.6,
         alpha=1.25, gamma=3.0, temperature=2.0, free=0.0, fader=2.0, scale=1.5, separation=0.5,
         distance=3.0, decorrelation=0.8),
    dict(name="normal", memory=64, per_emotion=1, full=True, normal=True, kl=0.4, delta=0.0,
         alpha=0.0, gamma=0.0, temperature=1.0, free=2.5, fader=1.0, scale=0.75, separation=0.0,
         distance=0.0, decorrelation=0.0),
]


# ---- noise ----

def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def noise(group, row_id, segment):
    """LATENT standard normal numbers of one segment, by Box-Muller."""
    out = []
    for block in range((LATENT + 3) // 4):
        words = philox((block, row_id * ROW_STEPS + segment, 2 * STEP + GROUPS.index(group),
                        STREAM_POSTERIOR << 24), (SEED, 0))
        unit = [(word + 0.5) / 2**32 for word in words]
        for i in (0, 2):
            radius = math.sqrt(-2 * math.log(unit[i]))
            out += [radius * math.cos(2 * math.pi * unit[i + 1]),
                    radius * math.sin(2 * math.pi * unit[i + 1])]
    return torch.tensor(out[:LATENT])


# ---- batches: rows of segments of events ----

def make_segment(generator, n_bars, label):
    events = []
    for bar in range(n_bars):
        frame = dict(bar=bar, tonal=NONE, type="bar", **{f: NONE for f in NOTE_FIELDS})
        events.append(dict(frame, **{f: generator.randrange(SIZE[f]) for f in BAR_FIELDS}))
        notes = sorted({(generator.randrange(6), generator.randrange(9))
                        for _ in range(generator.randrange(4) + (bar == 0))})
        for position, pitch in notes:
            events.append(dict(bar=bar, tonal=generator.randrange(N_TONAL), type="note",
                               tempo=NONE, signature=NONE, position=position, pitch=pitch,
                               duration=generator.randrange(4), velocity=generator.randrange(3)))
    grid = lambda: generator.randrange(-128, 129) / 64
    chroma = []
    for bar in range(BARS):
        row = [0.0] * CLASSES
        for _ in range(4 if bar < n_bars else 0):
            row[generator.randrange(CLASSES)] += 0.25
        chroma += row
    return dict(events=events, tonic=generator.randrange(CLASSES), label=label,
                onset=[generator.choice((0, 0, 1, 2, NONE)) for _ in range(CELLS)], chroma=chroma,
                faders=[grid() for _ in FADERS], tonal=[grid() for _ in range(3)],
                rhythm=[math.nan if generator.random() < 0.3 else grid() for _ in range(5)])


def make_batches():
    """Two micro-batches of (row id, segments): the unlabelled, then the labelled."""
    g = random.Random(5)
    free = [(4, [make_segment(g, 3, -1), make_segment(g, 3, -1)]), (9, [make_segment(g, 2, -1)])]
    return [free, [(12, [make_segment(g, 3, 2), make_segment(g, 2, 0)])]]


# ---- parameters ----

def block_shapes(prefix):
    w = WIDTH
    shapes = {"norm1/gain": (1, w), "norm1/bias": (1, w), "attention/qkv/weight": (w, 3 * w),
              "attention/relative/weight": (w, w), "attention/u": (1, w), "attention/v": (1, w),
              "attention/out/weight": (w, w), "attention/out/bias": (1, w), "norm2/gain": (1, w),
              "norm2/bias": (1, w), "feedforward/up/weight": (w, 4 * w),
              "feedforward/up/bias": (1, 4 * w), "feedforward/down/weight": (4 * w, w),
              "feedforward/down/bias": (1, w)}
    return {f"{prefix}/{name}": shape for name, shape in shapes.items()}


def reads(case, group):
    rhythm = RHYTHM_FIELDS if case["full"] or group == "rhythm" else ()
    return rhythm + (("tonal",) if case["full"] or group == "tonal" else ())


def encoder_shapes(case, group):
    prefix, w = f"encoder/{group}", WIDTH
    pooled = 2 * w if group == "rhythm" else w
    shapes = {f"{prefix}/head/weight": (pooled, 2 * LATENT), f"{prefix}/head/bias": (1, 2 * LATENT),
              f"{prefix}/norm/gain": (1, w), f"{prefix}/norm/bias": (1, w),
              f"{prefix}/embedding/type": (2, w), f"{prefix}/embedding/bar": (BARS, w)}
    for field in reads(case, group):
        shapes[f"{prefix}/embedding/{field}"] = (dict(SIZE, tonal=N_TONAL)[field], w)
    for layer in range(ENCODER_LAYERS):
        shapes.update(block_shapes(f"{prefix}/{layer}"))
    return shapes


def decoder_shapes():
    w = WIDTH
    shapes = {"decoder/norm/gain": (1, w), "decoder/norm/bias": (1, w),
              "decoder/embedding/type": (len(TYPES), w), "decoder/embedding/bar": (BARS, w),
              "decoder/heads/type/weight": (w, 2), "decoder/heads/type/bias": (1, 2)}
    for layer in range(DECODER_LAYERS):
        shapes.update(block_shapes(f"decoder/{layer}"))
        shapes[f"decoder/{layer}/condition/weight"] = (2 * LATENT + CLASSES, w)
    for field in FIELDS:
        head = f"decoder/heads/{field}"
        shapes[f"decoder/embedding/{field}"] = (SIZE[field], w)
        shapes.update({f"{head}/given/{other}": (SIZE[other], w) for other in GIVEN[field]})
        shapes.update({f"{head}/hidden/weight": (w, w), f"{head}/hidden/bias": (1, w),
                       f"{head}/out/weight": (w, SIZE[field]), f"{head}/out/bias": (1, SIZE[field])})
    return shapes


def other_shapes(case):
    w, k = WIDTH, EMOTIONS * case["per_emotion"]
    shapes = {"onset/in/weight": (LATENT, w), "onset/cell": (CELLS, w), "onset/out/weight": (w, 3),
              "onset/out/bias": (1, 3), "chroma/in/weight": (LATENT, w), "chroma/in/bias": (1, w),
              "chroma/out/weight": (w, BARS * CLASSES), "chroma/out/bias": (1, BARS * CLASSES)}
    for group in GROUPS:
        shapes[f"attributes/{group}/weight"] = (MIXED, N_ATTRIBUTES[group])
        shapes[f"attributes/{group}/bias"] = (1, N_ATTRIBUTES[group])
    shapes = {f"subdecoder/{name}": shape for name, shape in shapes.items()}
    return dict(shapes, **{"mixture/mean": (k, 2 * MIXED), "mixture/log_variance": (k, 2 * MIXED),
                           "mixture/log_weight": (1, k)})


def wave(n, phase):
    return torch.tensor([math.sin(0.7 * (i + 1) * (1 + 0.01 * i) + phase) for i in range(n)])


def spread(name, rows, columns):
    """Centre and amplitude of a tensor's numbers."""
    if name.endswith("gain"):
        return 1.0, 0.25
    if name == "mixture/log_weight":
        return -math.log(columns), 0.25
    if name.startswith("mixture"):
        return 0.0, 1.0
    if rows == 1:
        return 0.0, 0.25
    return 0.0, math.sqrt(2 / rows) if name.endswith("weight") else 0.5


def make_parameters(case):
    shapes = {}
    for group in GROUPS:
        shapes.update(encoder_shapes(case, group))
    shapes.update(decoder_shapes())
    shapes.update(other_shapes(case))
    theta, table = {}, []
    for i, (name, (rows, columns)) in enumerate(shapes.items()):
        centre, amplitude = spread(name, rows, columns)
        phase = 0.1 * (i + 1)
        table.append((name, rows, columns, centre, amplitude, phase))
        numbers = centre + amplitude * wave(rows * columns, phase)
        theta[name] = numbers.reshape(rows, columns).requires_grad_()
    return theta, table


# ---- the Transformer ----

def sinusoid(distance):
    angles = [distance * 10000 ** (-2 * i / WIDTH) for i in range(WIDTH // 2)]
    return torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles])


def norm(p, prefix, x):
    return torch.nn.functional.layer_norm(x, (WIDTH,), p[prefix + "/gain"][0],
                                          p[prefix + "/bias"][0], 1e-5)


def layer(p, prefix, x, memory, causal):
    """One layer over the steps x of a segment; memory: normalised inputs of earlier steps.
    Returns its output and what later segments may remember of it."""
    depth, n, past = WIDTH // HEADS, len(x), len(memory)
    here = norm(p, f"{prefix}/norm1", x)
    w = p[f"{prefix}/attention/qkv/weight"]
    q = here @ w[:, :WIDTH]
    k, v = (torch.cat([memory, here]) @ w[:, WIDTH:]).split(WIDTH, 1)
    distance = [[past + i - j for j in range(past + n)] for i in range(n)]
    r = torch.stack([torch.stack([sinusoid(d) for d in row]) for row in distance])
    r = r @ p[f"{prefix}/attention/relative/weight"]
    out = []
    for h in range(HEADS):
        c = slice(h * depth, (h + 1) * depth)
        u, bias = p[f"{prefix}/attention/u"][0, c], p[f"{prefix}/attention/v"][0, c]
        score = (q[:, c] + u) @ k[:, c].T + torch.einsum("id,ijd->ij", q[:, c] + bias, r[:, :, c])
        if causal:
            score = score.masked_fill(torch.tensor(distance) < 0, -math.inf)
        out.append(torch.softmax(score / math.sqrt(depth), 1) @ v[:, c])
    x = x + torch.cat(out, 1) @ p[f"{prefix}/attention/out/weight"] \
        + p[f"{prefix}/attention/out/bias"]
    up = norm(p, f"{prefix}/norm2", x) @ p[f"{prefix}/feedforward/up/weight"]
    x = x + gelu(up + p[f"{prefix}/feedforward/up/bias"]) \
        @ p[f"{prefix}/feedforward/down/weight"] + p[f"{prefix}/feedforward/down/bias"]
    return x, here.detach()


def embed(p, prefix, event, fields):
    x = p[f"{prefix}/embedding/type"][TYPES[event["type"]]]
    x = x + p[f"{prefix}/embedding/bar"][event["bar"]]
    for field in fields:
        if event[field] != NONE:
            x = x + p[f"{prefix}/embedding/{field}"][event[field]]
    return x


def encode(p, case, group, segment):
    """Mean and log-variance of one latent of a segment."""
    prefix = f"encoder/{group}"
    x = torch.stack([embed(p, prefix, e, reads(case, group)) for e in segment["events"]])
    for i in range(ENCODER_LAYERS):
        x, _ = layer(p, f"{prefix}/{i}", x, torch.zeros(0, WIDTH), False)
    x = norm(p, f"{prefix}/norm", x)
    pooled = torch.cat([x.mean(0), x.sum(0) / 100]) if group == "rhythm" else x.mean(0)
    return (pooled @ p[f"{prefix}/head/weight"] + p[f"{prefix}/head/bias"][0]).split(LATENT)


# ---- what the latents must explain ----

def cross_entropy(logits, target):
    return -torch.log_softmax(logits, -1)[target]


def event_nats(p, h, event, nats):
    """Adds -log p of one event, or of `the bar is over` at a row's end (None)."""
    kind = "bar" if event is None else event["type"]
    logits = h @ p["decoder/heads/type/weight"] + p["decoder/heads/type/bias"][0]
    nats["type"] += cross_entropy(logits, TYPES[kind])
    if event is None:
        return
    for field in BAR_FIELDS if kind == "bar" else NOTE_FIELDS:
        head = f"decoder/heads/{field}"
        if field == "tempo" and event[field] == 0:
            continue  # unknown
        pre = h @ p[f"{head}/hidden/weight"] + p[f"{head}/hidden/bias"][0]
        for other in GIVEN[field]:
            pre = pre + p[f"{head}/given/{other}"][event[other]]
        nats[field] += cross_entropy(gelu(pre) @ p[f"{head}/out/weight"]
                                     + p[f"{head}/out/bias"][0], event[field])


def decode_row(p, case, segments, conditions, nats):
    start = dict(type="start", bar=0, **{f: NONE for f in FIELDS})
    memory = [torch.zeros(0, WIDTH)] * DECODER_LAYERS
    last = start
    for s, segment in enumerate(segments):
        targets = segment["events"] + ([None] if s + 1 == len(segments) else [])
        inputs = ([last] + segment["events"])[:len(targets)]
        last = segment["events"][-1]
        x = torch.stack([embed(p, "decoder", e, FIELDS) for e in inputs])
        for i in range(DECODER_LAYERS):
            x = x + conditions[s] @ p[f"decoder/{i}/condition/weight"]
            x, new = layer(p, f"decoder/{i}", x, memory[i], True)
            memory[i] = torch.cat([memory[i], new])[-case["memory"]:]
        for h, target in zip(norm(p, "decoder/norm", x), targets):
            event_nats(p, h, target, nats)


def subdecoder_nats(p, segment, z, nats):
    u = z["rhythm"] @ p["subdecoder/onset/in/weight"]
    for cell, target in enumerate(segment["onset"]):
        if target != NONE:
            logits = gelu(u + p["subdecoder/onset/cell"][cell]) \
                @ p["subdecoder/onset/out/weight"] + p["subdecoder/onset/out/bias"][0]
            nats["onset"] += cross_entropy(logits, target)
    v = gelu(z["tonal"] @ p["subdecoder/chroma/in/weight"] + p["subdecoder/chroma/in/bias"][0])
    logits = v @ p["subdecoder/chroma/out/weight"] + p["subdecoder/chroma/out/bias"][0]
    log_p = torch.log_softmax(logits.reshape(BARS, CLASSES), 1)
    nats["chroma"] -= (torch.tensor(segment["chroma"]).reshape(BARS, CLASSES) * log_p).sum()
    for group in GROUPS:
        y = z[group][:MIXED] @ p[f"subdecoder/attributes/{group}/weight"] \
            + p[f"subdecoder/attributes/{group}/bias"][0]
        for got, want in zip(y, segment[group]):
            if not math.isnan(want):
                nats["attributes"] += 10 * (got - want) ** 2 / 2


# ---- the latent losses ----

def normal_kl(m, s, mean, log_variance):
    return (log_variance - s + (s.exp() + (m - mean) ** 2) * (-log_variance).exp() - 1) / 2


def dispersion(q, mean, log_variance):
    """The Jensen gap of the log-partition, q (K)."""
    tau = (-log_variance).exp()
    tau_bar = q @ tau
    mean_bar = q @ (tau * mean) / tau_bar
    a = mean**2 * tau / 2 - tau.log() / 2
    return (q @ a - mean_bar**2 * tau_bar / 2 + tau_bar.log() / 2).sum()


def latent_parts(p, case, latents, labels, part):
    """Residual KL and, if the prior is N(0, I), all of it.  `trained` keeps free nats, which a
    segment's residual KL shares equally between the groups, out of the gradient."""
    trained = torch.zeros(())
    for latent, label in zip(latents, labels):
        share = 1 / sum((other < 0) == (label < 0) for other in labels)
        for group in GROUPS:
            m, s = latent["m"][group], latent["s"][group]
            zero = torch.zeros(LATENT)
            kl = normal_kl(m, s, zero, zero)
            residual = kl[MIXED:].sum()
            part["residual"] += share * residual
            trained = trained + share * torch.clamp(residual, min=case["free"] / 2)
            if case["normal"]:
                part["kl"] += share * kl[:MIXED].sum()
    return trained


def posterior(p, case, latent):
    m, s = (torch.cat([latent[x][group][:MIXED] for group in GROUPS]) for x in ("m", "s"))
    kl = normal_kl(m, s, p["mixture/mean"], p["mixture/log_variance"]).sum(1)
    log_q = torch.log_softmax(p["mixture/log_weight"][0] - kl / case["temperature"], 0)
    return kl, log_q


def mixture_parts(p, case, latents, labels, part):
    """Returns the mutual information."""
    mean, log_variance, log_pi = (p[f"mixture/{x}"] for x in ("mean", "log_variance", "log_weight"))
    log_pi, n_free, qbar = log_pi[0], sum(label < 0 for label in labels), 0
    for latent, label in zip(latents, labels):
        kl, log_q = posterior(p, case, latent)
        q = log_q.exp()
        latent["q"], latent["kl"] = q, kl
        part["max_posterior"] += q.max() / len(labels)
        if label < 0:
            part["kl"] += q @ kl / n_free
            part["category"] += q @ (log_q - log_pi) / n_free
            part["dispersion"] += dispersion(q, mean, log_variance) / n_free
            part["entropy"] -= q @ log_q / n_free
            qbar = qbar + q / n_free
            continue
        n_labelled = len(labels) - n_free
        c = slice(label * case["per_emotion"], (label + 1) * case["per_emotion"])
        inside, inside_pi = torch.log_softmax(log_q[c], 0), torch.log_softmax(log_pi[c], 0)
        part["kl"] += inside.exp() @ kl[c] / n_labelled
        part["category"] += inside.exp() @ (inside - inside_pi) / n_labelled
        part["label"] -= torch.logsumexp(log_q[c], 0) / n_labelled
        emotion = q.reshape(EMOTIONS, case["per_emotion"]).sum(1)
        part["correct"] += float(emotion.argmax() == label) / n_labelled
    return -(qbar * qbar.log()).sum() - part["entropy"]


def fader_part(case, latents, segments):
    total, n = torch.zeros(()), len(latents)
    for fader, (group, coordinate) in enumerate(FADERS):
        z = torch.stack([latent["z"][group][coordinate] for latent in latents])
        a = torch.tensor([segment["faders"][fader] for segment in segments])
        miss = torch.tanh(case["scale"] * (z[:, None] - z)) - torch.sign(a[:, None] - a)
        total = total + (miss**2).sum() / n**2
    return total


def standardised(x, floor):
    """Less its mean, over its norm with `floor` for each number; unknown numbers become 0."""
    known = ~torch.isnan(x)
    x = torch.where(known, x - x[known].mean(), 0.0)
    return x / torch.sqrt((x**2).sum() + floor**2 * len(x))


def correlation_part(latents, segments):
    """Squared correlations of the tonal means with the rhythm attributes within a micro-batch."""
    z = torch.stack([latent["m"]["tonal"] for latent in latents])
    a = torch.tensor([segment["rhythm"] + segment["faders"][:2] for segment in segments])
    return sum((standardised(x, 0.1) @ standardised(y, 1e-6)) ** 2 for x in z.T for y in a.T)


def separation(p, case):
    mean, log_variance = p["mixture/mean"], p["mixture/log_variance"]
    variance, total = log_variance.exp(), torch.zeros(())
    for k in range(len(mean)):
        for l in range(k + 1, len(mean)):
            if k // case["per_emotion"] == l // case["per_emotion"]:
                continue
            both = variance[k] + variance[l]
            apart = ((mean[k] - mean[l]) ** 2 / both / 4 + (both / 2).log() / 2
                     - (log_variance[k] + log_variance[l]) / 4).sum()
            total = total + torch.clamp(case["distance"] - apart, min=0) ** 2
    return total


PARTS = FIELDS + ("type", "onset", "chroma", "attributes", "residual", "kl", "category",
                  "dispersion", "label", "entropy", "max_posterior", "correct", "fader",
                  "correlation")


def encode_segment(p, case, row_id, place, segment):
    latent = dict(m={}, s={}, z={})
    for group in GROUPS:
        m, s = encode(p, case, group, segment)
        latent["m"][group], latent["s"][group] = m, s
        latent["z"][group] = m + (s / 2).exp() * noise(group, row_id, place)
    return latent


def reconstruction(p, case, micro, latents, part):
    """Adds the mean nats a segment of one micro-batch."""
    nats = {name: torch.zeros(()) for name in PARTS[:10]}
    latents, count = list(latents), 0
    for _, segments in micro:
        mine = latents[count:count + len(segments)]
        conditions = []
        for segment, latent in zip(segments, mine):
            tonic = torch.zeros(CLASSES)
            tonic[segment["tonic"]] = 1
            conditions.append(torch.cat([latent["z"]["rhythm"], latent["z"]["tonal"], tonic]))
            subdecoder_nats(p, segment, latent["z"], nats)
        decode_row(p, case, segments, conditions, nats)
        count += len(segments)
    for name in nats:
        part[name] += nats[name] / count


def objective(p, case, batches):
    """J as the program shows it, J whose gradient it takes, the parts and the latents."""
    part = {name: torch.zeros(()) for name in PARTS}
    latents, first = [], 0
    for micro in batches:
        for row_id, segments in micro:
            latents += [encode_segment(p, case, row_id, i, s) for i, s in enumerate(segments)]
    segments = [s for micro in batches for _, row in micro for s in row]
    labels = [s["label"] for s in segments]
    for micro in batches:
        mine = [s for _, row in micro for s in row]
        reconstruction(p, case, micro, latents[first:], part)
        part["correlation"] += correlation_part(latents[first:first + len(mine)], mine)
        first += len(mine)
    trained = latent_parts(p, case, latents, labels, part)
    part["fader"] = fader_part(case, latents, segments)
    information = 0 if case["normal"] else mixture_parts(p, case, latents, labels, part)
    w, j = case["kl"], sum(part[name] for name in PARTS[:10])
    j = j + w * (part["residual"] + part["kl"] + part["category"]
                 - case["delta"] * part["dispersion"] - case["alpha"] * information) \
        + case["gamma"] * part["label"] + case["fader"] * part["fader"] \
        + case["decorrelation"] * part["correlation"] \
        + case["separation"] * separation(p, case)
    return j, j + w * (trained - part["residual"]), part, latents


# ---- output ----

def emit(kind, name, values):
    print(f"static const {kind} {name}[{len(values)}] = {{")
    for i in range(0, len(values), 4 if kind == "double" else 20):
        some = values[i:i + (4 if kind == "double" else 20)]
        texts = ["NAN" if math.isnan(v) else f"{v:.15g}" for v in some]
        print("    " + ", ".join(texts) + ",")
    print("};")


def emit_batch(index, micro):
    prefix = f"batch{index}"
    segments = [s for _, row in micro for s in row]
    events = [e for s in segments for e in s["events"]]
    starts, rows = [0], [0]
    for _, row in micro:
        rows.append(rows[-1] + len(row))
    for segment in segments:
        starts.append(starts[-1] + len(segment["events"]))
    emit("uint32_t", f"{prefix}_row_segment", rows)
    emit("uint32_t", f"{prefix}_segment_event", starts)
    emit("uint32_t", f"{prefix}_row_id", [row_id for row_id, _ in micro])
    for name in FIELDS + ("tonal", "bar"):
        emit("uint8_t", f"{prefix}_{name}", [e[name] for e in events])
    emit("uint8_t", f"{prefix}_tonic", [s["tonic"] for s in segments])
    emit("int8_t", f"{prefix}_label", [s["label"] for s in segments])
    emit("uint8_t", f"{prefix}_onset", [x for s in segments for x in s["onset"]])
    for name, key in (("chroma", "chroma"), ("faders", "faders"), ("rhythm_attributes", "rhythm"),
                      ("tonal_attributes", "tonal")):
        emit("double", f"{prefix}_{name}", [x for s in segments for x in s[key]])


def emit_case(case, batches):
    p, table = make_parameters(case)
    p["mixture/log_weight"].requires_grad_(False)  # set by the fit
    shown, trained, part, latents = objective(p, case, batches)
    trained.backward()
    name = case["name"]
    print(f"static const struct golden_tensor {name}_tensors[{len(table)}] = {{")
    for tensor, rows, columns, centre, amplitude, phase in table:
        grad = p[tensor].grad
        grad = torch.zeros(rows * columns) if grad is None else grad.flatten()
        n = rows * columns
        some = [grad[i * (n - 1) // 3].item() for i in range(4)]
        numbers = [centre, amplitude, phase, grad.norm().item(), (grad @ wave(n, phase)).item()]
        print(f'    {{"{tensor}", {rows}, {columns},')
        print("     " + ", ".join(f"{v:.15g}" for v in numbers) + ",")
        print("     {" + ", ".join(f"{v:.15g}" for v in some) + "}},")
    print("};")
    emit("double", f"{name}_parts", [float(part[x]) for x in PARTS])
    for group in GROUPS:
        emit("double", f"{name}_z_{group}", [x for l in latents for x in l["z"][group].tolist()])
    if not case["normal"]:
        for key in ("q", "kl"):
            emit("double", f"{name}_{key}", [x for l in latents for x in l[key].tolist()])
    print(f"static const double {name}_objective = {shown.item():.15g};")


def main():
    print("/* Written by vae.py; do not edit. */")
    print("#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n")
    sizes = ", ".join(str(SIZE[field]) for field in FIELDS)
    print(f"/* width, heads, encoder and decoder layers, mixture and residual coordinates */")
    print(f"static const size_t golden_shape[] = {{{WIDTH}, {HEADS}, {ENCODER_LAYERS}, "
          f"{DECODER_LAYERS}, {MIXED}, {RESIDUAL}}};")
    print(f"static const size_t golden_vocabulary[] = {{{sizes}, {N_TONAL}, {BARS}}};")
    print(f"static const uint64_t golden_seed = {SEED}, golden_step = {STEP};")
    print("struct golden_tensor {\n    const char *name;\n    size_t rows, columns;")
    print("    double centre, amplitude, phase; /* of its numbers */")
    print("    double norm, projection, some[4]; /* of its gradient */\n};")
    print("struct golden_weights {\n    size_t memory, per_emotion;\n    int full, normal;")
    print("    double kl, delta, alpha, gamma, temperature, free, fader, scale;")
    print("    double separation, distance, decorrelation;\n};")
    batches = make_batches()
    for i, micro in enumerate(batches):
        emit_batch(i, micro)
    for case in CASES:
        values = [v for key, v in case.items() if key != "name"]
        print(f"static const struct golden_weights {case['name']}_weights = "
              f"{{{', '.join(str(int(v) if isinstance(v, bool) else v) for v in values)}}};")
        emit_case(case, batches)


main()
