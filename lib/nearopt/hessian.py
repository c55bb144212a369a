"""The Hessian of the loss at the optimum: dense, as an operator, and of a batch.

A student at its teacher has no residual, so the Hessian of E|y - y*|^2 / 2 is E[J^T J] with
J = dy/dtheta: the Gauss-Newton matrix, and the Fisher information of outputs with unit Gaussian
noise. `docs/derivation.md` derives its blocks for inputs x ~ N(0, I). With K_pq the kernels of the
activation, w_k row k of W1 and M = W2^T W2,

    H[W2_ok, W2_o'l] = delta_oo' K00(k,l)
    H[W2_ok, w_l]    = W2_ol (K11(k,l) w_k + K02(k,l) w_l)
    H[w_k, w_l]      = M_kl [K11 I + K31 w_k w_k^T + K13 w_l w_l^T
                             + K22 (w_k w_l^T + w_l w_k^T)](k,l)

Parameters are in the order of `TwoLayer.parameters` everywhere.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from nearopt.checks import finite_array, require_memory
from nearopt.network import TwoLayer

Array = NDArray[np.float64]

# Numbers that stay in a processor's cache while one pass after the other runs over them.
CACHED = 2**14


def population_hessian(net: TwoLayer) -> Array:
    """Hessian of the loss of a student at its teacher `net`, x ~ N(0, I): exact, dense.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.

    Returns
    -------
    array of shape (P, P)
        Symmetric, positive semidefinite.

    Raises
    ------
    MemoryError
        If it does not fit.
    """
    W1, W2 = net.W1, net.W2
    output_dim, hidden_dim, input_dim = net.output_dim, net.hidden_dim, net.input_dim
    count, outer = net.parameter_count, W2.size
    needed = 8.0 * (count**2 + 4 * hidden_dim**2 * (input_dim + 4))
    instead = "use HessianOperator, which needs no matrix of that size"
    require_memory(f"a dense Hessian of {count} parameters", needed, instead)
    K00, K11, K02, K13, K22 = net.activation.kernels(W1 @ W1.T)
    M = (W2.T @ W2)[:, :, None, None]
    hessian = np.empty((count, count))
    hessian[:outer, :outer] = np.kron(np.eye(output_dim), K00)
    slopes = K11[:, :, None] * W1[:, None, :] + K02[:, :, None] * W1[None, :, :]
    mixed = np.einsum("ol,klj->oklj", W2, slopes).reshape(outer, W1.size)
    hessian[:outer, outer:], hessian[outer:, :outer] = mixed, mixed.T
    # [w_k w_l] (K31 K22; K22 K13) [w_k w_l]^T for all pairs, written where it belongs.
    rows = np.broadcast_to(W1, (hidden_dim, *W1.shape))
    pairs = np.stack([rows.swapaxes(0, 1), rows], axis=-1)
    middle = M * np.stack([K13.T, K22, K22, K13], axis=-1).reshape(hidden_dim, hidden_dim, 2, 2)
    inner = hessian[outer:, outer:].reshape(2 * W1.shape).swapaxes(1, 2)
    np.matmul(pairs, middle @ pairs.swapaxes(2, 3), out=inner)
    np.einsum("klii->kli", inner)[...] += M[..., 0] * K11[:, :, None]
    return hessian


def batch_hessian(net: TwoLayer, inputs: Array) -> Array:
    """Hessian of the loss over a batch, (1/N) sum_n |y_n - y*_n|^2 / 2, at the teacher `net`.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    inputs : array of shape (samples, input_dim)
        The batch.

    Returns
    -------
    array of shape (P, P)
        J^T J / N, of rank at most samples * output_dim.

    Raises
    ------
    ValueError
        If `inputs` has the wrong shape or is not finite.
    MemoryError
        If it does not fit.
    """
    inputs = finite_array("inputs", inputs, (None, net.input_dim))
    count = net.parameter_count
    needed = 8.0 * (2 * count**2 + 4 * max(CACHED, net.output_dim * count))
    instead = "use BatchHessianOperator, or neural_tangent_kernel for a small batch"
    require_memory(f"a dense Hessian of {count} parameters", needed, instead)
    hessian = np.zeros((count, count))
    height = max(1, 256 * CACHED // (net.output_dim * count))
    for start in range(0, len(inputs), height):
        jacobian = net.jacobian(inputs[start : start + height]).reshape(-1, count)
        hessian += jacobian.T @ jacobian
    return hessian / len(inputs)


def neural_tangent_kernel(net: TwoLayer, inputs: Array) -> Array:
    """J J^T / N over a batch of N inputs, which has the nonzero spectrum of `batch_hessian`.

    Parameters
    ----------
    net : TwoLayer
        The network.
    inputs : array of shape (samples, input_dim)
        The batch.

    Returns
    -------
    array of shape (samples * output_dim, samples * output_dim)
        Sample by sample, its outputs within.

    Raises
    ------
    ValueError
        If `inputs` has the wrong shape or is not finite.
    MemoryError
        If it does not fit.
    """
    inputs = finite_array("inputs", inputs, (None, net.input_dim))
    size = len(inputs) * net.output_dim
    instead = "use BatchHessianOperator, which has the same nonzero spectrum"
    require_memory(f"a tangent kernel of {size} outputs", 32.0 * size**2, instead)
    preactivations = inputs @ net.W1.T
    values = net.activation(preactivations)
    weighted = net.W2 * net.activation.derivative(preactivations)[:, None, :]
    slopes = weighted.reshape(size, net.hidden_dim)
    kernel = np.kron(values @ values.T, np.eye(net.output_dim))
    kernel += (slopes @ slopes.T) * np.kron(inputs @ inputs.T, np.ones(2 * (net.output_dim,)))
    return kernel / len(inputs)


class _Symmetric(LinearOperator):
    """A symmetric operator (P, P) on the parameters of a network."""

    def __init__(self, net: TwoLayer) -> None:
        super().__init__(np.dtype(np.float64), 2 * (net.parameter_count,))
        self.net = net

    def _matmat(self, vectors: Array) -> Array:
        return np.stack([self._matvec(vector) for vector in vectors.T], axis=1)

    def _adjoint(self) -> "_Symmetric":
        return self


class HessianOperator(_Symmetric):
    """The product of `population_hessian(net)` with a vector, without the matrix.

    It takes three products of (Nh, Nh) with (Nh, Ni) matrices, 6 Nh^2 Ni operations, and keeps
    about 14 arrays of the size (Nh, Nh). An instance reuses its buffers, so that two threads must
    not share it.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.

    Raises
    ------
    MemoryError
        If its arrays do not fit.

    Notes
    -----
    For v = (alpha, V), let S = W1 V^T, d its diagonal, and phi = (alpha, W2 d) with W2 d scaling
    column l by d_l. With (rho, gamma) = phi (K02 K00; K22 K20) + W2 ((K31 o S)^T, (K11 o S)^T),
    H v is gamma on W2, and on W1

        [X + diag(r)] W1 + (M o K11) V,    r_k = sum_o W2_ok rho_ok,
        X = K11 o (W2^T alpha) + K13 o (W2^T W2 d) + M o K22 o S.
    """

    def __init__(self, net: TwoLayer) -> None:
        super().__init__(net)
        W1, W2, hidden_dim = net.W1, net.W2, net.hidden_dim
        needed = 8.0 * (20 * hidden_dim**2 + 3 * net.parameter_count)
        require_memory(f"an operator on {hidden_dim} hidden units", needed, "use fewer of them")
        K00, K11, K02, K13, K22 = net.activation.kernels(W1 @ W1.T)
        M = W2.T @ W2
        self._constant = np.block([[K02, K00], [K22, K02.T]])
        self._phi = np.empty((net.output_dim, 2, hidden_dim))
        self._rho_gamma = np.empty_like(self._phi)
        self._S = np.empty((hidden_dim, hidden_dim))
        # (X, M o K11) times (W1; V).
        self._left = np.concatenate([np.zeros_like(M), M * K11], axis=1)
        self._diagonal = self._left.reshape(-1)[:: 2 * hidden_dim + 1]
        self._right = np.concatenate([W1, np.zeros_like(W1)])
        kernels = np.stack([K13.T, K11, K13, M * K22])
        height = max(1, CACHED // hidden_dim)
        starts = range(0, hidden_dim, height)
        self._parts = [self._views(kernels, slice(start, start + height)) for start in starts]

    def _views(self, kernels: Array, rows: slice) -> tuple[Array, ...]:
        """Return what a step over some rows of the (Nh, Nh) arrays reads and writes."""
        S, kernels = self._S[rows], kernels[:, rows]
        terms = np.empty_like(kernels[1:])
        columns = np.ascontiguousarray(self.net.W2.T[rows])
        X, sums = self._left[rows, : S.shape[1]], self._rho_gamma[:, :, rows]
        return S, columns, terms, terms[:2], kernels[:2], kernels[1:], X, sums

    def _matvec(self, vector: Array) -> Array:
        W1, W2 = self.net.W1, self.net.W2
        vector = vector.reshape(-1)
        V = vector[W2.size :].reshape(W1.shape)
        np.matmul(W1, V.T, out=self._S)
        phi, sums = self._phi, self._rho_gamma
        phi[:, 0] = vector[: W2.size].reshape(W2.shape)
        np.multiply(W2, self._S.diagonal(), out=phi[:, 1])
        np.matmul(phi.reshape(len(phi), -1), self._constant, out=sums.reshape(len(phi), -1))
        for S, columns, terms, two, slopes, curvatures, X, part in self._parts:
            np.multiply(slopes, S, out=two)
            part += (two @ W2.T).transpose(2, 0, 1)
            np.matmul(columns, phi.swapaxes(0, 1), out=two)
            terms[2] = S
            np.multiply(terms, curvatures, out=terms)
            np.add.reduce(terms, axis=0, out=X)
        self._diagonal += np.einsum("ok,ok->k", W2, sums[:, 0])
        self._right[len(W1) :] = V
        product = np.empty(len(vector))
        product[: W2.size].reshape(W2.shape)[...] = sums[:, 1]
        np.matmul(self._left, self._right, out=product[W2.size :].reshape(W1.shape))
        return product


class BatchHessianOperator(_Symmetric):
    """The product of `batch_hessian(net, inputs)` with a vector, without a matrix of that size.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    inputs : array of shape (samples, input_dim)
        The batch; two arrays (samples, hidden_dim) are kept.

    Raises
    ------
    ValueError
        If `inputs` has the wrong shape or is not finite.
    MemoryError
        If its arrays do not fit.
    """

    def __init__(self, net: TwoLayer, inputs: Array) -> None:
        super().__init__(net)
        self.inputs = finite_array("inputs", inputs, (None, net.input_dim))
        needed = 8.0 * 5 * len(self.inputs) * net.hidden_dim
        require_memory(f"a batch of {len(self.inputs)} inputs", needed, "use a smaller batch")
        preactivations = self.inputs @ net.W1.T
        self._values = net.activation(preactivations)
        self._slopes = net.activation.derivative(preactivations)

    def _matvec(self, vector: Array) -> Array:
        """Return J^T (J v) / N."""
        W1, W2, inputs = self.net.W1, self.net.W2, self.inputs
        alpha, V = np.split(vector.reshape(-1), [W2.size])
        changes = self._values @ alpha.reshape(W2.shape).T
        changes += (self._slopes * (inputs @ V.reshape(W1.shape).T)) @ W2.T
        changes /= len(inputs)
        inner = (self._slopes * (changes @ W2)).T @ inputs
        return np.concatenate([(changes.T @ self._values).ravel(), inner.ravel()])
