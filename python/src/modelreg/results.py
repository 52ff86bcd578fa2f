"""What calls answer with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Any, Optional, TypeVar

_Self = TypeVar("_Self", bound="Version")


def _metrics(json: dict[str, Optional[float]]) -> dict[str, float]:
    """Metrics; JSON has null where a value is not finite."""
    return {name: math.nan if value is None else value for name, value in json.items()}


def moment(text: str) -> datetime:
    """A time in UTC."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Version:
    """An immutable saved checkpoint of a model."""

    #: `mlp:v3`
    reference: str
    model: str
    number: int
    #: Same weights and structure, same id.
    content_id: str
    kind: str
    message: str
    created_at: datetime
    tensor_count: int
    #: Of its tensors, before compression.
    byte_count: int
    parent: Optional[str] = None
    run: Optional[str] = None
    step: Optional[int] = None
    aliases: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    #: Facts and settings, where they were asked for.
    attributes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls: type[_Self], json: dict[str, Any], **more: Any) -> _Self:
        """Reads what docs/json.md calls a version."""
        known = {entry.name for entry in fields(cls)}
        values = {name: value for name, value in json.items() if name in known}
        values.update(
            number=json["version"],
            created_at=moment(json["created_at"]),
            aliases=tuple(json["aliases"]),
            metrics=_metrics(json["metrics"]),
            attributes=json.get("attributes") or {},
            **more,
        )
        return cls(**values)

    def __str__(self) -> str:
        return self.reference


@dataclass(frozen=True)
class SavedVersion(Version):
    """A version that was saved just now."""

    #: An earlier version of the model with the same content.
    same_content_as: Optional[str] = None
    #: Bytes that were new to the registry, before compression and after it.
    new_byte_count: int = 0
    stored_byte_count: int = 0
    #: Tensors for which a gate marked it.
    unhealthy: tuple[str, ...] = ()

    @classmethod
    def from_result(cls, json: dict[str, Any]) -> SavedVersion:
        """Reads what `save` prints."""
        return cls.from_json(
            json["version"],
            same_content_as=json.get("same_content_as"),
            new_byte_count=json["new_byte_count"],
            stored_byte_count=json["stored_byte_count"],
            unhealthy=tuple(json.get("unhealthy", ())),
        )


@dataclass(frozen=True)
class Model:
    """A model and what it has."""

    name: str
    version_count: int
    aliases: tuple[str, ...]
    #: None where all versions are deleted.
    latest: Optional[Version]


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors of a version and of what it was loaded into."""

    version: Version
    #: Names that were filled.
    loaded: tuple[str, ...]
    #: Names of the model that the version lacks.
    missing: tuple[str, ...]
    #: Names of the version that the model lacks.
    unexpected: tuple[str, ...]


class Table:
    """What SQL has found."""

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.columns = columns
        self.rows = rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row)) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_pandas(self) -> Any:
        """The rows as a DataFrame of pandas."""
        import pandas

        return pandas.DataFrame(self.rows, columns=self.columns)

    def __repr__(self) -> str:
        return f"Table({self.columns}, {len(self.rows)} rows)"


@dataclass(frozen=True)
class Change:
    """What became of one tensor or value."""

    path: str
    #: `added`, `removed`, `renamed`, `moved`, `changed`
    change: str
    #: `type`, `dtype`, `shape`, `value`, `tie`
    differences: tuple[str, ...]
    #: Its name on the old side, where it is another.
    old_path: Optional[str]
    old: Optional[dict[str, Any]]
    new: Optional[dict[str, Any]]
    #: Of tensors whose elements were compared: `l2`, `rel_l2`, `max_abs`, …; see docs/json.md.
    statistics: dict[str, Any]


class Diff:
    """What changed from one version to another, and by how much."""

    def __init__(self, json: dict[str, Any]) -> None:
        #: As docs/json.md says.
        self.json = json
        self.old: str = json["old"]
        self.new: str = json["new"]
        #: Whether the weights are the same.
        self.is_empty: bool = json["is_empty"]
        self.unchanged_count: int = json["unchanged_count"]
        self.modules: list[dict[str, Any]] = json["modules"]
        #: Conditions of `fail_if` that hold.
        self.failed: list[str] = [gate["condition"] for gate in json["gates"] if gate["holds"]]
        self.changes = [
            Change(
                change["path"],
                change["change"],
                tuple(change["differences"]),
                change.get("from"),
                change.get("old"),
                change.get("new"),
                change.get("statistics") or {},
            )
            for change in json["changes"]
        ]

    def __bool__(self) -> bool:
        return not self.is_empty

    def to_pandas(self) -> Any:
        """The changes as a DataFrame of pandas: a row each, with their statistics."""
        import pandas

        return pandas.DataFrame(
            [
                {"path": change.path, "change": change.change, **change.statistics}
                for change in self.changes
            ]
        )

    def __repr__(self) -> str:
        if self.is_empty:
            return f"Diff({self.old} -> {self.new}: the same weights)"
        lines = [f"Diff({self.old} -> {self.new}: {len(self.changes)} changes, {self.unchanged_count} unchanged)"]
        for change in self.changes[:20]:
            rel = change.statistics.get("rel_l2")
            lines.append(f"  {change.change:8} {change.path}" + ("" if rel is None else f"  rel_l2 {rel:.3g}"))
        if len(self.changes) > 20:
            lines.append(f"  and {len(self.changes) - 20} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """A table with a heat map, for notebooks."""
        import html

        moved = [change.statistics.get("rel_l2") or 0.0 for change in self.changes]
        top = max(moved, default=0.0) or 1.0
        rows = []
        for change, rel in zip(self.changes, moved):
            # Of the root: small movements beside large ones are still seen.
            share = math.sqrt(min(rel / top, 1.0))
            cell = f"background: rgba(214, 69, 65, {share:.2f})"
            numbers = "".join(
                f"<td style='text-align: right'>{_number(change.statistics.get(key))}</td>"
                for key in ("rel_l2", "max_abs", "changed_share")
            )
            rows.append(
                f"<tr><td style='{cell}'>&nbsp;&nbsp;</td><td style='text-align: left'><code>{html.escape(change.path)}"
                f"</code></td><td>{html.escape(change.change)}</td>{numbers}</tr>"
            )
        head = "".join(f"<th>{name}</th>" for name in ("", "path", "change", "rel_l2", "max_abs", "changed"))
        title = f"{html.escape(self.old)} → {html.escape(self.new)}: {len(self.changes)} changes, "
        return f"<p>{title}{self.unchanged_count} unchanged</p><table><tr>{head}</tr>{''.join(rows)}</table>"


def _number(value: Optional[float]) -> str:
    return "" if value is None else f"{value:.3g}"
