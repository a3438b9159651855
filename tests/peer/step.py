#!/usr/bin/env python3
"""Times training steps of the PyTorch peer and prints one JSON line.  See README.md."""
import argparse
import ctypes
import json
import os
import resource
import socket
import statistics
import sys
import time

GLIBC = "glibc.malloc.hugetlb=1"  # large blocks in large pages
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--preset", choices=("tiny", "small", "base", "large"), default="small")
    source = p.add_mutually_exclusive_group()
    source.add_argument("--corpus", metavar="C.h5", help="rows of a corpus")
    source.add_argument("--events", type=int, default=192, help="rows of so many events, made up")
    p.add_argument("--rows", choices=("padded", "packed"), default="padded")
    p.add_argument("--sort", action="store_true", help="padded: rows of like length together")
    p.add_argument("--rows-per-batch", type=int, default=32)
    p.add_argument("--micro", type=int, default=2048, help="events of a micro-batch")
    p.add_argument("--chunk", type=int, default=4, help="most spans that attention takes at once")
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--ranks", type=int, default=1)
    p.add_argument("--threads", type=int, default=1, help="of a rank")
    p.add_argument("--eager", action="store_true", help="without torch.compile")
    p.add_argument("--profile", action="store_true", help="print the profile of a step")
    return p.parse_args()


def prepare_process():
    """What must be set before the process starts: starts it again where it is not."""
    want = dict(os.environ, GLIBC_TUNABLES=GLIBC)
    want.pop("OPENBLAS_CORETYPE", None)
    if want != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], want)


class Peer:
    """The model with its optimiser and its batches, on one rank."""

    def __init__(self, a, rank):
        import numpy as np
        import torch
        from model import LEARNING_RATES, PRESETS, compile_kernels
        from objective import Affekt
        from rows import Corpus, Synthetic

        torch.manual_seed(1)
        self.a, self.rank, self.torch = a, rank, torch
        generator = np.random.default_rng(1)
        self.source = Corpus(a.corpus, generator) if a.corpus else Synthetic(a.events, generator)
        self.model = Affekt(PRESETS[a.preset], self.source.tables.vocabulary)
        self.n_parameters = sum(p.numel() for p in self.model.parameters())
        if not a.eager:
            compile_kernels(dynamic=bool(a.corpus))
        self.call = self.model
        if a.ranks > 1:
            self.call = torch.nn.parallel.DistributedDataParallel(
                self.model, gradient_as_bucket_view=True)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = self.make_optimizer(LEARNING_RATES[a.preset])
        torch.manual_seed(2 + rank)

    def make_optimizer(self, rate):
        decayed = {id(p) for name, p in self.model.named_parameters()
                   if p.dim() == 2 and p.shape[0] > 1 and name not in ("mean", "log_variance")}
        groups = [dict(params=[p for p in self.trained if (id(p) in decayed) == kind],
                       weight_decay=0.01 if kind else 0.0) for kind in (False, True)]
        return self.torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), eps=1e-8, fused=True)

    def next_batches(self):
        """The micro-batches of this rank, and the events of the global batch."""
        from batch import make_batch
        from rows import cut, row_events, share

        a = self.a
        rows = self.source.batch(a.rows_per_batch)
        n_events = sum(row_events(row) for row in rows)
        if a.ranks > 1:
            rows = share(rows, a.ranks, self.rank)
        if a.sort:
            rows.sort(key=lambda row: (row[0]["label"] >= 0, len(row), row_events(row)))
        return [make_batch(run, self.source.tables.vocabulary, form=a.rows, chunk=a.chunk,
                           generator=self.source.generator)
                for run in cut(rows, a.micro)], n_events

    def step(self, batches):
        torch = self.torch
        self.optimizer.zero_grad(set_to_none=True)
        loss, shown = self.call(batches)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.log_variance.clamp_(-3, 1)
        return float(shown)


def all_ranks(peer, seconds):
    """The sum over ranks."""
    total = peer.torch.tensor([seconds], dtype=peer.torch.float64)
    if peer.a.ranks > 1:
        peer.torch.distributed.all_reduce(total)
    return float(total)


def measure(peer):
    """Wall and CPU seconds and events of each step after warm-up.  Batches are made before the
    clock starts, as a data loader on another core would."""
    wall, cpu, events, losses = [], [], [], []
    for i in range(peer.a.warmup + peer.a.steps):
        batches, n_events = peer.next_batches()
        if peer.a.ranks > 1:
            peer.torch.distributed.barrier()
        start = time.perf_counter(), time.process_time()
        losses.append(peer.step(batches))
        wall.append(time.perf_counter() - start[0])
        cpu.append(all_ranks(peer, time.process_time() - start[1]))
        events.append(n_events)
    first = peer.a.warmup
    return wall[first:], cpu[first:], events[first:], losses


def report(peer, wall, cpu, events, losses):
    a = peer.a
    rate = lambda seconds: round(statistics.median(n / s for n, s in zip(events, seconds)), 1)
    settings = {k: v for k, v in vars(a).items() if k != "profile" and (k != "events" or not a.corpus)}
    return dict(events_per_second=rate(wall), events_per_cpu_second=rate(cpu),
                step_seconds=dict(median=statistics.median(wall), min=min(wall), max=max(wall)),
                step_cpu_seconds=statistics.median(cpu),
                events_per_step=statistics.median(events),
                peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                parameters=peer.n_parameters, loss_first=losses[0], loss_last=losses[-1],
                torch=peer.torch.__version__, settings=settings)


def profile(peer):
    batches, _ = peer.next_batches()
    peer.step(batches)
    with peer.torch.profiler.profile(activities=[peer.torch.profiler.ProfilerActivity.CPU]) as prof:
        peer.step(batches)
    print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=30))


def run(rank, a, port):
    prepare_rank(a)
    import torch

    if a.ranks > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
        torch.distributed.init_process_group("gloo", rank=rank, world_size=a.ranks)
    peer = Peer(a, rank)
    if a.profile:
        return profile(peer)
    result = report(peer, *measure(peer))
    if rank == 0:
        print(json.dumps(result), flush=True)
    if a.ranks > 1:
        torch.distributed.destroy_process_group()


def prepare_rank(a):
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)  # blocks are reused, not mapped and cleared anew
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    import torch

    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    a = parse_arguments()
    prepare_process()
    if a.ranks == 1:
        return run(0, a, None)
    import torch

    torch.multiprocessing.spawn(run, (a, free_port()), nprocs=a.ranks)


if __name__ == "__main__":
    main()
