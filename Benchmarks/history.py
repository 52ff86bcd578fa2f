#!/usr/bin/env python3
"""Train a small language model and keep every checkpoint: a history for a registry to store.

usage: history.py FOLDER [--steps 1000] [--every 50] [--width 256] [--layers 6] [--seed 1]
       (needs torch and safetensors; about 12 minutes on two cores, 2 with --width 128 --layers 4 --steps 400 --every 20)

The model predicts the next byte of Python's own library. Each checkpoint is two files, NAME.safetensors with the weights
and opt-NAME.safetensors with AdamW's moments:
train-NN (warm-up, then a cosine), ft-NN (fine-tuned at 1e-5), ft-one-step, frozen-NN (embeddings and half of the blocks
do not change).
"""
import argparse
import math
import os
import pathlib
import sysconfig

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

CONTEXT, BATCH, WARM_UP = 128, 12, 40

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder")
for name, value in {"steps": 1000, "every": 50, "width": 256, "layers": 6, "seed": 1}.items():
    parser.add_argument(f"--{name}", type=int, default=value)
options = parser.parse_args()
os.makedirs(options.folder, exist_ok=True)
torch.manual_seed(options.seed)
sampler = torch.Generator().manual_seed(options.seed + 1)


class Attention(nn.Module):
    def __init__(self, width, heads=4):
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x):
        batch, time, width = x.shape
        split = self.inputs(x).view(batch, time, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.output(mixed.transpose(1, 2).reshape(batch, time, width))


def block(width):
    perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
    return nn.ModuleDict(
        {"norm1": nn.LayerNorm(width), "attention": Attention(width), "norm2": nn.LayerNorm(width), "mlp": perceptron})


class ByteModel(nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.bytes, self.positions = nn.Embedding(256, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(block(width) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 256, bias=False)

    def forward(self, tokens):
        x = self.bytes(tokens) + self.positions.weight[: tokens.shape[1]]
        for part in self.blocks:
            x = x + part["attention"](part["norm1"](x))
            x = x + part["mlp"](part["norm2"](x))
        return self.head(self.norm(x))


def corpus(limit=24 << 20):
    text = bytearray()
    for file in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        text += file.read_bytes()
        if len(text) > limit:
            break
    return torch.frombuffer(text, dtype=torch.uint8).long()


text = corpus()
model = ByteModel(options.width, options.layers)
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)


def train(rate, steps=1):
    for group in optimiser.param_groups:
        group["lr"] = rate
    for _ in range(steps):
        starts = torch.randint(len(text) - CONTEXT - 1, (BATCH,), generator=sampler)
        rows = torch.stack([text[start : start + CONTEXT + 1] for start in starts.tolist()])
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return loss.item()


def keep(name, loss):
    weights = {key: tensor.detach().contiguous() for key, tensor in model.state_dict().items()}
    moments = {
        f"{key}.{moment}": optimiser.state[parameter][moment].contiguous()
        for key, parameter in model.named_parameters() if parameter in optimiser.state
        for moment in ("exp_avg", "exp_avg_sq")
    }
    save_file(weights, f"{options.folder}/{name}.safetensors", {"loss": f"{loss:.4f}"})
    save_file(moments, f"{options.folder}/opt-{name}.safetensors")
    print(f"{name}: loss {loss:.4f}", flush=True)


for step in range(options.steps):
    progress = (step - WARM_UP) / max(1, options.steps - WARM_UP)
    rate = 1e-3 * (step + 1) / WARM_UP if step < WARM_UP else 5e-5 + 9.5e-4 * (1 + math.cos(math.pi * progress)) / 2
    loss = train(rate)
    if (step + 1) % options.every == 0:
        keep(f"train-{(step + 1) // options.every - 1:02d}", loss)
for number in range(4):
    keep(f"ft-{number:02d}", train(1e-5, 20))
keep("ft-one-step", train(1e-5))
frozen = ["bytes.", "positions."] + [f"blocks.{layer}." for layer in range(options.layers // 2)]
for name, parameter in model.named_parameters():
    if name.startswith(tuple(frozen)):
        parameter.requires_grad_(False)
for number in range(3):
    keep(f"frozen-{number:02d}", train(1e-4, 20))
