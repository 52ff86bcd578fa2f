#!/bin/bash
# The main job on real input: checkpoints that PyTorch wrote become versions, and come back byte for byte.
#
# usage: demo.sh [FOLDER OF THE modelreg BINARY]
set -euo pipefail

cd "$(dirname "$0")/.."
[ $# -eq 0 ] || export PATH="$1:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MODELREG_REGISTRY="$work/modelreg.db"

run() {
    printf '$ %s\n' "$*"
    "$@"
}

echo "# Five checkpoints of one training run, written by PyTorch, become five versions."
for step in 000 010 020 050 100; do
    run modelreg save "Examples/data/mlp-step-$step.pt" mlp -m "step $step"
done
run modelreg save Examples/data/checkpoint.pt run -m "weights, optimiser, epoch and loss"
run modelreg alias set mlp:v5 best
echo
run modelreg ls
run modelreg log mlp
echo
echo "# What changed, told from content ids."
run modelreg diff mlp:v4 mlp:best
echo
echo "# And back again."
for reference in mlp:best run; do
    original=Examples/data/mlp-step-100.pt
    [ "$reference" = mlp:best ] || original=Examples/data/checkpoint.pt
    run modelreg load "$reference" -o "$work/back.pt" --force
    cmp "$original" "$work/back.pt"
    echo "$reference is $original, byte for byte: $(sha256sum < "$work/back.pt" | cut -c1-16)…"
done
run modelreg verify
