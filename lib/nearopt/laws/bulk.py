r"""The bulk of the Hessian's eigenvalues for large networks of any activation, one output.

Degree by degree in Hermite polynomials, with s^2 = Ni sigma1^2 the variance of a preactivation:
degree 1 gives Ni large eigenvalues; degree 2, with b = s^2 (E g'')^2, a Gram matrix of symmetric
tensors; all others the diagonal c0 a_k^2, c0 = E g'^2 - (E g')^2 - b. The matrix of degrees from 2
has, exactly and for every W1, a and level,

.. math::

    \#\{\text{eigenvalues} < \lambda\} = N_i \#\{k : c_0 a_k^2 < \lambda\}
        - \#\{i \le j : \gamma_i + \gamma_j < -1\},

gamma the eigenvalues of the sum of b a_k^2 / (c0 a_k^2 - lambda) w_k w_k^T / |w_k|^2 (Haynsworth's
inertia additivity). They follow the law of a weighted sample covariance matrix (Silverstein & Bai
1995), so that in the limit, in units of sigma2^2 b,

.. math:: F(x) = P(\delta a^2 < x) - \tfrac{c}{2} P(\gamma + \gamma' < -1), \qquad
    \delta = c_0 / b, \quad c = N_i / N_h, \quad a \sim N(0, 1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

from nearopt.checks import Array, finite_array
from nearopt.laws.units import below, gaussian_moments, inverse_mean
from nearopt.network.two_layer import TwoLayer, require_network

# Equations are solved at levels turned by this angle from the real axis, where all is smooth, and
# continued from there by a Taylor series in the logarithm.
ANGLE, TERMS = 0.3, 7
# Points of the line on which gamma is integrated, and how far it reaches.
POINTS, REACH = 160, 1e3


def leading_count(net: TwoLayer, levels: ArrayLike) -> NDArray[np.int64]:
    """Count the eigenvalues of one teacher's matrix of degrees from 2, as above, exactly.

    Parameters
    ----------
    net : TwoLayer
        The teacher, with one output.
    levels : array of shape (levels,)
        None of them an eigenvalue or a unit's c0 a_k^2.

    Returns
    -------
    array of shape (levels,)
        Those of all Nh Ni that are below each level, from a matrix (Ni, Ni) alone.
    """
    require_network("net", net)
    levels, variances = finite_array("levels", levels, (None,)), (net.W1**2).sum(1)
    moments = [gaussian_moments(net.activation, variance) for variance in variances]
    first, second = np.array([m.hermite[1:3] ** 2 for m in moments]).T / variances
    rest = np.maximum([m.slope for m in moments] - first - second, 0)
    rows, counts = net.W1 / np.sqrt(variances)[:, None], []
    for level in levels:
        shifted = rest * net.W2[0] ** 2 - level
        gamma = np.linalg.eigvalsh(rows.T * (second * net.W2[0] ** 2 / shifted) @ rows)
        pairs = np.triu(np.add.outer(gamma, gamma) < -1).sum()
        counts.append(net.input_dim * (shifted < 0).sum() - pairs)
    return np.array(counts)


@dataclass
class Bulk:
    r"""Degrees from 2, averaged over teachers, at levels z that are turned from the real axis.

    Where the tensors' matrix has the eigenvalue t, a unit acts on an input direction with D a^2,

    .. math::

        D = c_0 + b \, m(-1 - t), \qquad
        \frac{1}{m(t)} = -t + \frac{1}{c} E\Bigl[\frac{b a^2}{(c_0 + b \, m(t)) a^2 - z}\Bigr],

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
        self.place_line()
        self.settle()
        for _ in range(40):
            cubic = self.average(lambda _, y: y @ (self.weights * self.cubic))
            change = 1 / (1 + self.crowding * cubic) - self.share3
            self.share3 = self.share3 + 0.8 * change
            if np.abs(change).max() < 1e-3:
                break
            self.improve(self.nodes)
        self.settle()

    @property
    def atom(self) -> float:
        """Share of zeros: without degrees from 3 there are no more dimensions than tensors."""
        c = self.aspect_ratio
        return 0.0 if self.rest.any() else 1 - c / 2 if c < 1 else 1 / (2 * c)

    def outside(self) -> Array:
        """Return D where gamma is large, (levels, kinds); its last term keeps it from 0."""
        rest = self.rest - self.cubic * (1 - self.share3[:, None])
        return rest + 1e-6 * np.exp(self.x)[:, None] / self.sigma**2

    def place_line(self) -> None:
        """Put t on a tilted line through -1/2 with every gamma below it, and follow m down to it.

        Far above it m = -1/t. Without degree 2 all gamma are 0, and two points will do.
        """
        points = POINTS if self.quadratic.any() else 2
        tilt, u = np.exp(0.5j * ANGLE) / 2, (2 * np.arange(points) + 1) / points - 1
        b, c0 = self.weights @ self.quadratic, self.weights @ self.rest
        largest = (1 + b / (c0 + np.exp(self.x)))[:, None]
        reach = np.arcsinh(2 * REACH * largest)
        self.t = -0.5 + tilt * np.sinh(reach * u)
        self.dt = 2 * tilt / points * np.cosh(reach * u) * reach
        self.nodes = np.append(self.t, np.full_like(self.t[:, :1], -1.0), axis=1)
        heights = 16.0 * largest * 0.1 ** np.arange(1, 6 + math.log10(largest.max()))
        self.m = -1 / (self.nodes + 1j * heights[:, :1])
        for height in heights.T:
            self.improve(self.nodes + 1j * height[:, None])

    def improve(self, t: Array) -> float:
        """Take a Newton step for 1/m at t, and return its largest relative change."""
        self.D = self.outside()[:, None] + self.m[..., None] * self.quadratic
        w, density = self.z[:, None, None] / self.D, self.weights * self.quadratic
        mean = inverse_mean(w, self.sigma)
        square = 1 + w * mean
        self.y = square / self.D
        slope = -(square + w * mean - w * (mean + square / self.sigma**2) / 2) / self.D**2
        value = -1 / self.m - t + self.y @ density / self.aspect_ratio
        step = value / (1 / self.m**2 + slope @ (density * self.quadratic) / self.aspect_ratio)
        self.m = self.m / (1 + step / self.m)
        return float(np.abs(step / self.m).max())

    def settle(self) -> None:
        """Take steps until m solves its equation."""
        for _ in range(20):
            if self.improve(self.nodes) < 1e-5:
                break

    def average(self, function: Callable[[Array, Array], Array]) -> Array:
        r"""Return the mean over input directions of a function of D and y = E a^2 / (D a^2 - z).

        .. math:: F(\infty) + \frac{1}{2 \pi i} \int (F(D(t)) - F(\infty)) m(t) dt
        """
        D = self.outside()
        w = self.z[:, None] / D
        far = function(D, (1 + w * inverse_mean(w, self.sigma)) / D)
        values = function(self.D, self.y) - far[:, None]
        return far + (values[:, -2::-1] * self.measure()).sum(1) + self.zeros * values[:, -1]

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
        trace = self.average(lambda D, y: (D * y - 1) @ self.weights)
        density = np.maximum(-self.real(trace + self.atom).imag, 0)
        mass = np.append(0, np.cumsum(density[1:] + density[:-1]))
        mass += 0 if self.atom else 4 * density[0] / (self.x[1] - self.x[0])
        return self.atom + (1 - self.atom) * mass / mass[-1]

    def pairs(self) -> Array:
        """Return P(2 gamma < -1)."""
        logs = (self.m[:, :-1] + 1 / self.t) * self.dt
        return self.real(logs[:, : logs.shape[1] // 2].sum(1)).imag / math.pi

    def tensor_share(self) -> Array:
        """Return what share of its degree 2 a unit has to itself."""
        if not self.quadratic.any():
            return np.ones_like(self.z)
        share = (self.m[:, -2::-1] * self.measure()).sum(1) + self.zeros * self.m[:, -1]
        return below(self.real(share).conj()).conj()

    def linear_response(self) -> tuple[Array, Array]:
        """Return y, the mean of kappa_1 a^2 / (D a^2 - z), and how much larger its mean arg is."""
        kappa = self.weights * self.linear
        mean = self.average(lambda _, y: y @ kappa)
        log = self.average(lambda _, y: np.log(1j * y @ kappa))
        return below(self.real(mean)), self.real(log - np.log(1j * mean)).imag / math.pi
