"""What is in a registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

from ._calls import Calls
from ._library import Progress
from ._options import Reference, patterns, reference_text
from .results import Model, RecordedRun, Version
from .tables import Diff, Table


class Queries(Calls):
    """What the registry answers. Nothing of this changes it."""

    def models(self) -> list[Model]:
        """All models."""
        return [
            Model(
                model["name"],
                model["version_count"],
                tuple(model["aliases"]),
                Version.from_json(model["latest"]) if model.get("latest") else None,
            )
            for model in self._call("ls")
        ]

    def versions(
        self,
        model: Optional[str] = None,
        *,
        where: Optional[str] = None,
        sort: Union[str, Sequence[str]] = (),
        limit: Optional[int] = None,
    ) -> list[Version]:
        """The versions of a model, or of all, latest first.

        where: a condition, such as "accuracy > 0.97 and lr <= 1e-3".
        sort: an expression, or several; "-accuracy" puts the greatest first.
        """
        found = self._call("log", model=model, where=where, sort=patterns(sort), limit=limit)
        return [Version.from_json(version) for version in found]

    def runs(self, model: Optional[str] = None) -> list[RecordedRun]:
        """The runs of a model, or all, latest first; `sql` asks for their metrics by step."""
        return [RecordedRun.from_json(run) for run in self._call("run ls", model=model)]

    def version(self, reference: Reference) -> Version:
        """What is known of a version."""
        return Version.from_json(self._call("version", reference=reference_text(reference)))

    def history(
        self, model: str, paths: Union[str, Sequence[str]] = (), *, exact: bool = False, limit: Optional[int] = None
    ) -> dict[str, list[dict[str, Any]]]:
        """What became of parameters, oldest version first; the keys of entries are those of docs/json.md.

        exact: whether tensors are read, to say how far each moved.
        """
        found = self._call("history", model=model, paths=patterns(paths), exact=exact, limit=limit)
        return {parameter["path"]: parameter["history"] for parameter in found["parameters"]}

    def blame(self, reference: Reference, paths: Union[str, Sequence[str]] = ()) -> dict[str, str]:
        """In which version each parameter last changed: `{"0.weight": "mlp:v2"}`. No tensor is read."""
        found = self._call("blame", reference=reference_text(reference), paths=patterns(paths))
        return {parameter["path"]: parameter["changed_in"] for parameter in found["parameters"]}

    def lineage(self, reference: Reference, *, descendants: bool = False) -> dict[str, Any]:
        """What a version was made from, across models, or what was made from it: a tree, as docs/json.md says."""
        found: dict[str, Any] = self._call("lineage", reference=reference_text(reference), descendants=descendants)
        return found

    def diff(
        self,
        old: Reference,
        new: Reference,
        *,
        only: Union[str, Sequence[str]] = (),
        stats: bool = True,
        fail_if: Union[str, Sequence[str]] = (),
        progress: Optional[Progress] = None,
    ) -> Diff:
        """What changed from one version to another, and by how much.

        stats: whether elements are compared; otherwise no tensor is read.
        fail_if: conditions, such as "rel_l2 > 0.1"; those that hold are in `failed`.
        """
        return Diff(
            self._call(
                "diff",
                progress,
                old=reference_text(old),
                new=reference_text(new),
                only=patterns(only),
                statistics=stats,
                fail_if=patterns(fail_if),
            )
        )

    def sql(self, query: str) -> Table:
        """Asks the registry in SQL, by the library's own connection. Nothing is changed. Bytes come back as bytes."""
        found = self._call("sql", query=query)
        rows = [
            tuple(bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value for value in row)
            for row in found["rows"]
        ]
        return Table(found["columns"], rows)
