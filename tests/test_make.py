"""What `make` takes from whoever calls it: the words it knows, and none by chance."""

import pandas as pd
import pytest
from checkout import ROOT, SMALL_SWEEP, refused, run, write_sweep


def plan(*arguments, **variables):
    return run(ROOT, "make", "--dry-run", *arguments, **variables)


@pytest.mark.parametrize("config", ["clean", "nothing", "", "paper quick", "paper clean", "%"])
@pytest.mark.parametrize("target", ["site", "archive"])
def test_no_other_build_than_paper_and_quick_is_taken(target, config):
    """Least of all a target's name: make site CONFIG=clean would remove all results."""
    said = refused(ROOT, "make", "--dry-run", target, f"CONFIG={config}")
    assert f"CONFIG={config} is no build: say CONFIG=paper or CONFIG=quick" in said
    assert len(said.splitlines()) == 1


def test_a_shell_that_uses_these_names_for_its_own_changes_nothing():
    own = {"CONFIG": "clean", "PROFILE": "other", "ARCHIVE": "other.zip"}
    for target in ("site", "sweep", "verify"):
        assert plan(target, **own) == plan(target)
    assert "results/quick" in plan("site", "CONFIG=quick", **own)


@pytest.mark.parametrize(("given", "rerun"), [("yes", True), ("no", False), ("", False)])
def test_an_archive_is_run_again_if_that_is_said(given, rerun):
    assert ("--rerun" in plan("verify", f"RERUN={given}")) == rerun


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("tahn", "activation 'tahn' must be one of erf, relu, "),
        ("none.py:$(touch pwned)", "activation 'none.py' is not a file"),
    ],
)
def test_the_app_refuses_what_is_no_activation_before_it_opens(activation, message):
    command = ("make", "--assume-old=environment", "explore", "VOILA=--version")
    assert refused(ROOT, *command, f"ACTIVATION={activation}").startswith(message)


@pytest.mark.slow
def test_a_sweep_runs_each_point_and_ends_with_its_table(checkout):
    figure = SMALL_SWEEP["figure"] | {"y": "square"}
    grid = {"degrees": ["2"], "hidden_dim": [2, 3]}
    write_sweep(checkout, SMALL_SWEEP | {"grid": grid, "table": "squares", "figure": figure})
    run(checkout, "make", "sweep", "SWEEP=small")
    # Where the configuration has its results, which are those of quick in this checkout.
    table = pd.read_csv(checkout / "results/quick/sweeps/small/table.csv")
    assert table.square.tolist() == [0, 1, 0, 1, 4]
    assert set(table.status) == {"done"}
