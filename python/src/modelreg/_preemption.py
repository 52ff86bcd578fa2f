"""Signals that announce the end of a training: noted, and acted on at the next checkpoint."""

from __future__ import annotations

import os
import signal
import weakref
from collections.abc import Iterable
from types import FrameType
from typing import Any, Optional, Union

#: Signals of schedulers that take a machine away: SIGTERM as a rule.
Signals = Union[int, Iterable[int]]


class Preempted(SystemExit):
    """A signal announced the end of the process, and the last checkpoint is on the disk.

    As any SystemExit it ends the interpreter, once blocks are left; the exit status is that of a process that the signal
    ended.
    """

    def __init__(self, number: int, step: int) -> None:
        super().__init__(128 + number)
        #: The signal's number.
        self.signal = number
        #: The step of the checkpoint.
        self.step = step

    def __str__(self) -> str:
        return f"{signal.Signals(self.signal).name} ended the training; the checkpoint at step {self.step} is saved"


class Preemption:
    """Handlers of signals, from construction to `close`. The second signal does what it would have done without them."""

    def __init__(self, signals: Signals) -> None:
        #: The signal that has come.
        self.received: Optional[int] = None
        self._before: dict[int, Any] = {}
        numbers = [signals] if isinstance(signals, int) else list(signals)
        this = weakref.ref(self)

        def handle(number: int, frame: Optional[FrameType]) -> None:
            owner = this()
            if owner is not None:
                owner._note(number, frame)

        self._handler = handle
        try:
            for number in numbers:
                self._before[int(number)] = signal.signal(number, handle)
        except ValueError as error:
            self.close()
            raise ValueError(f"on_signal: {error}; make the Checkpointer in the main thread") from None
        weakref.finalize(self, _restore, self._before, handle)

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        if self.received is None:
            self.received = number
            return
        before = self._before.get(number)
        self.close()
        if callable(before):
            before(number, frame)
        else:
            os.kill(os.getpid(), number)

    def close(self) -> None:
        """Gives the signals back."""
        _restore(self._before, self._handler)


def _restore(before: dict[int, Any], handler: Any) -> None:
    """Puts handlers back where ours still is; somebody else's that came later stays."""
    for number, earlier in list(before.items()):
        try:
            if signal.getsignal(number) is handler:
                signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
        except ValueError:
            pass  # Not on the main thread: the handler does nothing by itself.
    before.clear()
