#!/bin/sh
# Usage: tools/apt_install.sh PACKAGE...
# Installs Debian packages when this user may; says the cure when not. PACKAGE may be "a|b": the first that apt knows.
# A package that cannot be had does not stop the others. Exit code 0 when all are installed.
set -u

if ! command -v apt-get >/dev/null 2>&1; then
  echo "  this is not Debian or Ubuntu: install by hand what these packages hold: $*"
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root="env DEBIAN_FRONTEND=noninteractive"
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root="sudo -n env DEBIAN_FRONTEND=noninteractive"
else
  echo "  only root (or sudo without a password) may install packages"
  echo "  cure: sudo apt-get update && sudo apt-get install --no-install-recommends $(echo "$*" | sed 's/|[^ ]*//g')"
  exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { $as_root apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1; }

if ! apt update; then
  echo "  apt-get update failed; trying with the lists at hand:"
  tail -n 3 "$log" | sed 's/^/    /'
fi

failed=0
for choice in "$@"; do
  package=""
  for name in $(echo "$choice" | tr '|' ' '); do
    if apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [0-9]'; then
      package=$name
      break
    fi
  done
  if [ -z "$package" ]; then
    echo "  apt knows no package $choice on this release"
    failed=1
  elif apt install -y --no-install-recommends "$package"; then
    echo "  installed $package"
  else
    echo "  apt-get install $package failed:"
    tail -n 5 "$log" | sed 's/^/    /'
    failed=1
  fi
done
exit "$failed"
