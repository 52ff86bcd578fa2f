"""What `modelreg diff --json` says, compared with NumPy in float64.

    python diff.py MODELREG FOLDER SEED

Pairs of tensors of every type are written, compared as files, as versions (packed too) and as one of each, and every
statistic is computed again: counts, positions and histograms are to be equal, sums equal to 1e-12. Needs torch,
safetensors and numpy.
"""

import json
import math
import os
import subprocess
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from interop import DTYPES, ONLY_TORCH

MODELREG, FOLDER, SEED = sys.argv[1], sys.argv[2], int(sys.argv[3])
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def run(*arguments, status=0):
    done = subprocess.run(
        [MODELREG, *arguments, "--registry", os.path.join(FOLDER, "r.db")], capture_output=True, text=True)
    assert done.returncode == status, f"{arguments}: {done.stderr}"
    return done.stdout


def parts(tensor):
    """The real numbers of a tensor: a complex element is two."""
    tensor = tensor.contiguous().reshape(-1)
    return torch.view_as_real(tensor).reshape(-1) if tensor.is_complex() else tensor


def bits(tensor):
    """The same as unsigned integers."""
    tensor = parts(tensor)
    return tensor.view(torch.uint8).numpy().view(UNSIGNED[tensor.element_size()])


def doubles(tensor):
    tensor = parts(tensor)
    if tensor.dtype in (torch.uint16, torch.uint32, torch.uint64):
        return tensor.numpy().astype(np.float64)
    return tensor.to(torch.float64).numpy()


def places(tensor):
    """Python integers that are neighbours where the values of the type are; both zeros are 0."""
    tensor = parts(tensor)
    if not tensor.dtype.is_floating_point:
        return [int(value) for value in tensor.tolist()]
    width = 8 * tensor.element_size()
    if tensor.dtype == torch.float8_e8m0fnu:
        return [int(value) for value in bits(tensor)]
    sign = 1 << (width - 1)
    return [-(int(value) & (sign - 1)) if int(value) & sign else int(value) for value in bits(tensor)]


