"""The registry that campaigns begin with, and what a registry says."""

import hashlib
import os
import pathlib
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
    must(folder, "run log m/first --step 1 loss=2")
    must(folder, "run start m --name old")
    safetensors(f"{folder}/small.safetensors", step(9))
    with open(f"{folder}/note.txt", "wb") as file:
        file.write(generator.randbytes(30_000))
    os.mkdir(f"{folder}/folder")
    safetensors(f"{folder}/folder/model.safetensors", step(13))
    with open(f"{folder}/folder/config.json", "w") as file:
        file.write("{}")
    must(folder, "save folder whole")
    safetensors(f"{folder}/big.safetensors", {f"t{n}": generator.randbytes(1 << 20) for n in range(48)})
    for name in ["old.db", "theirs.db"]:
        shutil.copy(f"{folder}/models.db", f"{folder}/{name}")
    shutil.copy(f"{folder}/small.safetensors", f"{folder}/old.safetensors")
    safetensors(f"{folder}/theirs.safetensors", step(11))
    for command in ["save theirs.safetensors m", "save theirs.safetensors theirs"]:
        must(folder, command + " --registry theirs.db")
    must(folder, "diff m:v4 m:v5 -o change.mrpatch --registry theirs.db")
    return folder


# What commands may change, and are given copies of.
CHANGING = ["models.db", "old.db", "old.safetensors"]


def fresh(base, folder):
    """The folder with copies of what changes and links to the rest."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    for name in os.listdir(base):
        if name in CHANGING:
            shutil.copy(f"{base}/{name}", folder)
        else:
            os.symlink(f"{base}/{name}", f"{folder}/{name}")
    return folder


def state(folder):
    """What the registry says, and what other files are there. None where it, or another registry, does not verify."""
    rows, problem = rows_of(folder, "models.db")
    if rows is None:
        return None, problem
    files = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink() or not path.is_file() or name.startswith("models.db") or ".modelreg-" in name:
            continue
        if name.endswith(".db"):
            files[name], problem = rows_of(folder, name)
            if files[name] is None:
                return None, problem
        else:
            files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"rows": rows, "files": files}, ""


def leftovers(folder):
    """Temporary files, which only a process that was killed may leave."""
    return [str(path) for path in pathlib.Path(folder).rglob(".modelreg-*")]


def rows_of(folder, name):
    """What a registry says, without times, ids and how it is encoded. None where it does not verify."""
    verified = modelreg(folder, f"verify --registry {name}")
    if verified.returncode != 0:
        return None, f"verify: {verified.returncode} {verified.stdout[:300]}{verified.stderr[:300]}"
    connection = sqlite3.connect(f"file:{folder}/{name}?mode=ro", uri=True)
    queries = [
        "SELECT model.name, number, hex(content_id), message, deleted_at IS NULL FROM version"
        " JOIN model ON model.id = version.model",
        "SELECT model.name, alias.name, version.number FROM alias JOIN model ON model.id = alias.model"
        " JOIN version ON version.id = alias.version",
        "SELECT text FROM note", "SELECT name, state FROM run", "SELECT name, next_number FROM model",
        "SELECT metric.name, value FROM metric", "SELECT name, step, value FROM run_metric",
        "SELECT name FROM attachment", "SELECT name FROM run_attachment", "SELECT name, is_protected FROM alias", "SELECT action, model, number, alias FROM event",
        "SELECT count(*) FROM dropped_parameter",
    ]
    rows = [sorted(map(repr, connection.execute(query))) for query in queries]
    connection.close()
    return rows, ""
