"""Figures of few samples and of several outputs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from nearopt.checks import Array
from nearopt.figures.linear import spectrum_against_laws
from nearopt.laws.linear import OutputsHessianLaw
from nearopt.report import style


def smallest_eigenvalues(measured: pd.DataFrame, linear: Array) -> Figure:
    """Draw the smallest nonzero eigenvalue against N / rank, for each activation.

    Parameters
    ----------
    measured : DataFrame
        Columns activation, ratio = N / rank, and low, median and high over draws.
    linear : array of shape (2, points)
        Ratios, and what the law says of linear networks.
    """
    figure, axes = plt.subplots(figsize=(style.FULL, 2.8))
    groups = measured.groupby("activation", sort=False)
    for color, (name, curve) in zip(style.ACCENTS, groups, strict=False):
        axes.loglog(curve.ratio, curve["median"], ".-", color=color, label=name)
        axes.fill_between(curve.ratio, curve.low, curve.high, color=color, alpha=0.2, lw=0)
    axes.plot(*linear, "--", color=style.EXACT, label="linear: law")
    axes.axvline(1, color=style.EXACT, lw=0.6)
    axes.set_xticks([0.3, 0.5, 1, 2, 4, 6], labels=["0.3", "0.5", "1", "2", "4", "6"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="samples / rank", ylabel="smallest nonzero eigenvalue")
    style.legend_above(figure, axes)
    return figure


def outputs_density(spectra: Array, law: OutputsHessianLaw) -> Figure:
    """Draw the eigenvalues, zeros included, shape (teachers, P), their law, and the difference."""
    figure, ((above, below),) = style.stacked(style.FULL, 3.0)
    edges = np.linspace(1e-9, 1.02, 41) * spectra.max()
    laws = {"law": (law, {"color": style.LAW})}
    top = 1.1 * spectrum_against_laws((above, below), spectra, edges, laws)
    sizes = "$N_i = {0.input_dim}$, $N_h = {0.hidden_dim}$, $N_o = {0.output_dim}$"
    above.set(ylabel="probability density", title=sizes.format(law), ylim=(0, top))
    below.set(xlabel=r"eigenvalue $\lambda$", ylabel="difference\n(% of peak)")
    above.legend()
    return figure


def batches(steps: Array, measured: dict[int, Array], predicted: dict[int, Array]) -> Figure:
    """Draw population losses / start of students that learn from each number of samples.

    Measured ones, shape (steps,), are points; predicted ones are lines.
    """
    figure, axes = plt.subplots(figsize=(style.HALF, 2.6))
    for color, samples in zip(style.ACCENTS, measured, strict=False):
        axes.loglog(steps, measured[samples], ".", color=color)
        axes.plot(steps, predicted[samples], color=color, label=f"$N = {samples}$")
    axes.set(xlabel="steps", ylabel="population loss / start", ylim=(1e-11, 3))
    axes.legend(loc="lower left")
    return figure
