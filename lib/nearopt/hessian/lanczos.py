"""What products with the Hessian say of its eigenvalues: the outermost, and the density of all.

For a network both run Lanczos within the span of W1 only; what lies outside it is known exactly
(`nearopt.hessian.eigenvalues`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator, eigsh

from nearopt.checks import (
    Array,
    finite_array,
    positive_integer,
    positive_number,
    require_generator,
    require_memory,
)
from nearopt.hessian.eigenvalues import inner_network, outside_eigenvalues, spectrum
from nearopt.hessian.operators import HessianOperator
from nearopt.network.two_layer import TwoLayer, require_network

EPS = np.finfo(np.float64).eps
# Coupled parameters whose whole spectrum takes a second or two.
DENSE = 2000


@dataclass(frozen=True, eq=False)
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
        How many at either end, at most P and beyond 2000 coupled parameters less than steps / 2.
    steps : int
        Products with the Hessian, and vectors that are kept.
    rng : Generator
        Source of the first vector.
    """
    require_network("net", net)
    require_generator(rng)
    k, steps = positive_integer("k", k), positive_integer("steps", steps)
    inner = inner_network(net)
    steps = min(steps, inner.parameter_count)
    dense = inner.parameter_count <= DENSE
    if k > (most := net.parameter_count if dense else (steps - 1) // 2):
        raise ValueError(f"k must be at most {most}, not {k}")
    if dense:
        values, errors = spectrum(net), np.zeros(net.parameter_count)
    else:
        values, errors = _ritz(net, inner, k, steps, rng)
    errors += EPS * inner.parameter_count * values.max()
    order = np.argsort(values)
    low, high = order[:k], order[-k:]
    return ExtremeEigenvalues(values[low], values[high], errors[low], errors[high])


def _ritz(
    net: TwoLayer, inner: TwoLayer, k: int, steps: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return k Ritz values at either end and what lies outside W1, with norms of residuals."""
    dim = inner.parameter_count
    _require_vectors(steps, dim, sets=2)
    operator, start = HessianOperator(inner), rng.standard_normal(dim)
    # No tolerance: the values after one run of so many steps, as far as they have converged.
    values, vectors = eigsh(operator, 2 * k, which="BE", ncv=steps, v0=start, tol=np.inf)
    errors = np.linalg.norm(operator @ vectors - vectors * values, axis=0)
    copies = min(k, max(0, net.input_dim - net.hidden_dim))
    outside = np.repeat(outside_eigenvalues(net), copies)
    return np.append(values, outside), np.append(errors, np.zeros(len(outside)))


def _require_vectors(steps: int, dim: int, sets: int) -> None:
    what = f"{steps} Lanczos steps with {dim} parameters"
    require_memory(what, 8.0 * sets * (steps + 4) * dim, "ask for fewer steps")


def _over_probes(values: Array) -> tuple[Array, Array]:
    """Return the mean over the second axis and its standard error."""
    return values.mean(1), values.std(1, ddof=1) / np.sqrt(values.shape[1])


@dataclass(frozen=True, eq=False)
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
        """Return the density at points (points,) and its standard error over the probes.

        It is blurred by a normal law of standard deviation `width`: with m steps there is no detail
        below about the largest eigenvalue over m.
        """
        width = positive_number("width", width)
        points = finite_array("points", points, (None,))
        scaled = ((point - self.nodes) / width for point in points)
        bumps = [(np.exp(-(z**2) / 2) * self.weights).sum(1) for z in scaled]
        return _over_probes(np.array(bumps) / (np.sqrt(2 * np.pi) * width))

    def cdf(self, points: Array) -> tuple[Array, Array]:
        """Return the share of eigenvalues of at most each point, and its standard error."""
        points = finite_array("points", points, (None,))
        shares = [((self.nodes <= point) * self.weights).sum(1) for point in points]
        return _over_probes(np.array(shares))


def spectral_density(
    net: TwoLayer | LinearOperator, *, probes: int = 4, steps: int = 60, rng: np.random.Generator
) -> SpectralDensity:
    """Return the distribution of eigenvalues of a Hessian, by stochastic Lanczos quadrature.

    A random direction v has the moments v^T H^j v, whose mean is that of the eigenvalues; m steps
    of Lanczos from v give the Gauss quadrature with the first 2m - 1 of them (Golub & Welsch
    1969; Ubaru, Chen & Saad 2017). What lies outside the span of W1 enters exactly.

    Parameters
    ----------
    net : TwoLayer or LinearOperator
        The teacher, and the student; or any symmetric operator, such as that of a batch or of
        coloured inputs.
    probes : int
        Random directions, at least 2: their scatter is the error bar.
    steps : int
        Products with the Hessian for each probe, and vectors of P numbers that are kept.
    rng : Generator
        Source of the directions.
    """
    probes = positive_integer("probes", probes)
    if probes < 2:
        raise ValueError("probes must be at least 2: one alone has no error bar")
    operator = net
    if not isinstance(net, LinearOperator):
        require_network("net", net)
        operator = HessianOperator(inner_network(net))
    runs = [lanczos(operator, steps, rng) for _ in range(probes)]
    nodes, weights = map(np.stack, zip(*runs, strict=True))
    if operator is net or net.input_dim <= net.hidden_dim:
        return SpectralDensity(nodes, weights)
    share = (net.input_dim - net.hidden_dim) / net.parameter_count
    outside = np.tile(outside_eigenvalues(net), (probes, 1))
    weights *= operator.shape[0] / net.parameter_count
    weights = np.hstack([weights, np.full(outside.shape, share)])
    return SpectralDensity(np.hstack([nodes, outside]), weights)


def lanczos(operator: LinearOperator, steps: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the Gauss quadrature of a symmetric operator (P, P) and a random direction.

    Its nodes are Ritz values, ascending, its weights the squares of their vectors' overlaps with
    the direction, each of shape (steps,) or (P,), whichever is less. Without reorthogonalisation,
    converged eigenvalues would come back as ghosts and spoil the weights. Where the Krylov space
    ends, a fresh direction goes on: it finds further copies of eigenvalues, at weight 0.
    """
    require_generator(rng)
    dim = operator.shape[0]
    steps = min(positive_integer("steps", steps), dim)
    _require_vectors(steps, dim, sets=1)
    basis = np.empty((steps, dim))
    diagonal, off = np.zeros((2, steps))
    basis[0] = _direction(rng, basis[:0])
    for j in range(steps):
        vector = operator.matvec(basis[j])
        diagonal[j] = basis[j] @ vector
        for _ in range(2):
            vector = vector - (basis[: j + 1] @ vector) @ basis[: j + 1]
        off[j] = np.linalg.norm(vector)
        # Less is rounding, and the space is invariant.
        if off[j] <= 1e-14 * np.abs(diagonal[: j + 1]).max():
            off[j] = 0
        if j + 1 < steps:
            basis[j + 1] = vector / off[j] if off[j] else _direction(rng, basis[: j + 1])
    values, vectors = eigh_tridiagonal(diagonal, off[:-1])
    return values, vectors[0] ** 2


def _direction(rng: np.random.Generator, basis: Array) -> Array:
    """Return a random unit vector orthogonal to the rows of a basis."""
    vector = rng.standard_normal(basis.shape[1])
    for _ in range(2):
        vector -= (basis @ vector) @ basis
        vector /= np.linalg.norm(vector)
    return vector
