"""The Hessian of a polynomial activation as T T^T, T the gradient's Hermite coefficients.

The singular values of T are the roots of the eigenvalues, and rounding leaves them an error of eps
of the largest: eps sqrt(lambda lambda_max) for an eigenvalue, and zeros down to eps^2 lambda_max,
where the Hessian itself would leave eps lambda_max.
"""

import math
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from nearopt.checks import Array
from nearopt.network.kernels import Rows
from nearopt.network.two_layer import TwoLayer


def hermite_terms(net: TwoLayer) -> int:
    """Return the number of columns of `hermite_factor(net)`, without making it."""
    degree = len(net.activation.coefficients) - 1
    return net.output_dim * math.comb(net.input_dim + degree, degree)


def hermite_factor(net: TwoLayer) -> Array:
    r"""Return T with H = T T^T for a Polynomial activation, shape (P, output_dim * terms).

    The basis is h_b(x) = prod_i He_{b_i}(x_i) / sqrt(b_i!), orthonormal for x ~ N(0, I), over all
    multi-indices b of order j = |b| up to the degree of g. A function f of u_k = s_k a_k . x, with
    |a_k| = 1, has there the coefficients f_j a_k^b sqrt(j! / b!), f_j = E[f(s_k z) h_j(z)]. So

    .. math::

        E[g(u_k) h_b] &= g_j \sqrt{j! / b!} \, a_k^b \\
        E[g'(u_k) x_i h_b] &= \bigl(\sqrt{j + 1} \, g'_{j+1} a_{ki} a_k^b
            + g'_{j-1} b_i a_k^{b - e_i} / \sqrt j \bigr) \sqrt{j! / b!}

    the second because x_i h_b = sqrt(b_i + 1) h_{b + e_i} + sqrt(b_i) h_{b - e_i}.
    """
    W2, rows = net.W2, Rows.of(net.W1)
    indices, scale = _table(net)
    order = indices.sum(1)
    monomials = scale * _monomials(rows.unit, indices)
    own, first = net.activation.hermite_coefficients(rows.norms)[:2]
    values, coefficients = own[:, order] * monomials, np.pad(first, ((0, 0), (1, 1)))
    raised = np.sqrt(order + 1) * coefficients[:, order + 2] * monomials
    lowered = coefficients[:, order] * scale / np.sqrt(np.maximum(order, 1))
    slopes = np.empty((*net.W1.shape, len(indices)))
    for i, unit in enumerate(np.eye(net.input_dim, dtype=int)):
        fewer = indices[:, i] * _monomials(rows.unit, np.maximum(indices - unit, 0))
        slopes[:, i] = rows.unit[:, i, None] * raised + lowered * fewer
    outer = np.einsum("op,kb->okpb", np.eye(net.output_dim), values)
    inner = np.einsum("pk,kib->kipb", W2, slopes)
    return np.concatenate([outer.reshape(W2.size, -1), inner.reshape(net.W1.size, -1)])


def outside_factor(net: TwoLayer) -> Array:
    """Return B with M o K11 = B B^T, shape (hidden_dim, output_dim * terms).

    E[g'(u_k) h_b], times W2_ok.
    """
    rows = Rows.of(net.W1)
    indices, scale = _table(net)
    slopes = net.activation.hermite_coefficients(rows.norms)[1][:, indices.sum(1)]
    slopes *= scale * _monomials(rows.unit, indices)
    return np.einsum("pk,kb->kpb", net.W2, slopes).reshape(net.hidden_dim, -1)


def squared_singular_values(factor: Array) -> Array:
    """Return the eigenvalues of factor @ factor.T, one for each row."""
    values = np.zeros(len(factor))
    singular = np.linalg.svd(factor, compute_uv=False)
    values[: len(singular)] = singular**2
    return values


def _table(net: TwoLayer) -> tuple[NDArray[np.int64], Array]:
    """Return multi-indices b (terms, input_dim) and sqrt(|b|! / b!)."""
    degree = len(net.activation.coefficients) - 1
    choices = [
        np.bincount(choice, minlength=net.input_dim)
        for order in range(degree + 1)
        for choice in combinations_with_replacement(range(net.input_dim), order)
    ]
    indices = np.array(choices)
    # Logarithms, as factorials beyond 170 leave the range of floats.
    logarithm = gammaln(indices.sum(1) + 1) - gammaln(indices + 1).sum(1)
    return indices, np.exp(logarithm / 2)


def _monomials(unit: Array, indices: NDArray[np.int64]) -> Array:
    """Return a_k^b, shape (hidden_dim, terms)."""
    # Each power once: there are many more multi-indices.
    powers = unit.T[..., None] ** np.arange(indices.max() + 1)
    product = np.ones((len(unit), len(indices)))
    for power, column in zip(powers, indices.T, strict=True):
        product *= power[:, column]
    return product
