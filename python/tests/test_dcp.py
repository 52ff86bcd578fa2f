"""PyTorch's distributed checkpoints, in one process and in two."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.api import CheckpointException

import modelreg

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")


def trained(seed: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.randn(16, 4)).square().mean().backward()
    optimizer.step()
    return model, optimizer


def state_of(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    from torch.distributed.checkpoint.state_dict import get_state_dict

    weights, state = get_state_dict(model, optimizer)
    return {"model": weights, "optimizer": state, "step": 7, "rows": [torch.arange(3), "text"]}


def same(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right))
    return bool(left == right)


def test_a_checkpoint_is_one_version_with_the_names_of_the_state_dict(registry: modelreg.Registry) -> None:
    from modelreg.dcp import Reader, Writer

    model, optimizer = trained(1)
    state = state_of(model, optimizer)
    writer = Writer(registry, "mlp", message="by DCP", metrics={"acc": 0.5}, step=7, aliases=["best"])
    dcp.save(state, storage_writer=writer, no_dist=True)
    assert writer.saved is not None and writer.saved.reference == "mlp:v1"
    version = registry.version("mlp:best")
    assert (version.message, version.step, version.metrics) == ("by DCP", 7, {"acc": 0.5})
    assert "model/0.weight" in registry.lazy("mlp")
    assert same(registry.load("mlp"), state)
    # Without DCP, into a module.
    other, _ = trained(2)
    registry.load_into("mlp", other, at="model")
    assert same(other.state_dict(), model.state_dict())
    # And with it.
    other, others_optimizer = trained(3)
    target = state_of(other, others_optimizer) | {"step": 0}
    dcp.load(target, storage_reader=Reader(registry, "mlp:best"), no_dist=True)
    assert same(target, state)
    assert same(other.state_dict(), model.state_dict()), "in place"
    assert [path.name for path in Path(registry.path).parent.iterdir()] == ["models.db"]


def test_any_version_is_read(registry: modelreg.Registry) -> None:
    from modelreg.dcp import Reader

    base = torch.arange(60.0).reshape(12, 5)
    registry.save({"w": base, "t": base.T, "h": base[2:4].bfloat16(), "s": torch.tensor(2), "n": torch.empty(0, 3)}, "m")
    target = {"w": torch.zeros(12, 5), "t": torch.zeros(5, 12), "h": torch.zeros(2, 5), "s": torch.tensor(0)}
    dcp.load(target, storage_reader=Reader(registry.path, "m"), no_dist=True)
    assert torch.equal(target["w"], base) and torch.equal(target["t"], base.T) and target["s"] == 2
    assert torch.equal(target["h"], base[2:4]), "converted"
    with pytest.raises(CheckpointException, match="more"):
        dcp.load({"more": torch.zeros(1)}, storage_reader=Reader(registry, "m"), no_dist=True)
    with pytest.raises(CheckpointException, match="Size mismatch|size"):
        dcp.load({"w": torch.zeros(3, 5)}, storage_reader=Reader(registry, "m"), no_dist=True)
    registry.save([torch.ones(1)], "list")
    with pytest.raises(CheckpointException, match="is no dictionary of tensors"):
        dcp.load({"w": torch.zeros(1)}, storage_reader=Reader(registry, "list"), no_dist=True)


def test_a_checkpoint_is_found_by_its_id(registry: modelreg.Registry) -> None:
    from modelreg.dcp import Reader, Writer

    for step in (1, 2):
        state = {"w": torch.full((2,), float(step))}
        dcp.save(state, checkpoint_id=f"out/step-{step}", storage_writer=Writer(registry, "m"), no_dist=True)
    target = {"w": torch.zeros(2)}
    for name, value in (("out/step-1", 1), ("m:v2", 2), (None, 2), (Path("out/step-1"), 1)):
        dcp.load(target, checkpoint_id=name, storage_reader=Reader(registry, "m"), no_dist=True)
        assert target["w"][0] == value
    with pytest.raises(CheckpointException, match='no model "out/step-3"'):
        dcp.load(target, checkpoint_id="out/step-3", storage_reader=Reader(registry, "m"), no_dist=True)


def test_what_cannot_be_saved_names_its_path_and_leaves_nothing(registry: modelreg.Registry) -> None:
    from modelreg.dcp import Writer

    with pytest.raises(CheckpointException, match='"facts/seen" cannot be saved: it is of the type set'):
        dcp.save({"w": torch.ones(1), "facts": {"seen": {1}}}, storage_writer=Writer(registry, "m"), no_dist=True)
    assert registry.models() == []


def test_it_saves_beside_the_training(registry: modelreg.Registry) -> None:
    from modelreg.dcp import Writer

    weights = torch.ones(1000)
    saving = dcp.async_save({"w": weights}, storage_writer=Writer(registry, "m"))
    weights.zero_()
    saving.result()
    assert torch.equal(registry.load("m")["w"], torch.ones(1000))


WORKER = """
import sys, torch, torch.distributed as dist, torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from modelreg.dcp import Reader, Writer

