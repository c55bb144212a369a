"""Slow second ways to get what the closed forms give, for tests and for reading.

Nothing here uses a kernel: means are taken over samples, with their errors, or over a tensor
Gauss-Hermite rule, and curvatures are finite differences.
"""

from collections.abc import Callable
from functools import reduce
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cubature
from scipy.stats import rv_continuous

from nearopt.network.two_layer import TwoLayer

Array = NDArray[np.float64]


def sample_mean(values: Array) -> tuple[Array, Array]:
    """Return the mean over the first axis and its standard error, sigma / sqrt(N)."""
    return values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))


def sampled_hessian(net: TwoLayer, inputs: Array) -> tuple[Array, Array]:
    """Return E[J^T J] of shape (P, P) and its standard error, over inputs (samples, input_dim)."""
    J, samples = net.jacobian(inputs), len(inputs)
    # Of J^T J and of its squared entries: products of two outputs' derivatives, summed.
    pairs = J[:, :, None] * J[:, None]
    mean = np.tensordot(J, J, [[0, 1]] * 2) / samples
    square = np.tensordot(pairs, pairs, [[0, 1, 2]] * 2) / samples
    return mean, np.sqrt(np.maximum(square - mean**2, 0) / (samples - 1))


def hermite_rule(dim: int, nodes: int) -> tuple[Array, Array]:
    """Return points (nodes^dim, dim) and weights (nodes^dim,) of E over N(0, I).

    Exact for polynomials of a degree below 2 nodes in each coordinate.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    grid = np.stack(np.meshgrid(*dim * [points], indexing="ij"), axis=-1).reshape(-1, dim)
    return grid, reduce(np.multiply.outer, dim * [weights]).ravel()


def quadrature_kernel(
    left: Callable[[Array], Array], right: Callable[[Array], Array], gram: Array, nodes: int
) -> Array:
    """Return E[left(u_k) right(u_l)] at row k, column l, u ~ N(0, gram), pair by pair."""
    z, weights = hermite_rule(2, nodes)
    kernel = np.empty_like(gram)
    for k, l in np.ndindex(gram.shape):  # noqa: E741
        scale = np.sqrt(gram[k, k])
        along = gram[k, l] / scale
        across = np.sqrt(max(gram[l, l] - along**2, 0))
        kernel[k, l] = weights @ (left(scale * z[:, 0]) * right(z @ [along, across]))
    return kernel


def quadrature_loss(student: TwoLayer, teacher: TwoLayer, nodes: int) -> float:
    """Return E|y - y*|^2 / 2 over x ~ N(0, I), by a tensor rule: for few inputs only."""
    inputs, weights = hermite_rule(teacher.input_dim, nodes)
    return float(weights @ ((student(inputs) - teacher(inputs)) ** 2).sum(1) / 2)


def standard_moments(law: rv_continuous, count: int) -> Array:
    """Return the means of ((x - mean) / std)^k, k < count, of a law that may have an atom at 0.

    By adaptive quadrature of its density over sqrt(x), in which that is bounded.
    """
    mean, std, powers = law.mean(), law.std(), np.arange(count)

    def integrand(root: Array) -> Array:
        return 2 * root * law.pdf(root**2) * ((root**2 - mean) / std) ** powers

    total = law.cdf(0) * (-mean / std) ** powers
    ends = [0, *law.ppf(law.cdf(0) + (1 - law.cdf(0)) * np.array([0.5, 1 - 1e-9]))]
    for low, high in pairwise(np.sqrt([*ends, mean + 60 * std])):
        found = cubature(integrand, [low], [high], rtol=1e-10, atol=1e-11)
        assert found.status == "converged"
        total += found.estimate
    return total


def difference_hessian(function: Callable[[Array], float], at: Array, step: float) -> Array:
    """Return the second derivatives (P, P) of a function of (P,) by central differences.

    The error is of order step^2 from what is left out, and rounding / step^2.
    """
    steps = step * np.eye(len(at))
    hessian = np.empty((len(at), len(at)))
    for (i, a), (j, b) in product(enumerate(steps), repeat=2):
        if i <= j:
            mixed = function(at + a + b) - function(at + a - b)
            mixed += function(at - a - b) - function(at - a + b)
            hessian[i, j] = hessian[j, i] = mixed / (4 * step**2)
    return hessian
