"""What `make` takes from whoever calls it: the words it knows, and none by chance."""

import os
import shutil
import subprocess

import pytest
from checkout import ROOT


def make(*arguments, folder=ROOT, **variables):
    """Run make without installing anything."""
    command = ["make", "--assume-old=environment", *arguments]
    env = os.environ | variables
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


@pytest.mark.parametrize("target", ["lock", "machines"])
def test_what_needs_uv_says_so_before_it_does_anything(target, tmp_path):
    for name in ("make", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = make(target, PATH=str(tmp_path))
    assert done.returncode != 0
    assert done.stderr.startswith("uv is needed and not installed: see https://")
    assert not done.stdout
