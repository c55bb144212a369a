"""Figures of the spectra of linear networks."""

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
    figure, columns = style.stacked(style.FULL, 3.4, len(spectra))
    for (shape, draws), column in zip(spectra.items(), columns, strict=True):
        exact = FiniteLinearHessianLaw(*shape, sigma1, sigma2)
        laws = {
            "asymptotic law": (LinearHessianLaw(*shape, sigma1, sigma2), {"color": style.LAW}),
            "finite-size law": (exact, {"color": style.EXACT, "ls": "--"}),
        }
        spectrum_against_laws(column, draws, np.linspace(*exact.ppf([0.001, 0.999]), 41), laws)
        column[0].set(ylim=(0, None), title="$N_i = {}$, $N_h = {}$".format(*shape))
        column[1].set_xlabel(r"eigenvalue $\lambda$")
    above, below = columns[0]
    above.set_ylabel("probability density")
    below.set_ylabel("difference\n(% of peak)")
    columns[-1, 0].legend(loc="upper right")
    return figure


def spectrum_against_laws(
    column: tuple[Axes, Axes], spectra: Array, edges: Array, laws: dict[str, tuple[Law, dict]]
) -> float:
    """Draw a histogram and laws over it, and below how both differ from the last of these.

    A law is averaged over a bin as the draws are, so that width is no error. Returned is the
    height of the highest bin.
    """
    above, below = column
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    density, error = binned_density(spectra, edges)
    binned = [np.diff(law.cdf(edges)) / widths for law, _ in laws.values()]
    grid = np.linspace(edges[0], edges[-1], 400)
    above.bar(centres, density, widths, color=style.DRAWS, alpha=0.5, label="draws")
    for name, (law, look) in laws.items():
        above.plot(grid, law.pdf(grid), label=name, **look)
    peak = binned[-1].max()
    percent = 100 / peak
    residual = percent * (density - binned[-1])
    below.errorbar(centres, residual, percent * error, fmt=".", color=style.DRAWS)
    *others, (_, last) = laws.values()
    for expected, (_, look) in zip(binned, others, strict=False):
        below.plot(centres, percent * (expected - binned[-1]), **look)
    below.axhline(0, **last)
    return max(density.max(), peak)
