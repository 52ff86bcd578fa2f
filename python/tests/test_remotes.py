"""Versions that travel."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import modelreg


def test_versions_are_sent_and_fetched(registry: modelreg.Registry, tmp_path: Path) -> None:
    address = f"oci:{tmp_path}/remote"
    weights = torch.randn(100_000, generator=torch.Generator().manual_seed(1))
    for step in range(3):
        registry.save({"w": weights + step, "step": step}, "mlp", aliases=["best"] if step == 1 else [], step=step)
    registry.add_remote("origin", address)
    assert registry.remotes() == {"origin": address}

    rehearsal = registry.push("mlp:best", dry_run=True)
    assert not rehearsal["is_pushed"] and rehearsal["sent_byte_count"] > 100_000
    assert not (tmp_path / "remote").exists() or not list((tmp_path / "remote").rglob("*.json"))
    seen: list[tuple[int, int]] = []
    sent = registry.push("mlp", all=True, progress=lambda done, total: seen.append((done, total)))
    assert [version["ours"] for version in sent["pushed"]] == ["mlp:v1", "mlp:v2", "mlp:v3"]
    assert sent["aliases"] and seen and max(done for done, _ in seen) == seen[0][1]
    assert registry.push("mlp", all=True)["same_count"] == 3

    with modelreg.open(tmp_path / "other.db") as other:
        with pytest.raises(modelreg.Error, match="origin"):
            other.pull("mlp")
        got = other.pull("mlp:best", source=address)
        assert [version["ours"] for version in got["added"]] == ["mlp:v2"]
        loaded = other.load("mlp:best")
        assert torch.equal(loaded["w"], weights + 1) and loaded["step"] == 1
        # v1 comes after v2 here, and gets the next number.
        names = {version["theirs"]: version["ours"] for version in other.pull("mlp", source=address, all=True)["added"]}
        assert sorted(names) == ["mlp:v1", "mlp:v3"]
        assert other.version(names["mlp:v3"]).content_id == registry.version("mlp:v3").content_id
        assert other.verify()["is_intact"]

        # An alias that somebody else has moved there stays, unless it is forced.
        other.alias(names["mlp:v3"], "best")
        other.push(names["mlp:v3"], to=address)
        registry.alias("mlp:v1", "best")
        assert registry.push("mlp:v1")["conflicts"][0]["alias"].endswith("best")
        assert registry.push("mlp:v1", force=True)["conflicts"] == []

    registry.remove_remote("origin")
    with pytest.raises(modelreg.NotFoundError):
        registry.remove_remote("origin")
    assert registry.remotes() == {}


def test_what_is_no_remote_is_refused(registry: modelreg.Registry, tmp_path: Path) -> None:
    registry.save([1], "m")
    with pytest.raises(modelreg.Error):
        registry.add_remote("bad", "ftp://host")
    with pytest.raises(modelreg.UsageError):
        registry.add_remote("a b", "oci:folder")
    with pytest.raises(modelreg.Error):
        registry.pull("m", source=f"oci:{tmp_path}/none")
    with pytest.raises(modelreg.UnavailableError, match="try again"):
        registry.push("m", to="oci+http://127.0.0.1:9/team")
    assert registry.remotes() == {}
