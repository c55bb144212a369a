"""Figures of the rank of polynomial networks."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nearopt.checks import Array
from nearopt.laws.statistics import Law, binned_density
from nearopt.rank.double_points import Degrees, monomials
from nearopt.report import style

COLORS = (*style.ACCENTS, style.LAW, style.DRAWS)


def label(degrees: Degrees) -> str:
    """Return a polynomial with these degrees as maths text."""
    names = {0: "1", 1: "u"}
    return "$" + " + ".join(names.get(d, f"u^{d}") for d in sorted(degrees)) + "$"


def rank_maps(ranks: pd.DataFrame) -> Figure:
    """Draw rank / P of `tabulate_ranks`, a panel an activation, and theory's borders on it."""
    groups = list(ranks.groupby("degrees", sort=False))
    figure, axes = plt.subplots(
        2, (len(groups) + 1) // 2, figsize=(style.FULL, 4.4), sharex=True, sharey=True
    )
    for panel, (degrees, group) in zip(axes.flat, groups, strict=True):
        share = (group["rank"] / group.parameters).to_numpy().reshape(group.inputs.nunique(), -1)
        inputs, units = group.inputs.max(), group.units.max()
        extent = (0.5, inputs + 0.5, 0.5, units + 0.5)
        look = {"origin": "lower", "aspect": "auto", "cmap": "cividis", "vmin": 0, "vmax": 1}
        image = panel.imshow(share.T, extent=extent, **look)
        _borders(panel, degrees, group)
        panel.set(title=f"$g$ = {label(degrees)}", ylim=(0.5, units + 0.5))
        panel.grid(False)
    figure.colorbar(image, ax=axes, label="rank / number of parameters", shrink=0.8)
    figure.supxlabel("inputs $N_i$", fontsize=8)
    figure.supylabel("hidden units $N_h$", fontsize=8)
    legend = style.legend_above(figure, axes.flat[0])
    legend.set(frame_on=True)
    legend.get_frame().set(facecolor=plt.get_cmap("cividis")(0.2))
    plt.setp(legend.get_texts(), color="white")
    return figure


def _borders(axes: Axes, degrees: Degrees, ranks: pd.DataFrame) -> None:
    """Draw where theory says that units begin to share, and where the rank stops growing."""
    alone = ranks[ranks.units == 1].set_index("inputs").theory
    sharing = ranks.theory < ranks.units * ranks.inputs.map(alone)
    ended = ranks.theory == ranks.inputs.map(lambda n: monomials(degrees, n))
    edges = np.arange(ranks.inputs.max() + 1) + 0.5
    looks = (
        {"color": style.LAW, "lw": 2.5, "label": "the rank stops growing"},
        {"color": "white", "lw": 1.2, "ls": "--", "label": "units begin to share"},
    )
    for where, look in zip((ended, sharing), looks, strict=True):
        first = ranks.units.where(where).groupby(ranks.inputs).min() - 0.5
        above = first.fillna(ranks.units.max() + 2)
        axes.stairs(above, edges, baseline=None, **look)


def compression_curves(ranks: pd.DataFrame) -> Figure:
    """Draw the exact rank / P against the width for the largest input size, theory as lines."""
    figure, axes = plt.subplots(figsize=(style.FULL, 2.8))
    largest = ranks[ranks.inputs == ranks.inputs.max()]
    groups = largest.groupby("degrees", sort=False)
    widths = np.linspace(4, 1, len(groups))  # so that a line shows under one that lies on it
    for (_, group), color, width in zip(groups, COLORS, widths, strict=False):
        axes.plot(group.units, group.theory / group.parameters, color=color, lw=width)
        axes.plot(group.units, group["rank"] / group.parameters, "o", color=color, ms=2.5)
    ends = largest[largest.units == largest.units.max()]
    ends = ends.assign(color=COLORS[: len(ends)], share=ends.theory / ends.parameters)
    height = -1.0
    for end in ends.sort_values("share").itertuples():
        height = max(end.share, height + 0.06)  # labels must not lie on one another
        place = (end.units * 1.02, height)
        axes.annotate(label(end.degrees), place, color=end.color, va="center", fontsize=8)
    axes.set(xlabel="hidden units $N_h$", ylabel="rank / number of parameters", ylim=(0, 1.04))
    axes.set_xlim(0.5, largest.units.max() * 1.18)
    return figure


