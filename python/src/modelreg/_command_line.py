"""The command `modelreg`."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Runs the command line, as if Python were not there."""
    from . import _library

    # Python ignores SIGPIPE and handles SIGINT; the command line has its own ways.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return _library.main(["modelreg", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
