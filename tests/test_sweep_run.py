"""A small sweep, from grid to table, driven in a copy of the checkout."""

import re

import pandas as pd
import pytest
from checkout import SMALL_SWEEP as SMALL, refused, run, small_checkout, write_sweep

SWEEP = ("snakemake", "sweep", "--cores", "1", "--config", "sweep=small")


def points_run(said):
    return set(re.findall(r"wildcards: point=(\S+)", said))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of four points, of which one fails."""
    checkout = small_checkout(tmp_path_factory.mktemp("sweep") / "check out")
    return checkout, refused(checkout, *SWEEP)


FAILED = "degrees~1+3/hidden_dim~3"


def test_a_failed_point_is_named_with_its_log_and_the_others_go_on(swept):
    checkout, said = swept
    assert "The sweep misses 1 points" in said
    log = f"logs/quick/sweeps/small/points/{FAILED}.log"
    assert f"degrees = 1+3, hidden_dim = 3: {log}" in said
    assert "deliberate" in (checkout / log).read_text()
    table = pd.read_parquet(checkout / "results/quick/sweeps/small/table.parquet")
    assert table["status"].tolist() == ["done", "done", "done", "missing"]
    assert table.largest.tolist()[:3] == [1, 4, 1]
    assert table.degrees.tolist() == ["2", "2", "1+3", "1+3"]
    csv = pd.read_csv(checkout / "results/quick/sweeps/small/table.csv")
    assert csv.hidden_dim.tolist() == [2, 3, 2, 3]
    assert (checkout / "results/quick/sweeps/small/figure.svg").is_file()


def test_the_next_run_runs_what_is_missing_new_or_changed_and_nothing_else(swept):
    checkout, _ = swept
    grid = {"degrees": ["2", "1+3"], "hidden_dim": [2, 3, 5]}
    new = {"degrees~2/hidden_dim~5", "degrees~1+3/hidden_dim~5"}
    write_sweep(checkout, SMALL | {"grid": grid})
    assert points_run(run(checkout, *SWEEP, "--dry-run")) == {FAILED, *new}
    write_sweep(checkout, SMALL | {"fixed": {"seed": 2}})
    assert len(points_run(run(checkout, *SWEEP, "--dry-run"))) == 4
    write_sweep(checkout, SMALL | {"grid": {"degrees": ["2"], "hidden_dim": [2, 3]}})
    assert points_run(run(checkout, *SWEEP)) == set()
    table = pd.read_csv(checkout / "results/quick/sweeps/small/table.csv")
    assert table.largest.tolist() == [1, 4]


def test_a_column_that_no_point_has_is_told_once_and_costs_no_run_of_a_point(swept):
    """Only a run can tell which a table has; the table is there to look at."""
    checkout, _ = swept
    table = checkout / "results/quick/sweeps/small/table.csv"
    grid = {"degrees": ["2"], "hidden_dim": [2, 3]}
    write_sweep(checkout, SMALL | {"grid": grid, "table": "squares"})
    said = refused(checkout, *SWEEP)
    assert points_run(said) == set()
    assert said.count("the table has no column largest; it has ") == 1
    assert pd.read_csv(table).square.tolist() == [0, 1, 0, 1, 4]


def test_a_table_that_the_notebook_does_not_make_is_told_before_anything_runs(swept):
    checkout, _ = swept
    write_sweep(checkout, SMALL | {"fixed": {"seed": 3}, "table": "nothing"})
    said = refused(checkout, *SWEEP)
    assert "01_small has no table 'nothing'; it has squares" in said
    assert not points_run(said)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([], "Say make sweep SWEEP=NAME, or --config sweep=NAME; there are small"),
        (["--config", "sweep=1"], "no sweep is called '1'; there are small"),
    ],
)
def test_a_sweep_that_is_not_there_stops_before_anything_runs(swept, chosen, message):
    checkout, _ = swept
    said = refused(checkout, "snakemake", "sweep", "--cores", "1", *chosen)
    assert message in said
    assert "rule" not in said
