"""What calls answer with."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class RecordedRun:
    """A run, as the registry has it now."""

    #: `mlp/lr-3`
    reference: str
    name: str
    model: Optional[str]
    #: `running`, `finished`, `failed` or `killed`
    state: str
    started_at: datetime
    ended_at: Optional[datetime]
    #: Adds up over resumes.
    wall_seconds: float
    parent: Optional[str]
    #: Settings.
    config: dict[str, Any]
    #: Last values.
    metrics: dict[str, float]
    #: The last one of any metric.
    step: Optional[int]
    #: Living versions that it saved.
    version_count: int

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> RecordedRun:
        """Reads what docs/json.md calls a run."""
        ended = json.get("ended_at")
        return cls(
            json["reference"], json["name"], json.get("model"), json["state"], moment(json["started_at"]),
            moment(ended) if ended else None, json["wall_seconds"], json.get("parent"), json["attributes"],
            _metrics(json["metrics"]), json.get("step"), json["version_count"],
        )  # fmt: skip
