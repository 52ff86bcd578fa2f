"""The Python package against PyTorch, in one run: 500 MB of float32 in 120 tensors, and 10,000 small tensors.

usage: python Benchmarks/python.py [FOLDER]    (with modelreg and torch installed; FOLDER is on the disk to measure)

Prints medians of five, in milliseconds: what the clock says, and what the processor did.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import torch

import modelreg

COUNT = 120
LENGTH = 500_000_000 // 4 // COUNT
REPEATS = 5


def measure(name: str, body: Callable[[], object], before: Callable[[], object] = lambda: None) -> None:
    walls, works = [], []
    for _ in range(REPEATS):
        before()
        start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        body()
        now = resource.getrusage(resource.RUSAGE_SELF)
        walls.append(time.perf_counter() - start)
        works.append(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
    print(f"{name:44} {1e3 * statistics.median(walls):8.0f} {1e3 * statistics.median(works):8.0f}")


def main() -> None:
    folder = tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else None)
    file = os.path.join(folder, "state.pt")
    registry = modelreg.open(os.path.join(folder, "models.db"), pack=False)
    generator = torch.Generator().manual_seed(1)
    state = {f"layer{index}": 0.02 * torch.randn(LENGTH, generator=generator) for index in range(COUNT)}
    target = {name: torch.zeros_like(tensor) for name, tensor in state.items()}

    def change(count: int) -> None:
        for tensor in list(state.values())[:count]:
            tensor.mul_(1.0001)

    def save_file() -> None:
        with open(file, "wb") as output:
            torch.save(state, output)
            output.flush()
            os.fsync(output.fileno())

    def load_file_into() -> None:
        loaded = torch.load(file)
        for name, tensor in target.items():
            tensor.copy_(loaded[name])

    print(f"{'':44} {'wall ms':>8} {'CPU ms':>8}")
    measure("torch.save and fsync", save_file)
    measure("save, all tensors new", lambda: registry.save(state, "m"), before=lambda: change(COUNT))
    measure("save, 12 of 120 tensors new", lambda: registry.save(state, "m"), before=lambda: change(COUNT // 10))
    measure("save, nothing new", lambda: registry.save(state, "m"))
    measure("torch.load", lambda: torch.load(file))
    measure("load", lambda: registry.load("m"))
    measure("torch.load and copy_", load_file_into)
    measure("load_into", lambda: registry.load_into("m", target))

    source, copy = (ctypes.create_string_buffer(500_000_000) for _ in range(2))
    ctypes.memmove(copy, source, 500_000_000)
    measure("memcpy of as much", lambda: ctypes.memmove(copy, source, 500_000_000))
    checkpointer = modelreg.Checkpointer(registry, "c")
    for step in range(2):
        checkpointer.save(step, state)
    checkpointer.wait_until_finished()
    measure(
        "Checkpointer.save, until it returns", lambda: checkpointer.save(0, state),
        before=checkpointer.wait_until_finished,
    )  # fmt: skip
    checkpointer.wait_until_finished()

    small = {f"p{index}": torch.randn(16) for index in range(10_000)}
    measure("torch.save of 10,000 small tensors", lambda: torch.save(small, file))
    measure("save", lambda: registry.save(small, "s"), before=lambda: small["p0"].add_(1))
    measure("torch.load", lambda: torch.load(file))
    measure("load", lambda: registry.load("s"))


main()
