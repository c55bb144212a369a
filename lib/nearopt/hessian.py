"""The Hessian of the loss at the optimum, E|y - y*|^2 / 2 with inputs x ~ N(0, I)."""

import numpy as np
from numpy.typing import NDArray

from nearopt.checks import require_memory
from nearopt.network import TwoLayer

Array = NDArray[np.float64]


def population_hessian(net: TwoLayer) -> Array:
    """Hessian of the loss of a student at its teacher `net`, exact, dense.

    Parameters
    ----------
    net : TwoLayer
        The teacher, and the student.

    Returns
    -------
    array of shape (P, P)
        Parameters in the order of `net.parameters`.

    Raises
    ------
    MemoryError
        If three arrays of the size of the result do not fit.

    Notes
    -----
    The residual vanishes at the optimum, so H = E[J^T J] with J = dy/dtheta. With K_pq the
    kernels of the activation, w_k row k of W1 and M = W2^T W2, Stein's lemma gives

        H[W2_ok, W2_o'l] = delta_oo' K00(k,l)
        H[W2_ok, w_l]    = W2_ol (K11(k,l) w_k + K02(k,l) w_l)
        H[w_k, w_l]      = M_kl [K11 I + K31 w_k w_k^T + K13 w_l w_l^T
                                 + K22 (w_k w_l^T + w_l w_k^T)](k,l)
    """
    W1, W2 = net.W1, net.W2
    output_dim, hidden_dim, input_dim = net.output_dim, net.hidden_dim, net.input_dim
    size = 8.0 * net.parameter_count**2
    require_memory(f"a dense Hessian of {net.parameter_count} parameters", 3 * size, "use less")
    K00, K11, K02, K13, K22 = net.activation.kernels(W1 @ W1.T)
    M = W2.T @ W2
    H22 = np.kron(np.eye(output_dim), K00)
    slopes = K11[:, :, None] * W1[:, None, :] + K02[:, :, None] * W1[None, :, :]
    H21 = np.einsum("ol,klj->oklj", W2, slopes).reshape(len(H22), hidden_dim * input_dim)
    H11 = np.einsum("kl,ij->kilj", M * K11, np.eye(input_dim))
    H11 += np.einsum("kl,ki,kj->kilj", M * K13.T, W1, W1)
    H11 += np.einsum("kl,li,lj->kilj", M * K13, W1, W1)
    H11 += np.einsum("kl,ki,lj->kilj", M * K22, W1, W1)
    H11 += np.einsum("kl,li,kj->kilj", M * K22, W1, W1)
    return np.block([[H22, H21], [H21.T, H11.reshape(2 * (hidden_dim * input_dim,))]])
