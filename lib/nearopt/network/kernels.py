r"""What the closed forms of this package ask of an activation g, and how they get it.

An activation is anything with the three methods of `Activation`. Its kernels are

.. math:: K_{pq}(k, l) = E[g^{(p)}(u_k) \, g^{(q)}(u_l)], \qquad u \sim N(0, Q),

for a Gram matrix Q = W1 W1^T. The Gram matrix of nearly parallel rows knows their angle to half the
digits only, so that an activation whose kernels are sensitive to it (`Erf`, `LeakyReLU`) has a
method `blocks` as well, which is given the rows themselves.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np

from nearopt.checks import Array, require_memory

# Squared sine of half an angle, below which a cosine has lost digits of it.
NARROW = 0.05


class Kernels(NamedTuple):
    """E[g^(p)(u_k) g^(q)(u_l)] at row k, column l; each of shape (hidden_dim, hidden_dim).

    K00, K11 and K22 are symmetric; K20 and K31 are the transposes of K02 and K13.
    """

    K00: Array
    K11: Array
    K02: Array
    K13: Array
    K22: Array


@runtime_checkable
class Activation(Protocol):
    """What the package asks of an activation."""

    def __call__(self, u: Array) -> Array:
        """Return g(u), element by element."""

    def derivative(self, u: Array) -> Array:
        """Return g'(u), element by element."""

    def kernels(self, gram: Array) -> Kernels:
        """Return the kernels on a positive semidefinite Gram matrix (hidden_dim, hidden_dim)."""


@dataclass(frozen=True)
class Rows:
    """The rows of W1 as lengths, shape (hidden_dim,), and unit vectors a_k (0 for a row of 0)."""

    norms: Array
    unit: Array

    @classmethod
    def of(cls, W1: Array) -> Self:
        """Split rows of any size: no square leaves the range of floats."""
        scale = np.abs(W1).max(1, keepdims=True)
        scaled = np.divide(W1, scale, out=np.zeros_like(W1), where=scale > 0)
        length = np.linalg.norm(scaled, axis=1, keepdims=True)
        return cls((scale * length)[:, 0], scaled / np.maximum(length, 1))

    def half_angles(self) -> tuple[Array, Array]:
        """Return the sine and the cosine of half the angle between rows, |a_k -+ a_l| / 2.

        Where they are small the difference is taken of the rows, not of the cosine and 1.
        """
        cosine, size = self.unit @ self.unit.T, 2**20 // self.unit.shape[1] + 1
        halves = []
        for sign in (-1, 1):
            squares = (1 + sign * cosine) / 2
            pairs = np.argwhere(squares < NARROW)
            for start in range(0, len(pairs), size):
                k, l = pairs[start : start + size].T  # noqa: E741
                squares[k, l] = ((self.unit[k] + sign * self.unit[l]) ** 2).sum(1) / 4
            halves.append(np.sqrt(squares))
        return halves[0], halves[1]


class Blocks(NamedTuple):
    r"""What the Hessian is made of, in the unit rows a_k of W1 and terms that do not cancel.

    .. math::

        E[g(u_k) g(u_l)] &= values \\
        E[g(u_k) g'(u_l) x] &= own \, a_k + other \, a_l \\
        E[g'(u_k) g'(u_l) x x^T] &= isotropic \, I + plus \, (a_k + a_l)(a_k + a_l)^T \\
            &\quad + minus \, (a_k - a_l)(a_k - a_l)^T + skew \, (a_k a_k^T - a_l a_l^T)

    All but `unit`, the rows a_k, have the shape (hidden_dim, hidden_dim).
    """

    unit: Array
    values: Array
    own: Array
    other: Array
    isotropic: Array
    plus: Array
    minus: Array
    skew: Array


def blocks(activation: Activation, W1: Array) -> Blocks:
    """Return the blocks of an activation at rows of W1; refuse what leaves the range of floats."""
    units = len(W1)
    require_memory(f"the kernels of {units} hidden units", 160.0 * units**2, "use fewer of them")
    with np.errstate(over="ignore", invalid="ignore"):
        rows = Rows.of(W1)
        if hasattr(activation, "blocks"):
            made = activation.blocks(rows)
        else:
            made = _of_kernels(activation.kernels(W1 @ W1.T), rows)
        total = made.values.sum() + made.plus.sum() + made.minus.sum()
    if not np.isfinite(total):
        raise ValueError(
            f"the kernels of {activation!r:.80} leave the range of floats for rows of W1 of norm "
            f"{rows.norms.max():.3g}; scale W1"
        )
    return made


def _of_kernels(kernels: Kernels, rows: Rows) -> Blocks:
    """Return K11 I + K31 w_k w_k^T + K13 w_l w_l^T + K22 (w_k w_l^T + w_l w_k^T) so split."""
    K00, K11, K02, K13, K22 = kernels
    left, right = rows.norms[:, None], rows.norms
    mean = (K13.T * left**2 + K13 * right**2) / 4
    mixed = K22 * left * right / 2
    skew = (K13.T * left**2 - K13 * right**2) / 2
    return Blocks(rows.unit, K00, K11 * left, K02 * right, K11, mean + mixed, mean - mixed, skew)
