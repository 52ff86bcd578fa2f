#!/usr/bin/env python3
"""Saves what Lightning, Trainer of transformers, accelerate and PEFT write, and goes on from what the program gives back.

usage: libraries.py MODELREG

Each library that is installed writes a checkpoint after a step or two. It must come back byte for byte, and the library
must read it and have the same weights. Libraries that are not there are passed over, which the last line says.
"""
import contextlib
import filecmp
import importlib.util
import io
import logging
import os
import subprocess
import sys
import tempfile
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", CUDA_VISIBLE_DEVICES="", TOKENIZERS_PARALLELISM="false")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import torch
from torch import nn

torch.set_num_threads(1)


def names(folder):
    return sorted(
        os.path.relpath(os.path.join(place, name), folder) for place, _, files in os.walk(folder) for name in files)


def round_trip(modelreg, registry, source, target):
    """Saves a file or folder and writes it to `target`, which must have the same bytes."""

    def run(*arguments):
        result = subprocess.run(
            [modelreg, *arguments, "--registry", registry], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert result.returncode == 0, f"{arguments}: {result.stderr}"

    run("save", source, "model")
    run("verify")
    if os.path.isdir(source):
        run("load", "model", "-o", target + "/")
        assert names(source) == names(target), f"files: {names(source)}, {names(target)}"
        _, other, errors = filecmp.cmpfiles(source, target, names(source), shallow=False)
        assert not other and not errors, f"other bytes: {other + errors}"
    else:
        run("load", "model", "-o", target)
        assert filecmp.cmp(source, target, shallow=False), "other bytes"


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    assert list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first), "other weights"


def lightning(folder, keep):
    import pytorch_lightning as pl

    class Net(pl.LightningModule):
        def __init__(self, width=4):
            super().__init__()
            self.save_hyperparameters()
            self.layer = nn.Linear(width, 2)

        def training_step(self, batch, index):
            loss = self.layer(batch[0]).sum()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            optimizer = torch.optim.AdamW(self.parameters())
            return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1)}

    def trainer(epochs):
        callbacks = [pl.callbacks.ModelCheckpoint(dirpath=folder, filename="last", monitor="loss")]
        return pl.Trainer(
            max_epochs=epochs, logger=False, callbacks=callbacks, enable_progress_bar=False, accelerator="cpu",
            enable_model_summary=False)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 4)), 4)
    net = Net()
    trainer(1).fit(net, data)
    back = keep(os.path.join(folder, "last.ckpt"), "back.ckpt")
    same(net, Net.load_from_checkpoint(back))
    resumed = trainer(2)
    resumed.fit(Net(), data, ckpt_path=back)
    assert resumed.current_epoch == 2, f"epoch {resumed.current_epoch}"


def transformers(folder, keep):
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    def trainer(steps):
        config = BertConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
        arguments = TrainingArguments(
            output_dir=folder, max_steps=steps, save_steps=2, report_to=[], per_device_train_batch_size=2,
            use_cpu=True, disable_tqdm=True)
        data = [{"input_ids": [1, 2, 3], "labels": 0}] * 8
        return Trainer(BertForSequenceClassification(config), arguments, train_dataset=data)

    first = trainer(2)
    first.train()
    back = keep(os.path.join(folder, "checkpoint-2"), "checkpoint-2-back")
    same(first.model, BertForSequenceClassification.from_pretrained(back))
    resumed = trainer(3)
    resumed.train(resume_from_checkpoint=back)
    assert resumed.state.global_step == 3, f"step {resumed.state.global_step}"


def accelerate(folder, keep):
    from accelerate import Accelerator

    def prepared():
        accelerator = Accelerator(cpu=True)
        net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
        return accelerator, *accelerator.prepare(net, torch.optim.Adam(net.parameters()))

    accelerator, net, optimizer = prepared()
    accelerator.backward(net(torch.randn(5, 4)).square().sum())
    optimizer.step()
    accelerator.save_state(os.path.join(folder, "state"))
    expected = torch.rand(3)
    back = keep(os.path.join(folder, "state"), "state-back")
    accelerator, other, _ = prepared()
    accelerator.load_state(back)
    same(net, other)
    assert torch.equal(torch.rand(3), expected), "other random numbers"


def peft(folder, keep):
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import BertConfig, BertModel

    def base():
        torch.manual_seed(1)
        return BertModel(BertConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))

    model = get_peft_model(base(), LoraConfig(r=2, target_modules=["query"], init_lora_weights=False))
    model.save_pretrained(os.path.join(folder, "adapter"))
    same(model, PeftModel.from_pretrained(base(), keep(os.path.join(folder, "adapter"), "adapter-back")))


def main():
    modelreg = os.path.abspath(sys.argv[1])
    needed = {
        lightning: ["pytorch_lightning"], transformers: ["transformers", "accelerate"], accelerate: ["accelerate"],
        peft: ["peft", "transformers"],
    }
    failures, passed, missing = [], [], []
    for test, modules in needed.items():
        if not all(importlib.util.find_spec(module) for module in modules):
            missing.append(test.__name__)
            continue
        with tempfile.TemporaryDirectory() as folder:

            def keep(source, name):
                target = os.path.join(folder, name)
                round_trip(modelreg, os.path.join(folder, "modelreg.db"), source, target)
                return target

            try:
                # What libraries print is not about the test.
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    test(folder, keep)
                passed.append(test.__name__)
            except Exception as error:
                failures.append(f"{test.__name__}: {type(error).__name__}: {error}")
    if failures:
        sys.exit("\n".join(failures))
    print(f"{', '.join(passed)}: the same bytes, and training goes on"
          + (f"; not installed: {', '.join(missing)}" if missing else ""))


if __name__ == "__main__":
    main()
