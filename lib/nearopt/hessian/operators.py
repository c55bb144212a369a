"""The Hessians of `nearopt.hessian.dense` as linear operators: products without the matrix."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from nearopt.checks import Array, finite_array, require_memory
from nearopt.network.inputs import ColouredInputs
from nearopt.network.two_layer import TwoLayer, require_network

# Numbers that stay in a processor's cache while one pass after the other runs over them.
CACHED = 2**14


class _Symmetric(LinearOperator):
    """A symmetric operator (P, P) on the parameters of a network."""

    def __init__(self, net: TwoLayer) -> None:
        require_network("net", net)
        super().__init__(np.dtype(np.float64), 2 * (net.parameter_count,))
        self.net = net

    def _matmat(self, vectors: Array) -> Array:
        return np.stack([self._matvec(vector) for vector in vectors.T], axis=1)

    def _adjoint(self) -> "_Symmetric":
        return self


class HessianOperator(_Symmetric):
    r"""The product of `population_hessian(net)` with a vector, without the matrix.

    It takes three products of (Nh, Nh) with (Nh, Ni) matrices, 6 Nh^2 Ni operations, and keeps
    about 14 arrays of the size (Nh, Nh). An instance reuses its buffers, so that two threads must
    not share it.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    input_covariance : array of shape (input_dim, input_dim), optional
        Sigma of the inputs x ~ N(0, Sigma); white if it is left out.

    Raises
    ------
    ValueError
        If `input_covariance` is not a covariance of input_dim inputs.
    MemoryError
        If its arrays do not fit.

    Notes
    -----
    For v = (alpha, V), let S = W1 V^T, d its diagonal, W2 d be W2 with column l scaled by d_l, and
    o the elementwise product. With

    .. math::

        (\rho, \gamma) = (\alpha, W_2 d) \begin{pmatrix} K_{02} & K_{00} \\ K_{22} & K_{20}
            \end{pmatrix} + W_2 \bigl((K_{31} \circ S)^\top, (K_{11} \circ S)^\top\bigr),

    H v is gamma on W2, and on W1

    .. math::

        & [X + \operatorname{diag}(r)] \, W_1 + (M \circ K_{11}) V,
            \qquad r_k = \sum_o W_{2,ok} \rho_{ok}, \\
        & X = K_{11} \circ (W_2^\top \alpha) + K_{13} \circ (W_2^\top W_2 d)
            + M \circ K_{22} \circ S.
    """

    def __init__(self, net: TwoLayer, input_covariance: ArrayLike | None = None) -> None:
        super().__init__(net)
        self._teacher, self._inputs = net, None
        if input_covariance is not None:
            self._inputs = ColouredInputs(input_covariance)
            self.net = net = self._inputs.whitened(net)
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
        vector = vector.reshape(-1)
        if self._inputs is None:
            return self._white(vector)
        white = self._white(self._inputs.project(self._teacher, vector))
        return self._inputs.lift(self._teacher, white)

    def _white(self, vector: Array) -> Array:
        W1, W2 = self.net.W1, self.net.W2
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
