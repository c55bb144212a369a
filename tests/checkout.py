"""The checkout, and copies of it for a test to run the workflow in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from nearopt.parameters import SCHEMA

ROOT = SCHEMA.parents[1]
NOTEBOOKS = sorted(path.stem for path in ROOT.glob("notebooks/*.py"))


def copy_checkout(target):
    """Copy what a clone would hold, and nothing made from it."""
    for folder in ("config", "docs", "lib", "notebooks", "paper", "site", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for name in ("Snakefile", "requirements.lock"):
        shutil.copy(ROOT / name, target)
    return target


def environment(checkout):
    """Return variables that give the copy its own lib and this environment's Python."""
    return os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(checkout / "lib"),
        "XDG_CACHE_HOME": str(checkout / ".cache"),
    }


def run(checkout, *command):
    """Run a command in the copy."""
    env = environment(checkout)
    return subprocess.run(
        command, cwd=checkout, env=env, capture_output=True, text=True, check=False, timeout=900
    )


def quick(checkout, *arguments):
    return run(checkout, "snakemake", *arguments, "--configfile", "config/quick.yaml")
