"""Others in the process open and close the file."""

import os
import subprocess

from program import ROOT, Losses, compiled


def run(options, work, generator):
    shim = f"{ROOT}/Sources/CSQLiteShim"
    program = compiled("neighbours.c", f"{work}/neighbours", f"-I{shim}/include", f"{shim}/file_locks.c",
        f"{shim}/file_reads.c", "-lsqlite3")
    losses = Losses()
    for number in range(options.runs):
        result = subprocess.run(
            [program, f"{work}/{number}.db", str(int(options.plain)), "100"], capture_output=True, text=True,
            timeout=120)
        if result.returncode != 0:
            losses.append(result.stdout.strip() or f"exit status {result.returncode}")
        os.remove(f"{work}/{number}.db")
    return losses, f"{options.runs} files, written 100 times by each of two processes beside a neighbour"
