"""One picture of a network that a reader chooses, fast enough to follow a slider.

Its three panels are the spectrum against its law, the rank against the number of parameters, and
a loss curve against its prediction. explore/explore.ipynb puts the sliders to it.
"""

import io
import sys
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache, partial
from html import escape

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from nearopt import Erf, Linear, Polynomial, ReLU, Smooth, TwoLayer
from nearopt.checks import Array
from nearopt.descent import DivergenceError, gradient_descent, near_loss, predicted_loss
from nearopt.hessian import population_hessian
from nearopt.laws import FiniteLinearHessianLaw, NonlinearHessianLaw, draw_linear_spectra
from nearopt.network import Activation
from nearopt.rank import numerical_rank, theoretical_rank
from nearopt.report import style
from nearopt.report.activations import load_activation

ACTIVATIONS: dict[str, Activation] = {
    "linear": Linear(),
    "quadratic": Polynomial((0.0, 0.0, 1.0)),
    "cubic": Polynomial((0.0, 1.0, 0.5, 0.3)),
    "erf": Erf(),
    "ReLU": ReLU(),
}
LARGEST = 500
STEPS, RECORDS, DEVIATION = 60, 7, 0.01
ROUNDING = 1e-14


@dataclass(frozen=True)
class Setting:
    """What the sliders say.

    Attributes
    ----------
    input_dim, hidden_dim : int
        Sizes of a network with one output.
    sigma1, sigma2 : float
        Standard deviations of the teachers' weights, times the square roots of `input_dim` and
        `hidden_dim`: 1 keeps the output's variance near 1 at all sizes.
    activation : str
        A key of `ACTIVATIONS`.
    teachers : int
        Number of teachers whose spectra are pooled.
    rate : float
        Of gradient descent, as a share of the critical rate 2 / lambda_max.
    """

    input_dim: int = 10
    hidden_dim: int = 20
    sigma1: float = 1.0
    sigma2: float = 1.0
    activation: str = "linear"
    teachers: int = 50
    rate: float = 0.5

    @property
    def parameter_count(self) -> int:
        """P = hidden_dim (1 + input_dim)."""
        return self.hidden_dim * (1 + self.input_dim)

    @property
    def scales(self) -> dict[str, float]:
        """The standard deviations of the weights."""
        sizes = np.sqrt([self.input_dim, self.hidden_dim])
        return {"sigma1": self.sigma1 / sizes[0], "sigma2": self.sigma2 / sizes[1]}

    @property
    def share(self) -> float:
        """Of draws and steps, those that can be had in time: quadrature is several times slower."""
        return 0.25 if isinstance(ACTIVATIONS[self.activation], Smooth) else 1.0

    @property
    def pooled(self) -> int:
        """Teachers that can be shown in time: fewer where each costs more."""
        if self.activation == "linear":
            return self.teachers
        return max(
            1, min(self.teachers, int(self.share * 2 * (LARGEST / self.parameter_count) ** 3))
        )

    @property
    def descent_steps(self) -> int:
        """Steps of descent that can be taken in time: fewer where there are many units."""
        return max(15, int(self.share * STEPS * min(1, (80 / self.hidden_dim) ** 2)))

    def teacher(self, rng: np.random.Generator) -> TwoLayer:
        """Draw a teacher."""
        shape, activation = (self.input_dim, self.hidden_dim), ACTIVATIONS[self.activation]
        return TwoLayer.draw(*shape, activation=activation, rng=rng, **self.scales)


def generic_rank(activation: str, input_dim: int, hidden_dim: int) -> int | None:
    """Rank of the Hessian at a generic teacher with at least two inputs, where theory knows it.

    For a polynomial see `nearopt.rank.theory`. erf is full rank, and ReLU loses one direction for
    each hidden unit, by which its layers exchange a factor.
    """
    g = ACTIVATIONS[activation]
    if isinstance(g, Polynomial):
        return theoretical_rank(g, input_dim, hidden_dim).value
    if isinstance(g, Erf | ReLU):
        return hidden_dim * (input_dim + isinstance(g, Erf))
    return None


