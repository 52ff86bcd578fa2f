"""The library behind the package: how it is found, called, and interrupted."""

from __future__ import annotations

import ctypes
import json
import os
import threading
from collections.abc import Callable
from typing import Any, Optional

from ._json import dumped
from .errors import Error, ForkedError, error_of

#: The version of the C interface that this package is written for.
ABI = 1

Progress = Callable[[int, int], Any]

_PROGRESS = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


class _CError(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int32), ("message", ctypes.c_void_p)]


class Buffer(ctypes.Structure):
    """Memory to be written to: `mr_buffer`."""

    _fields_ = [("bytes", ctypes.c_void_p), ("byte_count", ctypes.c_int64)]


_U64 = ctypes.c_uint64
_TEXT = ctypes.c_char_p
_FLAG = ctypes.POINTER(ctypes.c_int32)
_RESULT = ctypes.POINTER(ctypes.c_void_p)
_ERROR = ctypes.POINTER(_CError)

_SIGNATURES: dict[str, list[Any]] = {
    "mr_open": [
        _TEXT, ctypes.c_int32, ctypes.c_int32, ctypes.c_double, ctypes.c_int32, ctypes.POINTER(_U64), _ERROR,
    ],
    "mr_close": [_U64, _ERROR],
    "mr_save": [
        _U64, _TEXT, _TEXT, ctypes.c_int64, ctypes.c_void_p, _TEXT, _FLAG, ctypes.c_void_p, ctypes.c_void_p,
        _RESULT, _ERROR,
    ],
    "mr_layout_open": [_U64, _TEXT, _TEXT, _FLAG, ctypes.POINTER(_U64), _RESULT, _ERROR],
    "mr_layout_close": [_U64, _ERROR],
    "mr_read": [
        _U64, ctypes.c_int64, ctypes.POINTER(Buffer), ctypes.c_int32, _FLAG, ctypes.c_void_p, ctypes.c_void_p,
        _ERROR,
    ],
    "mr_call": [_U64, _TEXT, _TEXT, _FLAG, ctypes.c_void_p, ctypes.c_void_p, _RESULT, _ERROR],
    "mr_main": [ctypes.c_int32, ctypes.POINTER(_TEXT)],
}  # fmt: skip

_loaded: Optional[ctypes.CDLL] = None
_loading = threading.Lock()
_is_forked = False


def _after_fork() -> None:
    """In a child, the library's locks and threads are those of a process that is not there."""
    global _is_forked, _loading
    _loading = threading.Lock()
    if _loaded is not None:
        _is_forked = True


os.register_at_fork(after_in_child=_after_fork)


def library() -> ctypes.CDLL:
    """The library, which is loaded by the first call.

    Raises ForkedError in a process that was forked after it was loaded.
    """
    global _loaded
    if _is_forked:
        raise ForkedError("modelreg was used before this process was forked")
    if _loaded is None:
        with _loading:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def is_usable() -> bool:
    """Whether a handle of this process may still be closed."""
    return _loaded is not None and not _is_forked


def _load() -> ctypes.CDLL:
    path = os.environ.get("MODELREG_LIBRARY") or os.path.join(os.path.dirname(__file__), "libmodelreg.so")
    try:
        lib = ctypes.CDLL(path)
    except OSError as error:
        raise Error(
            f"cannot load the library: {error}; the wheel from PyPI has it, a source tree makes it by `make wheel`"
        ) from None
    lib.mr_abi.argtypes = []
    lib.mr_abi.restype = ctypes.c_int32
    found = lib.mr_abi()
    if found != ABI:
        raise Error(f"{path} has version {found} of the interface, and this package needs {ABI}: install them together")
    for name, arguments in _SIGNATURES.items():
        function = getattr(lib, name)
        function.argtypes = arguments
        function.restype = ctypes.c_int32
    lib.mr_free.argtypes = [ctypes.c_void_p]
    lib.mr_free.restype = None
    return lib


def _take(lib: ctypes.CDLL, address: Optional[int]) -> str:
    """The text at an address, which is freed."""
    if not address:
        return ""
    try:
        return ctypes.string_at(address).decode("utf-8")
    finally:
        lib.mr_free(address)


def _check(lib: ctypes.CDLL, code: int, error: _CError) -> None:
    if code != 0:
        message = _take(lib, error.message) or "no memory"
        raise error_of(code, message)