rank, path, meeting = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
mesh = init_device_mesh("cpu", (2,))
whole = {
    "rows": torch.arange(70.0).reshape(7, 10), "columns": torch.arange(24.0).reshape(4, 6).bfloat16(),
    "same": torch.arange(5), "small": torch.tensor([3.5]), "none": torch.empty(0, 4),
}
places = {"rows": Shard(0), "columns": Shard(1), "same": Replicate(), "small": Shard(0), "none": Shard(0)}
def state(of):
    state = {name: distribute_tensor(of(tensor), mesh, [places[name]]) for name, tensor in whole.items()}
    return {"model": state, "plain": of(torch.arange(3.0)), "mine": {f"rank{rank}": [rank, "text"]}, "step": 7}

writer = Writer(path, "mlp", step=7, attributes={"ranks": 2})
dcp.save(state(lambda tensor: tensor), storage_writer=writer)
assert (writer.saved is not None) == (rank == 0)

target = state(torch.zeros_like)
target["mine"] = {f"rank{rank}": None}
target["step"] = 0
dcp.load(target, storage_reader=Reader(path, "mlp"))
for name, tensor in whole.items():
    assert torch.equal(target["model"][name].full_tensor(), tensor), name
assert target["mine"] == {f"rank{rank}": [rank, "text"]} and target["step"] == 7
assert torch.equal(target["plain"], torch.arange(3.0))

# Only one of them cannot be saved, and both are told.
broken = {"w": distribute_tensor(torch.ones(4), mesh, [Shard(0)]), "odd": {f"rank{rank}": {1} if rank else 1}}
try:
    dcp.save(broken, storage_writer=Writer(path, "broken"))
except BaseException as error:
    assert '"odd/rank1" cannot be saved' in str(error), error
else:
    raise SystemExit("it was saved")
dist.destroy_process_group()
print("done")
"""


def test_two_processes_save_one_version_and_load_it(registry: modelreg.Registry, tmp_path: Path, run_python: Any) -> None:
    from modelreg.dcp import Reader

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        meeting = str(tmp_path / "meeting")
        done = list(pool.map(lambda rank: run_python(WORKER, str(rank), registry.path, meeting), range(2)))
    assert [each.stdout for each in done] == ["done\n"] * 2, [each.stderr for each in done]
    assert [(version.reference, version.step) for version in registry.versions()] == [("mlp:v1", 7)]
    value = registry.load("mlp")
    assert torch.equal(value["model"]["rows"], torch.arange(70.0).reshape(7, 10))
    assert torch.equal(value["model"]["columns"], torch.arange(24.0).reshape(4, 6).bfloat16())
    assert value["model"]["none"].shape == (0, 4) and value["model"]["small"] == 3.5
    assert value["mine"] == {"rank0": [0, "text"], "rank1": [1, "text"]} and value["step"] == 7
    # Each a storage of its own, and no shards left behind.
    assert value["model"]["rows"].untyped_storage().nbytes() == 280
    assert not list(tmp_path.glob(".modelreg-dcp-*"))
    alone = {"model": {"rows": torch.zeros(7, 10)}}
    dcp.load(alone, storage_reader=Reader(registry, "mlp"), no_dist=True)
    assert torch.equal(alone["model"]["rows"], value["model"]["rows"])
