#!/bin/bash
# The main job on real input: checkpoints that PyTorch wrote become versions, and come back byte for byte. Then, where
# `Digits` is built, a network that is trained on real data.
#
# usage: demo.sh [FOLDER OF THE modelreg AND Digits BINARIES]
set -euo pipefail

examples=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 0 ] || export PATH="$(cd "$1" && pwd):$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$examples" Examples
unset MODELREG_REGISTRY

run() {
    printf '$'
    printf ' %q' "$@"
    printf '\n'
    "$@"
}

echo "# Five checkpoints of one training run, written by PyTorch, become five versions."
for step in 000 010 020 050 100; do
    run modelreg save "Examples/data/mlp-step-$step.pt" mlp -m "step-$step"
done
run modelreg save Examples/data/checkpoint.pt run -m "with optimiser"
run modelreg alias set mlp:v5 best
echo
run modelreg ls
run modelreg log mlp
echo
echo "# What changed, and how far it moved."
run modelreg diff mlp:v4 mlp:best
echo
echo "# And back again."
run modelreg load mlp:best -o best.pt
run cmp Examples/data/mlp-step-100.pt best.pt
echo "best.pt is Examples/data/mlp-step-100.pt, byte for byte"
run modelreg load run
run cmp Examples/data/checkpoint.pt checkpoint.pt
echo "checkpoint.pt is Examples/data/checkpoint.pt, byte for byte"
run modelreg verify

if command -v Digits > /dev/null; then
    echo
    "$examples/Digits/demo.sh"
fi
