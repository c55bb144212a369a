"""Figures of certified ranks and of spectra that fall below what floats can hold."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nearopt.checks import Array
from nearopt.report import style


def rank_curves(survey: pd.DataFrame) -> Figure:
    """Draw the certified rank against width, and below it the rank that floats see.

    A panel for each number of inputs; bars are standard deviations over teachers.

    Parameters
    ----------
    survey : DataFrame
        A row for each teacher, with the columns input_dim, hidden_dim, parameters and float_rank.
    """
    groups = survey.groupby("input_dim")
    figure, axes = plt.subplots(1, len(groups), figsize=(style.FULL, 2.3), squeeze=False)
    for panel, (input_dim, group) in zip(axes[0], groups, strict=True):
        widths = group.groupby("hidden_dim")
        seen = widths.float_rank
        full = widths.parameters.first()
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
    """Draw each spectrum in truth and in floats, and the floor under which floats see nothing.

    Parameters
    ----------
    spectra : dict
        For each (input_dim, hidden_dim): the true eigenvalues, the floats' (both ascending, shape
        (P,)), and the floor, numpy's threshold for the rank.
    """
    figure, axes = plt.subplots(1, len(spectra), figsize=(style.FULL, 2.5), squeeze=False)
    for panel, ((input_dim, hidden_dim), content) in zip(axes[0], spectra.items(), strict=True):
        true, floats, floor = content
        index = np.arange(1, len(true) + 1)
        panel.semilogy(index, np.sort(np.abs(floats))[::-1], ".", color=style.DRAWS)
        panel.semilogy(index, true[::-1], color=style.EXACT)
        panel.axhline(floor, color=style.LAW, ls="--")
        panel.set(title=f"$N_i = {input_dim}$, $N_h = {hidden_dim}$", xlabel="index")
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
    survey : DataFrame
        A row for each teacher, with the columns input_dim, hidden_dim, degree, smallest and bound,
        the last two as decimal logarithms.
    fits : DataFrame
        Intercept and slope of `smallest` against hidden_dim^(1 / input_dim), by input_dim.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.FULL, 2.7), sharey=True)
    markers = ("o", "s", "^", "D", "v")
    for style_of, (input_dim, group) in zip(
        zip(style.ACCENTS, markers, strict=False), survey.groupby("input_dim"), strict=False
    ):
        color, marker = style_of
        _spread(left, group, "hidden_dim", color, marker)
        _spread(right, group, "degree", color, marker)
        width = np.linspace(1, group.hidden_dim.max(), 200)
        fit = fits.loc[input_dim]
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
    axes.errorbar(
        values.mean().index, values.mean(), values.std(), fmt=marker, color=color, elinewidth=0.8
    )


def spectra_of_activations(spectra: dict[str, Array], parameters: int) -> Figure:
    """Draw the nonzero eigenvalues of networks that differ in their activation alone.

    Parameters
    ----------
    spectra : dict of arrays
        Nonzero eigenvalues of each activation, ascending.
    parameters : int
        P, which is where a full spectrum ends.
    """
    figure, axes = plt.subplots(figsize=(0.75 * style.FULL, 2.6))
    colors: Sequence[str] = (*style.ACCENTS[:3], style.EXACT)
    for (name, eigenvalues), color in zip(spectra.items(), colors, strict=False):
        index = np.arange(1, len(eigenvalues) + 1)
        axes.semilogy(index, eigenvalues[::-1], ".-", color=color)
        axes.text(index[-1] + 0.6, eigenvalues[0], name, color=color, va="center")
    axes.axvline(parameters, color=style.LAW, ls="--", lw=0.8)
    axes.set(xlabel="index", ylabel=r"eigenvalue $\lambda$", xlim=(0, 1.13 * parameters))
    return figure
