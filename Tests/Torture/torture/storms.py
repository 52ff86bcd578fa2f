"""Threads and forked children of others open, read, lock and close the file, and Python's SQLite reads it, beside saves.

Each save that exited with 0 is there with its bytes; nobody is told that the file is malformed; at the end `verify` is ok.
"""

import re
import subprocess
import sys
import threading

from program import Losses, compiled, modelreg
from registry import safetensors, set_up

# What a reader does over and over; it says what it did not expect.
READER = """
import sqlite3, sys
while True:
    try:
        connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=10)
        versions = connection.execute("SELECT count(*), max(number) FROM version").fetchone()
        connection.execute("SELECT sum(length(bytes)) FROM pack").fetchone()
        connection.close()
    except sqlite3.Error as error:
        if "locked" not in str(error):
            print(error, flush=True)
"""


def run(options, work, generator):
    base = set_up(work, generator)
    storm = compiled("storm.c", f"{work}/storm")
    losses, saved, lock = Losses(), {}, threading.Lock()
    contents = {(saver, turn): generator.randbytes(200_000) for saver in range(2) for turn in range(options.runs)}

    def save(saver):
        for turn in range(options.runs):
            name = f"storm-{saver}.safetensors"
            safetensors(f"{base}/{name}", {"w": contents[saver, turn]})
            result = modelreg(base, f"save {name} m --no-pack")
            found = re.match(r"m:v(\d+)", result.stdout)
            if result.returncode != 0 or not found:
                losses.append(f"save: {result.returncode} {result.stderr[:200]!r}")
                continue
            with lock:
                if int(found[1]) in saved:
                    losses.append(f"version {found[1]} for the second time")
                saved[int(found[1])] = contents[saver, turn]

    path = f"{base}/models.db"
    storms = [subprocess.Popen([storm, path], stdin=subprocess.PIPE) for _ in range(2)]
    readers = [subprocess.Popen([sys.executable, "-c", READER, path], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    savers = [threading.Thread(target=save, args=(number,)) for number in range(2)]
    for thread in savers:
        thread.start()
    for thread in savers:
        thread.join()
    for process in storms:
        process.stdin.close()
        if process.wait() != 0:
            losses.append("a child of the storm could not read the file")
    for process in readers:
        process.kill()
        said = process.communicate()[0]
        if said:
            losses.append(f"Python's SQLite: {said[:200]!r}")
    for version, weights in saved.items():
        result = modelreg(base, f"load m:v{version} -o back.safetensors --force")
        with open(f"{base}/back.safetensors", "rb") as file:
            if result.returncode != 0 or not file.read().endswith(weights):
                losses.append(f"m:v{version} is something else {result.stderr[:200]!r}")
    verified = modelreg(base, "verify")
    if verified.returncode != 0:
        losses.append(f"verify: {verified.returncode} {verified.stdout[:200]}{verified.stderr[:200]}")
    return losses, f"{len(saved)} saves of two processes beside two storms and two other readers"
