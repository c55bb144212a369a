"""The mean density of the eigenvalues of a real Wishart matrix, exact at any size.

Its limit is the Marchenko-Pastur law; `nearopt.laws.linear` convolves it.
"""

import math

import numpy as np
from scipy.special import betaln, gammaincc, gammaln, xlogy
from scipy.stats import rv_continuous

from nearopt.checks import Array, finite_array, positive_integer, positive_number
from nearopt.laws.tails import inverse, legendre

# Beyond this, an aspect ratio leaves a law that floats do not resolve.
MOST_UNEQUAL = 1e20


def singular_value_density(t: Array, n: int, p: int) -> Array:
    r"""Mean density of the singular values of a Gaussian matrix of shape (n, p), p <= n.

    Parameters
    ----------
    t : array of shape (points,)
        Singular values, at least 0.
    n, p : int
        Rows and columns; the entries are independent and of unit variance.

    Returns
    -------
    array of shape (points,)
        g(t) = 2 t rho(t^2), of integral p: rho is the density of the eigenvalues. To a relative
        precision of 1e-12 wherever it is above 1e-300, up to sizes in the hundreds.

    Notes
    -----
    With a = n - p, phi_k the orthonormal Laguerre functions of x^a exp(-x), psi_k =
    phi_k / sqrt(x), s_k = sqrt(k (k + a)), I_k the integral of psi_k and E_k(x) half the integral
    of sgn(x - y) psi_k(y) dy,

    .. math::

        \rho = \sum_{k \le p-2} \phi_k^2 + \tfrac12 s_{p-1} \psi_{p-1} E_{p-2}
            + [p \text{ odd}] \, \psi_{p-1} / I_{p-1},

    and, to find these from the first of each kind,

    .. math::

        x \phi_k &= s_{k+1} \phi_{k+1} + (2k + 1 + a) \phi_k + s_k \phi_{k-1} \\
        s_{k+1} E_{k+1} &= s_k E_{k-1} - 2 \sqrt x \, \phi_k \\
        I_{k+2} &= I_k s_{k+1} / s_{k+2}

    Each phi_k is kept as r_k exp(scale), lest it underflow. Structure after Adler, Forrester,
    Nagao and van Moerbeke (2000); the recurrences follow from those of the Laguerre polynomials.
    """
    t = finite_array("t", t, (None,))
    if t.min() < 0:
        raise ValueError(f"t must not be negative, as {t.min():g} is")
    if positive_integer("p", p) > positive_integer("n", n):
        raise ValueError(f"p must be at most n = {n}, not {p}: transpose the matrix")
    factor, scale = _scaled_density(t, n, p)
    return factor * np.exp(scale)


def log_singular_value_density(t: Array, n: int, p: int) -> Array:
    """Return the logarithm of `singular_value_density` at t > 0, to a relative precision."""
    factor, scale = _scaled_density(t, n, p)
    return np.log(factor) + scale


def _scaled_density(t: Array, n: int, p: int) -> tuple[Array, Array]:
    """Return a factor and the logarithm of another, whose product is g(t)."""
    x, a = t * t, n - p
    s = np.sqrt(np.arange(p + 1.0) * (np.arange(p + 1) + a))
    scale = (xlogy(a, x) - x - gammaln(a + 1)) / 2
    r_before, r = np.zeros_like(x), np.ones_like(x)
    integral = math.exp((math.log(2) + betaln((a + 1) / 2, 0.5)) / 2)
    E_before, E = np.zeros_like(x), integral * (0.5 - gammaincc((a + 1) / 2, x / 2))
    # The sum of phi^2 is kept in units of exp(scale), like what it is added to.
    squares = np.zeros_like(x)
    for k in range(p - 1):
        phi = r * np.exp(scale)
        squares += r * phi
        E_before, E = E, (s[k] * E_before - 2 * t * phi) / s[k + 1]
        r_before, r = r, ((x - (2 * k + 1 + a)) * r - s[k] * r_before) / s[k + 1]
        if k % 2 == 0 and k < p - 2:
            integral *= s[k + 1] / s[k + 2]
        size = np.maximum(np.maximum(abs(r), abs(r_before)), 1.0)
        r, r_before, scale = r / size, r_before / size, scale + np.log(size)
        squares /= size
    return 2 * t * squares + s[p - 1] * r * E_before + (2 * r / integral if p % 2 else 0.0), scale


