"""Figures of the spectra for any activation."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from nearopt.checks import Array
from nearopt.laws.statistics import Law
from nearopt.report import style


def spectra_on_laws(spectra: Mapping[str, Array], laws: Mapping[str, Law]) -> Figure:
    """Draw eigenvalues above 0 on a logarithmic axis, and their law, a panel for each activation.

    Parameters
    ----------
    spectra : mapping of arrays of shape (teachers, P)
        All eigenvalues of drawn teachers.
    laws : mapping of laws
        Of one of these eigenvalues.
    """
    rows = -(-len(spectra) // 4)
    figure, axes = plt.subplots(rows, 4, figsize=(style.FULL, 1.8 * rows), sharey=True)
    for ax in axes.flat[len(spectra) :]:
        ax.set_axis_off()
    for ax, (name, law) in zip(axes.flat, laws.items(), strict=False):
        edges = np.log10(law.ppf([law.cdf(0) + 1e-4, 1 - 1e-4]))
        edges = np.linspace(*edges, 40)
        counts, _ = np.histogram(np.log10(np.maximum(spectra[name], 1e-300)), edges)
        width = np.diff(edges)
        ax.stairs(
            counts / spectra[name].size / width, edges, fill=True, color=style.DRAWS, alpha=0.5
        )
        fine = np.linspace(*edges[[0, -1]], 200)
        ax.plot(fine, law.pdf(10**fine) * 10**fine * np.log(10), color=style.LAW)
        ax.set_title(name.replace("gelu", "GELU"))
    figure.supxlabel("logarithm of the eigenvalue, $\\log_{10} \\lambda$", fontsize=8)
    figure.supylabel("density of all $P$ eigenvalues", fontsize=8)
    return figure


def error_against_size(curves: pd.DataFrame) -> Figure:
    """Draw the distance of the law, and of its bulk alone, from draws, and their error, by size."""
    figure, ax = plt.subplots(figsize=(style.HALF, 2.6))
    sizes = curves["size"]
    ax.loglog(sizes, curves["bulk alone"], "s--", color=style.ACCENTS[0], label="bulk alone")
    ax.loglog(sizes, curves["law"], "o-", color=style.LAW, label="law")
    ax.loglog(sizes, 1 / sizes, ":", color=style.EXACT, label="$1 / N_i$")
    ax.loglog(sizes, curves["draws"], color="#BBBBBB", zorder=1, label="standard error of draws")
    ax.set(xlabel="inputs and hidden units, $N_i = N_h$", ylabel="distance of the cdfs")
    ax.minorticks_off()
    ax.set_xticks(sizes, sizes)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
