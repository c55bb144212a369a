"""Sweeps: which points they are, what is refused, and how what they find becomes a table."""

import re
import statistics

import jupytext
import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import ROOT, SMALL_SWEEP
from collect_sweep import sweep_figure
from sweeps import check_names, fixed_parameters, load_sweep, points, rows_of_point, tidy

from nearopt.report.parameters import SCHEMA, Validator, load_schema, parameter_names

PAPER = yaml.safe_load(SCHEMA.with_name("paper.yaml").read_text())
SHIPPED = sorted(p.stem for p in (ROOT / "config/sweeps").glob("*.yaml") if p.stem != "schema")


def sweep_of(**changes):
    return SMALL_SWEEP | {"notebook": "sweeps/exact_rank"} | changes


@pytest.fixture(params=SHIPPED)
def shipped(request):
    return load_sweep(request.param)


# Which points


def test_every_combination_is_a_point_and_a_shared_key_varies_together():
    grid = {"a": ["x", "y"], "b, c": [[1, 0.5], [2, 1]]}
    assert points(grid).to_dict("records") == [
        {"a": a, "b": b, "c": c} for a in "xy" for b, c in ((1, 0.5), (2, 1))
    ]


def test_a_value_keeps_the_type_that_it_was_written_with():
    values = points({"a": [1, 0.5, 2]})["a"].tolist()
    assert [type(value) for value in values] == [int, float, int]


def test_an_activation_of_one_s_own_can_be_swept():
    sweep = sweep_of(
        notebook="06_nonlinear_spectra",
        grid={"activation": ["gelu", "sine.py:sine"], "scale": [0.5, 1]},
        figure={"x": "scale", "y": "zeta_own", "colour": "activation"},
    )
    fixed = fixed_parameters(sweep | {"fixed": {}}, PAPER["06_nonlinear_spectra"])
    assert "activation" not in fixed
    check_names(sweep)


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"imput_dim": [2]}}, "exact_rank has no parameter 'imput_dim'; it has degrees"),
        ({"grid": {"input_dim": [2]}, "fixed": {"input_dim": 2}}, "input_dim is given more than"),
        ({"grid": {"input_dim, input_dim": [[2, 3]]}}, "input_dim is given more than once"),
        ({"grid": {"input_dim, seed": [[2]]}}, r"\[2\] must be a list of 2 values"),
        ({"grid": {"input_dim": [2]}, "fixed": {}}, "'degrees' is a required property"),
        ({"notebook": "09_missing"}, "no notebook of the checkout is called '09_missing'"),
    ],
)
def test_a_bad_grid_is_named_with_its_value_and_the_remedy(changes, message):
    rest = {"degrees": "2", "input_dim": 2, "first_hidden_dim": 1, "last_hidden_dim": 3, "seed": 1}
    published = {} if "fixed" in changes else rest
    with pytest.raises(ValueError, match=message):
        fixed_parameters(sweep_of(fixed={}) | changes, published)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "rank"}, "sweeps/exact_rank has no table 'rank'; it has ranks"),
        ({"figure": {"x": "input_dim", "y": "rank"}}, "no column 'rank'; it has degrees, .*larges"),
        ({"figure": {"x": "imput_dim", "y": "largest_rank"}}, "no column 'imput_dim'"),
    ],
)
def test_a_table_or_column_that_the_notebook_does_not_make_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check_names(sweep_of(**changes))


def test_a_table_or_column_that_the_notebook_makes_is_taken():
    figure = {"x": "input_dim", "y": "largest_rank", "panel": "status"}
    check_names(sweep_of(figure=figure))
    check_names(sweep_of(table="ranks", figure={"x": "hidden_dim", "y": "a run will tell"}))
    # Its names are made of f-strings.
    figure = {"x": "seed", "y": "slope_3", "error": "slope_3_error"}
    check_names(sweep_of(notebook="03_erf_full_rank", figure=figure))


@pytest.mark.parametrize("name", ["nothing", "../quick", "schema"])
def test_an_unknown_sweep_is_answered_with_the_known_ones(name):
    with pytest.raises(ValueError, match=f"no sweep is called .*; there are .*{SHIPPED[0]}"):
        load_sweep(name)


# What is collected


def content(**values):
    return {
        "values": {name: {"value": v, "error": v / 10} for name, v in values.items()},
        "verdicts": [
            {"claim": f"C{i}", "statement": "rank", "passed": i not in (1, 3)} for i in range(4)
        ],
    }


