"""A small sweep, from grid to table, driven in a copy of the checkout."""

import re

import pandas as pd
import pytest
from checkout import run
from small_sweep import SMALL, small_checkout, write_sweep


def sweep_in(checkout, *arguments):
    own = ("--cores", "1", "--config", "sweep=small")
    return run(checkout, "snakemake", "sweep", *own, *arguments)


def points_run(done):
    return set(re.findall(r"wildcards: point=(\S+)", done.stdout + done.stderr))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of four points, of which one fails."""
    checkout = small_checkout(tmp_path_factory.mktemp("sweep") / "check out")
    return checkout, sweep_in(checkout)


FAILED = "degrees~1+3/input_dim~3"


def test_a_failed_point_is_named_with_its_log_and_the_others_go_on(swept):
    checkout, done = swept
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "The sweep misses 1 points" in said
    log = f"logs/paper/sweeps/small/points/{FAILED}.log"
    assert f"degrees = 1+3, input_dim = 3: {log}" in said
    assert "deliberate" in (checkout / log).read_text()
    table = pd.read_parquet(checkout / "results/paper/sweeps/small/table.parquet")
    assert table["status"].tolist() == ["done", "done", "done", "missing"]
    assert table["product"].tolist()[:3] == [2, 3, 6]
    assert table.product_error.tolist()[:3] == [0.5] * 3
    assert table.failed_verdicts.tolist()[:3] == ["", "C3 a number", ""]
    assert table.degrees.tolist() == ["2", "2", "1+3", "1+3"]
    csv = pd.read_csv(checkout / "results/paper/sweeps/small/table.csv")
    assert csv.input_dim.tolist() == [2, 3, 2, 3]
    assert (checkout / "results/paper/sweeps/small/figure.svg").is_file()


def test_the_next_run_runs_what_is_missing_new_or_changed_and_nothing_else(swept):
    checkout, _ = swept
    grid = {"degrees": ["2", "1+3"], "input_dim": [2, 3, 5]}
    new = {"degrees~2/input_dim~5", "degrees~1+3/input_dim~5"}
    write_sweep(checkout, SMALL | {"grid": grid})
    assert points_run(sweep_in(checkout, "--dry-run")) == {FAILED, *new}
    write_sweep(checkout, SMALL | {"fixed": {"seed": 2}})
    assert len(points_run(sweep_in(checkout, "--dry-run"))) == 4
    write_sweep(checkout, SMALL | {"grid": {"degrees": ["2"], "input_dim": [2, 3]}})
    done = sweep_in(checkout)
    assert done.returncode == 0, done.stderr
    assert points_run(done) == set()
    table = pd.read_csv(checkout / "results/paper/sweeps/small/table.csv")
    assert table["product"].tolist() == [2, 3]


def test_a_column_that_no_point_has_is_told_once_and_costs_no_run_of_a_point(swept):
    """Only a run can tell which a table has; the table is there to look at."""
    checkout, _ = swept
    table = checkout / "results/paper/sweeps/small/table.csv"
    grid = {"degrees": ["2"], "input_dim": [2, 3]}
    write_sweep(checkout, SMALL | {"grid": grid, "table": "rows"})
    done = sweep_in(checkout)
    assert done.returncode != 0
    assert points_run(done) == set()
    assert (done.stdout + done.stderr).count("the table has no column product; it has ") == 1
    assert "Traceback" not in done.stderr
    assert pd.read_csv(table).n.tolist() == [2, 3]


def test_a_table_that_the_notebook_does_not_make_is_told_before_anything_runs(swept):
    checkout, _ = swept
    write_sweep(checkout, SMALL | {"fixed": {"seed": 3}, "table": "nothing"})
    done = sweep_in(checkout)
    assert done.returncode != 0
    assert "sweeps/small has no table 'nothing'; it has rows" in done.stdout + done.stderr
    assert "point" not in done.stdout


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([], "Say make sweep SWEEP=NAME, or --config sweep=NAME; there are distance, erf, rank"),
        (["--config", "sweep=1"], "no sweep is called '1'; there are distance, erf, rank"),
    ],
)
def test_a_sweep_that_is_not_there_stops_before_anything_runs(swept, chosen, message):
    checkout, _ = swept
    done = run(checkout, "snakemake", "sweep", "--cores", "1", *chosen)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "rule" not in done.stdout + done.stderr
