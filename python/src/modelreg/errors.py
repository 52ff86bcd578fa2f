"""What calls raise: one class for each exit status of the command line, each of which says what to do."""

from __future__ import annotations

import re


class Error(Exception):
    """A call that failed. What it was to change is as it was before, unless its documentation says otherwise."""

    #: The exit status that the command line ends with.
    code = 74
    #: What to do about it, where the message does not say.
    advice = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.advice})" if self.advice else self.message


class GateError(Error):
    """A condition of a gate held: bad tensors, mostly."""

    code = 1
    advice = "nothing is saved; save with gate=None, or look at the tensors that are named"


class UsageError(Error, ValueError):
    """The request contradicts itself, or names something invalid."""

    code = 64


class DamagedError(Error):
    """A file is not what it claims to be, or stored data is damaged."""

    code = 65
    advice = "registry.verify() lists what is damaged; the command `modelreg verify --repair-from` mends it from a copy"


class BadDataError(Error, ValueError):
    """A file is not what it claims to be, or a checkpoint cannot be stored."""

    code = 65


class NotFoundError(Error, LookupError):
    """There is no such registry, file, model, version or name."""

    code = 66


class UnavailableError(Error, ConnectionError):
    """A remote, or the network on the way to it, does not answer."""

    code = 69
    advice = "try again: what was sent or fetched is not lost"


class SoftwareError(Error):
    """A fault of modelreg itself."""

    code = 70
    advice = "please report it"


class OutputError(Error):
    """An output is there already, or cannot be made."""

    code = 73


class StorageError(Error, OSError):
    """Reading or writing failed: a full disk, for instance."""

    code = 74


class BusyError(Error, TimeoutError):
    """Other processes hold what is needed."""

    code = 75
    advice = "try again, or open the registry with a longer wait="


class NotPermittedError(Error, PermissionError):
    """A remote does not allow it."""

    code = 77
    advice = "log in with docker login, or set MODELREG_REGISTRY_USER and MODELREG_REGISTRY_PASSWORD"


class NotARegistryError(Error):
    """Something else is where a registry should be, or a newer modelreg made it."""

    code = 78


class CancelledError(Error):
    """The call was given up, and the registry is as it was before."""

    code = 130


class ForkedError(Error, RuntimeError):
    """modelreg was used before this process was forked, and cannot be used in the child."""

    advice = (
        'use the start method "spawn" (multiprocessing.set_start_method, DataLoader(multiprocessing_context=)), '
        "or load what the child needs before forking"
    )


class MismatchError(UsageError):
    """A version and what it is to be loaded into do not have the same tensors. Nothing is loaded."""


_BY_CODE: dict[int, type[Error]] = {
    kind.code: kind
    for kind in (
        GateError,
        UsageError,
        BadDataError,
        NotFoundError,
        UnavailableError,
        SoftwareError,
        OutputError,
        StorageError,
        BusyError,
        NotPermittedError,
        NotARegistryError,
        CancelledError,
    )
}


#: What the command line calls something, and what this package does.
_IN_PYTHON = (
    (re.compile(r"^\d+ is no open registry$"), "the registry was closed; modelreg.open opens it again"),
    (
        re.compile(r"`modelreg save` makes one, --registry or MODELREG_REGISTRY names another$"),
        "modelreg.open makes one unless create=False, and MODELREG_REGISTRY names the default",
    ),
    (re.compile(r"resume it \(--resume\)"), "resume it (resume=True)"),
    (re.compile(r"or use --force$"), "or use force=True"),
    (re.compile(r"; --force moves"), "; force=True moves"),
    (re.compile(r" \(--wait waits longer\)$"), ""),
    (re.compile(r"push without --exact-number$"), "push without exact_number=True"),
    (re.compile(r"give --allow-unsafe:"), "give allow_unsafe=True:"),
    (re.compile(r"`modelreg verify` lists the affected versions$"), "registry.verify() lists the affected versions"),
    (re.compile(r"`load (\S+) --only (.*)` loads what is there$"), r'load("\1", only="\2") loads what is there'),
    (re.compile(r"keep_younger_seconds"), "keep_younger"),
    (re.compile(r"^(.*) cannot be written$"), r"\1 cannot be written: open it without read_only=True, or change who may"),
    (re.compile(r"^(cannot write .*: File exists)$"), r"\1; replace=True puts another file in its place"),
    (re.compile(r"^(cannot write .*: No such file or directory)$"), r"\1; make the folder first"),
    (re.compile(r"^(.* is not a modelreg registry)$"), r"\1; choose another path; save_file saves a checkpoint"),
    (re.compile(r"^(no model [^;()]*)$"), r"\1; registry.models() lists what there is"),
    (re.compile(r"^(no alias [^;()]*)$"), r"\1; registry.aliases() lists what there is"),
    (re.compile(r"^(nothing in the checkpoint matches .*)$"), r"\1; registry.lazy() has the paths as its keys()"),
)


def error_of(code: int, message: str) -> Error:
    """The exception for a code of the library."""
    for pattern, words in _IN_PYTHON:
        message = pattern.sub(words, message)
    if code == 65 and ("damaged" in message or "missing" in message):
        return DamagedError(message)
    return _BY_CODE.get(code, Error)(message)
