"""Figures that more than one cell draws."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from nearopt import style
from nearopt.ensemble import Law, binned_density

Array = NDArray[np.float64]


def spectrum_against_laws(
    axes: tuple[Axes, Axes], spectra: Array, asymptotic: Law, exact: Law, bins: int = 40
) -> None:
    """Draw a pooled spectrum with its two laws over it, and the differences below.

    Parameters
    ----------
    axes : pair of Axes
        One for the densities, one for the differences.
    spectra : array of shape (teachers, eigenvalues)
        Each teacher's nonzero eigenvalues.
    asymptotic, exact : Law
        The law of large networks and the law at this size.
    bins : int
        Number of bins between the 0.1% and 99.9% quantiles of the exact law.

    Notes
    -----
    Each law is averaged over a bin, as the draws are, so that a wide bin shows no difference
    of its own making. Differences are in percent of the highest density.
    """
    above, below = axes
    edges = np.linspace(*exact.ppf([0.001, 0.999]), bins + 1)
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    density, error = binned_density(spectra, edges)
    binned = {law: np.diff(law.cdf(edges)) / widths for law in (asymptotic, exact)}
    percent = 100 / binned[exact].max()

    above.bar(centres, density, widths, color=style.DRAWS, alpha=0.5, label="draws")
    grid = np.linspace(edges[0], edges[-1], 400)
    above.plot(grid, asymptotic.pdf(grid), color=style.LAW, label="asymptotic law")
    above.plot(grid, exact.pdf(grid), color=style.EXACT, ls="--", label="finite-size law")
    above.set(ylabel="probability density", ylim=(0, None))
    above.tick_params(labelbottom=False)

    residual = percent * (density - binned[exact])
    below.errorbar(centres, residual, percent * error, fmt=".", color=style.DRAWS)
    below.plot(centres, percent * (binned[asymptotic] - binned[exact]), color=style.LAW)
    below.axhline(0, color=style.EXACT, ls="--")
    below.set(xlabel=r"eigenvalue $\lambda$", ylabel="difference (%)")
    below.sharex(above)
