"""Figures of the loss averaged over teachers."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nearopt.checks import Array
from nearopt.descent.linear_prediction import (
    asymptotic_linear_expected_loss,
    late_exponent,
    linear_expected_loss,
)
from nearopt.report import style


def teacher_averages(losses: dict[tuple[int, int], tuple[Array, Array]]) -> Figure:
    """Draw the mean loss over linear teachers beside theory, one panel for each shape.

    Parameters
    ----------
    losses : dict of pairs of arrays of shape (times,) and (teachers, times)
        For each (input_dim, hidden_dim), times of gradient flow and losses over the square of
        epsilon.
    """
    figure, axes = plt.subplots(1, len(losses), figsize=(style.FULL, 2.8), squeeze=False)
    grid = np.geomspace(0.1, 1000, 60)
    for panel, (shape, (times, draws)) in zip(axes[0], losses.items(), strict=True):
        exact, limit = (
            mean(grid, *shape) for mean in (linear_expected_loss, asymptotic_linear_expected_loss)
        )
        power = exact[-1] * (grid / grid[-1]) ** late_exponent(*shape)
        error = draws.std(0) / np.sqrt(len(draws))
        panel.loglog(times, draws[:12].T, color="#BBBBBB", lw=0.7)
        panel.plot([], [], color="#BBBBBB", lw=0.7, label="one teacher")
        panel.plot(grid, limit, color=style.LAW, label="large networks")
        panel.plot(grid, exact, color=style.EXACT, ls="--", label="exact")
        panel.plot(grid, power, ":", color=style.ACCENTS[2], label="power law")
        look = {"fmt": "o", "ms": 3, "color": style.ACCENTS[0], "label": "mean of students"}
        panel.errorbar(times, draws.mean(0), 2 * error, **look)
        title = "$N_i = {}$, $N_h = {}$".format(*shape)
        panel.set(title=title, xlabel="time of gradient flow", ylim=(1e-8, 30))
    axes[0, 0].set_ylabel(r"loss / $\varepsilon^2$")
    style.legend_above(figure, axes[0, 0])
    return figure


def learning(times: Array, real_times: Array, curves: Mapping[str, tuple]) -> Figure:
    """Draw the mean loss, its law, single teachers and students that really descend.

    Parameters
    ----------
    times, real_times : arrays
        Of the predictions, and of the descents.
    curves : mapping of tuples
        Mean loss, its error and the law's, each at `times`; then for each student its loss at
        `real_times` and its teacher's mean loss at `times`.
    """
    figure, axes = plt.subplots(1, len(curves), figsize=(style.FULL, 2.8), sharey=True)
    for ax, (name, (mean, error, law, runs)) in zip(axes, curves.items(), strict=True):
        for _, single in runs:
            ax.loglog(times, single, color=style.DRAWS, lw=0.6)
        ax.loglog(times, law, color=style.LAW, label="law")
        ax.errorbar(times, mean, error, fmt=".", color=style.EXACT, label="mean over teachers")
        real = np.mean([loss for loss, _ in runs], axis=0)
        ax.plot(real_times, real, "x", color=style.ACCENTS[0], label="real descent")
        ax.plot([], [], color=style.DRAWS, lw=0.6, label="single teachers")
        ax.set(xlabel="time, in units of $1 / \\kappa \\sigma_2^2$", title=name)
        ax.set_ylim(mean[-1] / 10, 3 * mean[0])
    axes[0].set_ylabel("loss / $\\varepsilon^2$")
    style.legend_above(figure, axes[0])
    return figure
