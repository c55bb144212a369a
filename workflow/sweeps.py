"""A notebook rerun on a grid of parameters, and the one tidy table of what it found.

A sweep is config/sweeps/NAME.yaml; config/sweeps/schema.yaml says what it may hold. The workflow
runs its points (`workflow/sweep.smk`), this module says which they are and puts together what
came of them.
"""

import functools
import itertools
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pandas.api.types import infer_dtype
from sources import saved

from nearopt.checks import require_memory
from nearopt.report.parameters import SCHEMA, check_against, check_parameters, parameter_names

FOLDER = SCHEMA.parent / "sweeps"

# What Snakemake keeps of a point while it plans.
BYTES_PER_POINT = 24e3
# Keys of a figure that name a column of the table.
COLUMNS = ("x", "y", "points", "error", "colour", "panel")


def load_sweep(name: str) -> dict[str, Any]:
    """Return the content of config/sweeps/NAME.yaml."""
    known = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "schema")
    if name not in known:
        raise ValueError(f"no sweep is called {name!r}; there are {', '.join(known)}")
    try:
        sweep = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"config/sweeps/{name}.yaml is not YAML: {error}") from None
    check_against(yaml.safe_load((FOLDER / "schema.yaml").read_text(encoding="utf-8")), sweep, name)
    return sweep


def fixed_parameters(sweep: Mapping[str, Any], published: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that all points share, once every point is known to be allowed.

    Each value of each axis is held against the notebook's schema: the sum of the axes is checked,
    not their product. Where the sweep gives no value, the one that is published holds.
    """
    notebook = Path(sweep["notebook"]).name
    known = parameter_names(notebook)
    axes = [_axis(key, values) for key, values in sweep["grid"].items()]
    swept = [name for axis in axes for name in axis]
    given = [*swept, *sweep.get("fixed", {})]
    for name in given:
        if name not in known:
            raise ValueError(f"{notebook} has no parameter {name!r}; it has {', '.join(known)}")
        if given.count(name) > 1:
            raise ValueError(f"{name} is given more than once")
    rest = {**published, **sweep.get("fixed", {})}
    fixed = {name: value for name, value in rest.items() if name not in swept}
    settings = [axis.to_dict("records") for axis in axes]
    start = fixed | {name: value for first, *_ in settings for name, value in first.items()}
    for setting in itertools.chain.from_iterable(settings):
        check_parameters(notebook, start | setting)
    return fixed


def check_names(sweep: Mapping[str, Any]) -> None:
    """Hold a sweep's table, or without one its columns, against what the notebook's source names.

    Which columns a table has only a run can tell.
    """
    made = saved(SCHEMA.parents[1] / f"notebooks/{sweep['notebook']}.py")
    tables, values = ([name for of, name in made if of == kind] for kind in ("table", "value"))
    if "table" in sweep:
        kind, wanted, known = "table", [sweep["table"]], tables
    else:
        kind, wanted = "column", [sweep["figure"].get(key) for key in COLUMNS]
        parameters = parameter_names(Path(sweep["notebook"]).name)
        known = [*parameters, "status", "failed_verdicts", *values]
    # An f-string's braces hold what only a run can tell.
    pattern = "|".join(re.sub(r"\{.*?\}", ".+", name) for name in known)
    for name in filter(None, wanted):
        if not re.fullmatch(rf"({pattern})(_error|_of_row)?", name):
            raise ValueError(
                f"{sweep['notebook']} has no {kind} {name!r}; it has {', '.join(known) or 'none'}"
            )


def _axis(key: str, values: list[Any]) -> pd.DataFrame:
    """Return the settings along one axis of the grid, whose key names one parameter or several."""
    names = [name.strip() for name in key.split(",")]
    rows = [value if len(names) > 1 else [value] for value in values]
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            raise ValueError(f"grid, {key}: {row!r} must be a list of {len(names)} values")
    return pd.DataFrame(rows, columns=names, dtype=object)


def points(grid: Mapping[str, list[Any]]) -> pd.DataFrame:
    """Return every combination of a grid's values, a row for each point, as they were written."""
    count = math.prod(len(values) for values in grid.values())
    require_memory(f"a grid of {count} points", BYTES_PER_POINT * count, "split it into sweeps")
    return functools.reduce(
        lambda rows, axis: rows.merge(axis, how="cross"), itertools.starmap(_axis, grid.items())
    )


def rows_of_point(
    point: Mapping[str, Any], content: Mapping[str, Any] | None, table: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """Return the rows of the sweep's table that a point's parameters, results and table make.

    Without a table the values make one row, the standard error of each in a column that ends in
    `_error`. A column that is called as what each row begins with is, a parameter of the point,
    `status` or `failed_verdicts`, ends in `_of_row`.
    """
    if content is None:
        return [{**point, "status": "missing"}]
    failed = [f"{v['claim']} {v['statement']}" for v in content["verdicts"] if not v["passed"]]
    start = {**point, "status": "done", "failed_verdicts": "; ".join(failed)}
    values = {}
    for name, entry in content["values"].items():
        values[name] = entry["value"]
        if "error" in entry:
            values[f"{name}_error"] = entry["error"]
    rows = [values] if table is None else table.astype(object).to_dict("records")
    return [
        start | {f"{name}_of_row" if name in start else name: row[name] for name in row}
        for row in rows
    ]


def tidy(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as one table; a whole number stays one where other rows have none."""
    table = pd.DataFrame(list(rows), dtype=object)
    nullable = {"integer": "Int64", "boolean": "boolean"}
    kinds = {name: infer_dtype(column, skipna=True) for name, column in table.items()}
    wanted = {name: nullable[kind] for name, kind in kinds.items() if kind in nullable}
    return table.astype(wanted).infer_objects()
