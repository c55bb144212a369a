"""The laws of squares t^2 that Hessian eigenvalues of linear networks are sums of.

Each has what `nearopt.laws.sums` asks for: the density of the root t, which is smoother than that
of its square, its logarithm to a relative precision everywhere, and the tails of the square.
"""

import math
from functools import cached_property, partial
from typing import Protocol

import numpy as np
from scipy.interpolate import BPoly
from scipy.special import xlogy
from scipy.stats import chi, chi2

from nearopt.checks import Array, require_memory
from nearopt.laws.piecewise import tabulate
from nearopt.laws.tails import legendre, legendre_for_rough_ends, log_integral
from nearopt.laws.wishart import (
    MarchenkoPastur,
    log_singular_value_density,
    singular_value_density,
    spectral_cumulants,
)

# The chi density is tabulated between the quantiles that leave this much outside.
NEGLIGIBLE = 1e-18
# From so many degrees of freedom on, scipy's chi density has lost digits that a table needs.
MANY = 2000
# Farther beyond its bulk, a density of singular values is not tabulated.
FAR = 60.0
# Keeps the logarithm of a density from 0, whose table is accurate in relation to its size.
OFFSET = 100.0
# Peak bytes of the tables: of the sum's, and of the density of singular values, for each of them.
BYTES, BYTES_PER_VALUE = 2.8e6, 2e3


class Square(Protocol):
    """A variable t^2 that is not negative, and 0 with the probability `atom`.

    Attributes
    ----------
    atom : float
    support, ends : tuple of float
        Between which t > 0 lies, and between which it nearly always does.
    tails : tuple of float
        Between which the tails of t^2 are above 0 in floats.
    rule : Rule
        Nodes and weights that resolve the density.
    cumulants : array of shape (4,)
        Of t^2.
    """

    def density(self, t: Array) -> Array:
        """Return the density of t between its ends; its integral is 1 - atom."""

    def log_density(self, t: Array) -> Array:
        """Return the logarithm of the density, for every t > 0."""

    def pdf(self, x: Array) -> Array:
        """Return the density of t^2."""

    def below(self, x: Array) -> Array:
        """Return the probability of 0 < t^2 <= x."""

    def above(self, x: Array) -> Array:
        """Return the probability of t^2 > x."""


class ChiSquare:
    """Sum of the squares of `freedom` standard normal numbers."""

    atom, support = 0.0, (0.0, math.inf)

    def __init__(self, freedom: int) -> None:
        root, square = chi(freedom), chi2(freedom)
        self.density, self.log_density = root.pdf, root.logpdf
        if freedom >= MANY:
            self.density = partial(chi_density, freedom)
            self.log_density = partial(log_chi_density, freedom)
        self.pdf, self.below, self.above = square.pdf, square.cdf, square.sf
        self.ends = root.ppf(NEGLIGIBLE), root.isf(NEGLIGIBLE)
        self.tails = root.ppf(1e-300), root.isf(1e-300)
        self.cumulants = freedom * np.array([1.0, 2.0, 8.0, 48.0])


def chi_density(freedom: int, t: Array) -> Array:
    """Return the density of the root of a chi-square variable of many degrees of freedom."""
    return np.exp(log_chi_density(freedom, t))


def log_chi_density(freedom: int, t: Array) -> Array:
    """Return its logarithm, by Stirling's series: no large numbers cancel about t^2 = freedom."""
    z, root = freedom / 2, math.sqrt(freedom)
    y = (t - root) * (t + root) / freedom  # t^2 / freedom - 1.
    remainder = (1 / 12 - (1 / 360 - 1 / 1260 / z**2) / z**2) / z
    logarithm = np.log1p(y)
    return z * (logarithm - y) - (logarithm + math.log(math.pi)) / 2 - remainder


class MarchenkoPasturSquare:
    """`rows` times a Marchenko-Pastur variable: eigenvalues of W^T W, W (rows, columns), large."""

    def __init__(self, rows: int, columns: int) -> None:
        law = MarchenkoPastur(columns / rows)
        self._rows, self._law = rows, law
        self.pdf, self.above = law(scale=rows).pdf, law(scale=rows).sf
        self.atom = max(0.0, 1 - rows / columns)
        self.rule = legendre_for_rough_ends(128)
        self.support = self.ends = self.tails = tuple(
            np.sqrt(np.multiply(rows, law.edges)).tolist()
        )
        c = columns / rows
        self.cumulants = np.array([1.0, c, c**2, c**3 - c**2]) * float(rows) ** np.arange(1, 5)

    def density(self, t: Array) -> Array:
        """Return the density of t."""
        return 2 * t / self._rows * self._law._pdf(t * t / self._rows)

    def log_density(self, t: Array) -> Array:
        """Return the logarithm of the density, for every t > 0."""
        return np.log(self.density(t))

    def below(self, x: Array) -> Array:
        """Return the probability of 0 < t^2 <= x."""
        return self._law.below(x / self._rows)


class WishartSquare:
    """An eigenvalue of W^T W, W (rows, columns) standard normal, of whatever size."""

    support = tails = (0.0, math.inf)

    def __init__(self, rows: int, columns: int) -> None:
        self._sizes = n, p = max(rows, columns), min(rows, columns)
        needed = max(BYTES, BYTES_PER_VALUE * p)
        require_memory(f"the exact law of {p} singular values", needed, "use LinearHessianLaw")
        self._columns, self.atom = columns, max(0.0, 1 - rows / columns)
        self.rule = legendre(128 + 4 * p)
        self.cumulants = spectral_cumulants(rows, columns)
        # Beyond an edge by s, the density falls faster than exp(-s^2 / 2).
        upper = math.sqrt(n) + math.sqrt(p) + 9
        self.ends = max(0.0, math.sqrt(n) - math.sqrt(p) - 9), upper
        # A piece is accurate to the rounding errors of the recurrence, which grow with n.
        self.density = tabulate(
            lambda t: singular_value_density(t, n, p) / columns,
            np.linspace(*self.ends, 9),
            tolerance=4e-15 * (n + 25),
        )

    @cached_property
    def _smooth_part(self) -> BPoly:
        """Table of log g less its behaviour a log t - t^2 / 2, which has the large numbers."""
        n, p = self._sizes

        def smooth_part(t: Array) -> Array:
            return log_singular_value_density(t, n, p) - xlogy(n - p, t) + t * t / 2 + OFFSET

        return tabulate(smooth_part, np.linspace(0, self.ends[1] + FAR, 17))

    def log_density(self, t: Array) -> Array:
        """Return its logarithm, for every t > 0."""
        table, (n, p) = self._smooth_part, self._sizes
        result = table(np.minimum(t, table.x[-1])) - OFFSET + xlogy(n - p, t) - t * t / 2
        far = t > table.x[-1]
        result[far] = log_singular_value_density(t[far], n, p)
        return result - math.log(self._columns)

    def above(self, x: Array) -> Array:
        """Return the probability of t^2 > x."""
        t = np.sqrt(x)
        return np.exp(log_integral(self.log_density, t, t + self.ends[1], self.rule))
