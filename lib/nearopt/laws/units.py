r"""One unit of a large network: its Gaussian means, and its own two parameters among the others.

With u = s z, z ~ N(0, 1), an activation enters through h_p = E[g(s z) He_p(z)] and four means of
squares. Degree m of the Hermite expansion has the share kappa_m = h_m^2 / (s^2 (m - 1)!) of
E g'^2. Integrals are over g and g' alone, so that kinks do no harm.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.integrate import quad_vec
from scipy.special import wofz

from nearopt.checks import Array, positive_number
from nearopt.network.kernels import Activation
from nearopt.network.two_layer import require_activation

ORDERS = 6
# Beyond it the normal density is below 1e-87.
RANGE = 20.0
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


class GaussianMoments(NamedTuple):
    """E[g(u) He_p(z)] for p = 0 to 5, E g^2, E[z g g'], E[z^2 g'^2] and E g'^2 at u = s z."""

    hermite: Array
    square: float
    cross: float
    radial: float
    slope: float


def gaussian_moments(activation: Activation, variance: float) -> GaussianMoments:
    """Return Gaussian means of an activation, to about 12 digits of the largest, kinks or not.

    Parameters
    ----------
    activation : Activation
        Of which only g and its derivative are asked.
    variance : float
        s^2, of the argument.
    """
    require_activation(activation)
    scale = math.sqrt(positive_number("variance", variance))

    # Pieces meet at 0, where activations have their kinks, and shrink towards it like 1/s.
    steps = np.append([0.5, 1, 2, 4, 8, RANGE], np.array([0.3, 1, 4]) / max(1, scale))
    ends = np.unique([*-steps, 0, *steps])

    def integrand(share: float) -> Array:
        """Sum over the pieces, at one share of each."""
        z = ends[:-1] + share * np.diff(ends)
        g, dg = activation(scale * z), activation.derivative(scale * z)
        means = g * np.polynomial.hermite_e.hermevander(z, ORDERS - 1).T
        squares = np.stack([g * g, z * g * dg, (z * dg) ** 2, dg * dg])
        density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return np.concatenate([means, squares]) @ (density * np.diff(ends))

    rule = {"epsabs": 1e-14, "epsrel": 1e-13, "norm": "max", "limit": 2000}
    with np.errstate(over="ignore", invalid="ignore"):
        means, _ = quad_vec(integrand, 0, 1, **rule)
    if not np.isfinite(means).all():
        raise ValueError(
            f"activation must be finite, with its derivative, up to |u| = {RANGE * scale:.3g}"
        )
    return GaussianMoments(means[:ORDERS], *means[ORDERS:])


def norm_rule(input_dim: int, points: int) -> tuple[Array, Array]:
    """Return a Gauss rule for chi-square / input_dim, the squared norm of a row of W1 / s^2."""
    k, shape = np.arange(points), input_dim / 2
    off = np.diag(np.sqrt(k[1:] * (k[1:] + shape - 1)), 1)
    nodes, vectors = np.linalg.eigh(np.diag(2 * k + shape) + off + off.T)
    return nodes / shape, vectors[0] ** 2


def inverse_mean(w: Array, sigma: float) -> Array:
    """Return E 1 / (a^2 - w), a ~ N(0, sigma^2), continued from below the real axis of w."""
    root = 1j * np.sqrt(-w + 0j)
    return 1j * math.sqrt(math.pi / 2) * wofz(root / (sigma * math.sqrt(2))) / (sigma * root)


def mean_angle(w: Array, sigma: float) -> Array:
    """Return E arg(a^2 - w) / pi: from 0 to 1 for w below the real axis, P(a^2 < w) on it."""
    mirrored = (w.imag > 0) & (w.real < 0)
    w = np.where(w.imag > 0, w.conj(), w) / sigma**2
    far = np.abs(w) > 80
    near = np.where(far, 0, -np.sqrt(w + 0j))
    inner = -np.real(near * (wofz(near[..., None] * (NODES + 1) / math.sqrt(8)) @ WEIGHTS))
    w = np.where(far, w, 1e9)
    outer = np.abs(np.angle(-w)) - np.imag(1 / w + 1.5 / w**2 + 5 / w**3)
    angle = np.where(far, outer / math.pi, inner / math.sqrt(2 * math.pi))
    return np.where(mirrored, -angle, angle)


def positive_angle(value: Array) -> Array:
    """Return arg / pi, from 0 to 1, of values that rounding may have put below the real axis."""
    angle = np.angle(value) / math.pi
    return np.where(angle < -0.5, 1.0, np.maximum(angle, 0.0))


def below(value: Array) -> Array:
    """Return values without the imaginary part that rounding has put above 0."""
    return value.real + 1j * np.minimum(value.imag, 0)


class LocalUnit(NamedTuple):
    r"""A unit's own two parameters: its outgoing weight a and the length of its row.

    Their features are g(s z) and a z g'(s z). What other units leave of their Gram matrix is [[A,
    a B], [a B, a^2 C]], of shape (kinds, levels), and its determinant at a level E (a^2 - w).
    """

    A: Array
    B: Array
    C: Array
    levels: Array
    sigma: float

    def determinant(self) -> tuple[Array, Array]:
        """Return E and w."""
        product, square = self.A * self.C, self.B**2
        singular = np.abs(product - square) < 1e-9 * np.abs(product)
        slope = np.where(singular, 0, product - square) - self.levels * self.C
        w = self.levels * (self.A - self.levels) / slope
        return slope, np.where((w.imag > 0) & (w.real > 0), w.conj(), w)

    def count(self) -> Array:
        """Return the mean number, from 0 to 2, of eigenvalues below each level."""
        slope, w = self.determinant()
        return positive_angle(self.C) + positive_angle(slope / self.C) + mean_angle(w, self.sigma)

    def response(self, own: Array, row: Array) -> Array:
        """Return E v^T (Gram - level)^{-1} v for v = (own, a row)."""
        slope, w = self.determinant()
        mean = inverse_mean(np.where(w.imag > 0, w.conj(), w), self.sigma)
        mean = np.where(w.imag > 0, mean.conj(), mean)
        linear = own**2 * self.C - 2 * own * row * self.B + row**2 * (self.A - self.levels)
        constant, variance = -self.levels * own**2, self.sigma**2
        # Where E is next to 0, a^2 - w is -w.
        flat = -(linear * variance + constant) / (slope * w)
        inside = (linear * (1 + w * mean) + constant * mean) / slope
        return np.where(np.abs(w) > 1e7 * variance, flat, inside)
