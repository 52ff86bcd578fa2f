#!/usr/bin/env python3
"""Tries to make modelreg lose something.

  torture faults [--seed N] [--runs N]   a call that changes a file fails, is cut short, or is the process's last
  torture power [--seed N] [--runs N]    the power fails: what was not synced is lost, torn or reordered
  torture damage [--seed N] [--runs N]   bits, sectors and pages of the file change
  torture rows [--seed N] [--runs N]     numbers and texts in rows change, by somebody who knows SQL
  torture neighbours [--runs N] [--plain]  others in the process open and close the file; --plain: as without our locks

What is done follows from the seed. Needs a C compiler; MODELREG names the binary. Says what it did in one line and exits
with 1 where anything was lost. Each module says what must hold.
"""

import argparse
import importlib
import os
import random
import sys
import tempfile

CAMPAIGNS = ["faults", "power", "damage", "rows", "neighbours"]


def main():
    parser = argparse.ArgumentParser(
        prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=CAMPAIGNS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", help="faults and power: one command")
    parser.add_argument("--plain", action="store_true", help="neighbours with the locks that SQLite uses by itself")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        campaign = importlib.import_module(options.campaign)
        losses, summary = campaign.run(options, os.path.realpath(work), random.Random(options.seed))
    print(f"{options.campaign}, seed {options.seed}: {summary}; {len(losses)} losses", flush=True)
    sys.exit(bool(losses))


if __name__ == "__main__":
    main()
