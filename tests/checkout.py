"""The checkout, and copies of it for a test to run the workflow in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from nearopt.report.parameters import SCHEMA

ROOT = SCHEMA.parents[1]
TOP = ("CITATION.cff", "README.md", "Snakefile", "pyproject.toml", "requirements.lock")
NOTEBOOKS = sorted(path.stem for path in ROOT.glob("notebooks/*.py"))


def copy_checkout(target):
    """Copy what a clone would hold, and nothing made from it."""
    for folder in ("config", "docs", "lib", "notebooks", "paper", "site", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for name in TOP:
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


def leave(results, name):
    """Leave a run as one of another branch's notebook, and one that was killed, would."""
    for leftover in ("09_other", f".{name}.partial"):
        shutil.copytree(results / name, results / leftover)


def results_of(checkout):
    """Return the bytes of all results, by name."""
    files = [path for path in (checkout / "results").rglob("*") if path.is_file()]
    return {path.relative_to(checkout).as_posix(): path.read_bytes() for path in files}


SMALL_NOTEBOOK = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
hidden_dim: int = 3
results_dir: str = ""

# %%
import matplotlib.pyplot as plt
import pandas as pd

from nearopt.report.results import Results

results = Results("01_small", globals(), results_dir)

# %%
squares = [unit**2 for unit in range(hidden_dim)]
results.value("largest", squares[-1], "the largest square")
results.verdict("C1", "squares", measured=len(squares), expected=hidden_dim, tolerance=0)
results.table("squares", pd.DataFrame({"square": squares}))

# %%
figure, axes = plt.subplots(figsize=(2, 2))
axes.plot(squares)
results.figure("line", figure)
results.save()
"""
SMALL_PAPER = """#import "results.typ": *
#value("01_small", "largest") #claims-table()
#result-figure("01_small", "line", [A line.],
  "A falling line.",
)
#result-table("01_small", "squares", [Squares.])
"""


def small_checkout(target):
    """Make a checkout of the real workflow with one notebook of seconds."""
    for folder in ("lib", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for folder in ("config", "notebooks", "paper"):
        (target / folder).mkdir()
    for name in (*TOP, "Makefile", "paper/results.typ"):
        shutil.copy(ROOT / name, target / name)
    schema = yaml.safe_load(SCHEMA.read_text())
    size = schema["properties"]["01_linear_asymptotics"]["properties"]["hidden_dim"]
    small = schema["properties"]["01_linear_asymptotics"] | {"properties": {"hidden_dim": size}}
    schema |= {
        "properties": {"results_dir": schema["properties"]["results_dir"], "01_small": small}
    }
    content = {"results_dir": "results/quick", "01_small": {"hidden_dim": 4}}
    for name, data in (("schema", schema), ("paper", content), ("quick", content)):
        (target / f"config/{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    (target / "notebooks/01_small.py").write_text(SMALL_NOTEBOOK)
    (target / "paper/main.typ").write_text(SMALL_PAPER)
    (target / "paper/references.bib").touch()
    link_environment(target)
    return target


def link_environment(checkout):
    """Give `make` this environment as the checkout's own."""
    (checkout / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (checkout / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    lock = (checkout / "requirements.lock").read_text()
    (checkout / ".venv/made-from").write_text(f"{sys.version}\n{checkout.resolve()}\n{lock}")