def test_values_become_a_row_and_a_missing_point_is_said_to_be():
    rows = rows_of_point({"n": 1}, content(a=3), None) + rows_of_point({"n": 2}, None, None)
    table = tidy(rows)
    assert table.status.tolist() == ["done", "missing"]
    done = {"n": 1, "status": "done", "failed_verdicts": "C1 rank; C3 rank", "a": 3, "a_error": 0.3}
    assert table.iloc[0].to_dict() == done
    assert table.a.isna().tolist() == [False, True]
    assert table.dtypes["a"] == "Int64"


def test_a_table_becomes_rows_and_a_whole_float_stays_a_float():
    inner = pd.DataFrame({"h": [1, 2], "x": [1.0, 2.0]})
    table = tidy(rows_of_point({"n": 1}, content(), inner))
    assert table.n.tolist() == [1, 1]
    assert table.h.tolist() == [1, 2]
    assert table.dtypes["h"] == "Int64"
    assert table.dtypes["x"].kind == "f"


def test_a_column_called_like_a_parameter_does_not_hide_it():
    inner = pd.DataFrame({"n": [7, 8], "status": ["x", "y"]})
    for row in rows_of_point({"n": 1}, content(), inner):
        assert (row["n"], row["status"]) == (1, "done")
    assert (row["n_of_row"], row["status_of_row"]) == (8, "y")
    (row,) = rows_of_point({"n": 1}, content(n=3), None)
    assert (row["n"], row["n_of_row"], row["n_error"]) == (1, 3, 0.3)


def test_the_figure_draws_each_line_once_and_leaves_out_what_is_missing():
    rows = [{"n": n, "c": c, "y": n * c, "status": "done"} for n in (1, 2, 4) for c in (1, 2)]
    table = tidy([*rows, {"n": 8, "c": 1, "status": "missing"}])
    spec = {"x": "n", "y": "y", "colour": "c", "log": ["x"], "labels": {"y": "length (m)"}}
    (ax,) = sweep_figure(table, spec).axes
    drawn = [list(line.get_ydata()) for line in ax.lines if len(line.get_ydata())]
    assert drawn == [[1, 2, 4], [2, 4, 8]]
    assert (ax.get_xscale(), ax.get_ylabel()) == ("log", "length (m)")
    with pytest.raises(ValueError, match="the table has no column z; it has n, c, y"):
        sweep_figure(table, spec | {"y": "z"})


def test_rows_that_share_a_place_are_drawn_as_their_median():
    table = tidy(
        {"n": 1, "seed": i, "y": float(y), "status": "done"} for i, y in enumerate((1, 2, 9))
    )
    (ax,) = sweep_figure(table, {"x": "n", "y": "y", "labels": {}}).axes
    assert ax.lines[0].get_ydata().tolist() == [2]
    (band,) = ax.collections
    assert band.get_paths()[0].vertices[:, 1].max() == np.quantile([1, 2, 9], 0.75)


# What is shipped


def test_the_schema_is_a_schema_and_describes_every_key():
    schema = yaml.safe_load((ROOT / "config/sweeps/schema.yaml").read_text())
    Validator.check_schema(schema)
    assert all(entry["description"].endswith(".") for entry in schema["properties"].values())


def test_shipped_sweeps_are_allowed(shipped):
    notebook = shipped["notebook"].rpartition("/")[2]
    assert (ROOT / f"notebooks/{shipped['notebook']}.py").is_file()
    fixed = fixed_parameters(shipped, PAPER.get(notebook, {}))
    assert sorted([*fixed, *points(shipped["grid"])]) == sorted(parameter_names(notebook))
    check_names(shipped)
    labels = {shipped["figure"].get(k) for k in ("x", "y", "colour", "panel")} - {None}
    assert labels <= set(shipped["figure"]["labels"])


def test_notebooks_made_for_sweeps_are_readable_and_have_a_schema():
    sources = sorted(ROOT.glob("notebooks/sweeps/*.py"))
    assert {path.stem for path in sources} == set(load_schema()["$defs"])
    for path in sources:
        notebook = jupytext.read(path)
        (tagged,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
        found = re.findall(r"^(\w+): (?:int|float|str|bool) = ", tagged.source, re.M)
        assert found == [*parameter_names(path.stem), "results_dir"]
        sizes = [len(c.source.splitlines()) for c in notebook.cells if c.cell_type == "code"]
        assert statistics.median(sizes) <= 6
        assert max(sizes) <= 15
        assert "**What you will see.**" in notebook.cells[0].source
        assert notebook.cells[-1].source.startswith("## Limits")
