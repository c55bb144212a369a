"""The Hessian at the optimum in ball arithmetic, where every number carries a bound of its error.

Weights are taken as the rationals that the floats are. Arrays are numpy arrays of `flint.arb`, so
that formulas read as they do in floats; all work at the bits of `working_precision`.
"""

import copyreg
import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from operator import mul
from threading import RLock

import flint
import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from nearopt.network.activations import Erf, Polynomial
from nearopt.network.kernels import Activation, Kernels

Balls = NDArray[np.object_]

# FLINT has one precision for all threads.
_alone = RLock()

_inverse_root = np.frompyfunc(arb.rsqrt, 1, 1)
_arcsine = np.frompyfunc(arb.asin, 1, 1)


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Work at this precision, one thread at a time, and leave it as it was."""
    with _alone, flint.ctx.workprec(bits):
        yield


def _packed(ball: arb) -> tuple[object, ...]:
    """Return what pickle needs to make the same ball again, from whole numbers."""
    numbers = (ball.mid(), ball.rad()) if ball.is_finite() else (ball.mid(),)
    return _unpacked, tuple(tuple(map(int, number.man_exp())) for number in numbers)


def _unpacked(middle: tuple[int, int], radius: tuple[int, int] | None = None) -> arb:
    return arb(arb(middle), math.inf if radius is None else arb(radius))


copyreg.pickle(arb, _packed)


def exact(array: ArrayLike) -> Balls:
    """Return floats as balls of radius 0."""
    return np.frompyfunc(lambda number: arb(float(number)), 1, 1)(np.asarray(array))


def has_ball_kernels(activation: Activation) -> bool:
    """Whether the kernels have a closed form in ball arithmetic."""
    return isinstance(activation, Erf | Polynomial)


def ball_kernels(activation: Activation, gram: Balls) -> Kernels:
    """Enclose the kernels of Erf or a Polynomial on Q = W1 W1^T, as their own `kernels`."""
    return _erf_kernels(gram) if isinstance(activation, Erf) else _mehler(activation, gram)


def _erf_kernels(gram: Balls) -> Kernels:
    diagonal = 1 + np.diag(gram)
    A, B = diagonal[:, None], diagonal[None, :]
    D = A * B - gram * gram
    K11 = 2 / arb.pi() * _inverse_root(D)
    K00 = 2 / arb.pi() * _arcsine(gram * _inverse_root(A * B))
    return Kernels(K00, K11, -K11 * gram / B, -K11 * A / D, K11 * gram / D)


def _mehler(activation: Polynomial, gram: Balls) -> Kernels:
    """Sum K_pq = sum_j q_kl^j / j! m_{p+j} m_{q+j} with m_i = E[g^(i)(u_k)]."""
    c = exact(activation.coefficients)
    degree = len(c) - 1
    variances, grams = _powers(np.diag(gram), degree), _powers(gram, degree)
    m = [exact(np.zeros(len(gram))) for _ in c]
    for d in range(len(c)):
        for half in range(d // 2 + 1):
            count = math.factorial(d) // (2**half * math.factorial(half))
            m[d - 2 * half] += c[d] * count * variances[half]

    def kernel(p: int, q: int) -> Balls:
        terms = range(degree + 1 - max(p, q))
        series = (grams[j] / math.factorial(j) * np.outer(m[p + j], m[q + j]) for j in terms)
        return sum(series, exact(np.zeros(gram.shape)))

    return Kernels(kernel(0, 0), kernel(1, 1), kernel(0, 2), kernel(1, 3), kernel(2, 2))


def _powers(array: Balls, degree: int) -> list[Balls]:
    """Return the powers 0 to `degree`; FLINT's own power of a ball that holds 0 is NaN."""
    return list(accumulate([array] * degree, mul, initial=exact(np.ones(array.shape))))


def hessian_blocks(W1: Balls, W2: Balls, kernels: Kernels) -> Balls:
    """Return the Hessian, shape (P, P), from its kernels on W1 W1^T, as `nearopt.hessian.dense`."""
    K00, K11, K02, K13, K22 = kernels
    wk, wl = W1[:, None, :], W1[None, :, :]
    M = (W2.T @ W2)[..., None]
    K11, K02, K13, K31, K22 = (K[..., None] for K in (K11, K02, K13, K13.T, K22))
    H22 = np.kron(exact(np.eye(len(W2))), K00)
    H21 = (W2[:, None, :, None] * (K11 * wk + K02 * wl)).reshape(len(H22), W1.size)
    by_wk, by_wl = M * (K31 * wk + K22 * wl), M * (K13 * wl + K22 * wk)
    H11 = wk[..., None] * by_wk[:, :, None, :] + wl[..., None] * by_wl[:, :, None, :]
    diagonal = np.arange(W1.shape[1])
    H11[:, :, diagonal, diagonal] += M * K11
    H11 = H11.transpose(0, 2, 1, 3).reshape(2 * (W1.size,))
    return np.block([[H22, H21], [H21.T, H11]])


def cholesky(gram: Balls) -> Balls | None:
    """Return the lower Cholesky factor, or None if a pivot is not positive at this precision."""
    size = len(gram)
    L = exact(np.zeros((size, size)))
    for j in range(size):
        pivot = gram[j, j] - L[j, :j] @ L[j, :j]
        if not pivot > 0:
            return None
        L[j, j] = pivot.sqrt()
        L[j + 1 :, j] = (gram[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return L


def to_matrix(array: Balls) -> flint.arb_mat:
    """Return a two-dimensional array of balls as FLINT's matrix."""
    return flint.arb_mat(array.tolist())
