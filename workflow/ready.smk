"""Before a build starts: folders to write to, space in them, and no lock left by a killed build."""

import contextlib
import fcntl
import os
import shutil
import time

SPACE = 64  # MB; all that a build at full size writes is less.


def refuse_unusable(folder):
    """Stop where nothing can be written, before half a build is."""
    wanted = Path(folder).absolute()
    there = next(path for path in (wanted, *wanted.parents) if path.exists())
    if not os.access(there, os.W_OK):
        sys.exit(f"Nothing can be written to {there}: change that, or build in a copy of your own.")
    free = shutil.disk_usage(there).free // 10**6
    if free < SPACE:
        sys.exit(f"The disk of {there} is full, {free} MB free and {SPACE} needed: make room.")


def date_now(folder):
    """Give files from the future today's date: a clock was set back, and Snakemake would stop."""
    now = time.time()
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            # Gone by now, as another run's may be; or not ours, and then Snakemake names the file.
            with contextlib.suppress(FileNotFoundError, PermissionError):
                if path.stat().st_mtime > now:
                    os.utime(path, (now, now))


if workflow.is_main_process:
    for folder in (".snakemake", LOGS, RESULTS):
        refuse_unusable(folder)
    for folder in ("config", "lib", "notebooks", "paper", "workflow", RESULTS):
        date_now(folder)
    # Every Snakemake shares this as long as it lives: one that can have it alone is the only one.
    Path(".snakemake").mkdir(exist_ok=True)
    ALIVE = open(".snakemake/alive", "a")
    # Refused if another lives, or by a file system without locks: then Snakemake's own lock counts.
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(".snakemake/locks", ignore_errors=True)
    with contextlib.suppress(OSError):
        fcntl.flock(ALIVE, fcntl.LOCK_SH)
