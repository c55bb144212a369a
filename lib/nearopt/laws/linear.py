r"""The laws of the Hessian's nonzero eigenvalues, for linear networks with one output.

Such an eigenvalue is |W2|^2 plus an eigenvalue of W1^T W1, and the two are independent. The first
is sigma2^2 times a chi-square variable; the second follows, for large networks, a scaled
Marchenko-Pastur law, which gives the paper's law, and at any size the mean density of a Wishart
matrix, which gives the exact one. All are scipy.stats distributions.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc, roots_legendre
from scipy.stats import chi, chi2, rv_continuous

from nearopt.checks import Array, positive_integer, positive_number, require_memory
from nearopt.laws.piecewise import tabulate
from nearopt.laws.wishart import MarchenkoPastur, singular_value_density, spectral_cumulants

# Numbers for each angle of the sum's integral, at all the radii of a pass of the table.
COPIES = 6000
# The chi density is integrated between the quantiles that leave this much outside.
NEGLIGIBLE = 1e-18


# Of the total probability, which the table is held to.
MASS_TOLERANCE = 1e-10


class SumLaw(rv_continuous):
    r"""Law of sigma2^2 r^2 + sigma1^2 t^2, where r^2 is chi-square and t has a density g.

    With sigma2 r = R cos(angle) and sigma1 t = R sin(angle), or the other way round, the density
    at R^2 is

    .. math::

        f(R^2) = \frac{1}{2 \sigma_1 \sigma_2} \int h\Bigl(\frac{R \cos\phi}{\sigma_2}\Bigr)
            g\Bigl(\frac{R \sin\phi}{\sigma_1}\Bigr) \, d\phi,

    where h is the chi density of hidden_dim degrees of freedom: smooth even where the densities of
    r^2 and t^2 are not. A share `atom` of the t is 0 and leaves the chi-square law by itself.
    """

    def __init__(
        self, input_dim: int, hidden_dim: int, sigma1: float = 1.0, sigma2: float = 1.0
    ) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.hidden_dim = positive_integer("hidden_dim", hidden_dim)
        self.sigma1 = positive_number("sigma1", sigma1)
        self.sigma2 = positive_number("sigma2", sigma2)
        self.atom = max(0.0, 1 - hidden_dim / input_dim)
        super().__init__(a=0.0, name=type(self).__name__)
        radial = chi(hidden_dim)
        r = radial.ppf(NEGLIGIBLE), radial.isf(NEGLIGIBLE)
        t, density, points = self._singular_values()
        ends = [math.hypot(sigma1 * t[i], sigma2 * r[i]) for i in (0, 1)]
        kinks = [sigma1 * edge for edge in t if ends[0] < sigma1 * edge < ends[1]]
        breaks = np.sort([*np.linspace(*ends, 9), *kinks])

        u, weights = roots_legendre(points)
        u, weights = (u + 1) / 2, weights / 2
        # The steps shrink towards both ends like u^4, because g may end there like a square root.
        steps, weights = betainc(4, 4, u), weights * 140 * (u * (1 - u)) ** 3

        # The angle is from the axis of the larger part, lest the smaller be lost in rounding.
        parts = (sigma1, t, density), (sigma2, r, radial.pdf)
        (small, s, g), (large, c, h) = sorted(parts, key=lambda part: part[0] * part[1][1])

        def convolution(radius: Array) -> Array:
            sines = [np.minimum(1, small * edge / radius) for edge in s]
            cosines = [np.minimum(1, large * edge / radius) for edge in c]
            low = np.maximum(np.arcsin(sines[0]), np.arccos(cosines[1]))
            high = np.minimum(np.arcsin(sines[1]), np.arccos(cosines[0]))
            width = np.maximum(high - low, 0)
            angles = low[:, None] + width[:, None] * steps
            inner = g(radius[:, None] * np.sin(angles) / small)
            outer = h(radius[:, None] * np.cos(angles) / large)
            return width * ((outer * inner) @ weights) / (2 * sigma1 * sigma2)

        try:
            self._density = tabulate(convolution, breaks)
            per_radius = tabulate(lambda radius: 2 * radius * self._density(radius), breaks)
        except ArithmeticError as error:
            raise ArithmeticError(self._unresolved(str(error))) from None
        self._distribution = per_radius.antiderivative()
        mass = self._distribution(ends[1]) + self.atom
        if not abs(mass - 1) < MASS_TOLERANCE:
            raise ArithmeticError(self._unresolved(f"the density adds up to {mass:.12f}, not to 1"))

    def _unresolved(self, why: str) -> str:
        return (
            f"the law of {self.input_dim} inputs and {self.hidden_dim} hidden units with sigma1 = "
            f"{self.sigma1:g} and sigma2 = {self.sigma2:g} is not resolved: {why}; use scales or "
            "sizes that are less unequal"
        )

    def _singular_values(self) -> tuple[tuple[float, float], Callable[[Array], Array], int]:
        """Return the support of t, its density of integral 1 - atom, and points to resolve it."""
        raise NotImplementedError

    def _cumulants(self) -> Array:
        """Return the first four cumulants of t^2."""
        raise NotImplementedError

    def _updated_ctor_param(self) -> dict[str, float]:
        names = ("input_dim", "hidden_dim", "sigma1", "sigma2")
        return {name: getattr(self, name) for name in names}

    def _pdf(self, x: Array) -> Array:
        radius, (first, *_, last) = np.sqrt(x), self._density.x
        table = np.where((radius >= first) & (radius <= last), self._density(radius), 0.0)
        pure = chi2.pdf(x / self.sigma2**2, self.hidden_dim) / self.sigma2**2
        return np.maximum(table, 0.0) + (self.atom * pure if self.atom else 0.0)

    def _cdf(self, x: Array) -> Array:
        table = self._distribution(np.clip(np.sqrt(x), *self._distribution.x[[0, -1]]))
        pure = chi2.cdf(x / self.sigma2**2, self.hidden_dim) if self.atom else 0.0
        return np.clip(table + self.atom * pure, 0.0, 1.0)

    def _ppf(self, q: Array) -> Array:
        knots = np.append(0.0, self._distribution.x**2)
        levels = self._cdf(knots)
        i = np.clip(np.searchsorted(levels, q), 1, len(knots) - 1)
        between = np.clip(q, levels[i - 1], levels[i])
        return elementwise.find_root(
            lambda x, level: self._cdf(x) - level, (knots[i - 1], knots[i]), args=(between,)
        ).x

    def _stats(self) -> tuple[float, float, float, float]:
        powers = np.arange(1, 5)
        square = self.hidden_dim * np.array([1.0, 2.0, 8.0, 48.0])
        mean, variance, third, fourth = (
            self.sigma2 ** (2 * powers) * square + self.sigma1 ** (2 * powers) * self._cumulants()
        )
        return mean, variance, third / variance**1.5, fourth / variance**2


class LinearHessianLaw(SumLaw):
    r"""Law of a nonzero Hessian eigenvalue of large linear networks (the paper's result).

    A chi-square law convolved with a Marchenko-Pastur law: for N_i inputs, N_h hidden units, and
    X and Y independent,

    .. math::

        \lambda = \sigma_2^2 X + \sigma_1^2 N_h Y, \qquad
        X \sim \chi^2_{N_h}, \quad Y \sim \mathrm{MP}(N_i / N_h).

    Parameters
    ----------
    input_dim, hidden_dim : int
        Sizes of the network, which has one output.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.

    Attributes
    ----------
    atom : float
        Weight of the purely chi-square part: 1 - hidden_dim / input_dim if that is positive.

    Raises
    ------
    ValueError
        If a size is not a positive integer or a scale not a positive number.
    ArithmeticError
        If the law is not resolved, or the total probability is not 1 to 1e-10: scales or sizes are
        too unequal.
    """

    def _singular_values(self) -> tuple[tuple[float, float], Callable[[Array], Array], int]:
        bulk, n = MarchenkoPastur(self.input_dim / self.hidden_dim), self.hidden_dim
        lower, upper = np.sqrt(np.multiply(n, bulk.edges)).tolist()
        return (lower, upper), lambda t: 2 * t / n * bulk._pdf(t * t / n), 128

    def _cumulants(self) -> Array:
        c, n = self.input_dim / self.hidden_dim, self.hidden_dim
        return np.array([1.0, c, c**2, c**3 - c**2]) * n ** np.arange(1, 5)


class FiniteLinearHessianLaw(SumLaw):
    """Law of a nonzero Hessian eigenvalue of linear networks of exactly these sizes.

    sigma2^2 chi2(hidden_dim) convolved with the mean density of the eigenvalues of W1^T W1, a
    real Wishart matrix (`nearopt.laws.wishart`). Same parameters, attributes and errors as
    `LinearHessianLaw`, which is its limit. A linear network is often written the other way
    round, so: W1 has hidden_dim rows. A MemoryError where its table does not fit.
    """

    def _singular_values(self) -> tuple[tuple[float, float], Callable[[Array], Array], int]:
        n, p = max(self.input_dim, self.hidden_dim), min(self.input_dim, self.hidden_dim)
        # The density has p waves, which the angles of the sum must resolve.
        points = 256 + 8 * p
        needed = 8.0 * COPIES * points
        require_memory(f"the exact law of {p} singular values", needed, "use LinearHessianLaw")
        # Beyond an edge by s, the density falls faster than exp(-s^2 / 2).
        lower = max(0.0, math.sqrt(n) - math.sqrt(p) - 9)
        upper = math.sqrt(n) + math.sqrt(p) + 9
        # A piece is accurate to the rounding errors of the recurrence, which grow with n.
        table = tabulate(
            lambda t: singular_value_density(t, n, p) / self.input_dim,
            np.linspace(lower, upper, 9),
            tolerance=4e-15 * (n + 25),
        )
        return (lower, upper), table, points

    def _cumulants(self) -> Array:
        return spectral_cumulants(self.hidden_dim, self.input_dim)
