r"""Activations g and the Gaussian expectations that every closed form of this package is made of.

An activation is anything with the three methods of `Activation`. Its kernels are

.. math:: K_{pq}(k, l) = E[g^{(p)}(u_k) \, g^{(q)}(u_l)], \qquad u \sim N(0, Q),

for a Gram matrix Q = W1 W1^T. `nearopt.hessian.dense` and `nearopt.descent.loss` need nothing else
of g.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Integral
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.polynomial import Polynomial as PowerSeries
from scipy.special import erf

from nearopt.checks import Array, finite_array

# The squared sine of an angle that the rounding of a Gram matrix can feign.
ROUNDING = 16 * np.finfo(np.float64).eps


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
class Polynomial:
    """g(u) = sum_d c_d u^d.

    Parameters
    ----------
    coefficients : tuple of float
        c_0, c_1, ... in ascending powers; the last one is not zero.
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        checked = finite_array("coefficients", self.coefficients, (None,))
        if checked[-1] == 0:
            raise ValueError(f"coefficients must end with a nonzero number, not {checked.tolist()}")
        object.__setattr__(self, "coefficients", tuple(checked.tolist()))

    @classmethod
    def of_degrees(cls, degrees: Collection[int]) -> "Polynomial":
        """Return the sum of u^d over the degrees, whole numbers of at least 0."""
        whole = isinstance(degrees, Collection) and all(isinstance(d, Integral) for d in degrees)
        if not whole or not degrees or min(degrees) < 0:
            raise ValueError(f"degrees must be whole numbers of at least 0, not {degrees!r:.80}")
        return cls(tuple(float(d in degrees) for d in range(max(degrees) + 1)))

    def __call__(self, u: Array) -> Array:
        """Return g(u), element by element."""
        return PowerSeries(self.coefficients)(u)

    def derivative(self, u: Array) -> Array:
        """Return g'(u), element by element."""
        return PowerSeries(self.coefficients).deriv()(u)

    def mean_derivatives(self, variance: Array) -> Array:
        """Return m_i = E[g^(i)(u)] for u ~ N(0, variance), shape (degree + 1, *variance.shape).

        m_i(v) = sum_d c_d d!/(d-i)! (d-i-1)!! v^((d-i)/2) over the d - i that are even.
        """
        degree = len(self.coefficients) - 1
        means = np.zeros((degree + 1, *np.shape(variance)))
        for i in range(degree + 1):
            for half in range((degree - i) // 2 + 1):
                d = i + 2 * half
                pairings = math.factorial(2 * half) // (2**half * math.factorial(half))
                means[i] += self.coefficients[d] * math.perm(d, i) * pairings * variance**half
        return means

    def kernels(self, gram: Array) -> Kernels:
        """Return the kernels by the finite Mehler sum K_pq = sum_j q_kl^j / j! m_{p+j} m_{q+j}.

        It is the Taylor series of K_pq in q_kl, whose derivatives Price's theorem gives: a
        derivative with respect to q_kl raises both orders by one.
        """
        m = self.mean_derivatives(np.diag(gram))
        degree = len(m) - 1

        def kernel(p: int, q: int) -> Array:
            total = np.zeros_like(gram)
            for j in reversed(range(degree + 1 - max(p, q))):
                total *= gram
                total += np.outer(m[p + j] / math.factorial(j), m[q + j])
            return total

        return Kernels(kernel(0, 0), kernel(1, 1), kernel(0, 2), kernel(1, 3), kernel(2, 2))


class Linear(Polynomial):
    """g(u) = u."""

    def __init__(self) -> None:
        super().__init__((0.0, 1.0))


@dataclass(frozen=True)
class Erf:
    """g(u) = erf(u / sqrt(2)), the choice of Saad & Solla (1995), whose kernels are elementary."""

    def __call__(self, u: Array) -> Array:
        """Return g(u), element by element."""
        return erf(u / math.sqrt(2))

    def derivative(self, u: Array) -> Array:
        """Return g'(u), element by element."""
        return math.sqrt(2 / math.pi) * np.exp(-(u**2) / 2)

    def kernels(self, gram: Array) -> Kernels:
        """Return the kernels, K00 after Williams (1998), the others by Price's theorem.

        With A = 1 + q_kk, B = 1 + q_ll, D = AB - q_kl^2:
        K00 = (2/pi) asin(q_kl / sqrt(AB)) = (2/pi) atan(q_kl / sqrt(D)), K11 = (2/pi) / sqrt(D),
        K02 = -K11 q_kl / B, K13 = -K11 A / D, K22 = K11 q_kl / D.
        """
        variance = np.diag(gram)
        A, B = 1 + variance[:, None], 1 + variance[None, :]
        # Not AB - q_kl^2: for large parallel rows that would lose what the two ones add.
        D = A + B - 1 + np.maximum(np.outer(variance, variance) - gram**2, 0)
        K11 = 2 / math.pi / np.sqrt(D)
        K00 = 2 / math.pi * np.arctan(gram / np.sqrt(D))
        return Kernels(K00, K11, -K11 * gram / B, -K11 * A / D, K11 * gram / D)


@dataclass(frozen=True)
class LeakyReLU:
    """g(u) = u for u > 0, slope * u for u < 0, and g'(0) halfway between the two slopes.

    Parameters
    ----------
    slope : float
        For negative u; any finite number. 0 is ReLU, 1 the identity, -1 the absolute value.
    """

    slope: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", float(finite_array("slope", self.slope, ())))

    def __call__(self, u: Array) -> Array:
        """Return g(u), element by element."""
        return np.where(u > 0, u, self.slope * u)

    def derivative(self, u: Array) -> Array:
        """Return g'(u), element by element."""
        return self.slope + (1 - self.slope) * np.heaviside(u, 0.5)

    def kernels(self, gram: Array) -> Kernels:
        """Return the kernels: K00 and K11 after Cho & Saul (2009), the others their derivatives.

        g is slope u plus 1 - slope times ReLU. For ReLU, with D = q_kk q_ll - q_kl^2 and the
        angle t = atan2(sqrt(D), q_kl) between w_k and w_l:
        K00 = (sqrt(D) + (pi - t) q_kl) / 2pi, K11 = (pi - t) / 2pi, K02 = sqrt(D) / (2pi q_ll),
        K22 = 1 / (2pi sqrt(D)), K13 = -K22 q_kl / q_ll.

        As D -> 0, K22 and K13 diverge, but what the Hessian is made of does not:
        K31 w_k w_k^T + K13 w_l w_l^T + K22 (w_k w_l^T + w_l w_k^T) falls to 0 like t. On the
        diagonal, and wherever rows coincide up to the rounding of `gram`, both are 0 here.
        """
        variance = np.diag(gram)
        scale = np.sqrt(np.outer(variance, variance))
        D = (scale - gram) * (scale + gram)
        root = np.sqrt(np.where(ROUNDING * scale**2 < D, D, 0))
        # A row of zeros has no direction; a right angle gives it the g'(0) of this class.
        angle = np.where(scale > 0, np.arctan2(root, gram), np.pi / 2)
        kink = (1 - self.slope) ** 2 / (2 * np.pi)
        inverse = 1 / np.where(variance > 0, variance, np.inf)
        K22 = np.divide(kink, root, out=np.zeros_like(gram), where=root > 0)
        return Kernels(
            K00=self.slope * gram + kink * (root + (np.pi - angle) * gram),
            K11=self.slope + kink * (np.pi - angle),
            K02=kink * root * inverse,
            K13=-K22 * gram * inverse,
            K22=K22,
        )


class ReLU(LeakyReLU):
    """g(u) = max(u, 0)."""

    def __init__(self) -> None:
        super().__init__(0.0)
