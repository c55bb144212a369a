"""The rank of the Hessian, measured: in floating point, and counted exactly.

The Hessian at the optimum is E[J^T J], so its rank is that of the Jacobian J sampled at enough
inputs. With integers for weights and inputs that is a matrix of integers, and its rank modulo a
prime needs no tolerance. What theory says is in `nearopt.rank.theory`.
"""

import flint
import numpy as np
from numpy.typing import NDArray

from nearopt.checks import Array, finite_array, positive_integer, require_generator, require_memory
from nearopt.hessian.dense import population_hessian
from nearopt.network.activations import Polynomial
from nearopt.network.two_layer import TwoLayer, require_network
from nearopt.rank.bounds import Bound, Rank, degrees_and_sizes, upper_bound
from nearopt.rank.double_points import Degrees, monomials

Residues = NDArray[np.int64]
Sizes = tuple[int, int, int]

# The largest prime below 2^31: products of two residues fit into 64 bits.
PRIME = 2**31 - 1
# Peak bytes for each entry: a Python integer and its place in a list, numpy's, FLINT's twice.
BYTES_PER_ENTRY = 75


def numerical_rank(net: TwoLayer) -> Rank:
    """Rank of the population Hessian at `net` in floating point, which proves nothing.

    Eigenvalues count if they exceed P times the rounding unit times the largest, numpy's rule.
    """
    require_network("net", net)
    P = net.parameter_count
    instead = "use extreme_eigenvalues, or exact_rank for a polynomial"
    require_memory(f"the rank of a matrix of {P} parameters", 24.0 * P**2, instead)
    value = int(np.linalg.matrix_rank(population_hessian(net), hermitian=True))
    bounds = Bound(0, "floats prove nothing"), Bound(P, "number of parameters")
    return Rank(value, P, "numerical: eigenvalues above the rounding error", *bounds)


def exact_rank(
    activation: Polynomial,
    input_dim: int,
    hidden_dim: int,
    output_dim: int = 1,
    *,
    rng: np.random.Generator,
) -> Rank:
    """Rank of the Hessian at a random teacher, a rigorous lower bound of the generic rank.

    Weights and inputs are random modulo a prime p. A minor that vanishes over the integers
    vanishes modulo p, so the count r never exceeds the generic rank. It falls below it with a
    probability of at most r (2m + 2) / p, m the degree, if p does not divide the minor itself
    (Schwartz and Zippel). The rank is proved if the count meets an upper bound, the least of
    `nearopt.rank.bounds`.

    Parameters
    ----------
    activation : Polynomial
        Only which of its coefficients are not zero matters (`nearopt.rank.double_points`), so each
        of these is taken to be 1.
    input_dim, hidden_dim, output_dim : int
        Sizes of the network.
    rng : Generator
        Source of the weights and the inputs.
    """
    degrees, sizes = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
    return _record(_jacobian(degrees, sizes, rng).rank(), degrees, *sizes)


def exact_ranks(
    activation: Polynomial,
    input_dim: int,
    hidden_dim: int,
    output_dim: int = 1,
    *,
    rng: np.random.Generator,
) -> list[Rank]:
    """Return `exact_rank` for each width from 1 to `hidden_dim`, all by one row reduction.

    The Jacobian's columns are grouped unit by unit, so the pivots in the first groups count the
    rank of the network that has these units only.
    """
    degrees, sizes = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
    groups = (sizes[0] + sizes[2]) * np.arange(1, sizes[1] + 1)
    counts = np.searchsorted(_pivots(_jacobian(degrees, sizes, rng)), groups).tolist()
    return [_record(r, degrees, sizes[0], k, sizes[2]) for k, r in enumerate(counts, start=1)]


