#!/usr/bin/env python3
"""PyTorch on the CPU doing the work of EngineBenchmark: `engine_peer.py THREADS [NAME...]`, one line of JSON each."""
import json
import statistics
import sys
import time

import torch
from torch import nn

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
wanted = sys.argv[2:]
torch.set_num_threads(threads)
torch.manual_seed(0)


def timed(name, count, body):
    if wanted and not any(text in name for text in wanted):
        return
    for _ in range(min(count, 20)):
        body()
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            body()
        rounds.append((time.perf_counter() - start) / count * 1e6)
    line = {"what": name, "min_us": round(min(rounds), 2), "median_us": round(statistics.median(rounds), 2)}
    print(json.dumps(line), flush=True)


def train(net, optimizer, x, y):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()


for batch in (2, 64):
    net = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 10))
    x, y = torch.randn(batch, 20), torch.randint(0, 10, (batch,))
    with torch.no_grad():
        timed(f"mlp forward batch {batch}", 2000, lambda: net(x))
    for name, optimizer in (
        ("sgd", torch.optim.SGD(net.parameters(), lr=0.01)),
        ("adamw", torch.optim.AdamW(net.parameters(), lr=1e-3)),
    ):
        timed(f"mlp {name} step batch {batch}", 500, lambda: train(net, optimizer, x, y))


def big_net():
    return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))


def resident(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1])


def memory(name, body):
    """Peak memory that `body` adds to the process, in KiB."""
    if wanted and not any(text in name for text in wanted):
        return
    before = resident("VmRSS")
    open("/proc/self/clear_refs", "w").write("5")  # resets the peak
    body()
    print(json.dumps({"what": name, "kib": resident("VmHWM") - before}), flush=True)


def three_steps():
    net = big_net()
    x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for _ in range(3):
        train(net, optimizer, x, y)


memory("memory of 3 adamw steps of 784-1024-1024-10", three_steps)
net = big_net()
x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
timed("784-1024-1024-10 adamw step batch 128", 20, lambda: train(net, optimizer, x, y))
for size in (256, 512, 1024):
    a, b = torch.randn(size, size), torch.randn(size, size)
    timed(f"sgemm {size}", max(3, 200_000_000 // size**3), lambda: a @ b)
clone, state = big_net(), net.state_dict()
timed("state_dict of 784-1024-1024-10", 500, net.state_dict)
timed("load_state_dict of 784-1024-1024-10", 100, lambda: clone.load_state_dict(state))

x = torch.randn(1024, 1024)
F = nn.functional
with torch.no_grad():
    for name, function in {
        "gelu": F.gelu, "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "pow 2.5 of abs": lambda t: t.abs().pow(2.5),
        "pow 3": lambda t: t.pow(3), "leaky relu": F.leaky_relu, "softplus": F.softplus,
        "argmax": lambda t: t.argmax(1), "softmax": lambda t: t.softmax(1),
    }.items():
        timed(f"op {name} 1024 x 1024", 10, lambda: function(x))


def gelu_step(leaf, ones):
    leaf.grad = None
    F.gelu(leaf).backward(ones)


leaf, ones = torch.randn(1024, 1024, requires_grad=True), torch.ones(1024, 1024)
timed("op gelu with backward 1024 x 1024", 10, lambda: gelu_step(leaf, ones))
timed("op randn 1024 x 1024", 5, lambda: torch.randn(1024, 1024))
scores = torch.randn(64, 30522)
timed("op topk 10 of 64 x 30522", 3, lambda: scores.topk(10))
timed("op sort 64 x 30522", 2, lambda: scores.sort(stable=True))
vector = torch.randn(1024)
timed("op matrix by vector 1024", 100, lambda: x @ vector)


def split_step(qkv):
    qkv.grad = None
    q, k, v = qkv.split(384, 2)
    (q * k + v).sum().backward()


qkv = torch.randn(16, 256, 1152, requires_grad=True)
timed("op qkv split with backward", 5, lambda: split_step(qkv))


def layer_step(layer, leaf, ones):
    leaf.grad = None
    layer.zero_grad()
    layer(leaf).backward(ones)


for name, layer, shape in (
    ("conv 3x3 64 of 64 x 32 x 32", nn.Conv2d(64, 64, 3, padding=1), (16, 64, 32, 32)),
    ("conv 3x3 strided", nn.Conv2d(64, 128, 3, stride=2, padding=1), (16, 64, 32, 32)),
    ("conv 1x1", nn.Conv2d(64, 256, 1), (16, 64, 32, 32)),
    ("conv depthwise", nn.Conv2d(128, 128, 3, padding=1, groups=128), (16, 128, 32, 32)),
):
    leaf = torch.randn(shape, requires_grad=True)
    with torch.no_grad():
        timed(f"{name} forward", 5, lambda: layer(leaf))
        ones = torch.ones_like(layer(leaf))
    timed(f"{name} step", 3, lambda: layer_step(layer, leaf, ones))


def lstm_step(layer, x):
    layer.zero_grad()
    layer(x)[0].sum().backward()


for length in (64, 256):
    layer, x = nn.LSTM(128, 256), torch.randn(length, 32, 128)
    timed(f"lstm step length {length}", 2, lambda: lstm_step(layer, x))
