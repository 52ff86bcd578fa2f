"""How the library behaves in somebody else's process."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import modelreg

def noise(count: int = 16_000_000, seed: int = 1) -> torch.Tensor:
    """Random, so that it is not compressed away; long enough to be cancelled in the middle."""
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def test_an_interrupted_save_leaves_nothing(registry: modelreg.Registry) -> None:
    handled = threading.Event()

    def interrupt(_number: int, _frame: Any) -> None:
        handled.set()
        raise KeyboardInterrupt

    def progress(done: int, total: int) -> None:
        if not handled.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            handled.wait()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            registry.save({"w": noise()}, "m", progress=progress)
    finally:
        signal.signal(signal.SIGINT, before)
    assert registry.models() == []
    assert registry.verify()["is_intact"]
    registry.save({"w": torch.ones(1)}, "m")


def test_an_exception_of_progress_ends_the_call(registry: modelreg.Registry) -> None:
    def progress(done: int, total: int) -> None:
        raise ZeroDivisionError("by the callable")

    with pytest.raises(ZeroDivisionError, match="by the callable"):
        registry.save({"w": noise()}, "m", progress=progress)
    assert registry.models() == []


def test_progress_counts_to_the_end(registry: modelreg.Registry) -> None:
    calls: list[tuple[int, int]] = []
    registry.save({"w": noise(1_000_000)}, "m", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (4_000_000, 4_000_000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_a_forked_child_is_told(registry: modelreg.Registry, run_python: Any) -> None:
    done = run_python(
        """
import os, modelreg
registry = modelreg.open("fork.db")
registry.save([1], "m")
child = os.fork()
if child == 0:
    try:
        registry.models()
    except modelreg.ForkedError as error:
        assert 'use the start method "spawn"' in str(error), error
        try:
            modelreg.open("other.db")
        except modelreg.ForkedError:
            os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
registry.save([2], "m")
print(registry.load("m"))
"""
    )
    assert (done.stdout, done.returncode) == ("[2]\n", 0), done.stderr


def test_children_that_fork_before_use_and_spawned_ones_work(run_python: Any) -> None:
    done = run_python(
        """
import os, modelreg
child = os.fork()
if child == 0:
    modelreg.open("fork.db").save([1], "m")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(modelreg.open("fork.db").load("m"))
"""
    )
    assert done.stdout == "[1]\n", done.stderr


def test_threads_save_and_load_at_once(registry: modelreg.Registry) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(5):
                value = torch.full((1000,), float(10 * number + step))
                saved = registry.save({"w": value}, f"m{number}")
                assert torch.equal(registry.load(saved)["w"], value)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert registry.verify()["version_count"] == 20


SAVER = """
import sys, torch, modelreg
registry = modelreg.open(sys.argv[1], wait=120)
for step in range(6):
    registry.save({"w": torch.randn(500_000, generator=torch.Generator().manual_seed(step))}, sys.argv[2])
print("done")
"""


def test_a_notebook_looks_inside_while_others_save(
    registry: modelreg.Registry, run_python: Any, tmp_path: Path
) -> None:
    """The interpreter's SQLite beside the library's own, in one process: each `close` would drop all POSIX locks."""
    results: list[Any] = []
    others = [
        threading.Thread(target=lambda name: results.append(run_python(SAVER, registry.path, name)), args=(f"other{i}",))
        for i in range(2)
    ]

    def save() -> None:
        for step in range(12):
            registry.save({"w": noise(500_000, seed=100 + step)}, "mine")
        results.append("saved")

    saver = threading.Thread(target=save)
    for thread in (*others, saver):
        thread.start()
    looks = 0
    while any(thread.is_alive() for thread in (*others, saver)):
        connection = sqlite3.connect(registry.path, timeout=0)
        try:
            connection.execute("SELECT count(*) FROM version").fetchone()
            looks += 1
        except sqlite3.OperationalError as error:
            assert "locked" in str(error) or "no such table" in str(error), error
        finally:
            connection.close()
        with open(registry.path, "rb") as file:
            file.read(100)
    for thread in (*others, saver):
        thread.join()
    assert looks > 0 and "saved" in results
    assert [result.stdout for result in results if result != "saved"] == ["done\n", "done\n"], results
    assert {model.name: model.version_count for model in registry.models()} == {"mine": 12, "other0": 6, "other1": 6}
    assert registry.verify()["is_intact"]
    with sqlite3.connect(registry.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_nothing_is_printed_and_no_handler_installed(run_python: Any) -> None:
    done = run_python(
        """
import signal
before = {number: signal.getsignal(number) for number in signal.valid_signals()}
def caught():
    line = next(line for line in open("/proc/self/status") if line.startswith("SigCgt"))
    # Beyond are those that the C library's threads have among themselves.
    return int(line.split()[1], 16) % 2**31
handlers = caught()
import modelreg
registry = modelreg.open("quiet.db")
registry.save({"a": list(range(100))}, "m")
registry.load("m", framework="numpy")
registry.close()
assert caught() == handlers
"""
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_importing_takes_neither_torch_nor_numpy(run_python: Any) -> None:
    done = run_python(
        "import sys, modelreg; print([name for name in ('torch', 'numpy', 'modelreg.checkpointer') if name in sys.modules])"
    )
    assert done.stdout == "[]\n", done.stderr


def test_pytorch_alone_is_enough(run_python: Any) -> None:
    done = run_python(
        """
import sys
sys.modules["numpy"] = None
import torch, modelreg
registry = modelreg.open("torch.db")
base = torch.arange(6.0)
registry.save({"w": base, "t": base[2:4], "n": 3}, "m")
loaded = registry.load("m")
loaded["w"][2] = -1
target = {"w": torch.zeros(6), "t": torch.zeros(2)}
registry.load_into("m", target, strict=False)
print(loaded["t"].tolist(), target["t"].tolist(), registry.lazy("m")["w"][1:3].tolist())
"""
    )
    assert done.stdout == "[-1.0, 3.0] [2.0, 3.0] [1.0, 2.0]\n", done.stderr


def test_the_command_line_is_there(run_python: Any, registry: modelreg.Registry) -> None:
    registry.save([1], "mlp", message="from Python")
    program = "import sys; from modelreg._command_line import main; sys.argv[1:] = sys.argv[1:]; sys.exit(main())"
    done = run_python(program, "log", "mlp", "--registry", registry.path)
    assert "from Python" in done.stdout and done.returncode == 0
    done = run_python(program, "show", "none", "--registry", registry.path)
    assert done.stderr.startswith('modelreg: no model "none"') and done.returncode == 66
