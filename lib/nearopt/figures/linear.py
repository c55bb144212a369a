"""Figures of the spectra of linear networks."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nearopt.checks import Array
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw
from nearopt.laws.statistics import Law, binned_density
from nearopt.report import style


def linear_spectra(
    spectra: dict[tuple[int, int], Array], *, sigma1: float, sigma2: float
) -> Figure:
    """Draw pooled spectra of linear teachers, their two laws over them, the differences below.

    One column for each shape.

    Parameters
    ----------
    spectra : dict of arrays of shape (teachers, input_dim)
        Nonzero eigenvalues of each teacher, for each (input_dim, hidden_dim).
    sigma1, sigma2 : float
        Standard deviations of the weights.
    """
    figure, axes = plt.subplots(
        2,
        len(spectra),
        figsize=(style.FULL, 3.4),
        height_ratios=(2, 1),
        sharex="col",
        squeeze=False,
    )
    for (input_dim, hidden_dim), column in zip(spectra, axes.T, strict=True):
        asymptotic = LinearHessianLaw(input_dim, hidden_dim, sigma1, sigma2)
        exact = FiniteLinearHessianLaw(input_dim, hidden_dim, sigma1, sigma2)
        _spectrum_against_laws(column, spectra[input_dim, hidden_dim], asymptotic, exact)
        column[0].set_title(f"$N_i = {input_dim}$, $N_h = {hidden_dim}$")
    axes[0, 0].set_ylabel("probability density")
    axes[1, 0].set_ylabel("difference\n(% of peak)")
    axes[0, -1].legend(loc="upper right")
    return figure


def _spectrum_against_laws(
    axes: tuple[Axes, Axes], spectra: Array, asymptotic: Law, exact: Law, bins: int = 40
) -> None:
    """Draw one column; a law is averaged over a bin as the draws are, so that width is no error."""
    above, below = axes
    edges = np.linspace(*exact.ppf([0.001, 0.999]), bins + 1)
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    density, error = binned_density(spectra, edges)
    binned_asymptotic, binned_exact = (
        np.diff(law.cdf(edges)) / widths for law in (asymptotic, exact)
    )
    percent = 100 / binned_exact.max()

    grid = np.linspace(edges[0], edges[-1], 400)
    above.bar(centres, density, widths, color=style.DRAWS, alpha=0.5, label="draws")
    above.plot(grid, asymptotic.pdf(grid), color=style.LAW, label="asymptotic law")
    above.plot(grid, exact.pdf(grid), color=style.EXACT, ls="--", label="finite-size law")
    above.set_ylim(0, None)

    residual = percent * (density - binned_exact)
    below.errorbar(centres, residual, percent * error, fmt=".", color=style.DRAWS)
    below.plot(centres, percent * (binned_asymptotic - binned_exact), color=style.LAW)
    below.axhline(0, color=style.EXACT, ls="--")
    below.set_xlabel(r"eigenvalue $\lambda$")
