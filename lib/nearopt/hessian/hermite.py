"""The Hessian of a polynomial activation as T T^T, T the gradient's Hermite coefficients.

The singular values of T are the roots of the eigenvalues, and rounding leaves them an error of eps
of the largest: eps sqrt(lambda lambda_max) for an eigenvalue, and zeros down to eps^2 lambda_max,
where the Hessian itself would leave eps lambda_max.
"""

import math
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from nearopt.checks import Array
from nearopt.network.two_layer import TwoLayer


def hermite_terms(net: TwoLayer) -> int:
    """Return the number of columns of `hermite_factor(net)`, without making it."""
    degree = len(net.activation.coefficients) - 1
    return net.output_dim * math.comb(net.input_dim + degree, degree)


def hermite_factor(net: TwoLayer) -> Array:
    r"""Return T with H = T T^T, shape (P, output_dim * terms).

    The basis is h_b(x) = prod_i He_{b_i}(x_i) / sqrt(b_i!), orthonormal for x ~ N(0, I), over all
    multi-indices b of order |b| up to the degree of g. With m_j = E[g^(j)(u_k)],

    .. math::

        E[g(u_k) h_b] &= m_{|b|} w_k^b / \sqrt{b!} \\
        E[g'(u_k) x_i h_b] &= \bigl(m_{|b|+2} w_{ki} w_k^b + m_{|b|} b_i w_k^{b - e_i}\bigr)
            / \sqrt{b!}

    the first because a mean against h_b is a mean of derivatives (Stein's lemma), the second
    because x_i h_b = sqrt(b_i + 1) h_{b + e_i} + sqrt(b_i) h_{b - e_i}.

    Parameters
    ----------
    net : TwoLayer
        With a Polynomial activation.
    """
    W1, W2 = net.W1, net.W2
    indices, scale, means = _table(net)
    order = indices.sum(1)
    monomials = _monomials(W1, indices)
    values = means[order].T * monomials * scale
    slopes = np.empty((*W1.shape, len(indices)))
    for i, unit in enumerate(np.eye(net.input_dim, dtype=int)):
        lowered = indices[:, i] * _monomials(W1, np.maximum(indices - unit, 0))
        raised = W1[:, i, None] * monomials
        slopes[:, i] = (means[order + 2].T * raised + means[order].T * lowered) * scale
    outer = np.einsum("op,kb->okpb", np.eye(net.output_dim), values)
    inner = np.einsum("pk,kib->kipb", W2, slopes)
    return np.concatenate([outer.reshape(W2.size, -1), inner.reshape(W1.size, -1)])


def outside_factor(net: TwoLayer) -> Array:
    """Return B with M o K11 = B B^T, shape (hidden_dim, output_dim * terms).

    E[g'(u_k) h_b] = m_{|b|+1} w_k^b / sqrt(b!), times W2_ok.
    """
    indices, scale, means = _table(net)
    slopes = means[indices.sum(1) + 1].T * _monomials(net.W1, indices) * scale
    return np.einsum("pk,kb->kpb", net.W2, slopes).reshape(net.hidden_dim, -1)


def squared_singular_values(factor: Array) -> Array:
    """Return the eigenvalues of factor @ factor.T, one for each row."""
    values = np.zeros(len(factor))
    singular = np.linalg.svd(factor, compute_uv=False)
    values[: len(singular)] = singular**2
    return values


def _table(net: TwoLayer) -> tuple[NDArray[np.int64], Array, Array]:
    """Return multi-indices b (terms, input_dim), 1 / sqrt(b!), m_j (degree + 3, hidden_dim)."""
    degree = len(net.activation.coefficients) - 1
    choices = [
        np.bincount(choice, minlength=net.input_dim)
        for order in range(degree + 1)
        for choice in combinations_with_replacement(range(net.input_dim), order)
    ]
    indices = np.array(choices)
    factorials = np.array([float(math.factorial(j)) for j in range(degree + 1)])
    means = net.activation.mean_derivatives((net.W1**2).sum(1))
    padded = np.concatenate([means, np.zeros((2, net.hidden_dim))])
    return indices, 1 / np.sqrt(factorials[indices].prod(1)), padded


def _monomials(W1: Array, indices: NDArray[np.int64]) -> Array:
    """Return w_k^b, shape (hidden_dim, terms)."""
    product = np.ones((len(W1), len(indices)))
    for column, powers in zip(W1.T, indices.T, strict=True):
        product *= column[:, None] ** powers
    return product
