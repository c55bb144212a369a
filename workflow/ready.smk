"""Before a build starts: our settings alone, and no lock of a killed build."""

import contextlib
import fcntl
import shutil

# What a user's shell holds for other tools, or for other workflows of these.
FOREIGN = ("BASH_ENV", "IPYTHON", "JUPYTER", "MATPLOTLIB", "MPL", "PYTHON", "SNAKEMAKE_PROFILE")

for name in [name for name in os.environ if name.startswith(FOREIGN)]:
    del os.environ[name]
# The rules' commands find this Python first, whether or not its environment is activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ |= {"PYTHONPATH": str(Path("lib").absolute()), "PYTHONUTF8": "1"}

if workflow.is_main_process:
    # Every Snakemake shares this as long as it lives: one that can have it alone is the only one.
    Path(".snakemake").mkdir(exist_ok=True)
    ALIVE = open(".snakemake/alive", "a")
    # Refused if another lives, or by a file system without locks: then Snakemake's own lock counts.
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(".snakemake/locks", ignore_errors=True)
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_SH)
