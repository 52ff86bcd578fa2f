#!/bin/bash
# A network learns handwritten digits, is killed, goes on as if nothing had happened, and is looked after.
#
# usage: demo.sh [FOLDER OF THE modelreg AND Digits BINARIES]
set -euo pipefail

examples=$(cd "$(dirname "$0")/.." && pwd)
[ $# -eq 0 ] || export PATH="$(cd "$1" && pwd):$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$examples" Examples
unset MODELREG_REGISTRY

run() {
    printf '$ %s\n' "$1"
    eval "$1"
}

# Dies by SIGKILL; the shell's own word on it is not shown.
killed() {
    local status=0
    { run "$1"; } 2> /dev/null || status=$?
    [ "$status" -eq 137 ]
    echo "killed by signal 9"
}

echo "# A network learns handwritten digits, with a checkpoint each epoch, and is killed on the way."
killed "Digits --crash-at-step 170"
run "Digits"
echo
echo "# It has gone on where it was, and ends with the bits of one that was never killed: the same content."
run "Digits --registry unbroken.db > unbroken.txt"
run "modelreg log digits -n 1 --registry unbroken.db"
run "modelreg log digits -n 1"
[ "$(modelreg log digits -n 1 --json | grep content_id)" = \
    "$(modelreg log digits -n 1 --json --registry unbroken.db | grep content_id)" ]
echo
echo "# How it went, and what moved."
run "modelreg plot accuracy digits --width 72 --height 8"
run "modelreg log digits --where 'accuracy > 0.97' --sort -accuracy -n 3"
run "modelreg diff digits:v1 digits:best --only 'model/*'"
echo
# Before versions go: all of them are worth looking at in a browser.
if [ -n "${DEMO_KEEP:-}" ]; then cp modelreg.db "$DEMO_KEEP"; fi
echo "# The best stay, one more keeps its weights alone, the rest goes."
run "modelreg prune digits --keep-best 2:accuracy:max --keep-every 10 --keep-whole 1 | grep -v ' delete '"
run "modelreg gc"
run "Digits --evaluate digits:best"
run "modelreg verify"
