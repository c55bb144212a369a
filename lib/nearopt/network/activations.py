"""Activations whose Gaussian expectations are elementary: polynomials, erf and rectifiers."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np
from numpy.polynomial import Polynomial as PowerSeries
from scipy.special import erf

from nearopt.checks import Array, finite_array
from nearopt.network.kernels import Blocks, Kernels, Rows
from nearopt.network.mehler import mehler_kernels

# The squared sine of an angle that the rounding of a Gram matrix can feign.
ROUNDING = 16 * np.finfo(np.float64).eps


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

    def hermite_coefficients(self, scales: Array) -> Array:
        """Return E[g^(p)(s z) h_j(z)] for p < 4 and j up to the degree, shape (4, scales, j).

        z h_j = sqrt(j + 1) h_{j+1} + sqrt(j) h_{j-1} leads from one power of s z to the next, by
        sums of positive numbers.
        """
        degree = len(self.coefficients) - 1
        j = np.arange(1, degree + 1)
        derivatives = np.zeros((4, degree + 1))
        derivatives[0] = self.coefficients
        for lower, higher in pairwise(derivatives):
            higher[:-1] = lower[1:] * j
        step, power = np.outer(scales, np.sqrt(j)), np.zeros((len(scales), degree + 1))
        power[:, 0] = 1
        total = np.multiply.outer(derivatives[:, 0], power)
        for c in derivatives.T[1:]:
            below, above = step * power[:, :-1], step * power[:, 1:]
            power[:, 0] = 0
            power[:, 1:] = below
            power[:, :-1] += above
            total += np.multiply.outer(c, power)
        return total

    def kernels(self, gram: Array) -> Kernels:
        """Return the kernels by Mehler's formula, whose sum ends at the degree."""
        return mehler_kernels(self.hermite_coefficients(np.sqrt(np.diag(gram))), gram)


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

    def blocks(self, rows: Rows) -> Blocks:
        """Return the blocks to about 1e-15 of the largest entry, times |w_k| at narrow angles.

        E[g'(u_k) g'(u_l) x x^T] = K11 (I + w_k w_k^T + w_l w_l^T)^-1, here with e = 1 / sqrt(1 +
        q), f = sqrt(q) e and D e_k^2 e_l^2 = e_k^2 + f_k^2 e_l^2 + f_k^2 f_l^2 sin^2(t), t the
        angle of the rows: all are sums of positive numbers of at most 1.
        """
        sine, cosine = rows.half_angles()
        e = 1 / np.hypot(1, rows.norms)
        f = rows.norms * e
        root = np.hypot(np.hypot(e[:, None], np.outer(f, e)), 2 * np.outer(f, f) * sine * cosine)
        cos = (cosine - sine) * (cosine + sine)
        values = 2 / math.pi * np.arctan2(np.outer(f, f) * cos, root)
        K11, own = 2 / math.pi * np.outer(e, e) / root, 2 / math.pi * np.outer(f, e) / root
        if rows.unit.shape[1] == 1:
            # All rows lie along the one input, where I and the terms of the rows would cancel.
            zero = np.zeros_like(K11)
            along = K11 * (np.outer(e, e) / root) ** 2
            return Blocks(rows.unit, values, own * e**2, zero, along, zero, zero, zero)
        x, z = np.outer(f, e) / root, np.outer(f, f) / root
        mean, skew = (x**2 + x.T**2) / 4, K11 * (x.T**2 - x**2) / 2
        plus, minus = (-K11 * (mean + (z * half) ** 2) for half in (sine, cosine))
        return Blocks(rows.unit, values, own, -own * cos * f**2, K11, plus, minus, skew)


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

    def blocks(self, rows: Rows) -> Blocks:
        """Return the blocks to about 1e-15 of the largest entry, at any length and angle of rows.

        With a and b along two rows at the angle t, the part of ReLU that is singular in K13 and
        K22 is [tan(t/2) (a + b)(a + b)^T - cot(t/2) (a - b)(a - b)^T] / 4pi.
        """
        sine, cosine = rows.half_angles()
        norms, kink = rows.norms[:, None], (1 - self.slope) ** 2 / (2 * np.pi)
        rest, cos = 2 * np.arctan2(cosine, sine), (cosine - sine) * (cosine + sine)
        ramp = self.slope * cos + kink * (2 * sine * cosine + rest * cos)
        K11, zero = self.slope + kink * rest, np.zeros_like(sine)
        tangent, cotangent = (
            np.divide(over, under, out=np.zeros_like(sine), where=under > 0)
            for over, under in ((sine, cosine), (cosine, sine))
        )
        return Blocks(
            rows.unit,
            values=norms * rows.norms * ramp,
            own=K11 * norms,
            other=2 * kink * sine * cosine * norms,
            isotropic=K11,
            plus=kink / 2 * tangent,
            minus=-kink / 2 * cotangent,
            skew=zero,
        )


class ReLU(LeakyReLU):
    """g(u) = max(u, 0)."""

    def __init__(self) -> None:
        super().__init__(0.0)
