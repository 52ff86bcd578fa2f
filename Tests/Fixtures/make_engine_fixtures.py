#!/usr/bin/env python3
"""Writes the figures that the engine is compared with, made by PyTorch: engine/*.json and engine/*.bin.

Run as `python3 make_engine_fixtures.py`; made with PyTorch 2.13.0 on the CPU. JSON numbers are float32 or float64 in
full; .bin files are float32, little-endian, in state-dict order.
"""
import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

here = pathlib.Path(__file__).parent / "engine"
torch.manual_seed(7)
torch.set_num_threads(1)


def packed(t):
    t = t.detach()
    return {"shape": list(t.shape), "dtype": str(t.dtype)[6:], "data": t.reshape(-1).tolist()}


def layer_case(name, module, *inputs, calls=1, training=True):
    """Output and gradients of `module` for `inputs`, with its state before and after."""
    module.train(training)
    before = {k: packed(v) for k, v in module.state_dict().items()}
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    for _ in range(calls):
        out = module(*leaves)
    out = out[0] if isinstance(out, tuple) else out
    g = torch.randn_like(out)
    out.backward(g)
    return {
        "name": name, "printed": repr(module), "training": training, "calls": calls, "state": before,
        "inputs": [packed(x) for x in inputs], "output": packed(out), "gradient": packed(g),
        "inputGradients": [packed(x.grad) if x.grad is not None else None for x in leaves],
        "parameterGradients": {k: packed(p.grad) for k, p in module.named_parameters()},
        "stateAfter": {k: packed(v) for k, v in module.state_dict().items()},
    }


