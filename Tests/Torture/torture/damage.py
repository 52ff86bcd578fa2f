"""Bits, sectors and pages of the file change.

Each run changes the file and then runs many commands: no signal, nothing that takes 20 seconds or a gigabyte, no wrong byte
loaded; and where `verify` says ok, all versions are there, before `gc` and after it.
"""

import os
import resource
import shlex
import shutil
import subprocess

from program import MODELREG, Losses, must
from registry import set_up

SECTOR = 512
PAGE = 16384

# What is tried on a damaged file, beside verify, load and gc.
LOOKS = ["ls", "log m", "log m '*'", "log m w --exact", "export m -o out.db --force", "show m", "blame m", "du", "lineage m", "run ls", "alias ls", "diff m:v3 m:v4",
         "gc --dry-run", "diff m:v3 m:v5 -o out.mrpatch --force", "save small.safetensors new", "save small.safetensors m", "pack --best", "gc"]


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


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def damaged_modelreg(folder, arguments):
    return subprocess.run(
        [MODELREG, *shlex.split(arguments)], cwd=folder, capture_output=True, text=True, errors="replace", timeout=20,
        env={**os.environ, "MODELREG_REGISTRY": "models.db", "SWIFT_BACKTRACE": "enable=no"}, preexec_fn=limited)


def run(options, work, generator):
    return damaged(options, work, generator, damage_file)


def damaged(options, work, generator, change):
    """A campaign in which `change` changes the file."""
    base = set_up(work, generator)
    must(base, "restore m:v1")
    must(base, "pack")
    references = ["m:v1", "m:v2", "m:v3", "m:v4"]
    expected = {}
    for reference in references:
        must(base, f"load {reference} -o {work}/expected.safetensors --force")
        with open(f"{work}/expected.safetensors", "rb") as file:
            expected[reference] = file.read()
    losses, sound, found_count = Losses(), 0, 0
    for _ in range(options.runs):
        folder = f"{work}/run"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in ("models.db", "small.safetensors"):
            shutil.copy(f"{base}/{name}", folder)
        where = change(f"{folder}/models.db", generator)

        def attempt(arguments):
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
                result = attempt(f"load {reference} -o out.safetensors --force")
                if result is None or result.returncode != 0:
                    continue
                with open(f"{folder}/out.safetensors", "rb") as file:
                    if file.read() == expected[reference]:
                        right.append(reference)
                    elif "byte for byte" in result.stdout:
                        losses.append(f"{where}: {reference} loads as something else")
            return right

        verified = attempt("verify")
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
            attempt(look)
        after = loaded()
        if set(before) - set(after):
            losses.append(f"{where}: lost {sorted(set(before) - set(after))}")
    return losses, f"{options.runs} damages, found in {found_count} and without effect in {sound} of them"
