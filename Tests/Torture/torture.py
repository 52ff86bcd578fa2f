#!/usr/bin/env python3
"""Tries to make modelreg lose something.

  torture.py faults [--seed N] [--runs N]   a call that changes a file fails, is cut short, or is the process's last
  torture.py power [--seed N] [--runs N]    the power fails: what was not synced is lost, torn or reordered
  torture.py damage [--seed N] [--runs N]   bits, sectors and pages of the file change

  torture.py rows [--seed N] [--runs N]     numbers and texts in rows change, by somebody who knows SQL
  torture.py neighbours [--runs N] [--plain]  others in the process open and close the file; --plain: as without our locks

Each run of faults and power starts from the same registry, does one command with one fault, and then asks: does the registry verify, is it
in the state before or after the command, and in that after it where the command had exited with 0? What is done follows
from the seed. Each run of damage and rows changes the file and runs many commands: no signal, nothing that takes 20 seconds or a
gigabyte, no wrong byte loaded; and where verify says ok, all versions are there, before gc and after it. Needs a C compiler; MODELREG names the binary. Says what it did in one line and exits with 1 where anything
was lost.
"""

import argparse
import errno
import os
import random
import resource
import shlex
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODELREG = os.path.abspath(os.environ.get("MODELREG", os.path.join(HERE, "../../.build/release/modelreg")))
SECTOR = 512
PAGE = 16384

# Each changes the registry "models.db" beside the files that set_up() makes.
COMMANDS = {
    "save": "save small.safetensors m -m small --alias best --metric loss=1",
    "save new model": "save small.safetensors other/name",
    "save batches": "save big.safetensors m --no-pack",
    "alias": "alias set m:v3 prod",
    "alias rm": "alias rm m kept",
    "rm": "rm m:v3 m:v4",
    "restore": "restore m:v1",
    "note": "note m remark",
    "pack": "pack",
    "gc": "gc",
    "prune": "prune m --keep-last 1",
    "merge": "merge theirs.db",
    "apply": "apply change.mrpatch",
    "run": "run start m --name second --set lr=1",
    "run finish": "run finish m/first",
}


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


def modelreg(folder, arguments, **environment):
    return subprocess.run(
        [MODELREG, *arguments.split()], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "MODELREG_REGISTRY": "models.db", **environment})


def must(folder, arguments):
    result = modelreg(folder, arguments)
    if result.returncode != 0:
        sys.exit(f"modelreg {arguments}: {result.returncode}\n{result.stderr}{result.stdout}")
    return result


def set_up(folder, generator):
    """A registry with a history, and the files that the commands need."""
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


class Case:
    """A command, the registry before it, and the state before and after."""

    def __init__(self, base, name, work):
        self.base, self.name, self.work = base, name, work
        self.before, problem = state(base)
        assert self.before is not None, problem
        folder = self.fresh("expected")
        self.log = f"{work}/{name.replace(' ', '-')}.log"
        result = self.run(folder, TORTURE_LOG=self.log)
        assert result.returncode == 0, f"{name}: {result.stderr}"
        self.after, problem = state(folder)
        assert self.after is not None, problem
        self.events = list(events(self.log, folder))

    def fresh(self, name):
        folder = f"{self.work}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for file in os.listdir(self.base):
            # Only the registry changes.
            if file == "models.db":
                shutil.copy(f"{self.base}/{file}", folder)
            else:
                os.symlink(f"{self.base}/{file}", f"{folder}/{file}")
        return folder

    def run(self, folder, **environment):
        return modelreg(
            folder, COMMANDS[self.name], LD_PRELOAD=f"{self.work}/faults.so", TORTURE_FOLDER=folder, **environment)


def events(path, folder):
    """The records of faults.c: kind, path, other path, offset, bytes."""
    with open(path, "rb") as file:
        content = file.read()
    position = 0
    while position < len(content):
        kind, path_length, other_length, offset, length = struct.unpack_from("<c3xIIqq", content, position)
        position += 28
        parts = []
        for size in (path_length, other_length, length):
            parts.append(content[position:position + size])
            position += size
        name, other = (os.path.relpath(part.decode(), folder) if part else "" for part in parts[:2])
        yield kind.decode(), name, other, offset, parts[2]


class Losses(list):
    """Says each loss as soon as it is found: a campaign may take hours."""

    def append(self, loss):
        super().append(loss)
        print("  " + loss, flush=True)


# MARK: Faults

