"""Figures of inputs that are not white."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nearopt.checks import Array
from nearopt.laws.statistics import Law, empirical_cdf
from nearopt.report import style

MATHS = {"u³": "$u^3$", "u + u²": "$u + u^2$"}


def coloured_spectra(spectra: dict[int, Array], laws: dict[int, Law]) -> Figure:
    """Draw how many eigenvalues lie below a point, in draws and in the law; differences below.

    Every fifth difference has its standard error, so that one can tell the bars apart.

    Parameters
    ----------
    spectra : dict of arrays of shape (teachers, input_dim)
        For each hidden_dim.
    laws : dict of laws
        For the same.
    """
    figure, ((above, below),) = style.stacked(style.FULL, 3.8)
    for color, (hidden_dim, law) in zip(style.ACCENTS, laws.items(), strict=False):
        atom, count = law.cdf(0.0), spectra[hidden_dim].shape[1]
        points = law.ppf(atom + (1 - atom) * np.linspace(0.002, 0.998, 120))
        share, error = empirical_cdf(spectra[hidden_dim], points)
        label = f"$N_h = {hidden_dim}$"
        above.semilogx(points / hidden_dim, count * law.cdf(points), color=color, label=label)
        above.plot(points[::4] / hidden_dim, count * share[::4], ".", color=color)
        difference = count * (share - law.cdf(points))
        look = {"color": color, "fmt": ".", "ms": 2, "errorevery": 5}
        below.errorbar(points / hidden_dim, difference, count * error, **look)
    above.set_ylabel("eigenvalues below")
    above.legend(title="line: law, points: draws", title_fontsize=7.5)
    below.axhline(0, color=style.EXACT, lw=0.8)
    below.set(xlabel=r"eigenvalue / $N_h$", ylabel="draws $-$ law\n(eigenvalues)")
    return figure


def gaussian_equivalents(spectra: dict[str, dict[str, Array]]) -> Figure:
    """Draw the spectra on the data, on as many Gaussian inputs and of their population.

    Parameters
    ----------
    spectra : dict of dicts of arrays
        For each activation, eigenvalues by the names "population", "Gaussian sample", "data".
    """
    figure, columns = style.stacked(style.FULL, 3.6, len(spectra))
    colors = {"population": style.EXACT, "Gaussian sample": style.ACCENTS[0], "data": style.LAW}
    for (above, below), (activation, curves) in zip(columns, spectra.items(), strict=True):
        above.set_title(MATHS.get(activation, activation))
        reference = curves["population"][::-1]
        index = np.arange(1, len(reference) + 1)
        for name, values in curves.items():
            style_ = {"color": colors[name], "lw": 1.0, "ls": "--" if name == "population" else "-"}
            above.semilogy(index, values[::-1], label=name, **style_)
            below.semilogy(index, values[::-1] / reference, **style_)
        below.set_xlabel("index")
    above, below = columns[0]
    above.set_ylabel(r"eigenvalue $\lambda$")
    below.set_ylabel("over population")
    style.legend_above(figure, above)
    return figure


def real_descent(
    times: Array, measured: dict[str, Array], predicted: dict[str, dict[str, Array]]
) -> Figure:
    """Draw losses over steps, measured (points) and predicted (lines), for each activation.

    Parameters
    ----------
    times : array of shape (records,)
        Steps.
    measured : dict of arrays of shape (records,)
        For each activation.
    predicted : dict of dicts of arrays of shape (records,)
        For each activation, by the names "Hessian on the data" and "Gaussian equivalent".
    """
    figure, axes = plt.subplots(figsize=(style.FULL, 2.8))
    lines = {"Hessian on the data": "-", "Gaussian equivalent": ":"}
    for color, (activation, losses) in zip(style.ACCENTS, measured.items(), strict=False):
        start = losses[0]
        label = MATHS.get(activation, activation)
        axes.loglog(times[1:], losses[1:] / start, ".", color=color, label=label)
        for name, line in lines.items():
            shown = np.minimum(predicted[activation][name][1:] / start, 100)
            axes.plot(times[1:], shown, line, color=color)
    for name, line in lines.items():
        axes.plot([], [], line, color=style.EXACT, label=name)
    axes.set(xlabel="steps of gradient descent", ylabel="loss / loss at the start")
    # The equivalent of few samples may diverge at their rate.
    axes.set_ylim(top=min(axes.get_ylim()[1], 10))
    axes.legend()
    return figure
