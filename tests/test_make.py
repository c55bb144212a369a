"""What `make` takes from whoever calls it: the words it knows, and none by chance."""

import os
import shutil
import subprocess

import pandas as pd
import pytest
import yaml
from checkout import ROOT, environment, small_checkout


def make(*arguments, folder=ROOT, **variables):
    """Run make without installing anything."""
    command = ["make", "--assume-old=environment", *arguments]
    # Of the make that may run these tests.
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    env = {name: value for name, value in os.environ.items() if name not in outer} | variables
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("config", ["clean", "nothing", "", "paper quick", "paper clean", "%"])
@pytest.mark.parametrize("target", ["site", "archive"])
def test_no_other_build_than_paper_and_quick_is_taken(target, config):
    """A target's name was run before: make site CONFIG=clean removed all results."""
    done = make("--dry-run", target, f"CONFIG={config}")
    assert done.returncode != 0
    assert f"CONFIG={config} is no build: say CONFIG=paper or CONFIG=quick" in done.stderr
    assert not done.stdout


def test_a_shell_that_uses_these_names_for_its_own_changes_nothing():
    own = {"CONFIG": "clean", "PROFILE": "other", "ARCHIVE": "other.zip"}
    for target in ("site", "sweep", "verify"):
        assert make("--dry-run", target, **own).stdout == make("--dry-run", target).stdout
    assert "results/quick" in make("--dry-run", "site", "CONFIG=quick", **own).stdout


@pytest.mark.parametrize(("given", "rerun"), [("yes", True), ("no", False), ("", False)])
def test_an_archive_is_run_again_if_that_is_said(given, rerun):
    assert ("--rerun" in make("--dry-run", "verify", f"RERUN={given}").stdout) == rerun


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("tahn", "activation 'tahn' must be one of erf, relu, "),
        ("none.py:$(touch pwned)", "activation 'none.py' is not a file"),
    ],
)
def test_the_app_refuses_what_is_no_activation_before_it_opens(activation, message):
    done = make("explore", f"ACTIVATION={activation}", "VOILA=--version")
    assert done.returncode != 0
    assert done.stderr.startswith(message)
    assert not done.stdout


SWEEP = {
    "description": "Small.",
    "notebook": "01_small",
    "grid": {"hidden_dim": [2, 3]},
    "table": "squares",
    "job": {"memory_mb": 500, "minutes": 10},
    "figure": {"x": "hidden_dim", "y": "square", "labels": {}},
}


@pytest.mark.slow
def test_a_sweep_runs_each_point_and_ends_with_its_table(tmp_path):
    checkout = small_checkout(tmp_path / "checkout")
    (checkout / "config/sweeps").mkdir()
    shutil.copy(ROOT / "config/sweeps/schema.yaml", checkout / "config/sweeps")
    (checkout / "config/sweeps/small.yaml").write_text(yaml.safe_dump(SWEEP))
    done = make("sweep", "SWEEP=small", folder=checkout, **environment(checkout))
    assert done.returncode == 0, done.stderr
    # Where the configuration has its results, which are those of quick in this checkout.
    table = pd.read_csv(checkout / "results/quick/sweeps/small/table.csv")
    assert table.square.tolist() == [0, 1, 0, 1, 4]
    assert set(table.status) == {"done"}