def faults(cases, generator, runs):
    kinds = ["kill", "die", "short", str(errno.EIO), str(errno.ENOSPC), str(errno.EINTR)]
    losses, failed = Losses(), 0
    for _ in range(runs):
        case = generator.choice(cases)
        at, kind = generator.randint(1, len(case.events)), generator.choice(kinds)
        folder = case.fresh("run")
        result = case.run(folder, TORTURE_AT=str(at), TORTURE_FAULT=kind)
        where = f"{case.name}, call {at} of {len(case.events)}, {kind}"
        failed += result.returncode != 0
        found, problem = state(folder)
        if found is None:
            losses.append(f"{where}: {problem}")
        elif found not in (case.before, case.after) and not is_between(found, case):
            losses.append(f"{where}: neither the state before nor the one after")
        elif result.returncode == 0 and found != case.after:
            losses.append(f"{where}: exited with 0, and is not done")
        if result.returncode < 0 and result.returncode != -signal.SIGKILL or result.returncode in (1, 70):
            losses.append(f"{where}: exit status {result.returncode} {result.stderr[:200]}")
        if kind not in ("kill", "die"):
            left = [name for name in os.listdir(folder) if name.startswith(".modelreg-")]
            if left:
                losses.append(f"{where}: left {left}")
        again = case.run(folder)
        if found == case.before and (again.returncode != 0 or state(folder)[0] != case.after):
            losses.append(f"{where}: the same command, again: {again.returncode} {again.stderr[:200]}")
    return losses, f"{runs} runs, {failed} of them failed as they should"


def is_between(found, case):
    """Merges and upkeep are several transactions, each of which leaves a whole registry."""
    return case.name in ("merge", "gc", "pack", "prune")


# MARK: Power

class Disk:
    """Files and names as a disk may hold them when the power fails."""

    def __init__(self, folder, generator):
        self.generator = generator
        self.names = {}  # what the folder says, as processes see it
        self.durable_names = {}
        self.pending_names = []
        self.files = []  # content that is durable, and changes that are not
        for name in os.listdir(folder):
            if os.path.isfile(f"{folder}/{name}") and not os.path.islink(f"{folder}/{name}"):
                with open(f"{folder}/{name}", "rb") as file:
                    self.files.append([bytearray(file.read()), []])
                self.names[name] = self.durable_names[name] = len(self.files) - 1

    def do(self, kind, name, other, offset, data):
        if kind == "c":
            self.files.append([bytearray(), []])
            self.rename(name, len(self.files) - 1)
        elif kind == "w" and name in self.names:
            self.files[self.names[name]][1].append((offset, data))
        elif kind == "t" and name in self.names:
            self.files[self.names[name]][1].append((offset, None))
        elif kind == "s":
            if name == ".":
                for change in self.pending_names:
                    self.apply_name(self.durable_names, *change)
                self.pending_names = []
            elif name in self.names:
                content, changes = self.files[self.names[name]]
                for change in changes:
                    apply(content, *change)
                changes.clear()
        elif kind == "u":
            self.rename(name, None)
        elif kind == "r":
            self.rename(other, self.names.get(name))
            self.rename(name, None)
        elif kind == "l":
            self.rename(other, self.names.get(name))

    def rename(self, name, file):
        self.pending_names.append((name, file))
        self.apply_name(self.names, name, file)

    @staticmethod
    def apply_name(names, name, file):
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file

    def write(self, folder, fate):
        """Makes the folder that is found when the power is back.

        fate: "lost" (nothing that was not synced), "reached" (all of it), "mixed" (some of it, sectors one by one;
        names in their order), "reordered" (names too).
        """
        names = dict(self.durable_names)
        pending = self.pending_names
        if fate == "reached":
            chosen = pending
        elif fate == "lost":
            chosen = []
        elif fate == "mixed":
            chosen = pending[:self.generator.randint(0, len(pending))]
        else:
            chosen = [change for change in pending if self.generator.random() < 0.5]
        for change in chosen:
            self.apply_name(names, *change)
        for name, file in names.items():
            content, changes = self.files[file]
            content = bytearray(content)
            for offset, data in changes:
                if fate == "reached" or fate != "lost" and data is None and self.generator.random() < 0.5:
                    apply(content, offset, data)
                elif fate != "lost" and data is not None:
                    for start in range(0, len(data), SECTOR):
                        if self.generator.random() < 0.5:
                            apply(content, offset + start, data[start:start + SECTOR])
            with open(f"{folder}/{name}", "wb") as target:
                target.write(content)


def apply(content, offset, data):
    """Writes, or cuts off where there are no bytes to write."""
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset:offset + len(data)] = data


