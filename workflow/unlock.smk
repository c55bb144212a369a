"""Take away the lock that a killed build has left, so that the next one needs no other step."""

import contextlib
import fcntl
import shutil

# Every Snakemake shares this as long as it lives: one that can have it alone is the only one.
if workflow.is_main_process:
    Path(".snakemake").mkdir(exist_ok=True)
    ALIVE = open(".snakemake/alive", "a")
    # Refused if another lives, or by a file system without locks: then Snakemake's own lock counts.
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(".snakemake/locks", ignore_errors=True)
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_SH)
