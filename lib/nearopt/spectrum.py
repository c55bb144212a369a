"""Eigenvalues of the Hessian by the structure that fits: all, the outermost, or their density.

With more inputs than hidden units, W1 = R U^T with orthonormal columns U (Ni, Nh), and the Hessian
falls apart. Within the span of U it is that of the network (W2, R), which has Nh inputs; on each of
the Ni - Nh directions outside it is M o K11, of size Nh. So no cost here grows with Ni > Nh.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearopt.activations import Polynomial
from nearopt.checks import finite_array, positive_integer, positive_number, require_memory
from nearopt.coloured import ColouredInputs
from nearopt.hermite import hermite_factor, hermite_terms, outside_factor, squared_singular_values
from nearopt.hessian import population_hessian
from nearopt.lanczos import lanczos
from nearopt.network import TwoLayer
from nearopt.operators import HessianOperator

Array = NDArray[np.float64]

# Columns of a Hermite factor, in units of its rows, up to which its singular values are affordable.
WIDEST = 8
# Coupled parameters whose whole spectrum takes a second or two.
DENSE = 2000


def spectrum(net: TwoLayer, input_covariance: ArrayLike | None = None) -> Array:
    """Return all eigenvalues of `population_hessian(net)`, ascending, shape (P,).

    For a polynomial activation of moderate degree they are the squared singular values of the
    Hermite factor, where rounding leaves an error of about eps sqrt(lambda lambda_max) instead of
    eps lambda_max. Otherwise they come from the dense matrices.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    input_covariance : array of shape (input_dim, input_dim), optional
        Sigma of the inputs x ~ N(0, Sigma); white if it is left out.

    Raises
    ------
    ValueError
        If `input_covariance` is not a covariance of input_dim inputs.
    MemoryError
        If the matrix of Nh (No + min(Nh, Ni)) parameters, or its factor, does not fit three times.
    """
    if input_covariance is not None:
        return _coloured_spectrum(net, ColouredInputs(input_covariance))
    inner, multiplicity = _inner_network(net), max(0, net.input_dim - net.hidden_dim)
    if _has_narrow_factor(inner):
        inside = squared_singular_values(hermite_factor(inner))
        outside = squared_singular_values(outside_factor(inner))
    else:
        inside = np.linalg.eigvalsh(population_hessian(inner))
        outside = np.linalg.eigvalsh(_outside_matrix(net))
    return np.sort(np.concatenate([inside, np.repeat(outside, multiplicity)]))


def batch_spectrum(net: TwoLayer, inputs: Array) -> Array:
    """Return all eigenvalues of `batch_hessian(net, inputs)`, ascending, shape (P,).

    They are squared singular values of the Jacobian, so that those far below the rounding error
    of the largest are still right; below the square of that they are 0.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    inputs : array of shape (samples, input_dim)
        The batch.

    Raises
    ------
    ValueError
        If `inputs` has the wrong shape or is not finite.
    MemoryError
        If the Jacobian does not fit three times.
    """
    inputs = finite_array("inputs", inputs, (None, net.input_dim))
    size = len(inputs) * net.output_dim * net.parameter_count
    require_memory("the Jacobian of the batch", 24.0 * size, "use a smaller batch")
    jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
    values = squared_singular_values(jacobian.T) / len(inputs)
    rounding = (max(jacobian.shape) * np.finfo(np.float64).eps) ** 2
    return np.sort(np.where(values > rounding * values.max(), values, 0.0))


def _has_narrow_factor(net: TwoLayer) -> bool:
    """Return whether the Hermite factor serves, and refuse it or the matrix if it does not fit."""
    count = columns = net.parameter_count
    polynomial = isinstance(net.activation, Polynomial)
    if factored := polynomial and hermite_terms(net) <= WIDEST * count:
        columns = hermite_terms(net)
    instead = "use extreme_eigenvalues or spectral_density"
    require_memory(f"the spectrum of {count} coupled parameters", 24.0 * count * columns, instead)
    return factored


def _coloured_spectrum(net: TwoLayer, inputs: ColouredInputs) -> Array:
    """Return the eigenvalues of D H~ D^T: those of R H~ R, R^2 = D^T D, and zeros."""
    white = inputs.whitened(net)
    R = np.concatenate([np.ones(net.W2.size), np.tile(inputs.roots, net.hidden_dim)])
    if _has_narrow_factor(white):
        inside = squared_singular_values(R[:, None] * hermite_factor(white))
    else:
        inside = np.linalg.eigvalsh(R[:, None] * population_hessian(white) * R)
    return np.sort(np.concatenate([inside, np.zeros(net.parameter_count - len(R))]))


def _inner_network(net: TwoLayer) -> TwoLayer:
    """Return the network on the inputs that it depends on, at most hidden_dim of them."""
    if net.input_dim <= net.hidden_dim:
        return net
    return TwoLayer(np.linalg.qr(net.W1.T, mode="r").T, net.W2, net.activation)


def _outside_matrix(net: TwoLayer) -> Array:
    """Return M o K11, the Hessian on an input direction that is orthogonal to W1."""
    return net.W2.T @ net.W2 * net.activation.kernels(net.W1 @ net.W1.T).K11


def _require_vectors(net: TwoLayer, steps: int) -> None:
    """Refuse a Lanczos run whose vectors do not fit."""
    what = f"{steps} Lanczos steps with {net.parameter_count} parameters"
    needed = 8.0 * (steps + 4) * net.parameter_count
    require_memory(what, needed, "ask for fewer steps")


@dataclass(frozen=True)
class ExtremeEigenvalues:
    """The outermost eigenvalues, each with the distance within which there surely is one.

    Attributes
    ----------
    smallest, largest : arrays of shape (k,)
        Ascending. By Cauchy's interlacing, `smallest` are upper and `largest` lower bounds.
    smallest_error, largest_error : arrays of shape (k,)
        Norms of the residuals H v - lambda v of Lanczos, or the rounding errors of dense algebra.
    """

    smallest: Array
    largest: Array
    smallest_error: Array
    largest_error: Array


def extreme_eigenvalues(
    net: TwoLayer, k: int, *, steps: int = 200, rng: np.random.Generator
) -> ExtremeEigenvalues:
    """Return the k smallest and the k largest eigenvalues of `population_hessian(net)`.

    Up to 2000 coupled parameters they are those of `spectrum`, beyond it Ritz values of Lanczos,
    for which nothing of the size (P, P) is formed. Of these the largest converge within some tens
    of steps; the smallest crowd near 0, and their errors say how little is known of them.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    k : int
        How many at either end.
    steps : int
        Products with the Hessian, and vectors that are kept.
    rng : Generator
        Source of the first vector.

    Raises
    ------
    ValueError
        If a number is not a positive integer, or k above the number of eigenvalues found.
    MemoryError
        If the vectors do not fit.
    """
    k, steps = positive_integer("k", k), positive_integer("steps", steps)
    inner = _inner_network(net)
    if inner.parameter_count <= DENSE:
        values = spectrum(net)
        rounding = np.finfo(np.float64).eps * inner.parameter_count * values[-1]
        errors = np.full(len(values), rounding)
    else:
        _require_vectors(inner, steps)
        ritz = lanczos(HessianOperator(inner), steps, rng)
        copies = min(k, max(0, net.input_dim - net.hidden_dim))
        outside = np.repeat(np.linalg.eigvalsh(_outside_matrix(net)), copies)
        values = np.concatenate([ritz.values, outside])
        errors = np.concatenate([ritz.errors, np.zeros(len(outside))])
    if k > len(values):
        raise ValueError(f"k must be at most {len(values)}, not {k}")
    order = np.argsort(values)
    low, high = order[:k], order[-k:]
    return ExtremeEigenvalues(values[low], values[high], errors[low], errors[high])


def _over_probes(values: Array) -> tuple[Array, Array]:
    """Return the mean over the second axis and its standard error."""
    return values.mean(1), values.std(1, ddof=1) / np.sqrt(values.shape[1])


@dataclass(frozen=True)
class SpectralDensity:
    """The distribution of eigenvalues as weighted nodes, one set for each random probe.

    Attributes
    ----------
    nodes, weights : arrays of shape (probes, nodes)
        A Gauss quadrature each; the weights of a probe add up to 1.
    """

    nodes: Array
    weights: Array

    def pdf(self, points: Array, width: float) -> tuple[Array, Array]:
        """Return the density blurred by a normal law, and its standard error over the probes.

        Parameters
        ----------
        points : array of shape (points,)
            Eigenvalues.
        width : float
            Standard deviation of the normal law. With m steps there is no detail below about the
            largest eigenvalue over m.

        Returns
        -------
        density, error : arrays of shape (points,)
            Normalised to 1.
        """
        width = positive_number("width", width)
        points = finite_array("points", points, (None,))
        scaled = (points[:, None, None] - self.nodes) / width
        bumps = np.exp(-(scaled**2) / 2) / (np.sqrt(2 * np.pi) * width)
        return _over_probes((bumps * self.weights).sum(2))

    def cdf(self, points: Array) -> tuple[Array, Array]:
        """Return the share of eigenvalues of at most each point, and its standard error.

        Parameters
        ----------
        points : array of shape (points,)
            Eigenvalues.

        Returns
        -------
        share, error : arrays of shape (points,)
            In units of probability.
        """
        points = finite_array("points", points, (None,))
        below = self.nodes <= points[:, None, None]
        return _over_probes((below * self.weights).sum(2))


def spectral_density(
    net: TwoLayer, *, probes: int = 4, steps: int = 60, rng: np.random.Generator
) -> SpectralDensity:
    """Return the distribution of eigenvalues of `population_hessian(net)`, by stochastic Lanczos.

    A random direction v has the moments v^T H^j v, whose mean is that of the eigenvalues; m steps
    of Lanczos from v give the Gauss quadrature with the first 2m - 1 of them (Golub & Welsch
    1969; Ubaru, Chen & Saad 2017). What lies outside the span of W1 enters exactly.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    probes : int
        Random directions, at least 2: their scatter is the error bar.
    steps : int
        Products with the Hessian for each probe, and vectors of P numbers that are kept.
    rng : Generator
        Source of the directions.

    Raises
    ------
    ValueError
        If a number is not a positive integer, or there are fewer than 2 probes.
    MemoryError
        If the vectors do not fit.
    """
    probes, steps = positive_integer("probes", probes), positive_integer("steps", steps)
    if probes < 2:
        raise ValueError("probes must be at least 2: one alone has no error bar")
    inner = _inner_network(net)
    _require_vectors(inner, steps)
    operator = HessianOperator(inner)
    runs = [lanczos(operator, steps, rng) for _ in range(probes)]
    nodes = np.stack([ritz.values for ritz in runs])
    weights = np.stack([ritz.weights for ritz in runs])
    weights *= inner.parameter_count / net.parameter_count
    if net.input_dim > net.hidden_dim:
        outside = np.linalg.eigvalsh(_outside_matrix(net))
        share = (net.input_dim - net.hidden_dim) / net.parameter_count
        nodes = np.concatenate([nodes, np.tile(outside, (probes, 1))], axis=1)
        weights = np.concatenate([weights, np.full((probes, len(outside)), share)], axis=1)
    return SpectralDensity(nodes, weights)