def power(cases, generator, runs):
    losses, olds = Losses(), 0
    for _ in range(runs):
        case = generator.choice(cases)
        is_done = generator.random() < 0.3
        end = len(case.events) if is_done else generator.randint(0, len(case.events))
        fate = generator.choice(["lost", "reached", "mixed", "reordered"])
        disk = Disk(case.base, generator)
        for event in case.events[:end]:
            disk.do(*event)
        folder = f"{case.work}/run"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        disk.write(folder, fate)
        where = f"{case.name}, after call {end} of {len(case.events)}, {fate}"
        found, problem = state(folder)
        olds += found == case.before
        if found is None:
            losses.append(f"{where}: {problem}")
        elif found not in (case.before, case.after) and not is_between(found, case):
            losses.append(f"{where}: neither the state before nor the one after")
        elif end == len(case.events) and found != case.after:
            losses.append(f"{where}: it had exited with 0, and is not done")
    return losses, f"{runs} power cuts, the state before in {olds} of them"


# MARK: Damage

# What is tried on a damaged file, beside verify, load and gc.
LOOKS = ["ls", "log m", "log m '*'", "show m", "blame m", "du", "lineage m", "run ls", "alias ls", "diff m:v3 m:v4",
         "gc --dry-run", "diff m:v3 m:v5 -o out.mrpatch --force", "save small.safetensors new", "pack --best", "gc"]


