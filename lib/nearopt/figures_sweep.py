"""The figure of a sweep."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nearopt import style

COLUMNS = ("x", "y", "points", "error", "colour", "panel")


def sweep_figure(table: pd.DataFrame, spec: Mapping[str, Any]) -> Figure:
    """Draw a sweep's table; rows that share a place are drawn as their median and quartiles.

    Parameters
    ----------
    table : DataFrame
        As `nearopt.sweep.tidy` makes it; rows whose status is not "done" are left out.
    spec : mapping
        The sweep's `figure`: which column goes where (config/sweeps/schema.yaml).

    Raises
    ------
    ValueError
        If it names a column that the table does not have, or no point is done.
    """
    unknown = sorted({spec[key] for key in COLUMNS if key in spec} - set(table))
    if unknown:
        raise ValueError(
            f"figure: the table has no column {', '.join(unknown)}; it has {', '.join(table)}"
        )
    done = table[table.status == "done"]
    panels = {None: done}
    if "panel" in spec:
        panels = dict(iter(done.groupby(spec["panel"], sort=False)))
    figure, axes = _grid(len(panels))
    colours = _colours(done, spec)
    for ax, (value, panel) in zip(axes.flat, panels.items(), strict=False):
        _draw(ax, panel, spec, colours)
        if value is not None:
            ax.set_title(f"{_label(spec, 'panel')} {value}")
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel(_label(spec, "x"))
    for ax in axes[:, 0]:
        ax.set_ylabel(_label(spec, "y"))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        look = {"title_fontsize": 8, "loc": "outside right center"}
        figure.legend(handles, labels, title=_label(spec, "colour"), **look)
    return figure


def _grid(count: int) -> tuple[Figure, NDArray[np.object_]]:
    """Return a figure with room for some panels, up to four in a row."""
    rows, columns = -(-count // 4), min(count, 4)
    width = style.FULL if columns > 1 else 0.65 * style.FULL
    size = {"figsize": (width, 0.6 + 1.9 * rows), "squeeze": False}
    return plt.subplots(rows, columns, sharex=True, sharey=True, **size)


def _label(spec: Mapping[str, Any], key: str) -> str:
    """Return what the figure calls the column that goes to x, y, colour or panel."""
    return spec["labels"].get(spec[key], spec[key])


def _colours(done: pd.DataFrame, spec: Mapping[str, Any]) -> dict[Any, Any]:
    """Return a colour for each line: distinct for a few, a scale from dark to light for many."""
    values = sorted(done[spec["colour"]].unique()) if "colour" in spec else [None]
    few = len(values) <= len(style.ACCENTS)
    shades = style.ACCENTS if few else sns.color_palette("viridis", len(values))
    return dict(zip(values, shades, strict=False))


def _draw(
    ax: Axes, panel: pd.DataFrame, spec: Mapping[str, Any], palette: Mapping[Any, Any]
) -> None:
    """Draw one panel: a line for each colour, and points with their errors over it."""
    curves = iter(panel.groupby(spec["colour"])) if "colour" in spec else [(None, panel)]
    for value, curve in curves:
        at = curve.groupby(spec["x"])[spec["y"]]
        quartiles = at.quantile([0.25, 0.5, 0.75]).unstack().astype(float)
        x, color = quartiles.index.to_numpy(float), palette[value]
        marker = None if "points" in spec else "."
        ax.plot(x, quartiles[0.5], marker=marker, color=color, label=value)
        ax.fill_between(x, quartiles[0.25], quartiles[0.75], color=color, alpha=0.25, lw=0)
        if "points" in spec:
            column = {name: curve[spec[name]].to_numpy(float) for name in ("x", "points")}
            error = curve[spec["error"]].to_numpy(float) if "error" in spec else None
            ax.errorbar(column["x"], column["points"], error, fmt="o", color=color)
    for axis in spec.get("log", ()):
        getattr(ax, f"set_{axis}scale")("log")
