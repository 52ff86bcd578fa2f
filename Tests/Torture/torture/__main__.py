#!/usr/bin/env python3
"""Tries to make modelreg lose something.

  torture faults      a call that changes a file fails, is cut short, or is the process's last
  torture reads       a call that reads the registry fails
  torture power       the power fails: what was not synced is lost, torn or reordered
  torture damage      bits, sectors and pages of the file change
  torture rows        numbers and texts in rows change, by somebody who knows SQL
  torture neighbours  others in the process open and close the file; --plain: as without our locks
  torture signals     somebody ends a command: SIGINT, SIGTERM, SIGHUP
  torture crowd       eight processes do everything at once
  torture storms      threads and forked children of others open, lock and close the file
  torture limits      small disks, little memory, few descriptors, wrong paths

What is done follows from the seed. Needs a C compiler; MODELREG names the binary. Says what it did in one line and exits
with 1 where anything was lost. Each module says what must hold.
"""

import argparse
import importlib
import os
import random
import sys
import tempfile

CAMPAIGNS = [
    "faults", "reads", "power", "damage", "rows", "neighbours", "signals", "crowd", "storms", "limits"]


def main():
    parser = argparse.ArgumentParser(
        prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=CAMPAIGNS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", help="faults and power: one command")
    parser.add_argument("--plain", action="store_true", help="neighbours with the locks that SQLite uses by itself")
    parser.add_argument("--every", action="store_true", help="faults and reads: each call of each command")
    parser.add_argument("--gigabytes", type=float, help="crowd: measure beside upkeep of a registry of this size")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="faults and reads: so many at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        campaign = importlib.import_module(options.campaign)
        losses, summary = campaign.run(options, os.path.realpath(work), random.Random(options.seed))
    print(f"{options.campaign}, seed {options.seed}: {summary}; {len(losses)} losses", flush=True)
    sys.exit(bool(losses))


if __name__ == "__main__":
    main()
