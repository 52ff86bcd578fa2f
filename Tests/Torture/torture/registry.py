"""The registry that campaigns begin with, and what a registry says."""

import os
import shutil
import sqlite3
import struct

from program import modelreg, must


def safetensors(path, tensors):
    """Writes float32 tensors, given as bytes by name."""
    entries, offset = [], 0
    for name, data in tensors.items():
        entries.append(
            f'"{name}":{{"dtype":"F32","shape":[{len(data) // 4}],"data_offsets":[{offset},{offset + len(data)}]}}')
        offset += len(data)
    header = ("{" + ",".join(entries) + "}").encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + b"".join(tensors.values()))


def set_up(work, generator):
    """A folder in `work` with a registry that has a history, and the files that the commands need."""
    folder = f"{work}/base"
    os.mkdir(folder)
    size = 300_000
    weights = generator.randbytes(size)

    def step(number):
        changed = bytearray(weights)
        for _ in range(2000):
            changed[4 * generator.randrange(size // 4)] = number
        return {"w": bytes(changed), "same": weights[:4000]}

    for number in range(4):
        safetensors(f"{folder}/small.safetensors", step(number))
        must(folder, f"save small.safetensors m --no-pack -m v{number}" + (" --alias kept" if number == 1 else ""))
    must(folder, "rm m:v1")
    must(folder, "run start m --name first")
    safetensors(f"{folder}/small.safetensors", step(9))
    safetensors(f"{folder}/big.safetensors", {f"t{n}": generator.randbytes(1 << 20) for n in range(48)})
    shutil.copy(f"{folder}/models.db", f"{folder}/theirs.db")
    safetensors(f"{folder}/theirs.safetensors", step(11))
    for command in ["save theirs.safetensors m", "save theirs.safetensors theirs"]:
        must(folder, command + " --registry theirs.db")
    must(folder, "diff m:v4 m:v5 -o change.mrpatch --registry theirs.db")
    return folder


def state(folder):
    """What the registry says, without times, ids and how it is encoded. None where it does not verify."""
    verified = modelreg(folder, "verify")
    if verified.returncode != 0:
        return None, f"verify: {verified.returncode} {verified.stdout[:300]}{verified.stderr[:300]}"
    connection = sqlite3.connect(f"file:{folder}/models.db?mode=ro", uri=True)
    queries = [
        "SELECT model.name, number, hex(content_id), message, deleted_at IS NULL FROM version"
        " JOIN model ON model.id = version.model",
        "SELECT model.name, alias.name, version.number FROM alias JOIN model ON model.id = alias.model"
        " JOIN version ON version.id = alias.version",
        "SELECT text FROM note", "SELECT name, state FROM run", "SELECT name, next_number FROM model",
        "SELECT metric.name, value FROM metric", "SELECT action, model, number, alias FROM event",
        "SELECT count(*) FROM dropped_parameter",
    ]
    rows = [sorted(map(repr, connection.execute(query))) for query in queries]
    connection.close()
    return rows, ""
