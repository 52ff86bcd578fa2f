"""Other places that versions are sent to and fetched from."""

from __future__ import annotations

import os
from typing import Any, Optional

from ._calls import Calls
from ._library import Progress
from ._options import Reference, reference_text


class Remotes(Calls):
    """Push and pull: only what the other side lacks travels, and all of it is checked against its hashes."""

    def remotes(self) -> dict[str, str]:
        """The addresses of remotes, by name."""
        return {remote["name"]: remote["address"] for remote in self._call("remote ls")}

    def add_remote(self, name: str, address: str) -> None:
        """Records a remote, in place of another one of this name: `oci://host/namespace`,
        `s3://bucket/prefix`, or `oci:folder`.

        The registry holds the address and never a password: what `docker login` has stored is used, or
        MODELREG_REGISTRY_USER and MODELREG_REGISTRY_PASSWORD.
        """
        self._call("remote add", name=name, address=address)

    def remove_remote(self, name: str) -> None:
        """Forgets a remote. What is there stays there."""
        self._call("remote rm", name=name)

    def push(
        self,
        *references: Reference,
        to: Optional[str] = None,
        all: bool = False,  # noqa: A002
        force: bool = False,
        exact_number: bool = False,
        files: bool = False,
        dry_run: bool = False,
        progress: Optional[Progress] = None,
    ) -> dict[str, Any]:
        """Sends versions, or the latest ones of models, to a remote: the chunks that it lacks.

        to: its name or address; `origin`, or the only one.
        all: whether names of models stand for all of their versions.
        force: whether aliases move that somebody else has set there.
        exact_number: whether a version whose number another one has there is refused, and not given the next one.
        files: whether plain files are to be there, too: safetensors and attachments, which `oras pull` and others take.
        Returns what docs/json.md says of `push`. One that was interrupted goes on when it is called again.
        """
        return dict(
            self._call(
                "push", progress, references=[reference_text(reference) for reference in references],
                to=_address(to), all=all, force=force, exact_number=exact_number, files=files, dry_run=dry_run,
            )  # fmt: skip
        )

    def pull(
        self,
        *references: Reference,
        source: Optional[str] = None,
        all: bool = False,  # noqa: A002
        theirs: bool = False,
        dry_run: bool = False,
        progress: Optional[Progress] = None,
    ) -> dict[str, Any]:
        """Brings versions, or the latest ones of models, of a remote in: the chunks that are missing here.

        source: its name or address; `origin`, or the only one.
        all: whether names of models stand for all of their versions.
        theirs: whether aliases that both sides have move to the versions that the remote says; protected ones stay.
        Returns what docs/json.md says of `pull`. Nothing that the remote sends is trusted.
        """
        arguments: dict[str, Any] = {
            "references": [reference_text(reference) for reference in references], "from": _address(source), "all": all,
            "theirs": theirs, "dry_run": dry_run,
        }  # fmt: skip
        return dict(self._call("pull", progress, **arguments))


def _address(remote: Optional[str]) -> Optional[str]:
    return None if remote is None else os.fspath(remote)
