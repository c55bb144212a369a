"""What products with the Hessian say of its eigenvalues: the outermost, and the density of all.

Both run Lanczos on the network within the span of W1 only; what lies outside it is known exactly
(`nearopt.hessian.eigenvalues`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator

from nearopt.checks import (
    Array,
    finite_array,
    positive_integer,
    positive_number,
    require_generator,
    require_memory,
)
from nearopt.hessian.eigenvalues import inner_network, outside_matrix, spectrum
from nearopt.hessian.operators import HessianOperator
from nearopt.network.two_layer import TwoLayer, require_network

# Coupled parameters whose whole spectrum takes a second or two.
DENSE = 2000


@dataclass(frozen=True)
class ExtremeEigenvalues:
    """The outermost eigenvalues, each with the distance within which there surely is one.

    Attributes
    ----------
    smallest, largest : arrays of shape (k,)
        Ascending. By Cauchy's interlacing, `smallest` are upper and `largest` lower bounds.
    smallest_error, largest_error : arrays of shape (k,)
        Rounding errors, and where Lanczos was used the norms of its residuals H v - lambda v.
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
    require_network("net", net)
    require_generator(rng)
    k, steps = positive_integer("k", k), positive_integer("steps", steps)
    inner = inner_network(net)
    if inner.parameter_count <= DENSE:
        values = spectrum(net)
        errors = np.zeros(len(values))
    else:
        ritz = lanczos(HessianOperator(inner), steps, rng)
        copies = min(k, max(0, net.input_dim - net.hidden_dim))
        outside = np.repeat(np.linalg.eigvalsh(outside_matrix(net)), copies)
        values = np.concatenate([ritz.values, outside])
        errors = np.concatenate([ritz.errors, np.zeros(len(outside))])
    errors += np.finfo(np.float64).eps * inner.parameter_count * values.max()
    if k > len(values):
        raise ValueError(f"k must be at most {len(values)}, not {k}")
    order = np.argsort(values)
    low, high = order[:k], order[-k:]
    return ExtremeEigenvalues(values[low], values[high], errors[low], errors[high])


def _over_probes(values: Array) -> tuple[Array, Array]:
    """Return the mean over the second axis and its standard error."""
    return values.mean(1), values.std(1, ddof=1) / np.sqrt(values.shape[1])


def _require_table(points: Array, nodes: Array) -> None:
    """Refuse a table of all points and nodes that does not fit."""
    needed = 32.0 * len(points) * nodes.size
    require_memory(f"a density at {len(points)} points", needed, "ask for fewer at once")


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
        _require_table(points, self.nodes)
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
        _require_table(points, self.nodes)
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
    require_network("net", net)
    require_generator(rng)
    probes, steps = positive_integer("probes", probes), positive_integer("steps", steps)
    if probes < 2:
        raise ValueError("probes must be at least 2: one alone has no error bar")
    inner = inner_network(net)
    operator = HessianOperator(inner)
    runs = [lanczos(operator, steps, rng) for _ in range(probes)]
    nodes = np.stack([ritz.values for ritz in runs])
    weights = np.stack([ritz.weights for ritz in runs])
    weights *= inner.parameter_count / net.parameter_count
    if net.input_dim > net.hidden_dim:
        outside = np.linalg.eigvalsh(outside_matrix(net))
        share = (net.input_dim - net.hidden_dim) / net.parameter_count
        nodes = np.concatenate([nodes, np.tile(outside, (probes, 1))], axis=1)
        weights = np.concatenate([weights, np.full((probes, len(outside)), share)], axis=1)
    return SpectralDensity(nodes, weights)


@dataclass(frozen=True)
class Ritz:
    """What a Krylov space of a symmetric operator says of its eigenvalues.

    Attributes
    ----------
    values : array of shape (steps,)
        Ritz values, ascending.
    errors : array of shape (steps,)
        Norms of the residuals: within each distance of its Ritz value there is an eigenvalue.
    weights : array of shape (steps,)
        Squared overlaps with the first vector: the weights of its Gauss quadrature.
    """

    values: Array
    errors: Array
    weights: Array


def lanczos(operator: LinearOperator, steps: int, rng: np.random.Generator) -> Ritz:
    """Run `steps` steps from a random direction, and no more than there are dimensions.

    Without reorthogonalisation, converged eigenvalues would come back as ghosts and spoil the
    weights. Where the Krylov space ends, a fresh direction goes on: it finds further copies of
    eigenvalues, at weight 0.

    Parameters
    ----------
    operator : LinearOperator
        Symmetric, (P, P).
    steps : int
        Products with the operator; as many vectors of P numbers are kept.
    rng : Generator
        Source of the direction, which is uniform on the sphere.

    Raises
    ------
    MemoryError
        If the vectors do not fit.
    """
    dim = operator.shape[0]
    steps = min(steps, dim)
    what = f"{steps} Lanczos steps with {dim} parameters"
    require_memory(what, 8.0 * (steps + 4) * dim, "ask for fewer steps")
    basis = np.empty((steps, dim))
    diagonal, off = np.zeros((2, steps))
    basis[0] = _direction(rng, basis[:0])
    for j in range(steps):
        vector = operator.matvec(basis[j])
        diagonal[j] = basis[j] @ vector
        vector -= diagonal[j] * basis[j]
        if j:
            vector -= off[j - 1] * basis[j - 1]
        vector -= (basis[: j + 1] @ vector) @ basis[: j + 1]
        off[j] = np.linalg.norm(vector)
        # Less is rounding, and the space is invariant.
        if off[j] <= 1e-14 * np.abs(diagonal[: j + 1]).max():
            off[j] = 0
        if j + 1 < steps:
            basis[j + 1] = vector / off[j] if off[j] else _direction(rng, basis[: j + 1])
    values, vectors = eigh_tridiagonal(diagonal, off[:-1])
    return Ritz(values, off[-1] * np.abs(vectors[-1]), vectors[0] ** 2)


def _direction(rng: np.random.Generator, basis: Array) -> Array:
    """Return a random unit vector orthogonal to the rows of a basis."""
    vector = rng.standard_normal(basis.shape[1])
    for _ in range(2):
        vector -= (basis @ vector) @ basis
        vector /= np.linalg.norm(vector)
    return vector
