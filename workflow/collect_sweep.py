"""Collect what a sweep's points found into one table, as Parquet and CSV, and its figure."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from snakemake.utils import Paramspace

from nearopt import style
from nearopt.figures_sweep import sweep_figure
from nearopt.results import load
from nearopt.sweep import load_sweep, points, rows_of_point, tidy


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
    """Write the table and the figure of a sweep; return the names of the points it misses."""
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
    write(tidy(rows), sweep, results, partial=len(missing))
    return missing


def write(frame: pd.DataFrame, sweep: dict[str, Any], results: Path, partial: int) -> None:
    """Write the files; if points are missing, date them so that the next run collects anew."""
    results.mkdir(parents=True, exist_ok=True)
    files = [results / "table.csv", results / "table.parquet"]
    frame.to_csv(results / ".table.csv", index=False, lineterminator="\n")
    frame.to_parquet(results / ".table.parquet", index=False)
    for path in files:
        os.replace(path.with_name(f".{path.name}"), path)
    if (frame.status == "done").any():
        style.use()
        figure = sweep_figure(frame, sweep["figure"])
        files += style.save(figure, results / "figure", sweep["description"])
    for path in files if partial else ():
        os.utime(path, (1, 1))


def report(missing: list[str], results: Path, logs: Path) -> None:
    """Say which points are missing, with their parameters and logs."""
    print(f"The sweep misses {len(missing)} points:", file=sys.stderr)
    for name in missing:
        log = logs / "points" / f"{name}.log"
        reason = str(log) if log.exists() else "it has not run"
        print(f"  {name.replace('~', ' = ').replace('/', ', ')}: {reason}", file=sys.stderr)
    print(f"{results / 'table.csv'} has the others and says which are missing.", file=sys.stderr)


def main() -> None:
    """Collect, and report what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", help="its name: config/sweeps/NAME.yaml")
    parser.add_argument("--fixed", type=json.loads, required=True, help="parameters of all points")
    parser.add_argument("--results", type=Path, required=True, help="the sweep's folder of results")
    parser.add_argument("--logs", type=Path, required=True, help="the sweep's folder of logs")
    arguments = parser.parse_args()
    try:
        missing = collect(load_sweep(arguments.sweep), arguments.fixed, arguments.results)
    except ValueError as error:
        sys.exit(str(error))
    if missing:
        report(missing, arguments.results, arguments.logs)


if __name__ == "__main__":
    main()
