#!/bin/sh
# Usage: tools/lock.sh PYTHON [UV OPTIONS, such as --upgrade]
# Writes requirements/{build,run,dev}.txt from pyproject.toml: versions and hashes, never the address of a registry.
# Pins that still fit are kept, unless --upgrade is given.
set -eu
python=$1
shift
uv_version=0.13.9
tool=build/lock

if [ ! -x "$tool/bin/uv" ]; then
  "$python" -m venv "$tool"
  "$tool/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"
fi
compile() {
  "$tool/bin/uv" pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links "$@"
}

# What builds our wheel, and what builds pyspark's (it comes as source only).
"$python" - >build/build.in <<'PYTHON'
import tomllib
from pathlib import Path
print("\n".join([*tomllib.loads(Path("pyproject.toml").read_text())["build-system"]["requires"], "setuptools"]))
PYTHON
compile --no-annotate "$@" build/build.in -o requirements/build.txt
compile "$@" pyproject.toml -c requirements/build.txt -o requirements/run.txt
compile "$@" pyproject.toml --extra spark --group dev -c requirements/build.txt -c requirements/run.txt -o requirements/dev.txt
