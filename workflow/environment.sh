#!/bin/sh
# Make a virtual environment from a lock, or leave it as it is when it already fits: the same lock,
# the same Python, the same place. Usage: environment.sh FOLDER LOCK [REQUIREMENTS WITHOUT HASHES]
set -eu
folder=$1
shift
# What the user's shell holds for other Pythons.
unset $(env | sed -n 's/^\(PYTHON[A-Z0-9_][A-Z0-9_]*\)=.*/\1/p')

version=$("$PYTHON" -c 'import sys; print(sys.version)' 2>/dev/null) || {
  echo "Python 3.11 or newer is needed, and '$PYTHON' does not run: install it, or name one with make PYTHON=/path/to/python3." >&2
  exit 1
}
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed, and '$PYTHON' is $version: name a newer one with make PYTHON=/path/to/python3." >&2
  exit 1
}
# In an activated environment it may be the one that is about to be removed.
PYTHON=$("$PYTHON" -c 'import sys; print(sys._base_executable)')

wanted=$(printf '%s\n%s\n' "$version" "$(pwd -P)"; cat "$@")
fits() { [ "$wanted" = "$(cat "$folder/made-from" 2>/dev/null)" ]; }
fits && exit 0
[ -w . ] || {
  echo "Nothing can be written to $(pwd -P): change that, or build in a copy of your own." >&2
  exit 1
}

# Of two commands that start at once, one makes it and the other waits for that.
exec 9>>"$1"
"$PYTHON" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
fits && exit 0

echo "Making $folder from $1; this takes a minute." >&2
rm -rf "$folder"
"$PYTHON" -m venv "$folder"
"$folder/bin/python" workflow/install.py "$folder" "$@"
printf '%s\n' "$wanted" > "$folder/made-from"
