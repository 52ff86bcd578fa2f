"""MLflow: versions as artifacts.

    modelreg:mlp:best                     in the registry that MODELREG_REGISTRY names, or modelreg.db
    modelreg:///data/models.db/mlp:best   in the registry of a path

Both are artifact URIs, once modelreg is installed: `mlflow.artifacts.download_artifacts("modelreg:mlp:best")` writes the
version to a file, and a model version of MLflow may have one as its source.

    from modelreg.mlflow import log_version

    with mlflow.start_run():
        version = registry.save(model.state_dict(), "mlp", metrics={"acc": 0.97})
        log_version(registry, version, register_as="mlp")
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any, NoReturn, Optional
from urllib.parse import quote, unquote, urlparse

import mlflow
from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository as _Base

from ._options import Reference, reference_text
from .errors import NotFoundError, UsageError
from .registry import Registry
from .registry import open as open_registry
from .results import Version

SCHEME = "modelreg"

#: A reference with its selector, and what comes behind it: `team/mlp:v3/model.safetensors`.
_WITH_FILE = re.compile(r"([^:]+:[^/]*)(?:/(.*))?")


def uri_of(registry: Registry, reference: Reference) -> str:
    """The artifact URI of a version, by its number: what a reference names may change."""
    version = registry.version(reference)
    return f"{SCHEME}://{quote(os.path.abspath(registry.path))}/{quote(version.reference, safe=':/')}"


def log_version(registry: Registry, reference: Reference, *, register_as: Optional[str] = None) -> str:
    """Notes a version in MLflow's active run: its URI and content id as tags, its metrics; returns the URI.

    register_as: the name of a registered model of MLflow that gets a version, whose source is the URI.
    """
    version = registry.version(reference)
    uri = uri_of(registry, version)
    run = mlflow.active_run()
    if run is None:
        raise UsageError("MLflow has no active run: call log_version in `with mlflow.start_run():`")
    mlflow.set_tags({"modelreg.uri": uri, "modelreg.version": version.reference, "modelreg.content_id": version.content_id})
    for name, value in version.metrics.items():
        mlflow.log_metric(name, value, step=version.step)
    if register_as is not None:
        client = mlflow.MlflowClient()
        try:
            client.create_registered_model(register_as)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {"modelreg.content_id": version.content_id}
        client.create_model_version(register_as, uri, run.info.run_id, tags=tags, description=version.message or None)
    return uri


class ArtifactRepository(_Base):  # type: ignore[misc]
    """A version, as MLflow downloads it: one file. MLflow finds this class by the scheme `modelreg`."""

    def list_artifacts(self, path: Optional[str] = None) -> list[Any]:
        """The file that the version becomes."""
        registry, reference, file = self._parse(path)
        with registry:
            if not reference:
                return []
            version = registry.version(reference)
        name = _file_name(version)
        if file:
            # A file has nothing in it.
            return []
        return [FileInfo(posixpath.join(path, name) if path else name, False, version.byte_count)]

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        registry, reference, file = self._parse(remote_file_path)
        with registry:
            version = registry.version(reference)
            if file and file != _file_name(version):
                raise NotFoundError(f'{version.reference} has no file "{file}"; it is written to "{_file_name(version)}"')
            registry.export(version, local_path, replace=True)

    def _parse(self, path: Optional[str]) -> tuple[Registry, str, str]:
        """The registry, the reference, and the file behind it that a path below the URI names."""
        parsed = urlparse(self.artifact_uri)
        if parsed.netloc or parsed.query or parsed.fragment:
            raise UsageError(
                f"{self.artifact_uri} names no version: write modelreg:mlp:best, or modelreg:///data/models.db/mlp:best"
            )
        whole = unquote(parsed.path)
        if path:
            whole = posixpath.join(whole, path)
        file = None
        if whole.startswith("/"):
            file, whole = _registry_file(whole)
        match = _WITH_FILE.fullmatch(whole)
        registry = open_registry(file, create=False, read_only=True)
        return registry, match.group(1) if match else whole, (match.group(2) or "") if match else ""

    def log_artifact(self, local_file: str, artifact_path: Optional[str] = None) -> None:
        """Refused: versions are saved by modelreg."""
        self._refuse()

    def log_artifacts(self, local_dir: str, artifact_path: Optional[str] = None) -> None:
        """Refused: versions are saved by modelreg."""
        self._refuse()

    def delete_artifacts(self, artifact_path: Optional[str] = None) -> None:
        """Refused: versions are deleted by modelreg."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UsageError(
            f"{self.artifact_uri} is a version, and versions do not change: save another one with Registry.save or "
            "save_file, and note it with modelreg.mlflow.log_version"
        )


def _registry_file(path: str) -> tuple[str, str]:
    """A path as that of a registry, and what comes behind it."""
    parts = path.split("/")
    for count in range(2, len(parts) + 1):
        file = "/".join(parts[:count])
        if os.path.isfile(file):
            return file, "/".join(parts[count:])
    raise NotFoundError(f"no registry in {path}")


def _file_name(version: Version) -> str:
    """What the file of a version is called: weights that are flat become safetensors, all else a file of PyTorch."""
    ending = ".safetensors" if version.kind == "state_dict" else ".pt"
    return version.model.rsplit("/", 1)[-1] + ending
