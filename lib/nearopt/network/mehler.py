"""Kernels from Hermite coefficients by Mehler's formula: of polynomials and smooth functions."""

import numpy as np

from nearopt.checks import Array
from nearopt.network.kernels import Kernels

# Orders of derivatives (p, q) in the fields of `Kernels`.
ORDERS = ((0, 0), (1, 1), (0, 2), (1, 3), (2, 2))
# Where |r_kl| <= 1/2, more terms than double precision sees.
ENOUGH = 64


def mehler_kernels(coefficients: Array, gram: Array) -> Kernels:
    """Return K_pq = sum_j r_kl^j a^p_j(k) a^q_j(l), with r_kl the correlations of a Gram matrix.

    The coefficients (4, hidden_dim, order) are a^p_j(k) = E[g^(p)(u_k) h_j(z)], with u_k = s_k z
    and h_j the orthonormal Hermite polynomials.
    """
    scales, a = np.sqrt(np.diag(gram)), coefficients
    product = np.outer(scales, scales)
    cosine = np.divide(gram, product, out=np.zeros_like(gram), where=product > 0)
    correlation = np.clip(cosine, -1, 1)
    near = np.abs(correlation) > 0.5 if a.shape[-1] > ENOUGH else np.zeros_like(correlation, bool)
    total = _horner(a[..., :ENOUGH], np.where(near, 0, correlation))
    pairs = np.argwhere(near)
    for part in np.array_split(pairs, 1 + len(pairs) * a.shape[-1] // 2**16):
        k, l = part.T  # noqa: E741
        right = a[:, l] * np.vander(correlation[k, l], a.shape[-1], increasing=True)
        for kernel, (p, q) in zip(total, ORDERS, strict=True):
            kernel[k, l] = np.einsum("pj,pj->p", a[p, k], right[q])
    return Kernels(*total)


def _horner(a: Array, correlation: Array) -> Array:
    """Return the sums by Horner's scheme, with rows in parts that fit a processor's cache."""
    total = np.zeros((len(ORDERS), *correlation.shape))
    p, q = np.transpose(ORDERS)
    left, right = (np.ascontiguousarray(np.moveaxis(a[order], -1, 0)) for order in (p, q))
    height = max(1, 8192 // len(correlation))
    for top in range(0, len(correlation), height):
        rows = slice(top, top + height)
        part, ratio = np.zeros_like(total[:, rows]), correlation[rows]
        for one, other in zip(left[::-1, :, rows, None], right[::-1, :, None], strict=True):
            part *= ratio
            part += one * other
        total[:, rows] = part
    return total
