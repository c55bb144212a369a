"""Collect what a sweep's points found into one table, as Parquet and CSV, and its figure."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from snakemake.utils import Paramspace
from sweeps import COLUMNS, load_sweep, points, rows_of_point, tidy

from nearopt.report import style
from nearopt.report.results import load


def read_point(folder: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return a point's results; None if there are none, or they are of other parameters."""
    if not (folder / "values.json").is_file():
        return None
    content = load(folder)
    return content if content["parameters"] == wanted else None


def read_table(folder: Path, name: str, content: dict[str, Any]) -> pd.DataFrame:
    """Return the table of a point that the sweep asks for."""
    tables = [file.removesuffix(".csv") for file in content["files"] if file.endswith(".csv")]
    if name not in tables:
        raise ValueError(f"{folder} has no table {name!r}; it has {', '.join(tables) or 'none'}")
    return pd.read_csv(folder / f"{name}.csv")


def collect(sweep: dict[str, Any], fixed: dict[str, Any], results: Path) -> list[str]:
    """Write the table of a sweep; return the names of the points it misses."""
    space = Paramspace(points(sweep["grid"]))
    rows, missing = [], []
    for name, point in zip(space.instance_patterns, space.to_dict("records"), strict=True):
        folder = results / "points" / name
        content = read_point(folder, fixed | point)
        if content is None:
            missing.append(name)
        wanted = sweep.get("table") if content else None
        table = read_table(folder, wanted, content) if wanted else None
        rows += rows_of_point(point, content, table)
    write(tidy(rows), results, partial=len(missing))
    return missing


def write(frame: pd.DataFrame, results: Path, partial: int) -> None:
    """Write the table; if points are missing, date it so that the next run collects anew."""
    results.mkdir(parents=True, exist_ok=True)
    frame.to_csv(results / ".table.csv", index=False, lineterminator="\n")
    frame.to_parquet(results / ".table.parquet", index=False)
    for path in (results / "table.csv", results / "table.parquet"):
        os.replace(path.with_name(f".{path.name}"), path)
        if partial:
            os.utime(path, (1, 1))


def draw(sweep: dict[str, Any], results: Path) -> None:
    """Write the figure of a table that is there, if any of its points is done."""
    frame = pd.read_parquet(results / "table.parquet")
    if (frame.status == "done").any():
        style.use()
        figure = sweep_figure(frame, sweep["figure"])
        style.save(figure, results / "figure", sweep["description"])


def report(missing: list[str], results: Path, logs: Path) -> None:
    """Say which points are missing, with their parameters and logs."""
    print(f"The sweep misses {len(missing)} points:", file=sys.stderr)
    for name in missing:
        log = logs / "points" / f"{name}.log"
        reason = str(log) if log.exists() else "it has not run"
        print(f"  {name.replace('~', ' = ').replace('/', ', ')}: {reason}", file=sys.stderr)
    print(f"{results / 'table.csv'} has the others and says which are missing.", file=sys.stderr)


def main() -> None:
    """Collect and report what is missing, or draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", help="its name: config/sweeps/NAME.yaml")
    parser.add_argument("--fixed", type=json.loads, required=True, help="parameters of all points")
    parser.add_argument("--results", type=Path, required=True, help="the sweep's folder of results")
    parser.add_argument("--logs", type=Path, required=True, help="the sweep's folder of logs")
    parser.add_argument("--draw", action="store_true", help="the figure of the table, nothing else")
    arguments = parser.parse_args()
    try:
        sweep = load_sweep(arguments.sweep)
        if arguments.draw:
            draw(sweep, arguments.results)
            return
        missing = collect(sweep, arguments.fixed, arguments.results)
    except ValueError as error:
        sys.exit(str(error))
    if missing:
        report(missing, arguments.results, arguments.logs)


def sweep_figure(table: pd.DataFrame, spec: Mapping[str, Any]) -> Figure:
    """Draw what a sweep's table has, as its `figure` says (config/sweeps/schema.yaml).

    Rows that share a place are drawn as their median and quartiles.
    """
    unknown = sorted({spec[key] for key in COLUMNS if key in spec} - set(table))
    if unknown:
        raise ValueError(
            f"figure: the table has no column {', '.join(unknown)}; it has {', '.join(table)}"
        )
    done = table[table.status == "done"]
    hue, panel = spec.get("colour"), spec.get("panel")
    colours = _colours(done, hue)
    numbers = {spec[key]: float for key in ("x", "y", "points", "error") if key in spec}
    look = {"marker": None if "points" in spec else ".", "mew": 0, "err_kws": {"lw": 0}}
    look |= {"col_wrap": min(4, done[panel].nunique()), "height": 1.9} if panel else {"height": 2.5}
    # A grid of seaborn's lays itself out.
    with plt.rc_context({"figure.constrained_layout.use": False}):
        grid = sns.relplot(
            **{"data": done.astype(numbers), "kind": "line", "x": spec["x"], "y": spec["y"]},
            **{"hue": hue, "col": panel, "palette": colours if hue else None, **look},
            **{"estimator": "median", "errorbar": ("pi", 50), "legend": "full" if hue else False},
        )
    if "points" in spec:
        for name, ax in (grid.axes_dict or {None: grid.ax}).items():
            _add_points(ax, done if name is None else done[done[panel] == name], spec, colours)
    grid.set(**{f"{axis}scale": "log" for axis in spec.get("log", ())})
    grid.set_axis_labels(*(_label(spec, key) for key in "xy"))
    if panel:
        grid.set_titles(_label(spec, "panel") + " {col_name}")
    if hue:
        grid.legend.set_title(_label(spec, "colour"))
    return grid.figure


def _label(spec: Mapping[str, Any], key: str) -> str:
    """Return what the figure calls the column that goes to x, y, colour or panel."""
    return spec["labels"].get(spec[key], spec[key])


def _colours(done: pd.DataFrame, hue: str | None) -> dict[Any, Any]:
    """Return a colour for each line: distinct for a few, a scale from dark to light for many."""
    values = sorted(done[hue].unique()) if hue else [None]
    few = len(values) <= len(style.ACCENTS)
    shades = style.ACCENTS if few else sns.color_palette("viridis", len(values))
    return dict(zip(values, shades, strict=False))


def _add_points(
    ax: Axes, panel: pd.DataFrame, spec: Mapping[str, Any], colours: Mapping[Any, Any]
) -> None:
    """Draw the points of a panel, with their errors, over its lines."""
    curves = panel.groupby(spec["colour"]) if "colour" in spec else [(None, panel)]
    for value, curve in curves:
        x, y = (curve[spec[key]].to_numpy(float) for key in ("x", "points"))
        error = curve[spec["error"]].to_numpy(float) if "error" in spec else None
        ax.errorbar(x, y, error, fmt="o", color=colours[value])


if __name__ == "__main__":
    main()
