"""Versions are artifacts of MLflow."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest
import torch

import modelreg

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(autouse=True)
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow in a folder of its own, which knows our scheme."""
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    mlflow.set_registry_uri((tmp_path / "mlruns").as_uri())
    if "modelreg" not in _artifact_repository_registry._registry:
        # A source tree has no entry points; the installed wheel does.
        with pytest.raises(importlib.metadata.PackageNotFoundError):
            importlib.metadata.distribution("modelreg")
        from modelreg.mlflow import ArtifactRepository

        _artifact_repository_registry.register("modelreg", ArtifactRepository)


def test_a_version_is_downloaded_by_its_uri(
    registry: modelreg.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    weights = torch.arange(6.0).reshape(2, 3)
    registry.save({"w": weights}, "team/mlp", aliases=["best"])
    registry.save({"w": weights + 1}, "team/mlp")
    (tmp_path / "out").mkdir()
    file = mlflow.artifacts.download_artifacts(f"modelreg://{registry.path}/team/mlp:best", dst_path=str(tmp_path / "out"))
    (found,) = [path for path in Path(file).rglob("*") if path.is_file()] if Path(file).is_dir() else [Path(file)]
    assert found.name == "mlp.safetensors" and torch.equal(load_file(found)["w"], weights)
    # In the registry that the environment names.
    monkeypatch.setenv("MODELREG_REGISTRY", registry.path)
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository("modelreg:team/mlp:v2")
    assert [entry.path for entry in repository.list_artifacts()] == ["mlp.safetensors"]
    folder = Path(repository.download_artifacts("", str(tmp_path)))
    assert torch.equal(load_file(folder / "mlp.safetensors")["w"], weights + 1)
    # A checkpoint of more than weights is a file of PyTorch.
    registry.save({"model": {"w": weights}, "step": 3}, "whole")
    (name,) = [entry.path for entry in get_artifact_repository("modelreg:whole:v1").list_artifacts()]
    assert torch.load(get_artifact_repository("modelreg:whole:v1").download_artifacts(name))["step"] == 3


def test_a_version_is_the_source_of_a_model_version(registry: modelreg.Registry, tmp_path: Path) -> None:
    from modelreg.mlflow import log_version

    saved = registry.save({"w": torch.ones(2)}, "mlp", metrics={"acc": 0.5}, step=3, message="baseline", aliases=["best"])
    with pytest.raises(modelreg.UsageError, match="mlflow.start_run"):
        log_version(registry, "mlp:best")
    for _ in range(2):
        with mlflow.start_run() as run:
            uri = log_version(registry, "mlp:best", register_as="registered")
    assert uri == f"modelreg://{registry.path}/mlp:v1", "by number: the alias may move"
    noted = mlflow.MlflowClient().get_run(run.info.run_id).data
    assert noted.tags["modelreg.content_id"] == saved.content_id and noted.metrics == {"acc": 0.5}
    versions = mlflow.MlflowClient().search_model_versions("name = 'registered'")
    assert len(versions) == 2 and {version.source for version in versions} == {uri}
    client = mlflow.MlflowClient()
    assert client.get_model_version_download_uri("registered", "1") == uri
    folder = mlflow.artifacts.download_artifacts("models:/registered/1", dst_path=str(tmp_path))
    assert (Path(folder) / "mlp.safetensors").exists()


def test_what_cannot_be_says_so(registry: modelreg.Registry, tmp_path: Path) -> None:
    from modelreg.mlflow import ArtifactRepository

    registry.save({"w": torch.ones(2)}, "mlp")
    (tmp_path / "file.txt").write_text("x")
    repository = ArtifactRepository(f"modelreg://{registry.path}/mlp:v1")
    calls: list[Any] = [
        lambda: repository.log_artifact(str(tmp_path / "file.txt")),
        lambda: repository.log_artifacts(str(tmp_path)),
        lambda: repository.delete_artifacts(),
    ]
    for call in calls:
        with pytest.raises(modelreg.UsageError, match="versions do not change"):
            call()
    with pytest.raises(modelreg.NotFoundError, match="no registry in"):
        ArtifactRepository("modelreg:///nowhere/models.db/mlp:v1").list_artifacts()
    with pytest.raises(modelreg.UsageError, match="write modelreg:mlp:best"):
        ArtifactRepository("modelreg://host/mlp:v1").list_artifacts()
    with pytest.raises(modelreg.NotFoundError):
        ArtifactRepository(f"modelreg://{registry.path}/mlp:v9").list_artifacts()
    with pytest.raises(Exception, match="has no file"):
        repository.download_artifacts("other.txt", str(tmp_path))
