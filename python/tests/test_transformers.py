"""A Trainer is stopped, and goes on to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import modelreg

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")


class Data(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        tokens = torch.randint(0, 50, (8,), generator=torch.Generator().manual_seed(index))
        return {"input_ids": tokens, "labels": tokens}


def trainer(registry: modelreg.Registry, folder: Path, **more: Any) -> tuple[Any, Any]:
    from modelreg.transformers import Callback

    transformers.set_seed(5)
    config = transformers.GPT2Config(
        vocab_size=50, n_positions=8, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=12, per_device_train_batch_size=4, save_strategy="no", logging_steps=1,
        report_to=[], use_cpu=True, seed=5, disable_tqdm=True,
    )  # fmt: skip
    callback = Callback(registry, "lm", save_steps=4, **more)
    return transformers.Trainer(
        transformers.GPT2LMHeadModel(config), arguments, train_dataset=Data(), callbacks=[callback]
    ), callback


def losses(history: list[dict[str, Any]]) -> dict[int, float]:
    return {entry["step"]: entry["loss"] for entry in history if "loss" in entry}


def test_a_trainer_goes_on_to_the_bit(registry: modelreg.Registry, tmp_path: Path) -> None:
    with registry.run("lm", "whole") as run:
        whole, callback = trainer(registry, tmp_path, run=run)
        with callback.resume_folder() as folder:
            assert folder is None
            whole.train(resume_from_checkpoint=folder)
    assert [version.step for version in registry.versions("lm")] == [12, 8, 4]
    assert registry.sql("SELECT count(DISTINCT step) FROM run_metric WHERE name = 'loss'").rows == [(12,)]
    assert not list(tmp_path.glob("checkpoint-*"))

    resumed, callback = trainer(registry, tmp_path)
    with callback.resume_folder(step=8) as folder:
        resumed.train(resume_from_checkpoint=folder)
    assert not Path(folder).exists()
    expected, found = losses(whole.state.log_history), losses(resumed.state.log_history)
    assert {step: found[step] for step in (9, 10, 11, 12)} == {step: expected[step] for step in (9, 10, 11, 12)}
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert callback.latest_step() == 12
