r"""Inputs that are correlated: everything for x ~ N(0, Sigma), from what holds for white inputs.

Write x = C z with Sigma = C C^T and z ~ N(0, I). The network W2 g(W1 x) on x is the network
W2 g(W1 C z) on z, so with D = I (+) (I_Nh (x) C), which maps its parameters back,

.. math::

    L(W_2, W_1) = \tilde L(W_2, W_1 C), \qquad
    \nabla L = D \, \nabla \tilde L, \qquad
    H = D \tilde H D^\top,

where a tilde marks what holds for white inputs, at (W2, W1 C). C has rank Sigma columns:
directions in which the inputs never vary cost nothing, and add zeros to the spectrum. What takes an
`input_covariance` elsewhere in this package is made of it this way.
"""

import numpy as np
from numpy.typing import ArrayLike

from nearopt.checks import Array, finite_array, positive_integer, require_generator, require_memory
from nearopt.network.two_layer import TwoLayer, require_network

EPS = np.finfo(np.float64).eps


class ColouredInputs:
    """The law N(0, Sigma) of the inputs, and what it makes of a white-input result.

    Features may be in any units: what is rounding is told from the correlations, and only a feature
    whose standard deviation is below n eps of the largest counts as one that never varies.

    Parameters
    ----------
    input_covariance : array of shape (input_dim, input_dim)
        Sigma: symmetric and positive semidefinite, not 0.

    Attributes
    ----------
    spectrum : array of shape (input_dim,)
        Eigenvalues of Sigma, ascending; what is rounding is 0.
    factor : array of shape (input_dim, rank)
        C: standard deviations times a root of the correlations.
    """

    def __init__(self, input_covariance: ArrayLike) -> None:
        sigma = finite_array("input_covariance", input_covariance, (None, None))
        if sigma.shape[0] != sigma.shape[1]:
            raise ValueError(f"input_covariance must be square, not of shape {sigma.shape}")
        require_memory(
            f"a covariance of {len(sigma)} inputs", 56.0 * sigma.size, "use fewer inputs"
        )
        rounding = len(sigma) * EPS
        deviations = np.sqrt(np.maximum(np.diag(sigma), 0))
        deviations[deviations <= rounding * deviations.max()] = 0
        scale = np.where(deviations > 0, deviations, deviations.max() or 1.0)
        correlations = sigma / scale / scale[:, None]
        if np.abs(correlations - correlations.T).max() > rounding:
            raise ValueError("input_covariance must be symmetric: use (S + S.T) / 2")
        values, vectors = np.linalg.eigh((correlations + correlations.T) / 2)
        if values[0] < -len(sigma) * rounding or values[-1] <= 0:
            raise ValueError(
                "input_covariance must be positive semidefinite and not 0: the eigenvalues of its "
                f"correlations go from {values[0]:.3g} to {values[-1]:.3g}"
            )
        present = values > rounding * values[-1]
        self.factor = scale[:, None] * vectors[:, present] * np.sqrt(values[present])
        self.spectrum = np.zeros(len(sigma))
        self.spectrum[-self.rank :] = np.linalg.svd(self.factor, compute_uv=False)[::-1] ** 2

    @property
    def rank(self) -> int:
        """Rank of Sigma, up to rounding."""
        return self.factor.shape[1]

    def draw(self, samples: int, rng: np.random.Generator) -> Array:
        """Draw inputs (samples, input_dim) from N(0, Sigma)."""
        require_generator(rng)
        samples = positive_integer("samples", samples)
        needed = 8.0 * samples * sum(self.factor.shape)
        require_memory(f"{samples} inputs", needed, "draw fewer")
        return rng.standard_normal((samples, self.rank)) @ self.factor.T

    def whitened(self, net: TwoLayer) -> TwoLayer:
        """Return the network (W2, W1 C) that does to white inputs what `net` does to these."""
        require_network("net", net)
        if net.input_dim != len(self.factor):
            raise ValueError(
                f"input_covariance must have shape ({net.input_dim}, {net.input_dim}) for a "
                f"network of {net.input_dim} inputs, not {2 * (len(self.factor),)}"
            )
        return TwoLayer(net.W1 @ self.factor, net.W2, net.activation)

    def lift(self, net: TwoLayer, vectors: Array) -> Array:
        """Return D v for parameters v of the white network, shape (..., P~) to (..., P)."""
        return on_W1(net, vectors, self.factor.T)

    def project(self, net: TwoLayer, vectors: Array) -> Array:
        """Return D^T v for parameters v of `net`, shape (..., P) to (..., P~)."""
        return on_W1(net, vectors, self.factor)


def on_W1(net: TwoLayer, vectors: Array, matrix: Array) -> Array:
    """Multiply the rows of W1 in vectors of parameters (..., P)."""
    outer, inner = np.split(vectors, [net.W2.size], axis=-1)
    rows = inner.reshape(*inner.shape[:-1], net.hidden_dim, len(matrix)) @ matrix
    return np.concatenate([outer, rows.reshape(*inner.shape[:-1], -1)], axis=-1)
