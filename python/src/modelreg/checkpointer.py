"""Saves what a training goes on from, beside the training."""

from __future__ import annotations

import atexit
import logging
import operator
import queue
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from . import _encoding, _library
from ._encoding import Encoded
from ._json import mapping
from ._options import PathLike, best_rule, save_options
from ._preemption import Preempted, Preemption, Signals
from ._restoring import STEP, give_back, state_of
from ._snapshot import SnapshotBuffer
from .errors import BadDataError, DamagedError, NotFoundError
from .registry import Registry, registry_of
from .results import SavedVersion, Version
from .run import Run

_log = logging.getLogger("modelreg")
_log.addHandler(logging.NullHandler())

#: Snapshots that exist at most: one is written while the next one is made.
_BUFFER_COUNT = 2


class _Job:
    def __init__(
        self, owner: Checkpointer, encoded: Encoded, options: dict[str, Any], buffer: SnapshotBuffer
    ) -> None:
        # Kept alive until it is written.
        self.owner = owner
        self.encoded = encoded
        self.options = options
        self.buffer = buffer


class Checkpointer:
    """Saves checkpoints of a training in the background, keeps the ones that matter, and goes on from the newest.

        checkpointer = modelreg.Checkpointer(registry, "mlp", max_to_keep=3, keep_best=("acc", "max", 1))
        state = {"model": model, "optimizer": optimizer, "rng": modelreg.RandomState()}
        start = (checkpointer.restore(state) or 0) + 1
        for step in range(start, 1000):
            ...
            checkpointer.save(step, state, metrics={"acc": accuracy})
        checkpointer.wait_until_finished()

    `save` copies the tensors and returns; a thread writes them, without the lock of the interpreter. Between two
    snapshots nothing is shared with the training. A checkpoint that cannot be saved raises from the next call.
    """

    def __init__(
        self,
        registry: Union[Registry, PathLike],
        model: str,
        *,
        run: Optional[Run] = None,
        every: int = 1,
        max_to_keep: Optional[int] = None,
        keep_best: Optional[tuple[str, str, int]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
        on_signal: Optional[Signals] = None,
    ) -> None:
        """Prepares to save versions of `model` in a registry, or the one at a path.

        run: the run that they belong to.
        every: steps between two checkpoints; calls of `save` at other steps do nothing.
        max_to_keep: so many latest versions stay; None: all.
        keep_best: the best by a metric stay, too: `("acc", "max", 3)`.
        on_signal: a signal, or several, that a scheduler sends before it ends the process, such as `signal.SIGTERM`. The
            next call of `save` then saves, whatever the step, waits until the version is on the disk, and raises
            Preempted, which ends the interpreter. No signal is handled unless it is named here.
        """
        if every < 1:
            raise ValueError(f"every is 1 or more steps, not {every}")
        if max_to_keep is not None and max_to_keep < 1:
            raise ValueError(f"max_to_keep is 1 or more versions, not {max_to_keep}")
        if keep_best is not None:
            keep_best = best_rule(keep_best)
        self.registry = registry_of(registry)
        self.model = model
        self.run = run
        self._every = every
        self._max_to_keep = max_to_keep
        self._keep_best = keep_best
        self._attributes = mapping(attributes, "attributes")
        self._buffers: queue.SimpleQueue[SnapshotBuffer] = queue.SimpleQueue()
        for _ in range(_BUFFER_COUNT):
            self._buffers.put(SnapshotBuffer())
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._idle = threading.Condition()
        self._waiting = 0
        self._has_garbage = False
        self._failure: Optional[BaseException] = None
        self._last: Optional[SavedVersion] = None
        self._worker: Optional[threading.Thread] = None
        self._preemption = None if on_signal is None else Preemption(on_signal)
        # An interpreter that ends finishes what is on its way.
        this = weakref.ref(self)
        atexit.register(_finish, this)

    # Saving

    def save(
        self,
        step: int,
        state: Any,
        *,
        metrics: Optional[Mapping[str, float]] = None,
        message: str = "",
        aliases: Sequence[str] = (),
        force: bool = False,
    ) -> bool:
        """Copies a checkpoint, and writes it in the background.

        state: tensors and values; what has a `state_dict()` is asked for it, up to one dictionary deep.
        force: also at a step that `every` leaves out.
        Returns whether there is one at this step. Waits only where the checkpoint before the last is not written yet.
        """
        step = operator.index(step)
        signal = self._preemption.received if self._preemption is not None else None
        if signal is None:
            self._raise_failure()
        elif self._failure is not None:
            _log.error("a checkpoint could not be saved: %s", self._failure)
            self._failure = None
        if step % self._every and not force and signal is None:
            return False
        parts = state_of(state)
        if parts.get(STEP, step) != step:
            raise ValueError(f'the part "{STEP}" is the step of the checkpoint, {step}: give yours another name')
        value = {**parts, STEP: step}
        encoded = _encoding.encode(value)
        options = save_options(message, aliases, metrics, self._attributes, step, self.run, None, (), None)
        buffer = self._buffers.get()
        try:
            job = _Job(self, buffer.copy(encoded), options, buffer)
        except BaseException:
            self._buffers.put(buffer)
            raise
        with self._idle:
            self._waiting += 1
        self._start()
        self._jobs.put(job)
        if signal is not None:
            self.wait_until_finished()
            self.close()
            raise Preempted(signal, step)
        return True

    @property
    def is_preempted(self) -> bool:
        """Whether a signal of `on_signal` has come, and the next `save` is the last: a long epoch may end early."""
        return self._preemption is not None and self._preemption.received is not None

    def close(self) -> None:
        """Waits until all checkpoints are on the disk, and handles no signal any more."""
        try:
            self.wait_until_finished()
        finally:
            if self._preemption is not None:
                self._preemption.close()

    def __enter__(self) -> Checkpointer:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        if kind is None:
            self.close()
            return
        try:
            self.close()
        except BaseException as failure:
            # What ended the block is told, and not what became of a checkpoint.
            _log.error("the last checkpoint was not saved: %s", failure)

    def wait_until_finished(self) -> Optional[SavedVersion]:
        """Waits until all checkpoints are on the disk, and returns the newest one of this object.

        Raises what failed meanwhile.
        """
        with self._idle:
            while self._waiting:
                self._idle.wait()
        self._raise_failure()
        return self._last

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _start(self) -> None:
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(
                target=_work, args=(weakref.ref(self), self._jobs), name="modelreg-checkpointer", daemon=True
            )
            self._worker.start()

    def _write(self, job: _Job) -> None:
        try:
            packed = job.encoded.pack()
            result = _library.save(
                self.registry._handle, self.model, job.encoded.structure, packed.count, packed.address or 0,
                job.options, None,
            )  # fmt: skip
            self._last = SavedVersion.from_result(result)
            _log.info("saved %s at step %s", self._last.reference, job.options["step"])
            self._tidy()
        except BaseException as failure:
            _log.error("a checkpoint could not be saved: %s", failure)
            self._failure = failure
        finally:
            self._buffers.put(job.buffer)
            with self._idle:
                self._waiting -= 1
                self._idle.notify_all()

    def _tidy(self) -> None:
        """Deletes what is to go, once the newer one is there."""
        if self._max_to_keep is None and self._keep_best is None:
            return
        metric, mode, count = self._keep_best or ("", "", 0)
        done = _library.call(
            self.registry._handle,
            "prune",
            {
                "model": self.model,
                "keep_last": self._max_to_keep or 1,
                "keep_best": [{"metric": metric, "mode": mode, "count": count}] if self._keep_best else [],
                "measures": False,
            },
        )
        self._has_garbage |= any(version["action"] == "delete" for version in done["versions"])
        # Another checkpoint that waits comes first; what is left is for the next time.
        if self._has_garbage and self._waiting == 1:
            self.registry.gc()
            self._has_garbage = False

    # Going on

    def latest(self) -> Optional[Version]:
        """The newest version, of the run where there is one."""
        found = self._versions()
        return found[0] if found else None

    def latest_step(self) -> Optional[int]:
        """The step of the newest checkpoint; None where there is none."""
        newest = self.latest()
        return None if newest is None else newest.step

    def _versions(self) -> list[Version]:
        try:
            found = self.registry.versions(self.model)
        except NotFoundError:
            return []
        reference = None if self.run is None else self.run.reference
        return [version for version in found if version.step is not None and reference in (None, version.run)]

    def load(self, step: Optional[int] = None) -> Optional[dict[str, Any]]:
        """The newest checkpoint whose every byte is right; None where there is none.

        step: the one to load; NotFoundError where there is none at this step.
        """
        self.wait_until_finished()
        versions = self._versions()
        if step is not None:
            steps = [version.step for version in versions]
            versions = [version for version in versions if version.step == step]
            if not versions:
                known = f"there are {', '.join(map(str, steps[:10]))}" if steps else "there is none at all"
                raise NotFoundError(f'no checkpoint of "{self.model}" at step {step}; {known}')
        for version in versions:
            try:
                value = self.registry.load(version, verify=True)
            except (DamagedError, BadDataError) as damage:
                if version is versions[-1] and step is not None:
                    raise
                _log.warning("%s is passed over: %s", version.reference, damage)
                continue
            if isinstance(value, dict):
                return value
        return None

    def restore(self, state: Mapping[str, Any], step: Optional[int] = None) -> Optional[int]:
        """Gives the newest checkpoint, or that of a step, back to what it came from.

        state: by the names that they were saved by, objects with `load_state_dict`, dictionaries and lists whose content
            is replaced, tensors and arrays that are filled.
        Returns the step; None where there is no checkpoint, and then nothing is changed. Names, and names and shapes of
        modules and tensors, are compared before anything is changed.
        """
        value = self.load(step)
        if value is None:
            return None
        give_back(state, value)
        return int(value[STEP])


def _work(this: weakref.ref[Checkpointer], jobs: queue.SimpleQueue[_Job]) -> None:
    while True:
        try:
            job = jobs.get(timeout=60)
        except queue.Empty:
            if this() is None:
                return
            continue
        job.owner._write(job)
        del job


def _finish(this: weakref.ref[Checkpointer]) -> None:
    owner = this()
    if owner is not None and _library.is_usable():
        try:
            owner.wait_until_finished()
        except BaseException as failure:
            _log.error("the last checkpoint was not saved: %s", failure)
