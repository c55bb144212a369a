"""The table, as CSV and Markdown, and the figure."""

import os
import platform
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import psutil
from jinja2 import Template
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobs import JOBS, Job
from nearopt.report import style

BEST_PEER = "the best peer"
NAMES = {"hidden_dim": "Nh", "input_dim": "Ni"}


def write(
    folder: Path,
    rows: list[dict[str, Any]],
    growths: list[dict[str, Any]],
    machine: dict[str, Any],
) -> None:
    """Write benchmarks.csv, benchmarks.md and benchmarks.png of what `run` measured."""
    table = pd.DataFrame(rows)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "benchmarks.csv", index=False, float_format="%.4g")
    style.use()
    draw(table, growths).savefig(folder / "benchmarks.png")
    (folder / "benchmarks.md").write_text(page(rows, growths, machine), encoding="utf-8")


def page(rows: list[dict[str, Any]], growths: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """Return the page in Markdown: page.md, filled in."""
    jobs = [(job, [row for row in rows if row["job"] == job.title]) for job in JOBS]
    facts = {
        "machine": _machine(machine),
        "asks": [ask for job, measured in jobs for ask in asked(job, measured)],
        "jobs": [(job.title, measured) for job, measured in jobs],
        "growths": growths,
    }
    shown = {"duration": duration, "ratio": _ratio, "error": _error, "names": NAMES}
    text = Path(__file__).with_name("page.md").read_text(encoding="utf-8")
    return Template(text, trim_blocks=True, keep_trailing_newline=True).render(facts | shown)


def asked(job: Job, rows: list[dict[str, Any]]) -> list[list[str]]:
    """Return a line for each ask of a job: job, case, asked, measured, met."""
    lines = []
    for what, limit in job.asks.items():
        if what in ("seconds", "GB"):
            value = rows[0]["seconds" if what == "seconds" else "peak_GB"]
            ask, found, met = f"at most {limit:g} {what}", f"{value:.3g} {what}", value <= limit
        else:
            peers = [contender.name for contender in job.contenders if contender.peer]
            names = peers if what == BEST_PEER else [what]
            ran = [row for row in rows if row["contender"] in names]
            if not ran:
                continue
            best = min(ran, key=lambda row: row["ratio"])
            ask = f"at least {limit:g} times as fast as {what}"
            found, met = (
                f"{_ratio(best['ratio'])} times ({best['contender']})",
                best["ratio"] >= limit,
            )
        lines.append([job.title, rows[0]["case"], ask, found, "yes" if met else "**no**"])
    return lines


def duration(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    units = (("s", 1), ("ms", 1e-3))
    unit, size = next((u for u in units if seconds >= u[1]), ("µs", 1e-6))
    return f"{seconds / size:.3g}\N{NO-BREAK SPACE}{unit}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _error(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}" if value else "0"


def _machine(machine: dict[str, Any]) -> str:
    """Return what the run was made on, without the machine's name."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    kernels = "; ".join(machine["kernels"])
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {memory:.0f} GiB of memory, "
        f"{platform.system()}. BLAS, its kernels and threads: {kernels}. {versions}."
    )


def draw(table: pd.DataFrame, growths: list[dict[str, Any]]) -> Figure:
    """Draw all ratios on the left, the growth with each width on the right."""
    figure = plt.figure(figsize=(style.FULL, 5.0))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
    ratios(figure.add_subplot(grid[:, 0]), table)
    for row, variable in enumerate(NAMES):
        axes = figure.add_subplot(grid[row, 1])
        exponents(axes, [g for g in growths if g["variable"] == variable])
    style.legend_above(figure, axes)
    return figure


def ratios(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a dot for each contender of each job that is a race, job by job from the top."""
    ticks: dict[float, str] = {}
    for job in (job for job in JOBS if job.asks and len(job.contenders) > 1):
        place = min(ticks, default=0) - 1.7
        rows = table[table.job == job.title].iloc[1:]
        beside = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
        axes.text(-0.04, place, job.title, weight="bold", size=7.5, **beside)
        peers = [contender.name for contender in job.contenders if contender.peer]
        for row in rows.itertuples():
            place -= 1
            ticks[place] = row.contender.removeprefix("nearopt ")
            spread = [[row.ratio - row.ratio_low], [row.ratio_high - row.ratio]]
            colour = style.LAW if row.contender in peers else style.ACCENTS[0]
            axes.errorbar(row.ratio, place, xerr=spread, fmt="o", color=colour)
    axes.set_yticks(list(ticks), ticks.values())
    axes.set_xscale("log")
    axes.axvline(1, color=style.EXACT, ls="--")
    axes.set_xlabel("time / nearopt's time on the same job")
    axes.grid(axis="y", visible=False)


def exponents(axes: Axes, growths: list[dict[str, Any]]) -> None:
    """Draw the fitted exponents of one width, and theory's as bars."""
    places = range(len(growths), 0, -1)
    found, errors, theory = ([g[key] for g in growths] for key in ("exponent", "error", "theory"))
    axes.plot(theory, places, "|", color=style.EXACT, markersize=14, label="theory")
    axes.errorbar(found, places, xerr=errors, fmt="o", color=style.ACCENTS[0], label="measured")
    axes.set_yticks(places, [g["label"] for g in growths])
    axes.set_xlim(-0.5, 6.8)
    axes.set_ylim(0.4, len(growths) + 0.6)
    axes.set_xlabel(f"exponent in {NAMES[growths[0]['variable']]}")
    axes.grid(axis="y", visible=False)