class _Call:
    """One call, which is given up when `cancelled` becomes other than 0."""

    def __init__(self, progress: Optional[Progress]) -> None:
        self.lib = library()
        self.cancelled = ctypes.c_int32(0)
        self.error = _CError()
        self.result = ctypes.c_void_p()
        self.failure: Optional[BaseException] = None
        self.callback: Any = None
        if progress is not None:
            self.callback = _PROGRESS(self._tell)
            self._progress = progress

    def _tell(self, _context: Any, done: int, total: int) -> None:
        # An exception cannot cross the library: it ends the call, and is raised behind it.
        if self.failure is None:
            try:
                self._progress(done, total)
            except BaseException as failure:
                self.failure = failure
                self.cancelled.value = 1

    @property
    def progress(self) -> Any:
        return ctypes.cast(self.callback, ctypes.c_void_p) if self.callback is not None else None

    def run(self, function: Callable[[], int]) -> None:
        """Calls `function`: on the main thread, where signals are handled, by way of another one."""
        if threading.current_thread() is threading.main_thread():
            code = self._run_apart(function)
        else:
            code = function()
        if self.failure is not None:
            _take(self.lib, self.error.message)
            _take(self.lib, self.result.value)
            raise self.failure
        _check(self.lib, code, self.error)

    def _run_apart(self, function: Callable[[], int]) -> int:
        codes: list[int] = []
        done = threading.Lock()
        done.acquire()

        def body() -> None:
            try:
                codes.append(function())
            finally:
                done.release()

        threading.Thread(target=body, name="modelreg", daemon=True).start()
        while True:
            try:
                done.acquire()
                break
            except BaseException as failure:  # Ctrl-C, or what another handler of a signal raises.
                self.failure = self.failure or failure
                self.cancelled.value = 1
        return codes[0] if codes else 70


def _encode(text: str, what: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"{what} is a text, not a {type(text).__qualname__}: {text!r:.80}")
    if "\0" in text:
        raise error_of(64, f"{what} has a NUL")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise error_of(64, f"{what} is not UTF-8, as all names are: {text!r}") from None


def open_registry(path: str, create: bool, read_only: bool, wait: float, packs: bool) -> int:
    """Opens a registry, and returns its handle."""
    call = _Call(None)
    handle = _U64()
    name = _encode(path, "a registry's path")
    code = call.lib.mr_open(name, create, read_only, wait, packs, ctypes.byref(handle), ctypes.byref(call.error))
    _check(call.lib, code, call.error)
    return handle.value


def close_registry(handle: int) -> None:
    """Closes a registry."""
    call = _Call(None)
    _check(call.lib, call.lib.mr_close(handle, ctypes.byref(call.error)), call.error)


def save(
    handle: int,
    model: str,
    structure: bytes,
    count: int,
    leaves: int,
    options: dict[str, Any],
    progress: Optional[Progress],
) -> dict[str, Any]:
    """Saves leaves, which are in memory at an address."""
    call = _Call(progress)
    name, settings = _encode(model, "the model's name"), dumped(options)
    call.run(
        lambda: call.lib.mr_save(
            handle, name, structure, count, leaves, settings, ctypes.byref(call.cancelled), call.progress, None,
            ctypes.byref(call.result), ctypes.byref(call.error),
        )  # fmt: skip
    )
    result: dict[str, Any] = json.loads(_take(call.lib, call.result.value))
    return result


class Layout:
    """How a version lies in storages; to be closed."""

    def __init__(self, handle: int, reference: str, options: dict[str, Any]) -> None:
        call = _Call(None)
        layout = _U64()
        name, settings = _encode(reference, "the reference"), dumped(options)
        try:
            call.run(
                lambda: call.lib.mr_layout_open(
                    handle, name, settings, ctypes.byref(call.cancelled), ctypes.byref(layout),
                    ctypes.byref(call.result), ctypes.byref(call.error),
                )  # fmt: skip
            )
        except BaseException:
            # Interrupted when it was there already.
            if layout.value:
                call.lib.mr_layout_close(layout.value, None)
            raise
        self._handle = layout.value
        self.json: dict[str, Any] = json.loads(_take(call.lib, call.result.value))

    def read(self, destinations: list[tuple[int, int]], verify: bool, progress: Optional[Progress]) -> None:
        """Fills the storages at addresses, of lengths."""
        call = _Call(progress)
        buffers = (Buffer * max(1, len(destinations)))(*(Buffer(address, count) for address, count in destinations))
        call.run(
            lambda: call.lib.mr_read(
                self._handle, len(destinations), buffers, verify, ctypes.byref(call.cancelled), call.progress, None,
                ctypes.byref(call.error),
            )  # fmt: skip
        )

    def __enter__(self) -> Layout:
        return self

    def __exit__(self, *_: object) -> None:
        library().mr_layout_close(self._handle, None)


def call(
    handle: int, command: str, arguments: dict[str, Any], progress: Optional[Progress] = None, quick: bool = False
) -> Any:
    """Carries out a command.

    With `quick`, on this thread: a signal is handled once it is done.
    """
    this = _Call(progress)
    name, settings = _encode(command, "the command"), dumped(arguments)
    flag = None if quick else ctypes.byref(this.cancelled)

    def function() -> int:
        code: int = this.lib.mr_call(
            handle, name, settings, flag, this.progress, None, ctypes.byref(this.result), ctypes.byref(this.error)
        )
        return code

    if quick:
        _check(this.lib, function(), this.error)
    else:
        this.run(function)
    return json.loads(_take(this.lib, this.result.value))


def main(words: list[str]) -> int:
    """The command line."""
    encoded = [os.fsencode(word) for word in words]
    code: int = library().mr_main(len(encoded), (_TEXT * len(encoded))(*encoded))
    return code
