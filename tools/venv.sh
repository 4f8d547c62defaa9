#!/bin/sh
# Usage: tools/venv.sh DIR
# Makes a virtual environment with the first Python >= 3.11 that runs ($PYTHON, if set, is the only candidate).
set -eu
target=$1

works() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

python=""
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
  # A version manager leaves commands that exist and do not run: ask each.
  if works "$candidate"; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  found=$("${PYTHON:-python3}" --version 2>&1 | head -n 1) || true
  echo "Tenure needs Python 3.11 or newer; ${PYTHON:-python3} says: $found" >&2
  echo "  cure: install one (apt-get install python3.11 python3.11-venv), or name one: make PYTHON=/path/to/python" >&2
  exit 1
fi

if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
  version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  echo "$python cannot make virtual environments yet: Debian keeps that part in a package of its own"
  "$(dirname "$0")/apt_install.sh" "$version-venv|python3-venv" >&2
fi
echo "making $target with $("$python" --version)"
"$python" -m venv --clear "$target"
