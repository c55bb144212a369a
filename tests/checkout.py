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


# Of the make that may run these tests.
OUTER = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


def environment(checkout):
    """Return variables that give the copy its own lib and this environment's Python."""
    return {name: value for name, value in os.environ.items() if name not in OUTER} | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(checkout / "lib"),
        "XDG_CACHE_HOME": str(checkout / ".cache"),
    }


QUICK = ("snakemake", "--configfile", "config/quick.yaml", "--cores", "2")


def attempt(checkout, *command, **variables):
    """Run a command in the copy, with these variables too (None takes one away).

    Returns how it ended, and what it said.
    """
    wanted = environment(checkout) | variables
    env = {name: value for name, value in wanted.items() if value is not None}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=checkout, env=env, check=False, timeout=900, **both)
    return done.returncode, done.stdout


def run(checkout, *command, **variables):
    """Run a command that must go well, and return what it said."""
    code, said = attempt(checkout, *command, **variables)
    assert code == 0, said
    return said


def refused(checkout, *command, **variables):
    """Run a command that must end with a reason, and return what it said."""
    code, said = attempt(checkout, *command, **variables)
    assert code != 0, said
    assert "Traceback" not in said
    return said


def leave(results, name):
    """Leave a run as one of another branch's notebook, and one that was killed, would."""
    for leftover in ("09_other", f".{name}.partial"):
        shutil.copytree(results / name, results / leftover)


def results_of(checkout):
    """Return the bytes of all results, by name."""
    files = [path for path in (checkout / "results").rglob("*") if path.is_file()]
    return {path.relative_to(checkout).as_posix(): path.read_bytes() for path in files}


SMALL_NOTEBOOK = """# %% tags=["parameters"]
degrees: str = "2"
hidden_dim: int = 3
seed: int = 0
results_dir: str = ""

# %%
import matplotlib.pyplot as plt
import pandas as pd

from nearopt.report.results import Results

results = Results("01_small", globals(), results_dir)

# %%
if (degrees, hidden_dim) == ("1+3", 3):
    raise RuntimeError("deliberate")

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
# Four points, of which one fails.
SMALL_SWEEP = {
    "description": "Small.",
    "notebook": "01_small",
    "grid": {"degrees": ["2", "1+3"], "hidden_dim": [2, 3]},
    "job": {"memory_mb": 500, "minutes": 10},
    "figure": {"x": "hidden_dim", "y": "largest", "colour": "degrees", "labels": {}},
}


def small_checkout(target):
    """Make a checkout of the real workflow with one notebook of seconds, and a sweep of it."""
    for folder in ("lib", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for folder in ("config/sweeps", "notebooks", "paper"):
        (target / folder).mkdir(parents=True)
    for name in (*TOP, "Makefile", "paper/results.typ", "config/sweeps/schema.yaml"):
        shutil.copy(ROOT / name, target / name)
    schema = yaml.safe_load(SCHEMA.read_text())
    linear = schema["properties"]["01_linear_asymptotics"]
    taken = {name: linear["properties"][name] for name in ("hidden_dim", "seed")}
    taken["degrees"] = schema["$defs"]["exact_rank"]["properties"]["degrees"]
    small = linear | {"properties": taken}
    schema |= {
        "properties": {"results_dir": schema["properties"]["results_dir"], "01_small": small}
    }
    content = {
        "results_dir": "results/quick",
        "01_small": {"hidden_dim": 4, "degrees": "2", "seed": 0},
    }
    for name, data in (("schema", schema), ("paper", content), ("quick", content)):
        (target / f"config/{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    (target / "notebooks/01_small.py").write_text(SMALL_NOTEBOOK)
    (target / "paper/main.typ").write_text(SMALL_PAPER)
    (target / "paper/references.bib").touch()
    write_sweep(target, SMALL_SWEEP)
    link_environment(target)
    return target


def write_sweep(checkout, content):
    (checkout / "config/sweeps/small.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def link_environment(checkout):
    """Give `make` this environment as the checkout's own."""
    (checkout / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (checkout / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    lock = (checkout / "requirements.lock").read_text()
    (checkout / ".venv/made-from").write_text(f"{sys.version}\n{checkout.resolve()}\n{lock}")