def expected(old, new):
    x, y = doubles(old), doubles(new)
    finite = np.isfinite(x) & np.isfinite(y)
    with np.errstate(all="ignore"):
        d = np.where(finite, y - x, 0.0)
        same_type = old.dtype == new.dtype
        changed = bits(old) != bits(new) if same_type else (x != y) & ~(np.isnan(x) & np.isnan(y))
        a, b = x[finite], y[finite]
        result = {
            "elements": x.size, "finite": int(finite.sum()), "changed": int(changed.sum()),
            "nan": int(np.isnan(y).sum()), "old_nan": int(np.isnan(x).sum()),
            "nan_appeared": int((np.isnan(y) & ~np.isnan(x)).sum()),
            "nan_gone": int((np.isnan(x) & ~np.isnan(y)).sum()),
            "inf": int(np.isinf(y).sum()), "old_inf": int(np.isinf(x).sum()),
            "inf_appeared": int((np.isinf(y) & ~np.isinf(x)).sum()),
            "inf_gone": int((np.isinf(x) & ~np.isinf(y)).sum()),
        }
        magnitude = np.abs(d)
        if x.size:
            result["max_abs"] = float(magnitude.max())
            if magnitude.max() > 0:
                result["max_at"] = [int(i) for i in np.unravel_index(
                    int(magnitude.argmax()) // (2 if new.is_complex() else 1), tuple(new.shape))] if new.dim() else []
        sums = {
            "l2": (np.linalg.norm(d), None),
            "old_norm": (np.linalg.norm(x[np.isfinite(x)]), None),
            "new_norm": (np.linalg.norm(y[np.isfinite(y)]), None),
        }
        if finite.any():
            # Beyond the range of doubles, whether a sum is finite depends on its order.
            if np.isfinite(magnitude.sum()):
                sums["mean"] = (d[finite].mean(), magnitude[finite].mean())
            sums["mean_abs"] = (magnitude[finite].mean(), None)
            norms = np.linalg.norm(a) * np.linalg.norm(b)
            if norms > 0:
                sums["cosine"] = (float(np.dot(a, b) / norms), 1.0)
            if np.linalg.norm(x[np.isfinite(x)]) > 0:
                sums["rel_l2"] = (np.linalg.norm(d) / np.linalg.norm(x[np.isfinite(x)]), None)
    histogram = []
    if same_type:
        counts = [0] * 65
        for p, q, ok in zip(places(old), places(new), finite):
            if ok:
                counts[abs(p - q).bit_length()] += 1
        while counts and counts[-1] == 0:
            counts.pop()
        histogram = counts
    result["ulp_histogram"] = histogram
    return result, sums


def check(name, found, old, new):
    exact, sums = expected(old, new)
    for key, value in exact.items():
        if isinstance(value, float) and not math.isfinite(value):
            assert key not in found, f"{name}: {key} {found.get(key)} is not left out"
            continue
        assert found.get(key) == value, f"{name}: {key} is {found.get(key)}, not {value}"
    for key, (value, scale) in sums.items():
        if not math.isfinite(value):
            assert key not in found, f"{name}: {key} {found.get(key)} is not left out"
            continue
        error = abs(found[key] - value)
        limit = 1e-12 * (abs(value) if scale is None else scale)
        assert error <= limit, f"{name}: {key} is {found[key]!r}, not {value!r}"


def value(rng, dtype, shape, near=None):
    count = int(np.prod(shape, dtype=np.int64))
    width = torch.empty(0, dtype=dtype).element_size()
    limit = 2 if dtype == torch.bool else 256
    data = rng.integers(0, limit, count * width, dtype=np.uint8)
    if near is not None:
        # Half of it as it was; else any bits: NaN payloads, infinities, -0 and subnormals among them.
        before = near.contiguous().reshape(-1).view(torch.uint8).numpy().copy() if count else data
        keep = np.repeat(rng.random(count) < 0.5, width)
        data = np.where(keep, before, data)
    if dtype.is_floating_point and count > 20 and rng.random() < 0.7:
        flat = torch.from_numpy(rng.standard_normal(count)).to(dtype)
        with_any = torch.from_numpy(data).view(dtype)
        mask = torch.from_numpy(rng.random(count) < 0.1)
        whole = flat.view(torch.uint8).reshape(count, width)
        whole[mask] = with_any.view(torch.uint8).reshape(count, width)[mask]
        return whole.reshape(-1).view(dtype).reshape(shape)
    return torch.from_numpy(data).view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


def main():
    rng = np.random.default_rng(SEED)
    old, new = {}, {}
    dtypes = DTYPES + ONLY_TORCH
    for dtype in dtypes:
        for shape in [(), (1,), (7,), (3, 5), (1024,), (2, 3, 700), (90_001,)]:
            name = f"{str(dtype)[6:]}.{'x'.join(map(str, shape)) or 'scalar'}"
            old[name] = value(rng, dtype, shape)
            new[name] = value(rng, dtype, shape, near=old[name])
        old[f"{str(dtype)[6:]}.empty"] = new[f"{str(dtype)[6:]}.empty"] = torch.empty((0, 3), dtype=dtype)
    # Several chunks, of which one is equal; -0 for 0; subnormals.
    large = torch.from_numpy(rng.standard_normal(700_000).astype(np.float32))
    old["large"], new["large"] = large, large.clone()
    new["large"][300_000:] += 1e-3 * torch.from_numpy(rng.standard_normal(400_000).astype(np.float32))
    old["zeros"], new["zeros"] = torch.zeros(50), -torch.zeros(50)
    old["tiny"] = torch.arange(50, dtype=torch.float32) * 1e-45
    new["tiny"] = old["tiny"].flip(0).contiguous()
    # Other types than before.
    reals = [dtype for dtype in dtypes if not dtype.is_complex]
    for index in range(40):
        before, now = (reals[int(rng.integers(len(reals)))] for _ in range(2))
        old[f"cast.{index}"] = value(rng, before, (5000,))
        new[f"cast.{index}"] = value(rng, now, (5000,))
    old["cast.complex"] = value(rng, torch.complex64, (100,))
    new["cast.complex"] = value(rng, torch.complex128, (100,))
    # Transposed, and grown.
    turned = torch.from_numpy(rng.standard_normal((300, 200)))
    old["turned"], new["turned"] = turned.t(), (turned * 1.25).t()
    a, b = (os.path.join(FOLDER, name) for name in ("a.pt", "b.pt"))
    torch.save(old, a)
    torch.save(new, b)
    run("save", a, "m", "-q", "--no-pack")
    run("save", b, "m", "-q", "--no-pack")
    count = 0
    for round in range(2):
        for sides in ([a, b], ["m:v1", "m:v2"], [a, "m:v2"], ["m:v1", b]):
            changes = {change["path"]: change for change in json.loads(run("diff", *sides, "--json"))["changes"]}
            for name, before in old.items():
                now = new[name]
                if name not in changes:
                    assert before.dtype == now.dtype and (bits(before) == bits(now)).all(), f"{name} is missing"
                    continue
                found = changes[name].get("statistics")
                assert found is not None, f"{name} has no statistics"
                check(f"{name} of {sides}", found, before, now)
                count += 1
        run("pack")
    print(count, "tensors compared")


main()
