"""Figures of certified ranks and of spectra that fall below what floats can hold."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nearopt.checks import Array
from nearopt.report import style


def rank_curves(survey: pd.DataFrame) -> Figure:
    """Draw the certified rank of `draw_certificates` against width, and the rank that floats see.

    A panel for each number of inputs; bars are standard deviations over teachers.
    """
    groups = survey.groupby("input_dim")
    figure, axes = plt.subplots(1, len(groups), figsize=(style.FULL, 2.3), squeeze=False)
    for panel, (input_dim, group) in zip(axes[0], groups, strict=True):
        widths = group.groupby("hidden_dim")
        seen, full = widths.float_rank, widths.parameters.first()
        panel.plot(full.index, full, color=style.EXACT)
        panel.errorbar(full.index, seen.mean(), seen.std(), fmt="o", color=style.DRAWS)
        panel.set(title=f"$N_i = {input_dim}$", xlabel="hidden units $N_h$")
        panel.set(ylim=(0, None), xlim=(0, None))
        panel.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("rank")
    _label(axes[0, 0], (0.62, 0.9), "certified", style.EXACT)
    _label(axes[0, 0], (0.98, 0.17), "floats", style.ACCENTS[0])
    return figure


def _label(axes: Axes, place: tuple[float, float], text: str, color: str) -> None:
    """Write a direct label that ends at a place in units of the axes."""
    axes.text(*place, text, color=color, ha="right", transform=axes.transAxes)


def spectra_above_and_below_the_floor(
    spectra: dict[tuple[int, int], tuple[Array, Array, float]],
) -> Figure:
    """Draw `true_and_float_spectrum` and its floor for each (input_dim, hidden_dim)."""
    figure, axes = plt.subplots(1, len(spectra), figsize=(style.FULL, 2.5), squeeze=False)
    for panel, (sizes, (true, floats, floor)) in zip(axes[0], spectra.items(), strict=True):
        index = np.arange(1, len(true) + 1)
        panel.semilogy(index, np.sort(np.abs(floats))[::-1], ".", color=style.DRAWS)
        panel.semilogy(index, true[::-1], color=style.EXACT)
        panel.axhline(floor, color=style.LAW, ls="--")
        panel.set(title="$N_i = {}$, $N_h = {}$".format(*sizes), xlabel="index")
        panel.set(ylim=(true[0] / 10, 100 * true[-1]))
    axes[0, 0].set_ylabel(r"eigenvalue $|\lambda|$")
    _label(axes[0, 0], (0.97, 0.8), "floats", style.ACCENTS[0])
    _label(axes[0, 0], (0.5, 0.25), "truth", style.EXACT)
    floor = next(iter(spectra.values()))[2]
    axes[0, 0].text(1, floor / 30, "floor", color=style.LAW, va="top")
    return figure


def smallest_eigenvalues(survey: pd.DataFrame, fits: pd.DataFrame) -> Figure:
    """Draw the smallest eigenvalue against the width, and against the filling degree.

    Means over teachers with their standard deviations; lines are the fits, on the right one to all
    teachers, and dotted ones the mean bounds.

    Parameters
    ----------
    survey, fits : DataFrame
        Of `draw_certificates`, with the columns degree and bound, a decimal logarithm as smallest;
        and of `fit_widths`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.FULL, 2.7), sharey=True)
    groups = survey.groupby("input_dim")
    for color, marker, (input_dim, group) in zip(style.ACCENTS, "os^Dv", groups, strict=False):
        _spread(left, group, "hidden_dim", color, marker)
        _spread(right, group, "degree", color, marker)
        width, fit = np.linspace(1, group.hidden_dim.max(), 200), fits.loc[input_dim]
        line = fit.intercept + fit.slope * width ** (1 / input_dim)
        left.plot(width, line, color=color)
        look = {"textcoords": "offset points", "color": color, "va": "center"}
        left.annotate(f"$N_i={input_dim}$", (width[-1], line[-1]), (5, 0), **look)
        bound = group.groupby("degree").bound.mean()
        right.plot(bound.index, bound, color=color, ls=":")
    degrees = survey.degree.agg(["min", "max"])
    common = np.polyfit(survey.degree, survey.smallest, 1)
    right.plot(degrees, np.polyval(common, degrees), color=style.EXACT, lw=0.8)
    left.set(xlabel="hidden units $N_h$", ylabel=r"$\log_{10} \lambda_{\min}$")
    left.set_xlim(0, 1.2 * survey.hidden_dim.max())
    left.xaxis.get_major_locator().set_params(integer=True)
    right.set(xlabel="degree $m$ at which odd polynomials reach $P$")
    return figure


def _spread(axes: Axes, group: pd.DataFrame, column: str, color: str, marker: str) -> None:
    """Draw means and standard deviations over teachers."""
    values = group.groupby(column).smallest
    look = {"fmt": marker, "color": color, "elinewidth": 0.8}
    axes.errorbar(values.mean().index, values.mean(), values.std(), **look)


def spectra_of_activations(spectra: dict[str, Array], parameters: int) -> Figure:
    """Draw the nonzero eigenvalues, ascending, of networks that differ in their activation alone.

    A line is drawn at P = `parameters`, where a full spectrum ends.
    """
    figure, axes = plt.subplots(figsize=(0.75 * style.FULL, 2.6))
    colors = (*style.ACCENTS[:3], style.EXACT)
    for (name, eigenvalues), color in zip(spectra.items(), colors, strict=False):
        index = np.arange(1, len(eigenvalues) + 1)
        axes.semilogy(index, eigenvalues[::-1], ".-", color=color)
        axes.text(index[-1] + 0.6, eigenvalues[0], name, color=color, va="center")
    axes.axvline(parameters, color=style.LAW, ls="--", lw=0.8)
    axes.set(xlabel="index", ylabel=r"eigenvalue $\lambda$", xlim=(0, 1.13 * parameters))
    return figure
