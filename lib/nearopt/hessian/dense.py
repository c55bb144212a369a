r"""The Hessian of the loss at the optimum, dense, and its two relatives on a batch of inputs.

A student at its teacher has no residual, so the Hessian of E|y - y*|^2 / 2 is E[J^T J] with
J = dy/dtheta: the Gauss-Newton matrix, and the Fisher information of outputs with unit Gaussian
noise. `docs/derivation.md` derives its blocks for inputs x ~ N(0, I). With K_pq the kernels of the
activation, w_k row k of W1 and M = W2^T W2,

.. math::

    H[W_{2,ok}, W_{2,o'l}] &= \delta_{oo'} K_{00} \\
    H[W_{2,ok}, w_l] &= W_{2,ol} \, (K_{11} w_k + K_{02} w_l) \\
    H[w_k, w_l] &= M_{kl} \, \bigl[K_{11} I + K_{31} w_k w_k^\top + K_{13} w_l w_l^\top
        + K_{22} (w_k w_l^\top + w_l w_k^\top)\bigr],

each kernel taken at (k, l). Parameters are in the order of `TwoLayer.parameters` everywhere.
`nearopt.hessian.operators` has the same matrices without forming them,
`nearopt.hessian.eigenvalues` their eigenvalues.
"""

import numpy as np
from numpy.typing import ArrayLike

from nearopt.checks import Array, finite_array, require_memory
from nearopt.hessian.operators import weighted_blocks
from nearopt.network.inputs import ColouredInputs
from nearopt.network.two_layer import TwoLayer, require_network

# Numbers in the Jacobian of one piece of a batch.
PIECE = 2**22


def population_hessian(net: TwoLayer, input_covariance: ArrayLike | None = None) -> Array:
    """Hessian of the loss of a student at its teacher `net`, exact, dense, shape (P, P).

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    input_covariance : array of shape (input_dim, input_dim), optional
        Sigma of the inputs x ~ N(0, Sigma); white if it is left out.
    """
    require_network("net", net)
    count, outer = net.parameter_count, net.W2.size
    what = f"a dense Hessian of {count} parameters"
    instead = "use HessianOperator, which needs no matrix of that size"
    if input_covariance is not None:
        require_memory(what, 24.0 * count**2, instead)
        inputs = ColouredInputs(input_covariance)
        half = inputs.lift(net, population_hessian(inputs.whitened(net)))
        return inputs.lift(net, half.T)
    W1, W2 = net.W1, net.W2
    hidden_dim, input_dim = W1.shape
    require_memory(what, 8.0 * (count**2 + 4 * hidden_dim**2 * (input_dim + 4)), instead)
    A, values, own, other, isotropic, plus, minus, skew = weighted_blocks(net)
    hessian = np.empty((count, count))
    # Each block is written where it belongs: with many outputs a copy is as large as the matrix.
    corner, mixed = hessian[:outer, :outer].reshape(2 * W2.shape), hessian[:outer, outer:]
    corner[...] = 0
    np.einsum("okol->okl", corner)[...] = values
    slopes = own[:, :, None] * A[:, None, :] + other[:, :, None] * A[None, :, :]
    np.einsum("ol,klj->oklj", W2, slopes, out=mixed.reshape(W2.shape + W1.shape))
    hessian[outer:, :outer] = mixed.T
    # [a_k + a_l, a_k - a_l] (plus, skew / 2; skew / 2, minus) [a_k + a_l, a_k - a_l]^T.
    pairs = np.stack([A[:, None] + A, A[:, None] - A], axis=-1)
    middle = np.stack([plus, skew / 2, skew / 2, minus], axis=-1)
    middle = middle.reshape(hidden_dim, hidden_dim, 2, 2)
    inner = hessian[outer:, outer:].reshape(2 * W1.shape).swapaxes(1, 2)
    np.matmul(pairs, middle @ pairs.swapaxes(2, 3), out=inner)
    np.einsum("klii->kli", inner)[...] += isotropic[:, :, None]
    return hessian


def batch_hessian(net: TwoLayer, inputs: Array) -> Array:
    """J^T J / N, shape (P, P): Hessian of the loss over a batch, sum_n |y_n - y*_n|^2 / 2N.

    Its rank is at most N * output_dim.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.
    inputs : array of shape (N, input_dim)
        The batch.
    """
    require_network("net", net)
    inputs = finite_array("inputs", inputs, (None, net.input_dim))
    count = net.parameter_count
    piece = min(max(PIECE, net.output_dim * count), len(inputs) * net.output_dim * count)
    needed = 8.0 * (2 * count**2 + 2 * piece)
    instead = "use BatchHessianOperator, or neural_tangent_kernel for a small batch"
    require_memory(f"a dense Hessian of {count} parameters", needed, instead)
    hessian = np.zeros((count, count))
    height = max(1, PIECE // (net.output_dim * count))
    for start in range(0, len(inputs), height):
        jacobian = net.jacobian(inputs[start : start + height]).reshape(-1, count)
        hessian += jacobian.T @ jacobian
    return hessian / len(inputs)


def neural_tangent_kernel(net: TwoLayer, inputs: Array) -> Array:
    """J J^T / N over a batch of N inputs, which has the nonzero spectrum of `batch_hessian`.

    Of shape (N * output_dim, N * output_dim), sample by sample, its outputs within. Parameters are
    those of `batch_hessian`.
    """
    require_network("net", net)
    inputs = finite_array("inputs", inputs, (None, net.input_dim))
    size = len(inputs) * net.output_dim
    instead = "use BatchHessianOperator, which has the same nonzero spectrum"
    require_memory(f"a tangent kernel of {size} outputs", 32.0 * size**2, instead)
    values, slopes = net.hidden(inputs)
    weighted = (net.W2 * slopes[:, None, :]).reshape(size, net.hidden_dim)
    kernel = np.kron(values @ values.T, np.eye(net.output_dim))
    kernel += (weighted @ weighted.T) * np.kron(inputs @ inputs.T, np.ones(2 * (net.output_dim,)))
    return kernel / len(inputs)
