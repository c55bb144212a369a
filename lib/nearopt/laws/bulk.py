r"""The bulk of the law of any activation, and the Gaussian means that it is made of.

With u = s z, z ~ N(0, 1), an activation enters through h_p = E[g(s z) He_p(z)] and four means of
squares. Degree m of the Hermite expansion has the share kappa_m = h_m^2 / (s^2 (m - 1)!) of
E g'^2. Integrals are over g and g' alone, so that kinks do no harm.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.integrate import quad_vec
from scipy.interpolate import make_interp_spline
from scipy.special import wofz

from nearopt.checks import Array, positive_number
from nearopt.network.activations import Activation

ORDERS = 6
# Beyond it the normal density is below 1e-87.
RANGE = 20.0
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
# Equations are solved at levels turned by this angle from the real axis, where all is smooth, and
# continued from there by a Taylor series in the logarithm.
ANGLE, TERMS = 0.3, 7
# Points of the line on which gamma is integrated, and how far it reaches.
POINTS, REACH = 200, 1e3


class GaussianMoments(NamedTuple):
    """E[g(u) He_p(z)] for p = 0 to 5, E g^2, E[z g g'], E[z^2 g'^2] and E g'^2 at u = s z."""

    hermite: Array
    square: float
    cross: float
    radial: float
    slope: float


def gaussian_moments(activation: Activation, variance: float) -> GaussianMoments:
    """Return Gaussian means of an activation, to about 12 digits, kinks or not.

    Parameters
    ----------
    activation : Activation
        Of which only g and its derivative are asked.
    variance : float
        s^2, of the argument.

    Raises
    ------
    ValueError
        If the variance is not positive, or g or g' not finite within 20 standard deviations.
    """
    scale = math.sqrt(positive_number("variance", variance))

    def integrand(z: float) -> Array:
        z = np.array([z])
        g, dg = activation(scale * z), activation.derivative(scale * z)
        means = np.polynomial.hermite_e.hermevander(z, ORDERS - 1)[0] * g
        squares = np.concatenate([g * g, z * g * dg, (z * dg) ** 2, dg * dg])
        return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * np.concatenate([means, squares])

    # Pieces meet at 0, where activations have their kinks, and shrink towards it like 1/s.
    steps = np.append([0.5, 1, 2, 4, 8], np.array([0.3, 1, 4]) / max(1, scale))
    rule = {"epsabs": 1e-14, "epsrel": 1e-13, "norm": "max", "limit": 2000}
    with np.errstate(over="ignore", invalid="ignore"):
        points = np.concatenate([-steps, [0], steps])
        means, _ = quad_vec(integrand, -RANGE, RANGE, points=points, **rule)
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
    mirrored, w = w.imag > 0, np.where(w.imag > 0, w.conj(), w) / sigma**2
    far = np.abs(w) > 80
    near = np.where(far, 0, -np.sqrt(w + 0j))
    inner = -np.real(near * (wofz(near[:, None] * (NODES + 1) / math.sqrt(8)) @ WEIGHTS))
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


