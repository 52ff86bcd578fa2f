"""Lightning trains, is stopped, and goes on, with nothing on the disk but the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import modelreg

lightning = pytest.importorskip("pytorch_lightning")


class Net(lightning.LightningModule):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Linear(4, width)
        self.losses: list[float] = []

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = self.net(batch[0]).square().mean()
        self.log("loss", loss)
        self.losses.append(float(loss))
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)}


def loader() -> Any:
    data = torch.randn(32, 4, generator=torch.Generator().manual_seed(3))
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(data), batch_size=8)


def trainer(registry: modelreg.Registry, folder: Path, epochs: int, **callback: Any) -> Any:
    from modelreg.lightning import CheckpointIO

    checkpoints = lightning.callbacks.ModelCheckpoint(dirpath=folder / "checkpoints", **callback)
    return lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        plugins=[CheckpointIO(registry, "net")], callbacks=[checkpoints],
    )  # fmt: skip


def test_training_goes_on_where_it_stopped(registry: modelreg.Registry, tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = Net()
    trainer(registry, tmp_path, 4, save_top_k=-1, every_n_epochs=1).fit(whole, loader())
    assert [version.step for version in registry.versions("net")] == [16, 12, 8, 4]
    assert not list(tmp_path.glob("**/*.ckpt"))

    torch.manual_seed(2)
    resumed = Net()
    again = trainer(registry, tmp_path / "again", 4)
    again.fit(resumed, loader(), ckpt_path="modelreg:net:v2")
    assert again.global_step == 16
    assert resumed.losses == whole.losses[8:]
    assert torch.equal(resumed.net.weight, whole.net.weight)


def test_the_path_that_lightning_knows_names_the_version(registry: modelreg.Registry, tmp_path: Path) -> None:
    from modelreg.lightning import CheckpointIO

    torch.manual_seed(1)
    first = trainer(registry, tmp_path, 3, monitor="loss", mode="min", save_top_k=1)
    first.fit(Net(), loader())
    best = first.checkpoint_callback.best_model_path
    plugin = CheckpointIO(registry, "net")
    assert plugin.load_checkpoint(best)["global_step"] == 12
    assert [version.step for version in registry.versions("net")] == [12], "Lightning removes the others"
    registry.alias("net", "keep")
    plugin.remove_checkpoint(best)
    assert len(registry.versions("net")) == 1
    with pytest.raises(modelreg.NotFoundError, match="modelreg:net:v1 names a version"):
        plugin.load_checkpoint("other.ckpt")


def test_metrics_become_those_of_a_run(registry: modelreg.Registry, tmp_path: Path) -> None:
    from modelreg.lightning import CheckpointIO, Logger

    def prepared(logger: Logger, epochs: int) -> Any:
        return lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=logger, enable_progress_bar=False, enable_model_summary=False,
            log_every_n_steps=1, default_root_dir=tmp_path, plugins=[CheckpointIO(registry, "net", run=logger)],
            callbacks=[lightning.callbacks.ModelCheckpoint(monitor="loss", save_top_k=-1)],
        )  # fmt: skip

    logger = Logger(registry, "net", "first", config={"note": "x"}, prefix="train_")
    model = Net()
    prepared(logger, 2).fit(model, loader())
    (run,) = registry.runs("net")
    assert (run.reference, run.state, run.step, run.version_count) == ("net/first", "finished", 8, 2)
    assert run.config == {"note": "x", "width": 8}
    rows = registry.sql("SELECT value FROM run_metric WHERE name = 'train_loss' ORDER BY step").rows
    assert [value for (value,) in rows] == model.losses
    assert [version.run for version in registry.versions("net")] == ["net/first"] * 2

    # A run of the same name goes on.
    prepared(Logger(registry.path, "net", "first", prefix="train_"), 3).fit(Net(), loader(), ckpt_path="modelreg:net")
    assert [run.step for run in registry.runs("net")] == [12]
    # One without a name gets one, and one that fails is said to have failed.
    unnamed = Logger(registry, "net")
    assert unnamed.version is None

    class Broken(Net):
        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            if index == 2:
                raise ZeroDivisionError
            return super().training_step(batch, index)

    with pytest.raises(ZeroDivisionError):
        prepared(unnamed, 1).fit(Broken(), loader())
    assert {run.state for run in registry.runs("net") if run.name == unnamed.version} == {"failed"}
    assert not list(tmp_path.rglob("*.ckpt"))


def test_an_alias_is_a_path_to_load_from(registry: modelreg.Registry, tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = trainer(registry, tmp_path, 3, monitor="loss", mode="min", save_top_k=-1, every_n_epochs=1)
    first.fit(Net(), loader())
    best = registry.versions("net", sort="loss")[0]
    registry.alias(best, "best")
    loaded = Net()
    trainer(registry, tmp_path, 3).fit(loaded, loader(), ckpt_path="modelreg:net:best")
    assert torch.equal(loaded.net.weight, registry.load("net:best")["state_dict"]["net.weight"]), "nothing was left to train"
    with pytest.raises(modelreg.NotFoundError, match='no alias "bets" of "net" .did you mean "best"'):
        trainer(registry, tmp_path, 3).fit(Net(), loader(), ckpt_path="modelreg:net:bets")
