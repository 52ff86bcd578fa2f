"""Names of versions, and what is no longer needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from ._calls import Calls
from ._library import Progress
from ._options import Reference, best_rule, is_rule, reference_text


class Upkeep(Calls):
    """Aliases, deletion and verification."""

    # Names

    def alias(self, reference: Reference, alias: str, *, pin: Optional[bool] = None, force: bool = False) -> None:
        """Points an alias at a version. force: also where it is protected."""
        self._call("alias set", reference=reference_text(reference), alias=alias, pin=pin, force=force)

    def remove_alias(self, model: str, alias: str, *, force: bool = False) -> None:
        """Removes an alias. Its version stays."""
        self._call("alias rm", model=model, alias=alias, force=force)

    def aliases(self, model: Optional[str] = None) -> dict[str, str]:
        """The versions that aliases name: `{"mlp:best": "mlp:v3"}`."""
        found = self._call("alias ls", model=model)
        return {f"{alias['model']}:{alias['alias']}": f"{alias['model']}:v{alias['version']}" for alias in found}

    # Upkeep

    def delete(self, *references: Reference, force: bool = False) -> list[str]:
        """Deletes versions, all of them or none. force: also those that aliases name."""
        found: list[str] = self._call("rm", references=[reference_text(reference) for reference in references], force=force)
        return found

    def prune(
        self,
        model: str,
        *,
        keep_last: Optional[int] = None,
        keep_best: Sequence[tuple[str, str, int]] = (),
        keep_every: Optional[int] = None,
        keep_younger: Optional[float] = None,
        keep_whole: Optional[int] = None,
        thin: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Deletes or thins versions by rules. One stays if any rule says so, is the latest, or has an alias.

        keep_best: the best by metrics: `[("acc", "max", 3)]`.
        keep_younger: seconds.
        thin: whether optimiser and random state go, and weights stay, instead of all.
        Returns what docs/json.md says of `prune`. `gc` then frees the bytes.
        """
        best = [
            {"metric": metric, "mode": mode, "count": count}
            for metric, mode, count in map(best_rule, [keep_best] if is_rule(keep_best) else keep_best)
        ]
        found: dict[str, Any] = self._call(
            "prune",
            model=model,
            keep_last=keep_last,
            keep_best=best,
            keep_every=keep_every,
            keep_younger_seconds=keep_younger,
            keep_whole=keep_whole,
            thin=thin,
            dry_run=dry_run,
        )
        return found

    def gc(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Frees what no version needs, and returns what docs/json.md says of `gc`."""
        return dict(self._call("gc", dry_run=dry_run))

    def verify(self, reference: Optional[Reference] = None, *, progress: Optional[Progress] = None) -> dict[str, Any]:
        """Reads everything, and compares it with its hashes. `is_intact` says whether all is well; see docs/json.md."""
        name = None if reference is None else reference_text(reference)
        return dict(self._call("verify", progress, reference=name))

    def wait_for_packing(self) -> None:
        """Waits until what is packed in the background is done."""
        self._call("wait")
