"""Small builds for faults to strike: started, watched, and what they leave."""

import os
import shutil
import signal
import subprocess
import time

import psutil
from checkout import environment, link_environment

# What is in the command line of each process that a fault may strike.
SNAKEMAKE, PAPERMILL, KERNEL = "-m snakemake", "workflow/run_notebook.py", "ipykernel_launcher"


def start(checkout, **options):
    """Start `make quick` as the leader of a process group, as a terminal does."""
    return subprocess.Popen(
        ["make", "quick"],
        cwd=checkout,
        env=environment(checkout),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Whoever was started in the background ignores Ctrl-C, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def find(build, name):
    """Return the process of a build that runs this program, None if there is none now."""
    try:
        for process in psutil.Process(build.pid).children(recursive=True):
            command = process.cmdline()
            if command[1:2] != ["-c"] and name in " ".join(command[1:3]):
                return process
    except psutil.Error:
        pass
    return None


def wait_for(build, name):
    """Return the process of a build that runs this program, as soon as it is there."""
    while not (process := find(build, name)):
        assert build.poll() is None, build.communicate()[0]
        time.sleep(0.02)
    return process


def alive(checkout):
    """Return the processes that work in a checkout, whoever their parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            folder = process.cwd()
        except psutil.Error:
            continue
        if folder == str(checkout) or folder.startswith(f"{checkout}{os.sep}"):
            found.append(process.pid)
    return found


def assert_nothing_is_left(checkout):
    """A kernel looks each second whether its parent lives."""
    for _ in range(100):
        if not alive(checkout):
            return
        time.sleep(0.1)
    raise AssertionError(alive(checkout))


def copy_of(checkout, target):
    """Copy a build, to be changed."""
    shutil.copytree(checkout, target, ignore=shutil.ignore_patterns(".venv"))
    link_environment(target)
    return target