def spectral_cumulants(n: int, p: int) -> Array:
    """Return the first four cumulants of an eigenvalue of W^T W, W of shape (n, p), zeros included.

    From the moments E tr (W^T W)^k / p, sums over the pairings of 2k Gaussians.
    """
    total, product = n + p, n * p
    first = n
    second = n * (total + 1)
    third = n * (total**2 + product + 3 * total + 4)
    fourth = n * (total**3 + 3 * product * total + 6 * total**2 + 5 * product + 21 * total + 20)
    return np.array(
        [
            first,
            second - first**2,
            third - 3 * first * second + 2 * first**3,
            fourth - 4 * first * third - 3 * second**2 + 12 * first**2 * second - 6 * first**4,
        ],
        dtype=float,
    )


class MarchenkoPastur(rv_continuous):
    r"""Limit law of the eigenvalues of W^T W / n, for W of shape (n, p) and p / n = aspect_ratio.

    With c the aspect ratio, the density is (Marchenko and Pastur 1967)

    .. math:: \frac{\sqrt{(b - x)(x - a)}}{2 \pi c x}, \qquad a, b = (1 \mp \sqrt c)^2.

    Parameters
    ----------
    aspect_ratio : float
        Columns over rows of W, whose entries have unit variance.

    Attributes
    ----------
    atom : float
        Probability of the value 0: 1 - 1 / aspect_ratio if that is positive. `pdf` leaves it out;
        `cdf`, `ppf`, `rvs` and `stats` have it.
    """

    def __init__(self, aspect_ratio: float) -> None:
        self.aspect_ratio = positive_number("aspect_ratio", aspect_ratio)
        if not 1 / MOST_UNEQUAL <= self.aspect_ratio <= MOST_UNEQUAL:
            raise ValueError(
                f"aspect_ratio must be from {1 / MOST_UNEQUAL:g} to {MOST_UNEQUAL:g}, not "
                f"{self.aspect_ratio:g}: there the law is a point, as floats have it"
            )
        self.edges = (1 - math.sqrt(aspect_ratio)) ** 2, (1 + math.sqrt(aspect_ratio)) ** 2
        self.atom = max(0.0, 1 - 1 / aspect_ratio)
        # scipy takes the cdf to be 0 at the lower end of the support, where the atom would be.
        lower = math.nextafter(0, -1) if self.atom else self.edges[0]
        super().__init__(a=lower, b=self.edges[1], name=type(self).__name__)

    def _updated_ctor_param(self) -> dict[str, float]:
        return {"aspect_ratio": self.aspect_ratio}

    def _pdf(self, x: Array) -> Array:
        lower, upper = self.edges
        inside = np.maximum((upper - x) * (x - lower), 0)
        positive = np.where(x > 0, x, np.inf)
        return np.sqrt(inside) / (2 * math.pi * self.aspect_ratio * positive)

    def below(self, x: Array) -> Array:
        """Return the probability of a value from 0 to x, 0 itself left out."""
        c, (lower, upper) = self.aspect_ratio, self.edges
        root, x = math.sqrt(c), np.clip(x, lower, upper)
        # x = 1 + c - 2 sqrt(c) cos(angle), so that nothing cancels where c is small.
        angle = 2 * np.arctan2(np.sqrt(x - lower), np.sqrt(upper - x))
        sine, cosine = np.sin(angle), np.cos(angle)
        short, long = min(root, 1.0), max(root, 1.0)
        area = root * sine + min(c, 1.0) * angle
        area -= abs(1 - c) * np.arctan2(short * sine, long - short * cosine)
        return self._but_near(lower, lower, x, area / (math.pi * c))

    def _but_near(self, edge: float, reach: float, x: Array, elsewhere: Array) -> Array:
        """Return the probability between an edge and x, integrated where its terms cancel."""
        near = np.abs(x - edge) < min(reach, (self.edges[1] - self.edges[0]) / 4)
        u, weights = legendre(40)
        step, other = x[near] - edge, sum(self.edges) - edge
        y = edge + np.multiply.outer(step, u**2)
        density = np.sqrt(np.abs(other - y)) / y @ (u**2 * weights)
        result = np.array(elsewhere)
        result[near] = np.abs(step) ** 1.5 * density / (math.pi * self.aspect_ratio)
        return result

    def _cdf(self, x: Array) -> Array:
        return self.atom + self.below(x)

    def _sf(self, x: Array) -> Array:
        lower, upper = self.edges
        x = np.clip(x, lower, upper)
        rest = min(1.0, 1 / self.aspect_ratio) - self.below(x)
        return self._but_near(upper, upper, x, rest)

    def _ppf(self, q: Array) -> Array:
        return np.where(q > self.atom, inverse(self._cdf, np.array(self.edges), q), 0.0)

    def _isf(self, q: Array) -> Array:
        root = inverse(lambda x: -self._sf(x), np.array(self.edges), -q)
        return np.where(q < 1 - self.atom, root, 0.0)

    def _stats(self) -> tuple[float, float, float, float]:
        c = self.aspect_ratio
        return 1.0, c, math.sqrt(c), c - 1
