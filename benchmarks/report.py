"""The table, as CSV and Markdown, and the figure."""

import os
import platform
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psutil
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
    (folder / "benchmarks.md").write_text(page(table, growths, machine), encoding="utf-8")


def asked(job: Job, rows: pd.DataFrame) -> list[list[str]]:
    """Return a line for each ask of a job: job, case, asked, measured, met."""
    lines = []
    for what, limit in job.asks.items():
        if what in ("seconds", "GB"):
            value = rows.iloc[0]["seconds" if what == "seconds" else "peak_GB"]
            ask, found, met = f"at most {limit:g} {what}", f"{value:.3g} {what}", value <= limit
        else:
            peers = [contender.name for contender in job.contenders if contender.peer]
            ran = rows[rows.contender.isin(peers if what == BEST_PEER else [what])]
            if ran.empty:
                continue
            row = ran.loc[ran.ratio.idxmin()]
            ask = f"at least {limit:g} times as fast as {what}"
            found, met = f"{_ratio(row.ratio)} times ({row.contender})", row.ratio >= limit
        lines.append([job.title, rows.iloc[0].case, ask, found, "yes" if met else "**no**"])
    return lines


def markdown(header: list[str], lines: list[list[str]]) -> str:
    """Return a table in Markdown."""
    ruled = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in ruled)


def duration(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    units = (("s", 1), ("ms", 1e-3))
    unit, size = next((u for u in units if seconds >= u[1]), ("µs", 1e-6))
    return f"{seconds / size:.3g}\N{NO-BREAK SPACE}{unit}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _error(value: float) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.1e}" if value else "0"


def line(row: pd.Series) -> list[str]:
    """Return one contender's line of a job's table."""
    return [
        row.contender,
        duration(row.seconds),
        f"{_ratio(row.ratio)} ({_ratio(row.ratio_low)} to {_ratio(row.ratio_high)})",
        _error(row.error),
        _error(row.sampling_error),
        f"{row.peak_GB:.2f}",
    ]


def page(table: pd.DataFrame, growths: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    header = ["", "time", "time / nearopt's", "error", "sampling error", "memory (GB)"]
    asks, sections = [], []
    for job in JOBS:
        rows = table[table.job == job.title]
        asks += asked(job, rows)
        lines = [line(row) for row in rows.itertuples()]
        sections.append(f"### {job.title}: {rows.iloc[0].case}\n\n{markdown(header, lines)}")
    return TEMPLATE.format(
        machine=_machine(machine),
        asks=markdown(["job", "case", "asked", "measured", "met"], asks),
        jobs="\n\n".join(sections),
        growth=markdown(
            ["", "grows with", "at", "exponent", "theory"], [growth_line(g) for g in growths]
        ),
    )


def growth_line(growth: dict[str, Any]) -> list[str]:
    """Return one growth's line."""
    name = NAMES[growth["variable"]]
    other = "Ni" if name == "Nh" else "Nh"
    return [
        growth["contender"],
        f"{name} = {growth['sizes'][0]} to {growth['sizes'][-1]}",
        f"{other} = {growth['fixed']}",
        f"{growth['exponent']:.2f} ± {growth['error']:.2f}",
        str(growth["theory"]),
    ]


def _machine(machine: dict[str, Any]) -> str:
    """Return what the run was made on, without the machine's name."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    kernels = "; ".join(machine["kernels"]) or "not known, threadpoolctl is not installed"
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {memory:.0f} GiB of memory, "
        f"{platform.system()}. BLAS, its kernels and threads: {kernels}. {versions}."
    )


TEMPLATE = """# Benchmarks

The library beside what a user would pick instead. `make bench` makes this page, [the same numbers
as CSV](benchmarks.csv) and the figure; it takes about a quarter of an hour, and is only worth
keeping from a machine that does nothing else. The tools live in an environment of their own,
`.venv-bench`, from `benchmarks/requirements.lock` and `benchmarks/torch.txt`.

Each contender lives in a process of its own. All of a job take turns in five rounds, each time
after a call to warm up, as the others have emptied the caches (one round where a first call takes
over 5 seconds; that call itself where it takes over 20): a time is the median of the rounds, a
ratio the median of the ratios within rounds, with the least and the greatest, or the ratio of the
medians where one of the two has one round. Times are of this machine; ratios carry over better.

Run on {machine}

The peers know a batch of 20,000 samples, all the same one, in double precision: they compute the
Hessian of its loss, whose *error* is the distance from the exact result relative to its length,
beside the *sampling error* that theory expects of it. The run stops if two contenders that should
agree do not: exact ones to 9 digits, those on the batch among themselves to 9 digits (single
precision to 3), and the batch with the exact result to four times the sampling error. Memory is
the peak of the whole process.

![Times of all tools relative to the library's, and their growth with the widths](benchmarks.png)

*On the left, times of the peers (orange) and of bounds and variants (blue) relative to the
library's; on the right, the exponents of growth beside theory's.*

## What is asked

{asks}

## What was measured

{jobs}

curvlinops and PyHessian have no dense Hessian of their own, and PyHessian's spectral density calls
a function that PyTorch no longer has. JAX in single precision is listed, as its sampling error
hides its rounding, but not counted as a peer. The smallest eigenvalue is no race: its *error* says
that LAPACK's ways agree, that ten samples for each parameter are not enough, and that a short
iteration of Lanczos, whose values approach the ends of a spectrum from inside, does not come near.

## Growth

Exponents of time against one width, the other fixed, by least squares on logarithms, beside the
count of operations at large sizes. A product costs 6 Nh² Ni operations with the exact Hessian and
grows as N Nh Ni with a batch, so that a batch becomes cheaper when Nh is much larger than N. The
spectrum needs the eigenvalues of a matrix of size Nh (Nh + 1) once Ni > Nh, whatever Ni is.

{growth}
"""


def draw(table: pd.DataFrame, growths: list[dict[str, Any]]) -> Figure:
    """Draw all ratios on the left, the growth with each width on the right."""
    figure = plt.figure(figsize=(style.FULL, 5.0))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
    ratios(figure.add_subplot(grid[:, 0]), table)
    for row, variable in enumerate(NAMES):
        axes = figure.add_subplot(grid[row, 1])
        exponents(axes, [g for g in growths if g["variable"] == variable])
    axes.legend(loc="upper right")
    return figure


def ratios(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a dot for each contender of each job that is a race, job by job from the top."""
    ticks: dict[float, str] = {}
    for job in (job for job in JOBS if job.asks and len(job.contenders) > 1):
        place = min(ticks, default=0) - 1.7
        rows = table[table.job == job.title].iloc[1:]
        axes.text(1.3, place, job.title, va="center", weight="bold")
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
