"""The law of a sum of two squares: a table of its bulk, and its tails by themselves."""

import math
from collections.abc import Callable
from functools import partial
from inspect import signature
from itertools import product

import numpy as np
from scipy.stats import rv_continuous

from nearopt.checks import Array, positive_number
from nearopt.laws.piecewise import tabulate
from nearopt.laws.squares import Square
from nearopt.laws.tails import TAIL, inverse, log_integral, quantile

# Of the total probability, which the table is held to.
MASS_TOLERANCE = 1e-10
# Numbers of the integral that are found at once.
BLOCK = 2**15

# The logarithm of a probability may be that of 0.
_quietly = np.errstate(divide="ignore")


class SumLaw(rv_continuous):
    r"""Law of sigma1^2 t^2 + sigma2^2 r^2, for independent squares.

    With sigma2 r = R cos(angle) and sigma1 t = R sin(angle), or the other way round, and g and h
    the densities of t and r, the density at R^2 is

    .. math::

        f(R^2) = \frac{1}{2 \sigma_1 \sigma_2} \int h\Bigl(\frac{R \cos\phi}{\sigma_2}\Bigr)
            g\Bigl(\frac{R \sin\phi}{\sigma_1}\Bigr) \, d\phi,

    smooth even where the densities of the squares are not. Where one square is 0 it leaves the law
    of the other by itself. Nothing cancels in the integral, so a tail, of less than `TAIL` of the
    probability, is right in relation to itself if it is integrated by itself.
    """

    def __init__(self, t_square: Square, r_square: Square, sigma1: float, sigma2: float) -> None:
        self.sigma1 = positive_number("sigma1", sigma1)
        self.sigma2 = positive_number("sigma2", sigma2)
        self._zero = t_square.atom * r_square.atom
        # scipy takes the cdf to be 0 at the lower end of the support, where an atom is.
        lowest = math.nextafter(0, -1) if self._zero else 0.0
        super().__init__(a=lowest, name=type(self).__name__)
        # In a tail of the sum, the wider part h is in the same tail of its own.
        parts = sorted(((self.sigma1, t_square), (self.sigma2, r_square)), key=_width)
        (self._s, self._g), (self._d, self._h) = parts
        # The angle is from the axis of the larger part, lest the smaller be lost in rounding.
        self._g_is_small = self._s * self._g.ends[1] < self._d * self._h.ends[1]
        self._rule = t_square.rule
        self._tabulate()

    def _tabulate(self) -> None:
        """Tabulate the density of R, and its integral."""
        pairs = zip(self._g.ends, self._h.ends, strict=True)
        ends = [math.hypot(self._s * t, self._d * r) for t, r in pairs]
        finite = filter(math.isfinite, self._h.support)
        edges = product(self._g.ends, {*self._h.ends, *finite})
        kinks = {math.hypot(self._s * t, self._d * r) for t, r in edges}
        breaks = np.sort([*np.linspace(*ends, 9), *(k for k in kinks if ends[0] < k < ends[1])])
        try:
            self._density = tabulate(partial(self._in_blocks, self._convolution), breaks)
        except ArithmeticError as error:
            raise ArithmeticError(self._unresolved(str(error))) from None
        self._distribution = self._density.antiderivative()
        mass = self._distribution(ends[1]) + 1 - (1 - self._g.atom) * (1 - self._h.atom)
        if not abs(mass - 1) < MASS_TOLERANCE:
            raise ArithmeticError(self._unresolved(f"the density adds up to {mass:.12f}, not to 1"))

    def _updated_ctor_param(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def _unresolved(self, why: str) -> str:
        own = ", ".join(f"{name}={value:g}" for name, value in self._updated_ctor_param().items())
        return (
            f"{type(self).__name__}({own}) is not resolved: {why}; use scales or sizes that are "
            "less unequal"
        )

    def _in_blocks(self, function: Callable[[Array], Array], x: Array) -> Array:
        """Return function(x), of so many x at once that memory does not grow with them."""
        rows = max(1, BLOCK // len(self._rule[0]))
        return np.concatenate([function(x[i : i + rows]) for i in range(0, len(x) or 1, rows)])

    def _convolution(self, radius: Array) -> Array:
        """Return the density of R where neither square is 0."""
        low, high = self._angles(radius, self._g.ends, self._h.ends)
        width = np.maximum(high - low, 0)
        steps, weights = self._rule
        t, r = self._roots(radius, low[:, None] + width[:, None] * steps)
        densities = self._h.density(r) * self._g.density(t)
        return radius * width * (densities @ weights) / (self.sigma1 * self.sigma2)

    def _angles(
        self, radius: Array, t: tuple[float, float], r: tuple[float, float]
    ) -> tuple[Array, Array]:
        """Return the angles between which t and r are within limits."""
        limits = [np.multiply(self._s, t), np.multiply(self._d, r)]
        small, large = limits if self._g_is_small else limits[::-1]
        sines, cosines = (np.minimum(1, edges[:, None] / radius) for edges in (small, large))
        low = np.maximum(np.arcsin(sines[0]), np.arccos(cosines[1]))
        return low, np.minimum(np.arcsin(sines[1]), np.arccos(cosines[0]))

    def _roots(self, radius: Array, angles: Array) -> tuple[Array, Array]:
        """Return t and r."""
        small, large = radius[:, None] * np.sin(angles), radius[:, None] * np.cos(angles)
        t, r = (small, large) if self._g_is_small else (large, small)
        return t / self._s, r / self._d

    def _pure(self) -> list[tuple[float, Square, float]]:
        """Return what one square leaves where the other is 0: probability, square and scale."""
        pairs = (self._g.atom, self._h, self._d), (self._h.atom, self._g, self._s)
        return [pair for pair in pairs if pair[0]]

    def _log_density(self, x: Array) -> Array:
        """Return the logarithm of the density at x, to a relative precision."""
        radius, g, h = np.sqrt(np.maximum(x, 1e-300)), self._g, self._h

        def log_integrand(angles: Array) -> Array:
            t, r = self._roots(radius, angles)
            return g.log_density(t) + h.log_density(r)

        both = log_integral(log_integrand, *self._angles(radius, g.support, h.support), self._rule)
        both -= math.log(2 * self._s) + math.log(self._d)
        for atom, square, scale in self._pure():
            pure = square.log_density(radius / scale) + math.log(atom / (2 * scale))
            both = np.logaddexp(both, pure - np.log(radius))
        return both

    def _log_tail(self, x: Array, upper: bool) -> Array:
        """Return log of the probability above x, or from 0 to x, to a relative precision."""
        return self._in_blocks(partial(self._log_tail_of_few, upper=upper), x)

    def _log_tail_of_few(self, x: Array, upper: bool) -> Array:
        radius, g, h = np.sqrt(x), self._g, self._h
        tail = h.above if upper else h.below

        def log_integrand(angles: Array) -> Array:
            t, r = self._roots(radius, angles)
            # t changes by r sigma2 / sigma1 with the angle.
            return g.log_density(t) + np.log(tail(r * r) * r)

        limits = (0.0, h.tails[1]) if upper else (h.tails[0], math.inf)
        both = log_integral(log_integrand, *self._angles(radius, g.support, limits), self._rule)
        own = g.above(x / self._s**2) if upper else h.atom and h.atom * g.below(x / self._s**2)
        alone = np.log(own + g.atom * tail(x / self._d**2))
        return np.logaddexp(both + math.log(self._d / self._s), alone)

    def _pdf(self, x: Array) -> Array:
        radius = np.sqrt(np.clip(x, 1e-300, 1e100))
        inside = np.clip(radius, *self._density.x[[0, -1]])
        density = np.where(inside == radius, np.maximum(self._density(inside), 0.0), 0.0)
        density /= 2 * radius
        for atom, square, scale in self._pure():
            density += atom * square.pdf(radius**2 / scale**2) / scale**2
        return density

    def _table_cdf(self, x: Array) -> Array:
        ends = self._distribution.x[[0, -1]]
        total = self._zero + self._distribution(np.clip(np.sqrt(x), *ends))
        for atom, square, scale in self._pure():
            total += atom * square.below(x / scale**2)
        return np.clip(total, 0.0, 1.0)

    def _table_ppf(self, q: Array) -> Array:
        root = inverse(self._table_cdf, np.append(0.0, self._distribution.x**2), q)
        return np.where(q > self._zero, root, 0.0)

    def _is_tail(self, probability: Array, upper: bool) -> Array:
        """Return where the probability of a tail is too small for the table."""
        return (probability < TAIL * (1 - self._zero)) & (upper or not self._zero)

    @_quietly
    def _logpdf(self, x: Array) -> Array:
        density = self._pdf(x)
        result, peak = np.log(density), self._density.c.max()
        # There the table, accurate in relation to its peak, has fewer than nine digits.
        low = (2 * np.sqrt(np.clip(x, 0, 1e300)) * density < TAIL * peak) & (x < math.inf)
        result[low] = self._in_blocks(self._log_density, x[low])
        return result

    @_quietly
    def _cdf(self, x: Array) -> Array:
        result = self._table_cdf(x)
        tail = self._is_tail(result, False) & (x > 0)
        result[tail] = np.exp(self._log_tail(x[tail], upper=False))
        return result

    @_quietly
    def _sf(self, x: Array) -> Array:
        result = 1 - self._table_cdf(x)
        tail = self._is_tail(result, True) & (x < math.inf)
        result[tail] = np.exp(self._log_tail(x[tail], upper=True))
        return result

    @_quietly
    def _ppf(self, q: Array) -> Array:
        result, tail = self._table_ppf(q), self._is_tail(q, False)
        near = float(self._table_ppf(np.array([TAIL]))[0])
        log_tail = partial(self._log_tail, upper=False)
        result[tail] = quantile(log_tail, q[tail], near, 1e-300, 0.5)
        return result

    @_quietly
    def _isf(self, q: Array) -> Array:
        result, tail = self._table_ppf(1 - q), self._is_tail(q, True)
        near = float(self._table_ppf(np.array([1 - TAIL * (1 - self._zero)]))[0])
        far = (self._s * self._g.support[1]) ** 2 + (self._d * self._h.support[1]) ** 2
        log_tail = partial(self._log_tail, upper=True)
        result[tail] = quantile(log_tail, q[tail], near, min(far, 1e300), 2.0)
        return result

    def _stats(self) -> tuple[float, float, float, float]:
        """Cumulants add up."""
        powers = np.arange(2, 10, 2)
        parts = (self._d, self._h), (self._s, self._g)
        mean, variance, third, fourth = sum(s**powers * part.cumulants for s, part in parts)
        return mean, variance, third / variance**1.5, fourth / variance**2


def _width(part: tuple[float, Square]) -> float:
    """Return how far a square scatters at most."""
    scale, square = part
    return scale**2 * (square.support[1] ** 2 - square.support[0] ** 2)
