#!/bin/bash
# Pushes a version as plain files, and reads them with tools that know nothing of modelreg.
#
# plain_files.sh MODELREG AUTHORITY PYTHON: PYTHON has oras, safetensors and numpy.
set -euo pipefail

modelreg=$1
authority=$2
python=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$python" - << 'END'
import json, numpy, os
from safetensors.numpy import save_file

os.mkdir("model")
random = numpy.random.default_rng(7)
save_file(
    {"w": random.standard_normal((700, 900), dtype=numpy.float32), "b": random.standard_normal(9)},
    "model/model.safetensors", metadata={"format": "pt"})
json.dump({"hidden_size": 900}, open("model/config.json", "w"))
END

export MODELREG_REGISTRY="$work/models.db"
"$modelreg" save model plain > /dev/null
"$modelreg" alias set plain:v1 best > /dev/null
"$modelreg" push plain --files --to "oci://$authority/team" > /dev/null

"$python" - "$authority" << 'END'
import sys
import numpy, oras.provider
from safetensors.numpy import load_file

registry = oras.provider.Registry(insecure=True)
for tag in ["v1", "best"]:
    files = registry.pull(target=f"{sys.argv[1]}/team/plain:{tag}", outdir=tag)
    names = sorted(file.rsplit("/", 1)[-1] for file in files)
    assert names == ["config.json", "model.safetensors"], names
    for name in names:
        assert open(f"{tag}/{name}", "rb").read() == open(f"model/{name}", "rb").read(), name
    pulled, saved = load_file(f"{tag}/model.safetensors"), load_file("model/model.safetensors")
    assert all(numpy.array_equal(pulled[name], saved[name]) for name in saved)
END

# The same version for those who have modelreg.
MODELREG_REGISTRY="$work/other.db" "$modelreg" pull plain:best --from "oci://$authority/team" > /dev/null
MODELREG_REGISTRY="$work/other.db" "$modelreg" load plain:best -o again/ > /dev/null
diff -r model again
echo "plain files: pulled by oras, and by modelreg"