def damage_file(path, generator):
    """Changes a file.

    Returns: What was done.
    """
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        pages = len(content) // PAGE
        kind = generator.choice(["bit", "bit", "bit", "byte", "sector", "page", "swap", "header"])
        if kind in ("bit", "byte", "header"):
            while True:
                place = generator.randrange(PAGE if kind == "header" else len(content))
                if kind == "header" or content[place] or generator.random() < 0.01:
                    break
            content[place] ^= 1 << generator.randrange(8) if kind == "bit" else generator.randint(1, 255)
            where = f"{kind} at {place}"
        elif kind == "sector":
            place = generator.randrange(len(content) // SECTOR) * SECTOR
            content[place:place + SECTOR] = generator.choice([bytes(SECTOR), generator.randbytes(SECTOR)])
            where = f"sector at {place}"
        else:
            first, second = generator.randrange(1, pages), generator.randrange(1, pages)
            a, b = (slice(page * PAGE, (page + 1) * PAGE) for page in (first, second))
            if kind == "swap":
                content[a], content[b] = content[b], content[a]
            else:
                content[a] = content[b]
            where = f"{kind} {first} {second}"
        file.seek(0)
        file.write(content)
    return where


# What somebody writes who means harm, in place of a number, a text or bytes.
HOSTILE = [
    "-1", "0", "1", "2", "4611686018427387904", "9223372036854775807", "-9223372036854775808", "1000000000000", "NULL",
    "1e308", "-0.0", "9e999", "''", "'[-1]'", "'[9223372036854775807,4]'", "'[4611686018427387904,2]'", "'[0]'",
    "'[1,1,1,1,1,1,1,1,1]'", "'[' || hex(zeroblob(100000)) || ']'", "'float16'", "'complex128'", "'float4_e2m1fn_x2'",
    "'../../x'", "'/'", "char(0)", "char(27) || '[2J'", "hex(zeroblob(3000000))", "zeroblob(32)", "zeroblob(2000000)",
    "x'00'", "'{\"dict\":[[\"a\",\"tensor\"]]}'", "replace(hex(zeroblob(20000)), '00', '{\"list\":[')",
    "'tensor'", "'9999-99-99T99:99:99.999Z'", "'state_dict'", "id + 1", "-id",
]


def change_rows(path, generator):
    """Changes a column of one row or of all, past all constraints; now and then replaces a table by a view.

    Returns: What was done.
    """
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    tables = [
        name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith("sqlite_") and name != "grdb_migrations"]
    while True:
        table = generator.choice(tables)
        column = generator.choice([row[1] for row in connection.execute(f"PRAGMA table_info({table})")])
        value = generator.choice(HOSTILE)
        rows = generator.choice(["", " LIMIT 1", " LIMIT 1 OFFSET 1"])
        where = f"WHERE {column} IN (SELECT {column} FROM {table}{rows})" if rows else ""
        sql = f"UPDATE OR IGNORE {table} SET {column} = {value} {where}"
        if generator.random() < 0.03:
            sql = f"ALTER TABLE {table} RENAME TO old; CREATE VIEW {table} AS " + generator.choice([
                f"SELECT * FROM {table}", "SELECT * FROM old", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                " SELECT old.* FROM n, old"])
        try:
            connection.executescript(sql)
            if not sql.startswith("UPDATE") or connection.total_changes:
                return sql
        except sqlite3.Error:
            connection.rollback()


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def damaged_modelreg(folder, arguments):
    return subprocess.run(
        [MODELREG, *shlex.split(arguments)], cwd=folder, capture_output=True, text=True, errors="replace", timeout=20,
        env={**os.environ, "MODELREG_REGISTRY": "models.db", "SWIFT_BACKTRACE": "enable=no"}, preexec_fn=limited)


def damage(base, work, generator, runs, change):
    must(base, "restore m:v1")
    must(base, "pack")
    references = ["m:v1", "m:v2", "m:v3", "m:v4"]
    expected = {}
    for reference in references:
        must(base, f"load {reference} -o {work}/expected.safetensors --force")
        with open(f"{work}/expected.safetensors", "rb") as file:
            expected[reference] = file.read()
    losses, sound, found_count = Losses(), 0, 0
    for _ in range(runs):
        folder = f"{work}/run"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in ("models.db", "small.safetensors"):
            shutil.copy(f"{base}/{name}", folder)
        where = change(f"{folder}/models.db", generator)

        def run(arguments):
            try:
                result = damaged_modelreg(folder, arguments)
            except subprocess.TimeoutExpired:
                losses.append(f"{where}: {arguments}: took 20 seconds")
                return None
            # 70 is a fault in modelreg itself.
            if result.returncode < 0 or result.returncode == 70:
                losses.append(f"{where}: {arguments}: {result.returncode} {result.stderr[:200]}")
            return result

        def loaded():
            """The versions that load, checked. None that are wrong."""
            right = []
            for reference in references:
                result = run(f"load {reference} -o out.safetensors --force")
                if result is None or result.returncode != 0:
                    continue
                with open(f"{folder}/out.safetensors", "rb") as file:
                    if file.read() == expected[reference]:
                        right.append(reference)
                    elif "byte for byte" in result.stdout:
                        losses.append(f"{where}: {reference} loads as something else")
            return right

        verified = run("verify")
        is_sound = verified is not None and verified.returncode == 0
        before = loaded()
        if is_sound:
            sound += 1
            # Who knows SQL can delete a version, too.
            if before != references and change is damage_file:
                losses.append(f"{where}: verify says ok, and only {before} load")
        else:
            found_count += 1
        for look in LOOKS:
            run(look)
        after = loaded()
        if set(before) - set(after):
            losses.append(f"{where}: lost {sorted(set(before) - set(after))}")
    return losses, f"{runs} damages, found in {found_count} and without effect in {sound} of them"


# MARK: Neighbours

def neighbours(work, runs, is_plain):
    shim = f"{HERE}/../../Sources/CSQLiteShim"
    subprocess.run(
        [shutil.which("cc") or "clang", "-O1", f"-I{shim}/include", "-o", f"{work}/neighbours", f"{HERE}/neighbours.c",
         f"{shim}/file_locks.c", "-lsqlite3", "-lpthread"], check=True)
    losses = Losses()
    for number in range(runs):
        result = subprocess.run(
            [f"{work}/neighbours", f"{work}/{number}.db", str(int(is_plain)), "100"], capture_output=True, text=True,
            timeout=120)
        if result.returncode != 0:
            losses.append(result.stdout.strip() or f"exit status {result.returncode}")
        os.remove(f"{work}/{number}.db")
    return losses, f"{runs} files, written 100 times by each of two processes beside a neighbour"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=["faults", "power", "damage", "rows", "neighbours"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", help="one command")
    parser.add_argument("--plain", action="store_true", help="neighbours with the locks that SQLite uses by itself")
    options = parser.parse_args()
    generator = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as work:
        work = os.path.realpath(work)
        subprocess.run(
            [shutil.which("cc") or "clang", "-O1", "-shared", "-fPIC", "-o", f"{work}/faults.so", f"{HERE}/faults.c", "-ldl", "-lpthread"],
            check=True)
        if options.campaign == "neighbours":
            losses, summary = neighbours(work, options.runs, options.plain)
            return report(options, summary, losses)
        os.mkdir(f"{work}/base")
        set_up(f"{work}/base", generator)
        if options.campaign in ("damage", "rows"):
            change = {"damage": damage_file, "rows": change_rows}[options.campaign]
            losses, summary = damage(f"{work}/base", work, generator, options.runs, change)
            return report(options, summary, losses)
        cases = [Case(f"{work}/base", name, work) for name in COMMANDS if options.only in (None, name)]
        losses, summary = {"faults": faults, "power": power}[options.campaign](cases, generator, options.runs)
        calls = sum(len(case.events) for case in cases)
        report(options, f"{summary}; {len(cases)} commands of {calls} calls", losses)


def report(options, summary, losses):
    print(f"{options.campaign}, seed {options.seed}: {summary}; {len(losses)} losses")
    sys.exit(bool(losses))


if __name__ == "__main__":
    main()