def float_floor(from_hessian: Array, from_factor: Array, rank: int) -> Figure:
    """Draw one teacher's eigenvalues by both ways, descending, and the exact rank."""
    figure, axes = plt.subplots(figsize=(style.FULL, 2.6))
    index = np.arange(1, len(from_hessian) + 1)
    floats, exact = (values / from_factor.max() for values in (np.abs(from_hessian), from_factor))
    axes.semilogy(index, floats, "o", color=style.LAW, label="of $H$, in floats")
    axes.semilogy(index[:rank], exact[:rank], ".", color=style.EXACT, label="from its factor")
    axes.axvline(rank + 0.5, color=style.ACCENTS[0], ls="--")
    axes.annotate(f"exact rank {rank}", (rank + 0.5, 1), (3, -6), textcoords="offset points")
    axes.set(xlabel="index of the eigenvalue", ylabel=r"$|\lambda| / \lambda_1$")
    axes.legend(loc="lower left")
    return figure


def log_spectra(spectra: dict[Degrees, Array], law: Law) -> Figure:
    """Draw the nonzero spectra over a logarithmic axis, averaged over teachers, and one teacher.

    Parameters
    ----------
    spectra : dict of arrays of shape (teachers, rank)
        Nonzero eigenvalues, for each choice of degrees.
    law : Law
        The law of the linear network of the same size, drawn in each panel.
    """
    size = (style.FULL, 2.4)
    figure, axes = plt.subplots(1, len(spectra), figsize=size, sharex=True, sharey=True)
    logs = {degrees: np.log10(values) for degrees, values in spectra.items()}
    ends = np.array([np.quantile(values, [0.001, 0.999]) for values in logs.values()])
    edges = np.linspace(ends[:, 0].min(), ends[:, 1].max(), 41)
    centres, grid = (edges[1:] + edges[:-1]) / 2, np.logspace(edges[0], edges[-1], 400)
    for panel, (degrees, values) in zip(axes, logs.items(), strict=True):
        density, error = binned_density(values, edges)
        points = np.stack([10**centres, density, error])[:, density > 0]
        panel.errorbar(*points, fmt=".", color=style.DRAWS, ms=3)
        panel.plot(grid, grid * np.log(10) * law.pdf(grid), color=style.LAW)
        panel.plot(10 ** values[0], np.full(values.shape[1], 2e-3), "|", color=style.EXACT, ms=5)
        panel.set(xscale="log", yscale="log", ylim=(1e-3, 20), title=f"$g$ = {label(degrees)}")
    axes[0].set_ylabel("density per decade")
    figure.supxlabel(r"eigenvalue $\lambda$", fontsize=8)
    return figure


def sample_curves(
    batch_ranks: dict[Degrees, Array], errors: dict[Degrees, Array], ranks: dict[Degrees, int]
) -> Figure:
    """Draw the rank of a batch, and a fitted student's error, against the number of samples.

    Parameters
    ----------
    batch_ranks, errors : dicts of arrays of shapes (P,) and (students, P)
        For batches of 1, 2, ..., P inputs.
    ranks : dict of int
        Of the population Hessian.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.FULL, 2.6))
    for (degrees, rank), color in zip(ranks.items(), COLORS, strict=False):
        samples = np.arange(1, len(batch_ranks[degrees]) + 1)
        left.plot(samples, batch_ranks[degrees], "o-", color=color, ms=2.5)
        look = {"textcoords": "offset points", "va": "center", "color": color, "fontsize": 8}
        left.annotate(label(degrees), (samples[-1], rank), (4, 0), **look)
        right.semilogy(samples, np.maximum(errors[degrees], 1e-34).T, ".", color=color, ms=3)
        right.axvline(rank - 0.5, color=color, ls="--", lw=1)
    left.plot(samples, samples, ":", color=style.EXACT)
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    left.set(xlabel="samples $N$", ylabel="rank of the batch's Hessian")
    left.set_xlim(0, 1.25 * samples[-1])
    right.set(xlabel="samples $N$", ylabel="squared error, after / before")
    return figure
