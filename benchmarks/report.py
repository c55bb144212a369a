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
from nearopt import style

BEST_PEER = "the best peer"
NAMES = {"hidden_dim": "Nh", "input_dim": "Ni"}


def write(
    folder: Path,
    rows: list[dict[str, Any]],
    growths: list[dict[str, Any]],
    machine: dict[str, Any],
) -> None:
    """Write benchmarks.csv, benchmarks.md and benchmarks.png.

    Parameters
    ----------
    folder : Path
        Where to.
    rows : list of dict
        What each contender of each job measured.
    growths : list of dict
        The fitted exponents.
    machine : dict
        The versions and the BLAS kernels that the library ran on.
    """
    table = pd.DataFrame(rows)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "benchmarks.csv", index=False, float_format="%.4g")
    style.use()
    draw(table, growths).savefig(folder / "benchmarks.png")
    (folder / "benchmarks.md").write_text(page(table, growths, machine), encoding="utf-8")


def best_peer(job: Job, rows: pd.DataFrame) -> pd.Series | None:
    """Return the row of the fastest peer, None if no peer ran."""
    peers = [c.name for c in job.contenders if c.peer]
    ran = rows[rows.contender.isin(peers) & rows.seconds.notna()]
    return ran.loc[ran.ratio.idxmin()] if len(ran) else None


def asked(job: Job, rows: pd.DataFrame) -> list[list[str]]:
    """Return a line for each ask of a job: job, case, asked, measured, met."""
    lines = []
    for what, limit in job.asks.items():
        if what in ("seconds", "GB"):
            value = rows.iloc[0]["seconds" if what == "seconds" else "peak_GB"]
            ask, found, met = f"at most {limit:g} {what}", f"{value:.3g} {what}", value <= limit
        else:
            row = best_peer(job, rows) if what == BEST_PEER else _named(rows, what)
            if row is None:
                continue
            ask = f"at least {limit:g} times as fast as {what}"
            found, met = f"{row.ratio:.3g} times ({row.contender})", row.ratio >= limit
        lines.append([job.title, rows.iloc[0].case, ask, found, "yes" if met else "**no**"])
    return lines


def _named(rows: pd.DataFrame, contender: str) -> pd.Series:
    return rows[rows.contender == contender].iloc[0]


def markdown(header: list[str], lines: list[list[str]]) -> str:
    """Return a table in Markdown."""
    ruled = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in ruled)


def duration(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError


def _number(value: float, form: str) -> str:
    return "" if value is None or np.isnan(value) else format(value, form)


def line(row: pd.Series) -> list[str]:
    """Return one contender's line of a job's table."""
    if isinstance(row.missing, str):
        return [row.contender, f"did not run: {row.missing}", "", "", "", ""]
    return [
        row.contender,
        duration(row.seconds),
        f"{row.ratio:.3g} ({row.ratio_low:.3g} to {row.ratio_high:.3g})",
        _number(row.error, ".1e"),
        _number(row.sampling_error, ".1e"),
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

Each contender lives in a process of its own. All of a job take turns, five rounds after a call to
warm up (or once without, if a call takes over 20 seconds): a time is the median of the rounds, a
ratio the median of the ratios within rounds, with the least and the greatest. Times are of this
machine; ratios carry over better.

Run on {machine}

The peers know a batch of 20,000 samples, all the same one, in double precision: they compute the
Hessian of its loss, whose *error* is the distance from the exact result relative to its length,
beside the *sampling error* that theory expects of it. The run stops if two contenders that should
agree do not: exact ones to 9 digits, those on the batch among themselves to 9 digits (single
precision to 3), and the batch with the exact result to four times the sampling error. Memory is
the peak of the whole process.

![Times of all tools relative to the library's, and their growth with the widths](benchmarks.png)

## What is asked

{asks}

## What was measured

{jobs}

curvlinops and PyHessian have no dense Hessian of their own, and PyHessian's spectral density calls
a function that PyTorch no longer has. JAX in single precision is listed, as its sampling error
hides its rounding, but not counted as a peer.

## Growth

Exponents of time against one width, the other fixed, by least squares on logarithms, beside the
count of operations at large sizes. A product costs 6 Nh² Ni operations with the exact Hessian and
grows as N Nh Ni with a batch, so that a batch becomes cheaper when Nh is much larger than N. The
spectrum needs the eigenvalues of a matrix of size Nh (Nh + 1) once Ni > Nh, whatever Ni is.

{growth}
"""


def draw(table: pd.DataFrame, growths: list[dict[str, Any]]) -> Figure:
    """Draw all ratios on the left, the growth with each width on the right."""
    figure = plt.figure(figsize=(style.FULL, 5.6))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1))
    ratios(figure.add_subplot(grid[:, 0]), table)
    for row, variable in enumerate(("hidden_dim", "input_dim")):
        growth(figure.add_subplot(grid[row, 1]), growths, variable)
    return figure


def ratios(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a dot for each contender of each job that is a race, job by job from the top."""
    labels, place = [], 0
    for job in (job for job in JOBS if job.asks and len(job.contenders) > 1):
        rows = table[(table.job == job.title) & table.seconds.notna()].iloc[1:]
        axes.text(0.0, place, job.title, transform=axes.get_yaxis_transform(), weight="bold")
        for row in rows.itertuples():
            place -= 1
            peer = row.contender in [c.name for c in job.contenders if c.peer]
            axes.errorbar(
                row.ratio,
                place,
                xerr=[[row.ratio - row.ratio_low], [row.ratio_high - row.ratio]],
                fmt="o",
                color=style.LAW if peer else style.ACCENTS[0],
            )
            labels.append((place, row.contender))
        place -= 1.6
    axes.set_yticks(*zip(*labels, strict=True))
    axes.set_xscale("log")
    axes.axvline(1, color=style.EXACT, ls="--")
    axes.set_xlabel("time / nearopt's time")
    axes.grid(axis="y", visible=False)


def growth(axes: Axes, growths: list[dict[str, Any]], variable: str) -> None:
    """Draw times against one width, each relative to its first, and the exponents."""
    for k, entry in enumerate(g for g in growths if g["variable"] == variable):
        sizes = np.array(entry["sizes"]) / entry["sizes"][0]
        seconds = np.array(entry["seconds"]) / entry["seconds"][0]
        colour = [*style.ACCENTS, style.LAW][k]
        axes.plot(sizes, seconds, "o", color=colour)
        axes.plot(sizes, sizes ** entry["theory"], color=colour, ls="--")
        label = f"{entry['contender'].removeprefix('nearopt ')}  {entry['exponent']:.2f}"
        axes.annotate(label, (sizes[-1], seconds[-1]), color=colour)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel(f"{NAMES[variable]} / smallest {NAMES[variable]}")
    axes.set_ylabel("time / first time")
