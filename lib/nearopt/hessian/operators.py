"""The Hessians of `nearopt.hessian.dense` as linear operators: products without the matrix."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from nearopt.checks import Array, finite_array
from nearopt.network.inputs import ColouredInputs
from nearopt.network.kernels import Blocks, blocks
from nearopt.network.two_layer import TwoLayer, require_network

# Numbers that stay in a processor's cache while one pass after the other runs over them.
CACHED = 2**16


class _Symmetric(LinearOperator):
    """A symmetric operator (P, P) on the parameters of a network."""

    def __init__(self, net: TwoLayer) -> None:
        super().__init__(np.dtype(np.float64), 2 * (net.parameter_count,))
        self.net = net

    def _matmat(self, vectors: Array) -> Array:
        products = [self._matvec(vector) for vector in vectors.T]
        return np.array(products).reshape(vectors.T.shape).T

    def _adjoint(self) -> "_Symmetric":
        return self


class HessianOperator(_Symmetric):
    r"""The product of `population_hessian(net)` with a vector, without the matrix.

    It takes three products of (Nh, Nh) with (Nh, Ni) matrices, 6 Nh^2 Ni operations, and keeps
    eight arrays of the size (Nh, Nh).

    Parameters
    ----------
    net, input_covariance
        As for `population_hessian`.

    Notes
    -----
    For v = (alpha, V), with the blocks of the activation (`nearopt.network.kernels`), A the unit
    rows of W1, S = A V^T, d its diagonal, C = W2^T alpha, o the elementwise product and M = W2^T W2
    times isotropic, plus, minus and skew, H v is on W2 and on W1

    .. math::

        & \alpha \, values + W_2 (own \circ S)^T + W_2 \operatorname{diag}(d) \, other^T, \\
        & isotropic \, V + (C \circ own^T + p + m - skew \operatorname{diag}(d)) A
            + \operatorname{diag}(r) A, \\
        & p = plus \circ (d_l + S), \quad m = minus \circ (d_l - S), \quad
            r = (C \circ other^T + p - m + skew \circ S) 1.
    """

    def __init__(self, net: TwoLayer, input_covariance: ArrayLike | None = None) -> None:
        require_network("net", net)
        super().__init__(net)
        self.inputs = None if input_covariance is None else ColouredInputs(input_covariance)
        self._white = net if self.inputs is None else self.inputs.whitened(net)
        self._blocks = weighted_blocks(self._white)

    def _matvec(self, vector: Array) -> Array:
        vector = vector.reshape(-1)
        if self.inputs is None:
            return multiply(self.net, self._blocks, vector)
        projected = self.inputs.project(self.net, vector)
        return self.inputs.lift(self.net, multiply(self._white, self._blocks, projected))


def weighted_blocks(net: TwoLayer) -> Blocks:
    """Return the blocks of a network, those of W1 with W1 times W2^T W2."""
    made, M = blocks(net.activation, net.W1), net.W2.T @ net.W2
    on_W1 = {name: M * getattr(made, name) for name in ("isotropic", "plus", "minus", "skew")}
    return made._replace(**on_W1)


def hessian_product(net: TwoLayer, vector: Array, inputs: ColouredInputs | None = None) -> Array:
    """Return one product of the Hessian, for which an operator need not be made."""
    if inputs is None:
        return multiply(net, weighted_blocks(net), vector)
    white = inputs.whitened(net)
    product = multiply(white, weighted_blocks(white), inputs.project(net, vector))
    return inputs.lift(net, product)


def multiply(net: TwoLayer, weighted: Blocks, vector: Array) -> Array:
    """Return the product of `HessianOperator(net)`, white inputs, with a vector (P,)."""
    W2, A, (alpha, V) = net.W2, weighted.unit, net.split(vector)
    S = A @ V.T
    d = S.diagonal()
    X, sums, slopes = np.empty_like(S), np.empty_like(d), np.empty((len(S), len(W2)), S.dtype)
    for rows in row_parts(S.shape):
        s = S[rows]
        m = weighted.minus[rows] * (d - s)
        x = weighted.plus[rows] * (d + s) + m
        sums[rows] = x.sum(1) - 2 * m.sum(1) + np.einsum("kl,kl->k", weighted.skew[rows], s)
        x += (W2.T[rows] @ alpha) * weighted.own.T[rows] - weighted.skew[rows] * d
        X[rows], slopes[rows] = x, (weighted.own[rows] * s) @ W2.T
    sums += np.einsum("ok,ok->k", W2, alpha @ weighted.other)
    on_W2 = alpha @ weighted.values + slopes.T + (W2 * d) @ weighted.other.T
    on_W1 = weighted.isotropic @ V + X @ A + sums[:, None] * A
    return np.concatenate([on_W2.ravel(), on_W1.ravel()])


def row_parts(shape: tuple[int, int]) -> list[slice]:
    """Return the rows of a matrix in parts that fit a processor's cache."""
    height = max(1, CACHED // shape[1])
    return [slice(start, start + height) for start in range(0, shape[0], height)]


class BatchHessianOperator(_Symmetric):
    """The product of `batch_hessian(net, inputs)` with a vector, without a matrix of that size.

    Parameters
    ----------
    net, inputs
        As for `batch_hessian`; two arrays (samples, hidden_dim) are kept.
    """

    def __init__(self, net: TwoLayer, inputs: Array) -> None:
        require_network("net", net)
        super().__init__(net)
        self.inputs = finite_array("inputs", inputs, (None, net.input_dim))
        self._hidden = net.hidden(self.inputs)

    def _matvec(self, vector: Array) -> Array:
        """Return J^T (J v) / N."""
        (values, slopes), (alpha, V) = self._hidden, self.net.split(vector.reshape(-1))
        changes = values @ alpha.T + (slopes * (self.inputs @ V.T)) @ self.net.W2.T
        mean = changes / len(self.inputs)
        return transposed_jacobian_product(self.net, self.inputs, self._hidden, mean)


def transposed_jacobian_product(
    net: TwoLayer, inputs: Array, hidden: tuple[Array, Array], residual: Array
) -> Array:
    """Return J^T r, shape (P,), without J, for r of shape (samples, output_dim).

    That is sum r g(u)^T on W2 and sum (g'(u) o W2^T r) x^T on W1, with `hidden` g(u) and g'(u).
    """
    values, slopes = hidden
    inner = (slopes * (residual @ net.W2)).T @ inputs
    return np.concatenate([(residual.T @ values).ravel(), inner.ravel()])
