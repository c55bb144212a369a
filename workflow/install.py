"""Fill a new virtual environment from a lock, whatever the user's settings of pip and Jupyter are.

Usage: install.py FOLDER LOCK [REQUIREMENTS WITHOUT HASHES]
"""

import json
import os
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

# Of the user's settings of pip, those that say where packages are to be had; no other counts.
ACCESS = {"index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert"}
ACCESS |= {"client-cert", "proxy", "timeout", "default-timeout", "retries", "keyring-provider"}
THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def access(listed: str) -> dict[str, str]:
    """Return, as variables for pip, what `pip config list` says of access to packages."""
    found = {}
    # A variable comes before a file.
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in ACCESS:
            found[f"PIP_{name.upper().replace('-', '_')}"] = literal_eval(value)
    return found


def own_kernel(folder: Path) -> None:
    """Let the environment's kernel, whoever starts it, take nothing of the user's settings."""
    spec = folder / "share/jupyter/kernels/python3/kernel.json"
    if spec.exists():  # The environment of the benchmarks has none.
        empty = dict.fromkeys(("MATPLOTLIBRC", "MPLBACKEND", "PYTHONSTARTUP"), "")
        own = dict.fromkeys(("IPYTHONDIR", "MPLCONFIGDIR"), str(folder.resolve() / "own"))
        content = json.loads(spec.read_text()) | {
            "env": empty | own | THREADS | {"PYTHONUTF8": "1"}
        }
        spec.write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    """Install, then hold what was installed against the lock."""
    folder, lock, *others = map(Path, sys.argv[1:])
    pip = [str(folder / "bin/python"), "-m", "pip"]
    listed = subprocess.run([*pip, "config", "list"], stdout=subprocess.PIPE, text=True, check=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    clean |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    install = [*pip, "install", "-qq", "--no-deps"]
    locked = ["--require-hashes", "--requirement", str(lock)]
    rest = [["--requirement", str(path)] for path in others]
    for what in (locked, *rest, ["--no-build-isolation", "--editable", "."]):
        subprocess.run([*install, *what], env=clean | access(listed.stdout), check=True)
    # What is there already needs no index.
    if subprocess.run([*install, "--no-index", *locked], env=clean).returncode:
        sys.exit(f"{folder} does not hold what {lock} pins, see above: remove it and try again.")
    own_kernel(folder)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # pip has said why.
