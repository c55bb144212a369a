"""Before a build starts: our settings alone, folders to write to, and no lock of a killed build."""

import contextlib
import fcntl
import shutil

# What a user's shell holds for other tools, or for other workflows of these.
FOREIGN = ("BASH_ENV", "IPYTHON", "JUPYTER", "MATPLOTLIB", "MPL", "PYTHON", "SNAKEMAKE_PROFILE")
SPACE = 64  # MB; all that a build at full size writes is less.

for name in [name for name in os.environ if name.startswith(FOREIGN)]:
    del os.environ[name]
# The rules' commands find this Python first, whether or not its environment is activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ |= {"PYTHONPATH": str(Path("lib").absolute()), "PYTHONUTF8": "1"}


def refuse_unusable(folder):
    """Stop where nothing can be written, before half a build is."""
    wanted = Path(folder).absolute()
    there = next(path for path in (wanted, *wanted.parents) if path.exists())
    if not os.access(there, os.W_OK):
        sys.exit(f"Nothing can be written to {there}: change that, or build in a copy of your own.")
    free = shutil.disk_usage(there).free // 10**6
    if free < SPACE:
        sys.exit(f"The disk of {there} is full, {free} MB free and {SPACE} needed: make room.")


if workflow.is_main_process:
    for folder in (".snakemake", LOGS, RESULTS):
        refuse_unusable(folder)
    # Every Snakemake shares this as long as it lives: one that can have it alone is the only one.
    Path(".snakemake").mkdir(exist_ok=True)
    ALIVE = open(".snakemake/alive", "a")
    # Refused if another lives, or by a file system without locks: then Snakemake's own lock counts.
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(".snakemake/locks", ignore_errors=True)
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_SH)
