"""Fill a new virtual environment from a lock, whatever the user's settings of pip and Jupyter are.

Usage: install.py FOLDER LOCK [REQUIREMENTS WITHOUT HASHES]
"""

import json
import os
import re
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

# Of the user's settings of pip, those that say where packages are to be had, the only ones that
# count, and what uv calls them.
ACCESS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
    "keyring-provider": "UV_KEYRING_PROVIDER",
    "no-index": "UV_OFFLINE",
}
# What else they set of either counts for nothing, but for the place of uv's cache.
USERS = re.compile("(PIP_|UV_(?!CACHE_DIR$))")
THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def access(listed: str) -> dict[str, str]:
    """Return, as variables for pip and uv, what `pip config list` says of access to packages."""
    found = {}
    # A variable comes before a file.
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in ACCESS:
            values = literal_eval(value).split()
            found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(values)
            found[ACCESS[name]] = ("," if name == "find-links" else " ").join(values)
    return found


def own_kernel(folder: Path) -> None:
    """Let the environment's kernel, whoever starts it, take nothing of the user's settings."""
    spec = folder / "share/jupyter/kernels/python3/kernel.json"
    if spec.exists():  # The environment of the benchmarks has none.
        empty = dict.fromkeys(("MATPLOTLIBRC", "MPLBACKEND", "PYTHONSTARTUP"), "")
        own = dict.fromkeys(("IPYTHONDIR", "MPLCONFIGDIR"), str(folder.resolve() / "own"))
        content = json.loads(spec.read_text()) | {
            "env": empty | own | THREADS | {"PYTHONUTF8": "1"},
            "display_name": "Python 3",  # As in the notebooks, whose headers JupyterLab writes.
        }
        spec.unlink()  # It may be one file with that of uv's cache.
        spec.write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    """Install, then hold what was installed against the lock."""
    folder, lock, *others = map(Path, sys.argv[1:])
    python = str(folder / "bin/python")
    pip = [python, "-m", "pip"]
    listed = subprocess.run([*pip, "config", "list"], stdout=subprocess.PIPE, text=True, check=True)
    clean = {name: value for name, value in os.environ.items() if not USERS.match(name)}
    clean |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # Like pip, the best of all indexes; hashes say that it is the right one.
    clean |= {"UV_NO_CONFIG": "1", "UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON": python}
    online = clean | access(listed.stdout)
    flags = ["install", "-qq", "--no-deps"]
    # Where the lock pins uv, that installs the others, in a fifth of pip's time.
    if pinned := re.search(r"^uv==.*\\\n(    .*\n)*", lock.read_text(), re.M):
        (folder / "uv.txt").write_text(pinned[0])
        first = [*pip, *flags, "--require-hashes", "--requirement", str(folder / "uv.txt")]
        subprocess.run(first, env=online, check=True)
        pip = [str(folder / "bin/uv"), "pip"]
    install = [*pip, *flags]
    locked = ["--require-hashes", "--requirement", str(lock)]
    rest = [["--requirement", str(path)] for path in others]
    for what in (locked, *rest, ["--no-build-isolation", "--editable", "."]):
        subprocess.run([*install, *what], env=online, check=True)
    # What is there already needs no index.
    if subprocess.run([*install, "--no-index", *locked], env=clean).returncode:
        sys.exit(f"{folder} does not hold what {lock} pins, see above: remove it and try again.")
    own_kernel(folder)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # pip has said why.