@lru_cache(maxsize=64)
def _linear_density(shape: tuple[int, int], **scales: float) -> tuple[Array, Array]:
    """Points across the exact law of a linear network and its density there."""
    law = FiniteLinearHessianLaw(*shape, **scales)
    points = np.linspace(*law.ppf([0.001, 0.999]), 200)
    return points, law.pdf(points)


@lru_cache(maxsize=64)
def _law(activation: str, shape: tuple[int, int], **scales: float) -> NonlinearHessianLaw:
    return NonlinearHessianLaw(*shape, ACTIVATIONS[activation], **scales)


def panels() -> Figure:
    """Return a figure with three empty panels."""
    style.use()
    # Fixed margins: to find them anew would take longer than all the rest.
    figure = Figure(figsize=(10.5, 3.2), layout="none")
    FigureCanvasAgg(figure)
    figure.subplots(1, 3)
    figure.subplots_adjust(0.06, 0.16, 0.99, 0.9, 0.22)
    return figure


def redraw(figure: Figure, setting: Setting, seed: int = 0) -> str:
    """Draw a setting into the panels, and return in words what they show.

    Parameters
    ----------
    figure : Figure
        From `panels`.
    setting : Setting
        The network, its teachers and the rate.
    seed : int
        Of the teachers and the student.

    Raises
    ------
    ValueError
        If the network has more than `LARGEST` parameters.
    """
    if setting.parameter_count > LARGEST:
        raise ValueError(
            f"{setting.parameter_count} parameters are too many to follow a slider: take at most "
            f"{LARGEST}"
        )
    rng = np.random.default_rng(seed)
    for axes in figure.axes:
        axes.clear()
    spectral, counting, descending = figure.axes
    teacher = setting.teacher(rng)
    refusal = _draw_spectrum(spectral, setting, rng)
    rank, proof = _draw_rank(counting, setting, teacher)
    descent = _draw_loss(descending, setting, teacher, rank, rng)
    for axes in figure.axes:
        axes.set_title(f"{axes.get_title()}, {setting.activation}")
    size = f"{setting.input_dim} inputs, {setting.hidden_dim} hidden units"
    count = f"{setting.parameter_count} parameters, rank {rank}{proof}"
    return f"{setting.activation}, {size}: {count}. {descent}{refusal}"


def page(figure: Figure) -> str:
    """Return the panels as pictures in HTML, side by side as far as a screen has room."""
    figure.canvas.draw()
    thirds = np.array_split(np.asarray(figure.canvas.buffer_rgba()), 3, axis=1)
    pictures = []
    for axes, pixels in zip(figure.axes, thirds, strict=True):
        buffer = io.BytesIO()
        imsave(buffer, np.ascontiguousarray(pixels), format="png")
        data = b64encode(buffer.getvalue()).decode()
        alt = escape(axes.get_title())
        pictures.append(f'<img alt="{alt}" width="100%" src="data:image/png;base64,{data}">')
    grid = "display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr))"
    return f'<div style="{grid}">{"".join(pictures)}</div>'


