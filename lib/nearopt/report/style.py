"""How a figure looks, and how it is saved to the same bytes each time."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from numpy.typing import NDArray

# Widths in inches: a figure across the text block, and one beside another.
FULL, HALF = 6.2, 3.0

# One colour for each role, from the Okabe-Ito set, told apart in all common colour blindness.
DRAWS = "#56B4E9"
LAW = "#D55E00"
EXACT = "#000000"
ACCENTS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")


def use() -> None:
    """Set the look of all figures that follow: small, opaque, in fonts that matplotlib ships."""
    sns.set_theme(context="paper", style="ticks", palette=[*ACCENTS, DRAWS, LAW])
    plt.rcParams |= {
        "axes.grid": True,
        "axes.labelsize": 8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8,
        "figure.constrained_layout.use": True,
        "figure.dpi": 120,
        "figure.facecolor": "white",
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "grid.color": "#E5E5E5",
        "grid.linewidth": 0.6,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "lines.linewidth": 1.3,
        "lines.markersize": 4,
        "mathtext.fontset": "dejavusans",
        "savefig.dpi": 200,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
    }


def stacked(width: float, height: float, columns: int = 1) -> tuple[Figure, NDArray[np.object_]]:
    """Return a figure and its columns, each a panel and a lower one on the same horizontal axis."""
    look = {"figsize": (width, height), "height_ratios": (2, 1), "sharex": "col", "squeeze": False}
    figure, rows = plt.subplots(2, columns, **look)
    return figure, rows.T


def legend_above(figure: Figure, axes: Axes) -> Legend:
    """Name what `axes` shows in one line above all panels, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    return figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))


def save(figure: Figure, stem: Path, parameters: str) -> list[Path]:
    """Save a figure as `stem` with the endings pdf and svg, and return these files.

    Each has `parameters`, what made the figure, in its metadata.
    """
    about = {
        "pdf": {"Subject": parameters, "CreationDate": None},
        "svg": {"Description": parameters, "Date": None},
    }
    files = [stem.with_name(f"{stem.name}.{ending}") for ending in about]
    # The layout is found once: each file would find it again, which takes as long as to draw.
    figure.draw_without_rendering()
    fixed = {"figure.constrained_layout.use": False}
    with mpl.rc_context({"pdf.fonttype": 42, "svg.hashsalt": "nearopt"} | fixed):
        figure.set_layout_engine(None)
        for file, metadata in zip(files, about.values(), strict=True):
            figure.savefig(file, metadata=metadata)
    return files
