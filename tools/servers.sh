#!/bin/sh
# Install the servers and the browser that the tests start for themselves, where they are absent and that is allowed.
# Without them, and without OSIRIS_TEST_POSTGRES_URL, OSIRIS_TEST_MYSQL_URL, OSIRIS_TEST_BROKER_URL and
# OSIRIS_TEST_CHROMIUM, tests fail and say what to do.
set -eu

has() {
  for folder in $(printf %s "$PATH" | tr : ' ') /usr/sbin /usr/local/sbin /usr/libexec /usr/lib/postgresql/*/bin; do
    [ -x "$folder/$1" ] && return
  done
  return 1
}

missing=
has initdb || [ -n "${OSIRIS_TEST_POSTGRES_URL:-}" ] || missing="$missing postgresql"
has mariadbd || has mysqld || [ -n "${OSIRIS_TEST_MYSQL_URL:-}" ] || missing="$missing mariadb-server"
has chromium || has chromium-browser || has google-chrome || has google-chrome-stable ||
  [ -n "${OSIRIS_TEST_CHROMIUM:-}" ] || missing="$missing chromium"
has redis-server || [ -n "${OSIRIS_TEST_BROKER_URL:-}" ] || missing="$missing redis-server"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of packages
  apt-get install -y -qq --no-install-recommends $missing
else
  echo "The tests need:$missing (on Debian: sudo apt-get install$missing)" >&2
fi