def _draw_spectrum(axes: Axes, setting: Setting, rng: np.random.Generator) -> str:
    """Draw eigenvalues and their law, and return in words why there is none."""
    shape, words = (setting.input_dim, setting.hidden_dim), ""
    if setting.activation == "linear":
        spectra = draw_linear_spectra(*shape, setting.pooled, rng=rng, **setting.scales)
        density = _linear_density(shape, **setting.scales)
        axes.plot(*density, color=style.EXACT, ls="--", label="exact law")
        heights, edges = np.histogram(spectra, 40, density=True)
        axes.set(xlabel=r"nonzero eigenvalue $\lambda$")
    else:
        hessians = (population_hessian(setting.teacher(rng)) for _ in range(setting.pooled))
        values = np.concatenate([np.linalg.eigvalsh(hessian) for hessian in hessians])
        above = values[values > ROUNDING * values.max()]
        heights, edges = np.histogram(np.log10(above), 40, density=True)
        axes.set(xlabel=r"$\log_{10} \lambda$ of eigenvalues above rounding")
        try:
            law = _law(setting.activation, shape, **setting.scales)
        except ValueError as error:
            words = f" No law is drawn: {error}."
        else:
            shares = np.diff(law.cdf(10**edges)) / np.diff(edges) / (1 - law.atom)
            axes.stairs(shares, edges, color=style.EXACT, ls="--", label="law")
    axes.stairs(heights, edges, fill=True, color=style.DRAWS, label="draws", zorder=0)
    axes.legend(loc="upper right" if setting.activation == "linear" else "upper left")
    axes.set(
        ylabel="probability density",
        title=f"Spectrum of {setting.pooled} teacher{'s' * (setting.pooled > 1)}",
    )
    return words


def _draw_rank(axes: Axes, setting: Setting, teacher: TwoLayer) -> tuple[int, str]:
    """Draw the rank, over widths if theory knows it, and return it with words where it does not."""
    widths = np.arange(1, 2 * setting.hidden_dim + 1)
    axes.plot(widths, widths * (1 + setting.input_dim), ":", color=style.EXACT, label="parameters")
    rank = generic_rank(setting.activation, setting.input_dim, setting.hidden_dim)
    if rank is None:
        rank, words, label = numerical_rank(teacher).value, " in floats, not proved", "one teacher"
    else:
        ranks = [generic_rank(setting.activation, setting.input_dim, int(h)) for h in widths]
        axes.plot(widths, ranks, color=style.LAW, label="rank")
        words, label = "", None
    axes.plot(setting.hidden_dim, rank, "o", color=style.LAW, label=label)
    axes.set(xlabel="hidden units $N_h$", title=f"Rank{words or ' of the Hessian'}")
    axes.legend(loc="upper left")
    return rank, words


def _draw_loss(
    axes: Axes, setting: Setting, teacher: TwoLayer, rank: int, rng: np.random.Generator
) -> str:
    """Draw the loss of one student near its teacher; the start, at step 0, is left out."""
    deviation = DEVIATION * rng.standard_normal(teacher.parameter_count)
    eigenpairs = np.linalg.eigh(population_hessian(teacher))
    rate = setting.rate * 2 / eigenpairs[0][-1]
    nonzero = eigenpairs[0][-rank:], eigenpairs[1][:, -rank:]
    times = np.arange(1.0, setting.descent_steps + 1)
    predicted = predicted_loss(nonzero, deviation, times, rate)
    axes.loglog(times, predicted, color=style.LAW)
    axes.minorticks_off()
    axes.set(xlabel="step", title="Loss: descent and prediction")
    student = teacher.with_parameters(teacher.parameters + deviation)
    run = {"rate": rate, "steps": setting.descent_steps, "records": RECORDS}
    try:
        path = gradient_descent(student, teacher, **run)
    except DivergenceError:
        words = f"Gradient descent diverges at a rate of {rate:.3g}, above the critical one."
    else:
        # One node errs by the square of the deviation, for ReLU by a part of it: a point is wider.
        losses = path.measure(partial(near_loss, nodes=1))
        axes.plot(path.times[1:], losses[1:], "o", color=style.ACCENTS[0])
        share = f"{setting.rate:.2f} of the critical one"
        fate = f"{share}, above which it leaves the teacher" if setting.rate > 1 else share
        words = f"Gradient descent at a rate of {rate:.3g}, {fate}."
    axes.set_ylim(bottom=max(predicted.min(), ROUNDING * predicted[0]) / 2)
    return words


if __name__ == "__main__":
    # Before a page opens, what is no activation is told.
    try:
        load_activation(sys.argv[1])
    except (OSError, ValueError) as error:
        sys.exit(str(error))
