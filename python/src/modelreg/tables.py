"""What notebooks show: rows of SQL, and what differs between versions."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Optional

#: Rows that a notebook shows of a table.
_SHOWN = 100

#: What the heat map of a diff shows of each module and tensor: the key of docs/json.md, and the heading.
_MEASURES = (("rel_l2", "rel. L2"), ("max_abs", "max. |Δ|"), ("changed_share", "changed"))


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError("to_pandas needs pandas: pip install pandas") from None
    return pandas


def _more(count: int) -> str:
    return f"<p>and {count - _SHOWN} more: to_pandas() has them all</p>" if count > _SHOWN else ""


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
        return _pandas().DataFrame(self.rows, columns=self.columns)

    def __repr__(self) -> str:
        return f"Table({self.columns}, {len(self.rows)} rows)"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{'' if value is None else html.escape(str(value))}</td>" for value in row) + "</tr>"
            for row in self.rows[:_SHOWN]
        )
        return f"<table><tr>{head}</tr>{rows}</table>{_more(len(self.rows))}"


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
        rows = [
            {
                "path": change.path,
                "change": change.change,
                "differences": ", ".join(change.differences),
                "old_path": change.old_path,
                **change.statistics,
            }
            for change in self.changes
        ]
        return _pandas().DataFrame(rows, columns=None if rows else ["path", "change", "differences", "old_path"])

    @property
    def _summary(self) -> str:
        if self.is_empty:
            return "the same weights"
        count = len(self.changes)
        return f"{count} {'change' if count == 1 else 'changes'}, {self.unchanged_count} unchanged"

    def __repr__(self) -> str:
        lines = [f"Diff({self.old} -> {self.new}: {self._summary})"]
        for change in self.changes[:20]:
            rel = change.statistics.get("rel_l2")
            lines.append(f"  {change.change:8} {change.path}" + ("" if rel is None else f"  rel_l2 {rel:.3g}"))
        if len(self.changes) > 20:
            lines.append(f"  and {len(self.changes) - 20} more: changes and to_pandas() have them all")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Two heat maps, for notebooks: of modules, and of what changed."""
        parts = [f"<p>{html.escape(self.old)} → {html.escape(self.new)}: {self._summary}</p>"]
        modules = [("whole model" if not module["path"] else module["path"], "", module) for module in self.modules]
        changes = [(change.path, change.change, change.statistics) for change in self.changes]
        if len(modules) > 1:
            parts.append(_heat_map("module", modules))
        if changes:
            parts.append(_heat_map("path", changes))
        return "".join(parts)


def _heat_map(heading: str, rows: Sequence[tuple[str, str, dict[str, Any]]]) -> str:
    """A table whose numbers are the redder, the nearer they are to the greatest of their column."""
    tops = {key: max((_finite(row[2].get(key)) for row in rows), default=0.0) for key, _ in _MEASURES}
    lines = []
    for name, change, numbers in rows[:_SHOWN]:
        cells = "".join(_cell(numbers.get(key), tops[key]) for key, _ in _MEASURES)
        lines.append(
            f"<tr><td style='text-align: left'><code>{html.escape(name)}</code></td><td>{html.escape(change)}</td>"
            f"{cells}</tr>"
        )
    head = "".join(f"<th>{name}</th>" for name in (heading, "", *(title for _, title in _MEASURES)))
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>{_more(len(rows))}"


def _finite(value: Optional[float]) -> float:
    return value if value is not None and math.isfinite(value) else 0.0


def _cell(value: Optional[float], top: float) -> str:
    if value is None:
        return "<td></td>"
    # Of the root: small movements beside large ones are still seen.
    share = math.sqrt(_finite(value) / top) if top > 0 else 0.0
    return f"<td style='text-align: right; background: rgba(214, 69, 65, {share:.2f})'>{value:.3g}</td>"