@dataclass
class Bulk:
    """Degrees from 2, averaged over teachers, at levels z that are turned from the real axis.

    Where the tensors' matrix has the eigenvalue t, a unit acts on an input direction with D a^2,

        D = c0 + b m(-1 - t),   1/m(t) = -t + (1/c) E[b a^2 / ((c0 + b m(t)) a^2 - z)],

    and of cubic features, too many for their dimension, 1 / (1 + crowding E[kappa_3 y]) is left.
    Arrays linear, quadratic, cubic and rest are kappa_1, b, kappa_3 and c0 of each kind of unit,
    and weights their probabilities; x are equidistant logarithms of levels.
    """

    aspect_ratio: float
    crowding: float
    sigma: float
    weights: Array
    linear: Array
    quadratic: Array
    cubic: Array
    rest: Array
    x: Array

    def __post_init__(self) -> None:
        self.z = np.exp(self.x - 1j * ANGLE)
        self.zeros = max(0.0, 1 - 1 / self.aspect_ratio)
        self.share3 = np.ones(len(self.x), complex)
        self.coherent = bool(self.quadratic.any())
        if self.coherent:
            self.place_line()
        crowded = self.crowding * self.cubic.max() > 1e-3 * (self.rest + self.quadratic).max()
        for _ in range(12 if crowded else 1):
            self.settle()
            if crowded:
                cubic = self.average(lambda D, z: self.squares(D, z) @ (self.weights * self.cubic))
                self.share3 = (self.share3 + 1 / (1 + self.crowding * cubic)) / 2

    @property
    def atom(self) -> float:
        """Share of zeros: without degrees from 3 there are no more dimensions than tensors."""
        c = self.aspect_ratio
        return 0.0 if self.rest.any() else 1 - c / 2 if c < 1 else 1 / (2 * c)

    def outside(self) -> Array:
        """Return D where gamma is large, (levels, kinds); its last term keeps it from 0."""
        rest = self.rest - self.cubic * (1 - self.share3[:, None])
        return rest + 1e-6 * np.exp(self.x)[:, None] / self.sigma**2

    def squares(self, D: Array, z: Array) -> Array:
        """Return E a^2 / (D a^2 - z)."""
        return (1 + z / D * inverse_mean(z / D, self.sigma)) / D

    def place_line(self) -> None:
        """Put t on a tilted line through -1/2 with every gamma below it, and follow m down to it.

        Far above it m = -1/t.
        """
        tilt, u = np.exp(0.5j * ANGLE) / 2, (2 * np.arange(POINTS) + 1) / POINTS - 1
        b, c0 = self.weights @ self.quadratic, self.weights @ self.rest
        largest = (1 + b / (c0 + np.exp(self.x)))[:, None]
        reach = np.arcsinh(2 * REACH * largest)
        self.t = -0.5 + tilt * np.sinh(reach * u)
        self.dt = 2 * tilt / POINTS * np.cosh(reach * u) * reach
        self.nodes = np.append(self.t, np.full_like(self.t[:, :1], -1.0), axis=1)
        heights = 16.0 * largest * 0.6 ** np.arange(1, 22 + 2 * math.log(largest.max()))
        self.m = -1 / (self.nodes + 1j * heights[:, :1])
        for height in heights.T:
            self.improve(self.nodes + 1j * height[:, None])

    def improve(self, t: Array) -> float:
        """Take a Newton step for 1/m at t, and return its largest relative change."""
        D = self.outside()[:, None] + self.m[..., None] * self.quadratic
        w, density = self.z[:, None, None] / D, self.weights * self.quadratic / self.aspect_ratio
        mean = inverse_mean(w, self.sigma)
        square = 1 + w * mean
        slope = -(square + w * mean - w * (mean + square / self.sigma**2) / 2) / D**2
        value = -1 / self.m - t + (square / D) @ density
        step = value / (1 / self.m**2 + slope @ (density * self.quadratic))
        self.m = self.m / (1 + step / self.m)
        return float(np.abs(step / self.m).max())

    def settle(self) -> None:
        """Take steps until m solves its equation."""
        for _ in range(20 if self.coherent else 0):
            if self.improve(self.nodes) < 1e-9:
                break

    def average(self, function: Callable[[Array, Array], Array]) -> Array:
        r"""Return the mean over input directions of an analytic function of D and z.

        .. math:: F(\infty) + \frac{1}{2 \pi i} \int (F(D(t)) - F(\infty)) m(t) dt
        """
        outside = self.outside()
        far = function(outside, self.z[:, None])
        if not self.coherent:
            return far
        inside = outside[:, None] + self.m[:, -2::-1, None] * self.quadratic
        values = function(inside, self.z[:, None, None]) - far[:, None]
        zero = function(outside + self.m[:, -1:] * self.quadratic, self.z[:, None])
        return far + (values * self.measure()).sum(1) + self.zeros * (zero - far)

    def measure(self) -> Array:
        """Return m dt / (2 pi i) without the pole that zeros of gamma leave at t = 0."""
        return (self.m[:, :-1] + self.zeros / self.t) * self.dt / (2j * math.pi)

    def real(self, values: Array) -> Array:
        """Continue values at the turned levels to the real ones."""
        spline = make_interp_spline(self.x, values, k=TERMS)
        terms = ((1j * ANGLE) ** k / math.factorial(k) * spline(self.x, nu=k) for k in range(TERMS))
        return sum(terms)

    def distribution(self) -> Array:
        """Return the share of eigenvalues below each level: the mass of the trace's density."""
        trace = self.average(lambda D, z: inverse_mean(z / D, self.sigma) / D @ self.weights)
        density = np.maximum(-self.real(trace * self.z + self.atom).imag, 0)
        mass = np.append(0, np.cumsum(density[1:] + density[:-1]))
        mass += 0 if self.atom else 4 * density[0] / (self.x[1] - self.x[0])
        return self.atom + (1 - self.atom) * mass / mass[-1]

    def pairs(self) -> Array:
        """Return P(2 gamma < -1)."""
        if not self.coherent:
            return np.zeros(len(self.x))
        logs = (self.m[:, :-1] + 1 / self.t) * self.dt
        return self.real(logs[:, : POINTS // 2].sum(1)).imag / math.pi

    def tensor_share(self) -> Array:
        """Return what share of its degree 2 a unit has to itself."""
        if not self.coherent:
            return np.ones(len(self.x))
        share = (self.m[:, -2::-1] * self.measure()).sum(1) + self.zeros * self.m[:, -1]
        return below(self.real(share).conj()).conj()

    def linear_response(self) -> tuple[Array, Array]:
        """Return y, the mean of kappa_1 a^2 / (D a^2 - z), and how much larger its mean arg is."""
        kappa = self.weights * self.linear
        mean = self.average(lambda D, z: self.squares(D, z) @ kappa)
        angle = self.average(lambda D, z: np.log(1j * self.squares(D, z) @ kappa)) - np.log(
            1j * mean
        )
        return below(self.real(mean)), self.real(angle).imag / math.pi
