#!/bin/sh
# Make .venv from requirements.lock, or leave it as it is when it already fits: the same lock, the
# same Python, the same place.
set -eu

version=$("$PYTHON" -c 'import sys; print(sys.version)' 2>/dev/null) || {
  echo "Python 3.11 or newer is needed, and '$PYTHON' does not run: install it, or name one with make PYTHON=/path/to/python3." >&2
  exit 1
}
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed, and '$PYTHON' is $version: name a newer one with make PYTHON=/path/to/python3." >&2
  exit 1
}

wanted=$(printf '%s\n%s\n' "$version" "$PWD"; cat requirements.lock)
[ "$wanted" = "$(cat .venv/made-from 2>/dev/null)" ] && exit 0

echo "Making .venv from requirements.lock; this takes a minute or two." >&2
rm -rf .venv
"$PYTHON" -m venv .venv
.venv/bin/python -m pip install -qq --require-hashes --requirement requirements.lock
.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
printf '%s\n' "$wanted" > .venv/made-from
