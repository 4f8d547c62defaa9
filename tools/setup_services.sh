#!/bin/sh
# Installs what the tests need beyond Python: MariaDB's server program, Chromium, strace, a Java runtime, Maven.
# Only programs: no service is enabled or started (the tests start their own, on loopback). What cannot be had is named;
# with CI=true that is a failure, elsewhere the tests that need it are skipped and say so.
set -u
PATH=$PATH:/usr/sbin:/sbin

# Spark 4 needs Java 17 or newer.
java_fits() {
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ]
}
has() {
  case $1 in
    mariadb) command -v mariadbd && command -v mariadb-install-db && command -v mariadb ;;
    # Playwright's driver, which steers the browser, is linked against libatomic.
    chromium) command -v chromium && ldconfig -p | grep -q 'libatomic\.so\.1' ;;
    strace) command -v strace ;;
    openssl) command -v openssl ;;
    java) java_fits ;;
    maven) command -v mvn ;;
  esac >/dev/null 2>&1
}
missing() { for service in mariadb chromium strace openssl java maven; do has "$service" || printf '%s ' "$service"; done; }

wanted=$(missing)
if [ -n "$wanted" ]; then
  echo "for the tests: installing $wanted"
  packages=""
  for service in $wanted; do
    case $service in
      mariadb) packages="$packages mariadb-server-core|mariadb-server-core-10.6 mariadb-client-core|mariadb-client-core-10.6" ;;
      java) packages="$packages openjdk-21-jre-headless|openjdk-17-jre-headless" ;;
      chromium) packages="$packages chromium libatomic1" ;;
      *) packages="$packages $service" ;;
    esac
  done
  # shellcheck disable=SC2086
  "$(dirname "$0")/apt_install.sh" $packages
fi

lacking=$(missing)
if [ -z "$lacking" ]; then
  echo "for the tests: mariadb, chromium, strace, openssl, java and maven are there"
elif [ "${CI:-}" = true ]; then
  echo "for the tests: NOT THERE: $lacking, and in CI nothing may be skipped" >&2
  exit 1
else
  echo "for the tests: NOT THERE: $lacking; the tests that need them will be SKIPPED and named at the end"
fi
