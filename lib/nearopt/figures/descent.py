"""Figures of gradient descent, measured and predicted."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nearopt.checks import Array
from nearopt.descent.comparison import Curve
from nearopt.report import style

Points = tuple[Array, Array]
# The last is for an activation of the user's.
COLORS = (*style.ACCENTS, style.LAW)


def loss_curves(descents: dict[str, Curve], flows: dict[str, Curve]) -> Figure:
    """Draw losses, measured and predicted, of each activation, and their differences below."""
    figure, ((above, below),) = style.stacked(style.FULL, 4.4)
    for color, name in zip(COLORS, flows, strict=False):
        for curve, marker, line in ((descents[name], ".", "-"), (flows[name], "x", "--")):
            start = curve.predicted[0]
            above.loglog(curve.steps, curve.measured / start, marker, color=color)
            above.plot(curve.steps, curve.predicted / start, line, color=color, lw=1)
            below.loglog(curve.steps, curve.differences, marker, color=color)
        end = curve.steps[-1], curve.measured[-1] / start
        above.annotate(name, end, (6, 0), textcoords="offset points", color=color, va="center")
    above.plot([], [], ".-", color=style.EXACT, label="descent: measured, predicted")
    above.plot([], [], "x--", color=style.EXACT, label="flow: measured, predicted")
    above.set(xlim=(0.7, 6e8), ylim=(1e-11, 3), ylabel="loss / loss at the start")
    above.legend(loc="upper right")
    below.set(xlabel="steps of gradient descent", ylabel="relative difference")
    return figure


def failures(errors: dict[str, Points], rates: dict[str, Points], epsilon: float) -> Figure:
    """Draw the prediction's error against the deviation (left) and against the rate (right).

    `errors` has for each activation deviations and relative errors, `rates` distances 1 - rate /
    critical rate and relative errors at the deviation `epsilon`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.FULL, 2.6), sharey=True)
    for color, name in zip(COLORS, errors, strict=False):
        left.loglog(*errors[name], ".-", color=color, label=name)
        right.loglog(*rates[name], ".-", color=color)
    epsilons = next(iter(errors.values()))[0]
    left.plot(epsilons, epsilons, ":", color=style.EXACT, label=r"slope 1")
    left.set(xlabel=r"initial deviation $\varepsilon$", ylabel="largest relative error")
    right.set(
        xlabel=r"$1 - \eta\,/\,\eta_c$, falling to the right", title=rf"$\varepsilon = {epsilon:g}$"
    )
    right.invert_xaxis()
    left.legend(loc="upper left")
    return figure


def late_slopes(found: dict[str, Array]) -> Figure:
    """Draw late decay rates of many teachers against their smallest nonzero eigenvalues.

    `found` has for each of two activations an array (2, teachers) of eigenvalues and rates.
    """
    figure, ((above, below),) = style.stacked(style.HALF, 2.8)
    for color, marker, (name, (eigenvalues, rates)) in zip(
        style.ACCENTS[1::2], ("o", "x"), found.items(), strict=True
    ):
        above.loglog(eigenvalues, rates, marker, color=color, ms=3, label=name)
        below.semilogx(eigenvalues, rates / eigenvalues - 1, marker, color=color, ms=3)
    ends = above.get_xlim()
    above.plot(ends, ends, color=style.EXACT, lw=0.8, label="equal")
    below.axhline(0, color=style.EXACT, lw=0.8)
    above.set_ylabel(r"$-\frac{1}{2}\,\mathrm{d}\ln L / \mathrm{d}t$, late")
    below.set(xlabel=r"smallest nonzero eigenvalue $\lambda$", ylabel=r"ratio $-$ 1")
    above.legend()
    return figure


def distances(flows: dict[str, Curve], predicted: dict[str, Points]) -> Figure:
    """Draw the distance from the teacher over time, as a share of that at the start."""
    figure, axes = plt.subplots(figsize=(style.HALF, 2.6))
    for shift, (color, (name, curve)) in enumerate(zip(COLORS, flows.items(), strict=False)):
        start, every = curve.distance[0], (shift, len(flows))
        axes.semilogx(predicted[name][0], predicted[name][1] / start, color=color, label=name)
        axes.plot(curve.steps, curve.distance / start, "x", color=color, markevery=every)
    axes.set(xlabel="steps", ylabel="distance / distance at the start", ylim=(0, 1.05))
    axes.legend(loc="lower left")
    return figure


def shapes_of_loss(curves: dict[str, Points], needed: dict[str, Array], counts: Array) -> Figure:
    """Draw mean losses over steps (left) and the steps to a given loss against P (right).

    For each activation, `curves` has steps and mean losses relative to the start, and `needed` the
    steps (sizes, teachers), of which the median and the quartiles are drawn against `counts`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.FULL, 2.8))
    for color, name in zip(COLORS, curves, strict=False):
        left.loglog(*curves[name], color=color, label=name)
        low, middle, high = np.quantile(needed[name], [0.25, 0.5, 0.75], axis=1)
        right.loglog(counts, middle, ".-", color=color)
        right.fill_between(counts, low, high, color=color, alpha=0.2, lw=0)
    left.set(xlabel="steps", ylabel="mean loss / start", xlim=(0.7, 1e8), ylim=(1e-9, 2))
    style.legend_above(figure, left)
    right.set(xlabel="parameters $P$", ylabel="steps to a thousandth of the loss")
    right.set_xticks(counts, [f"{count:g}" for count in counts])
    right.minorticks_off()
    return figure