def shaken(module):
    """Weights that are no ones and zeros."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.3)
    return module


x = torch.randn
layers = [
    layer_case("linear", nn.Linear(5, 3), x(4, 5)),
    layer_case("linear of three axes, no bias", nn.Linear(5, 3, bias=False), x(2, 3, 5)),
    layer_case("conv2d", nn.Conv2d(3, 4, 3), x(2, 3, 6, 5)),
    layer_case("conv2d strided", nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
               x(2, 4, 7, 6)),
    layer_case("max pool", nn.MaxPool2d(2), x(2, 3, 5, 4)),
    layer_case("max pool padded", nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), x(1, 2, 6, 6)),
    layer_case("avg pool", nn.AvgPool2d(3, stride=2, padding=1), x(2, 2, 5, 6)),
    layer_case("avg pool without padding", nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), x(2, 2, 5, 6)),
    layer_case("adaptive avg pool", nn.AdaptiveAvgPool2d((2, 3)), x(2, 2, 5, 7)),
    layer_case("embedding", nn.Embedding(6, 4, padding_idx=2), torch.tensor([[0, 2, 5], [5, 1, 0]])),
    layer_case("layer norm", shaken(nn.LayerNorm(7)), x(3, 7)),
    layer_case("layer norm of two axes", shaken(nn.LayerNorm((3, 4))), x(2, 3, 4)),
    layer_case("batch norm 1d", shaken(nn.BatchNorm1d(4)), x(5, 4), calls=2),
    layer_case("batch norm 1d evaluated", shaken(nn.BatchNorm1d(4)), x(5, 4, 3), training=False),
    layer_case("batch norm 2d", shaken(nn.BatchNorm2d(3)), x(4, 3, 2, 5)),
    layer_case("dropout evaluated", nn.Dropout(0.3), x(4, 4), training=False),
    layer_case("flatten", nn.Flatten(), x(2, 3, 2)),
    layer_case("attention", nn.MultiheadAttention(8, 2), x(5, 3, 8), x(4, 3, 8), x(4, 3, 8)),
    layer_case("attention batch first", nn.MultiheadAttention(8, 4, batch_first=True, bias=False),
               x(2, 5, 8), x(2, 5, 8), x(2, 5, 8)),
    layer_case("relu", nn.ReLU(), x(3, 4)),
    layer_case("leaky relu", nn.LeakyReLU(0.2), x(3, 4)),
    layer_case("elu", nn.ELU(), x(3, 4)),
    layer_case("tanh", nn.Tanh(), x(3, 4) * 3),
    layer_case("sigmoid", nn.Sigmoid(), x(3, 4) * 5),
    layer_case("gelu", nn.GELU(), x(3, 4) * 2),
    layer_case("gelu tanh", nn.GELU(approximate="tanh"), x(3, 4) * 2),
    layer_case("silu", nn.SiLU(), x(3, 4) * 3),
    layer_case("softplus", nn.Softplus(), x(3, 4) * 5),
    layer_case("softmax", nn.Softmax(dim=1), x(3, 4, 2) * 3),
    layer_case("log softmax", nn.LogSoftmax(dim=-1), x(3, 4) * 3),
    layer_case("mlp", nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)), x(2, 6)),
]
(here / "layers.json").write_text(json.dumps(layers))


def loss_case(name, loss, input, target):
    leaf = input.clone().requires_grad_()
    out = loss(leaf, target)
    out.sum().backward()
    return {"name": name, "input": packed(input), "target": packed(target), "output": packed(out),
            "gradient": packed(leaf.grad)}


logits, classes = x(6, 5) * 2, torch.tensor([0, 4, 2, -100, 1, 4])
weight = torch.rand(5) + 0.5
a, b, p = x(4, 3) * 2, x(4, 3), torch.rand(4, 3)
losses = [
    loss_case("mse", F.mse_loss, a, b),
    loss_case("mse sum", lambda i, t: F.mse_loss(i, t, reduction="sum"), a, b),
    loss_case("mse none", lambda i, t: F.mse_loss(i, t, reduction="none"), a, b),
    loss_case("l1", F.l1_loss, a, b),
    loss_case("huber", lambda i, t: F.huber_loss(i, t, delta=0.7), a, b),
    loss_case("cross entropy", F.cross_entropy, logits, classes),
    loss_case("cross entropy none", lambda i, t: F.cross_entropy(i, t, reduction="none"), logits, classes),
    loss_case("cross entropy weighted", lambda i, t: F.cross_entropy(i, t, weight=weight), logits, classes),
    loss_case("cross entropy smoothed",
              lambda i, t: F.cross_entropy(i, t, weight=weight, label_smoothing=0.1), logits, classes),
    loss_case("cross entropy of images", F.cross_entropy, x(2, 3, 2, 2), torch.randint(0, 3, (2, 2, 2))),
    loss_case("cross entropy of one", F.cross_entropy, x(5), torch.tensor(3)),
    loss_case("cross entropy of probabilities",
              lambda i, t: F.cross_entropy(i, t, label_smoothing=0.2), x(4, 5), torch.softmax(x(4, 5), 1)),
    loss_case("nll", lambda i, t: F.nll_loss(i, t, weight=weight), F.log_softmax(logits, 1), classes),
    loss_case("bce with logits", F.binary_cross_entropy_with_logits, a * 10, p),
    loss_case("bce with logits weighted",
              lambda i, t: F.binary_cross_entropy_with_logits(i, t, pos_weight=weight[:3]), a, p),
]
(here / "losses.json").write_text(json.dumps({"classWeight": packed(weight), "cases": losses}))


def numbers(count, scale, shift):
    """Reproducible anywhere: multiplicative hashing of the index, exact in float64."""
    return torch.tensor([(((i + shift) * 2654435761 % 2**32) / 2**32 - 0.5) * scale for i in range(count)],
                        dtype=torch.float64).float()


def mlp():
    net = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 10))
    with torch.no_grad():
        for i, q in enumerate(net.parameters()):
            q.copy_(numbers(q.numel(), 0.4, 1000 * i).view_as(q))
    return net


def trained(net, optimizer, steps=20, dtype=torch.float32):
    inputs, targets = numbers(64 * 20, 4, 5).view(64, 20).to(dtype), torch.tensor([i * 7 % 10 for i in range(64)])
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def described(state):
    return {
        "tensors": {str(i): {k: packed(v) if v.numel() == 1 else {"shape": list(v.shape)} for k, v in s.items()
                             if v is not None} for i, s in state["state"].items()},
        "groups": [{k: v for k, v in g.items()} for g in state["param_groups"]],
    }


rules = {
    "sgd": lambda q: torch.optim.SGD(q, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "sgd_nesterov": lambda q: torch.optim.SGD(q, lr=0.05, momentum=0.9, nesterov=True),
    "sgd_plain": lambda q: torch.optim.SGD(q, lr=0.1),
    "adam": lambda q: torch.optim.Adam(q, lr=1e-2, weight_decay=1e-2, amsgrad=True),
    "adamw": lambda q: torch.optim.AdamW(q, lr=1e-2),
    "rmsprop": lambda q: torch.optim.RMSprop(q, lr=1e-3, momentum=0.5, centered=True),
}
runs = {}
for name, rule in rules.items():
    net = mlp()
    optimizer = rule(net.parameters())
    runs[name] = {"losses": trained(net, optimizer), "state": described(optimizer.state_dict())}
    values = torch.cat([q.detach().reshape(-1) for q in net.parameters()])
    if name in ("sgd", "adamw"):
        (here / f"{name}_parameters.bin").write_bytes(values.numpy().astype("<f4").tobytes())
        net = mlp().double()
        trained(net, rule(net.parameters()), dtype=torch.float64)
        values = torch.cat([q.detach().reshape(-1) for q in net.parameters()])
        (here / f"{name}_parameters_of_float64.bin").write_bytes(values.numpy().astype("<f4").tobytes())
    else:
        runs[name]["parameterSample"] = values[::97].tolist()
(here / "optimizers.json").write_text(json.dumps(runs))

schedules = {
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5),
    "multi_step": lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 5], 0.1),
    "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 6, eta_min=0.01),
    "linear": lambda o: torch.optim.lr_scheduler.LinearLR(o),
}
rates = {}
for name, make in schedules.items():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    schedule = make(optimizer)
    rates[name] = []
    for _ in range(9):
        rates[name].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
(here / "schedules.json").write_text(json.dumps(rates))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.blocks = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8), nn.ReLU()])
        self.norm = nn.BatchNorm1d(8)


(here / "printed.txt").write_text(repr(Block()) + "\n")
half = torch.tensor([0.0, -0.0, 1.0, 65504.0, 65520.0, 1e-8, 6e-8, 3.1e-5, 0.1, float("inf"), -2.5, 1 / 3, 2049.0, 2051.0])
(here / "halves.json").write_text(json.dumps({
    "values": half.tolist(),
    "float16": half.half().view(torch.int16).tolist(), "bfloat16": half.bfloat16().view(torch.int16).tolist(),
}).replace("Infinity", "1e999"))