def exact_batch_ranks(
    activation: Polynomial, input_dim: int, hidden_dim: int, *, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rank of the Hessian of a batch of 1, 2, ..., P random inputs, of one output; shape (P,).

    One row reduction of the transposed Jacobian gives all of them, as in `count_batch_ranks`.
    """
    degrees, sizes = degrees_and_sizes(activation, input_dim, hidden_dim, 1)
    independent = _pivots(_jacobian(degrees, sizes, rng).transpose())
    return np.searchsorted(independent, np.arange(1, sizes[1] * (sizes[0] + 1) + 1))


def count_batch_ranks(
    activation: Polynomial,
    input_dim: int,
    hidden_dim: int,
    output_dim: int,
    samples: int,
    *,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Rank of the Hessian of a batch of 1, 2, ..., `samples` random inputs; shape (samples,).

    With several outputs the No rows of a sample come together, and how many of them are new must
    be counted. Each rank is a rigorous lower bound of the generic one, as in `exact_rank`.
    """
    degrees, sizes = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
    samples = positive_integer("samples", samples)
    independent = _pivots(_jacobian(degrees, sizes, rng, samples).transpose())
    return np.searchsorted(independent, sizes[2] * np.arange(1, samples + 1))


def _record(count: int, degrees: Degrees, n: int, h: int, outputs: int) -> Rank:
    """Return a count with its bounds."""
    lower = Bound(count, f"a minor of that size that is not zero modulo {PRIME}")
    bounds = lower, upper_bound(degrees, n, h, outputs)
    return Rank(count, h * (n + outputs), "exact: Jacobian at random integers", *bounds)


def _jacobian(
    degrees: Degrees, sizes: Sizes, rng: np.random.Generator, samples: int | None = None
) -> flint.nmod_mat:
    """Return rows c.dy/dtheta modulo the prime, unit by unit (W2_1k..W2_Nk, w_k1..w_kn).

    Each row has an input x and a direction c of its own, so that as many rows as the rank can be,
    min(P, N_o D_S), are enough whatever the number of outputs; or each of the samples has one row
    for each output.
    """
    require_generator(rng)
    n, h, outputs = sizes
    columns = h * (n + outputs)
    rows = samples * outputs if samples else min(columns, outputs * monomials(degrees, n))
    what = f"a Jacobian of {rows} rows and {columns} columns"
    instead = "take fewer samples" if samples else "take a smaller network"
    require_memory(what, BYTES_PER_ENTRY * rows * columns, instead)
    W1, W2 = rng.integers(PRIME, size=(n, h)), rng.integers(PRIME, size=(outputs, h))
    x = rng.integers(PRIME, size=(samples or rows, n))
    if samples:
        x, c = np.repeat(x, outputs, axis=0), np.tile(np.eye(outputs, dtype=int), (samples, 1))
    else:
        c = rng.integers(PRIME, size=(rows, outputs))
    value, slope = _value_and_slope(degrees, _product(x, W1))
    slope = slope * _product(c, W2) % PRIME
    outer = value[:, :, None] * c[:, None, :] % PRIME
    inner = slope[:, :, None] * x[:, None, :] % PRIME
    table = np.concatenate([outer, inner], axis=2).reshape(rows, -1)
    return flint.nmod_mat(flint.fmpz_mat(table.tolist()), PRIME)


def covariance_rank(inputs: Array) -> int:
    """Return the exact rank of the covariance of whole numbers, shape (samples, features).

    It is that of N X^T X - s s^T over the rationals, N^2 times the covariance, with s the sums.
    """
    inputs = finite_array("inputs", inputs, (None, None))
    require_memory("exact arithmetic on the inputs", 150.0 * inputs.size, "use fewer samples")
    if (inputs != np.round(inputs)).any() or np.abs(inputs).max() >= 2**53:
        raise ValueError("inputs must be whole numbers below 2^53 for an exact rank")
    X = flint.fmpz_mat(inputs.astype(np.int64).tolist())
    sums = flint.fmpz_mat([[1] * len(inputs)]) * X
    return (len(inputs) * X.transpose() * X - sums.transpose() * sums).rank()


def _product(A: Residues, B: Residues) -> Residues:
    """Return A B; a sum of more than two products would not fit."""
    total = np.zeros((len(A), B.shape[1]), dtype=np.int64)
    for column, row in zip(A.T, B, strict=True):
        total = (total + column[:, None] * row) % PRIME
    return total


def _value_and_slope(degrees: Degrees, u: Residues) -> tuple[Residues, Residues]:
    """Return g(u) and g'(u), g the sum of u^d over the degrees."""
    value, slope = np.zeros_like(u), np.zeros_like(u)
    for degree in range(max(degrees), -1, -1):
        slope = (slope * u + value) % PRIME
        value = (value * u + (degree in degrees)) % PRIME
    return value, slope


def _pivots(matrix: flint.nmod_mat) -> list[int]:
    """Return the columns that do not depend on those before them, ascending."""
    reduced, rank = matrix.rref()
    found, column = [], 0
    for row in range(rank):
        while not reduced[row, column]:
            column += 1
        found.append(column)
    return found
