#!/bin/sh
# Make .venv: the packages of requirements.lock, hashes checked, and the project itself. Needs no root.
set -eu
cd "$(dirname "$0")/.."
names=${PYTHON:-python3.13 python3.12 python3.11 python3}

find_python() {
  for name in $names; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
}

give_up() {
  printf '%s\n' "$@" >&2
  exit 1
}

with_uv() {
  rm -rf .venv
  # Without a Python of the system, uv brings one. Joined by &&, because `set -e` is off in a function that may fail.
  uv venv --quiet --python "${python:-3.13}" .venv &&
    uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock &&
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
}

with_pip() {
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv --clear .venv
    pip='.venv/bin/python -m pip'
  elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian without python3-venv: the pip of the system can fill an environment that has none.
    "$python" -m venv --clear --without-pip .venv
    pip="$python -m pip --python .venv/bin/python"
  else
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    give_up "$python can make no virtual environment: its module ensurepip is missing." \
      "On Debian and Ubuntu: sudo apt install $version-venv" \
      "Without root: install uv, then run make again."
  fi
  $pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
  $pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

python=$(find_python)
if command -v uv >/dev/null 2>&1; then
  echo "Setting up .venv with uv, once ..."
  if ! with_uv; then
    # A proxy or a certificate that pip is configured for and uv is not.
    [ -n "$python" ] || give_up "uv cannot set up .venv, see above, and there is no Python 3.11 to try pip with."
    echo "uv cannot, see above; setting up with pip instead ..."
    with_pip
  fi
elif [ -n "$python" ]; then
  echo "Setting up .venv with pip, once; this takes a minute or two ..."
  with_pip
else
  give_up "Python 3.11 or newer is needed; none of these is: $names" \
    "On Debian 12, Ubuntu 24.04 and newer: sudo apt install python3 python3-venv" \
    "On macOS: brew install python@3.13, or the installer from python.org" \
    "Anywhere without root: install uv, which brings its own Python, then run make again" \
    "Installed elsewhere: make PYTHON=/path/to/python3.12 ..."
fi
touch .venv/ready
