"""The law of all the Hessian's eigenvalues for large networks of any activation, one output.

`nearopt.laws.bulk` has the limit law, of all but the order of Ni + Nh of them.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.stats import chi2, rv_continuous

from nearopt.checks import Array, finite_array, positive_integer, positive_number
from nearopt.laws.bulk import Bulk
from nearopt.laws.units import (
    GaussianMoments,
    LocalUnit,
    below,
    gaussian_moments,
    mean_angle,
    norm_rule,
    positive_angle,
)
from nearopt.laws.wishart import MarchenkoPastur
from nearopt.network.kernels import Activation

# Levels in each decade, and kinds of units, by the norm of their rows.
PER_DECADE, KINDS = 12, 3
# Quantiles that stand for a law of the linear family.
QUANTILES = (np.arange(48) + 0.5) / 48


class NonlinearHessianLaw(rv_continuous):
    r"""Law of one of all P = Nh (Ni + 1) Hessian eigenvalues of large networks, any activation.

    To the limit F it adds, each with its share, the families of order Ni + Nh: Ni linear
    eigenvalues, taken out of the bulk; the pairs i = j; each unit's own two; the constant one. Its
    cdf is within about 0.01 of exact spectra at 20 units, where F alone is off by 1 / Nh. It is off
    by up to 0.06 where features of degree 3 or 4 have few dimensions, 6 Nh near Ni^2.

    Parameters
    ----------
    input_dim, hidden_dim : int
        Sizes of the network, at least 5; it has one output, its inputs are white.
    activation : Activation
        Not linear.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.

    Attributes
    ----------
    parameter_count : int
        P.
    separation : float
        Nh (E g')^2 / Var g', by which linear eigenvalues exceed the bulk.
    atom : float
        Share of zeros, Nh / P for ReLU. `pdf` leaves it out; `cdf`, `ppf` and `rvs` have it.
    late_coefficient : float
        `mean_loss` tends to epsilon^2 late_coefficient t^(-3/2).

    Raises
    ------
    ValueError
        If cubic features are more than their dimensions.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        activation: Activation,
        sigma1: float = 1.0,
        sigma2: float = 1.0,
    ) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.hidden_dim = positive_integer("hidden_dim", hidden_dim)
        self.activation = activation
        self.sigma1 = positive_number("sigma1", sigma1)
        self.sigma2 = positive_number("sigma2", sigma2)
        if min(input_dim, hidden_dim) < 5:
            raise ValueError(
                f"input_dim and hidden_dim must be at least 5, not {input_dim} and {hidden_dim}: "
                "the law is of large networks; use spectrum of drawn teachers"
            )
        self.parameter_count = hidden_dim * (input_dim + 1)
        self._expand()
        counts, x = self._counts(), self._bulk.x
        # Below the levels counts rise like a root of them; zeros come in whole numbers.
        roots = np.exp((x[[8, 16]] - x[0]) / 2)
        zeros, again = (roots * counts[0] - counts[[8, 16]]) / (roots - 1)
        flat = abs(zeros - again) < 0.3 + 0.02 * abs(zeros)
        self.atom = round(max(0.0, zeros)) * flat / self.parameter_count
        super().__init__(a=math.nextafter(0, -1), name=type(self).__name__)
        shares = np.maximum.accumulate(np.clip(counts / self.parameter_count, self.atom, 1))
        shares[-1] = 1.0
        lower = x[0] + np.arange(-300, 0) * (x[1] - x[0])
        rate = (shares[0] - self.atom) * math.exp(-x[0] / 2)
        # P / 2 times the integral of x exp(-2 x t) d F, for F - atom = rate sqrt(x) near 0.
        self.late_coefficient = self.parameter_count * rate * math.sqrt(math.pi / 2) / 16
        shares = np.append(self.atom + rate * np.exp(lower / 2), shares)
        self._table = PchipInterpolator(np.append(lower, x), shares)
        self._slope, self._ends = self._table.derivative(), np.exp([lower[0], x[-1]])

    def _expand(self) -> None:
        """Split E g'^2 into degrees, and choose the levels."""
        ni, nh, a2 = self.input_dim, self.hidden_dim, self.sigma2**2
        norms, p = norm_rule(ni, KINDS)
        v = norms * ni * self.sigma1**2
        moments = [gaussian_moments(self.activation, variance) for variance in v]
        self._moments = m = GaussianMoments(*map(np.array, zip(*moments, strict=True)))
        h = m.hermite.T
        rows = np.array([h[d + 2] + d * h[d] for d in range(4)]) / np.sqrt(v)
        self._features = h[:4], rows
        kappa = [h[d] ** 2 / (v * math.factorial(d - 1)) for d in range(1, 5)]
        rest = m.slope - kappa[0] - kappa[1]
        rest[rest < 1e-12 * m.slope] = 0
        # On a sphere a little of degree 3 is of degree 1, and a little of degree 4 of degree 2.
        moved = np.minimum(3 * kappa[3] / (ni + 2), np.maximum(rest - kappa[2] / ni, 0))
        linear, quadratic = kappa[0] + kappa[2] / ni, kappa[1] + moved
        rest = np.maximum(rest - kappa[2] / ni - moved, 0)
        # So little of degree 2 hardly differs from more of the others.
        if p @ quadratic < 0.03 * (p @ rest):
            quadratic, rest = 0 * quadratic, rest + quadratic
        size = p @ (rest + quadratic)
        self.separation, crowding = nh * (p @ kappa[0]) / size, nh * ni / math.comb(ni + 2, 3)
        cubic = kappa[2] * (1 - 1 / ni)
        if size < 1e-12 * (p @ m.slope):
            raise ValueError("activation must not be linear; use LinearHessianLaw")
        if crowding * (p @ cubic) > p @ rest > 0:
            raise ValueError(
                f"{ni} inputs have too few dimensions for the cubic features of {nh} hidden units, "
                f"by a factor of {crowding * (p @ cubic) / (p @ rest):.3g}; use more inputs, or "
                "spectrum of drawn teachers"
            )
        own = p @ (m.square - h[0] ** 2 - h[1] ** 2 - h[2] ** 2 / 2)
        own = own if own > 1e-12 * (p @ m.square) else p @ m.square
        lowest = min(a2 * (p @ rest or size), own)
        highest = ((h[:2] ** 2 + a2 * rows[:2] ** 2) @ p).max() + a2 * (p @ linear)
        highest = max(30 * a2 * size, 4 * p @ m.square, 4 * nh * highest)
        ends = np.log([1e-6 * lowest, highest])
        x = np.linspace(*ends, math.ceil(PER_DECADE * (ends[1] - ends[0]) / math.log(10)))
        self._bulk = Bulk(ni / nh, crowding, self.sigma2, p, linear, quadratic, cubic, rest, x)

    def _counts(self) -> Array:
        """Return the mean number of eigenvalues below each level."""
        bulk, nh, p = self._bulk, self.hidden_dim, self._bulk.weights
        levels, size = np.exp(bulk.x), self.sigma2**2 * (p @ (bulk.rest + bulk.quadratic))
        constant, linear = ([part[degree][:, None] for part in self._features] for degree in (0, 1))
        norm, angle = bulk.linear_response()
        self._shares = bulk.tensor_share(), below(bulk.real(bulk.share3).conj()).conj()
        # What others leave of degree 1 matters far below the bulk, and is held above.
        held = np.minimum(np.arange(len(levels)), np.searchsorted(levels, 0.3 * size))
        share1 = (1 / (1 + nh * norm))[held]
        for _ in range(40):
            unit = self._unit(share1)
            rows = below(p @ unit.response(*linear) - norm) / bulk.aspect_ratio
            share1 = (share1 + 1 / (1 + nh * norm + rows))[held] / 2
        D = bulk.outside() + 2 * self._shares[0][:, None] * bulk.quadratic
        typical = positive_angle(D.T) + mean_angle(levels / D.T, self.sigma2)
        outliers = self._outliers(norm, rows, levels / (levels + size))
        outliers += (share1 * rows).imag / math.pi - angle
        counts = nh * (p @ (unit.count() - typical))
        counts += nh * self.input_dim * bulk.distribution() - self.input_dim / 2 * bulk.pairs()
        counts -= self.input_dim * outliers * (p @ bulk.linear > 1e-12 * (p @ self._moments.slope))
        # Without degrees from 3 the constant is in the span of the tensors.
        value = 1 + nh * (p @ unit.response(*constant))
        return counts - positive_angle(value.conj()) * (bulk.atom == 0)

    def _unit(self, share1: Array) -> LocalUnit:
        """Return units of each kind, with what the others leave of their degrees 0 to 3."""
        shares = np.stack([0 * share1, share1, *self._shares])
        lost = (shares - 1) / np.array([1, 1, 2, 6])[:, None]
        m, (own, row) = self._moments, (part.T for part in self._features)
        pairs = (m.square, own * own), (m.cross, own * row), (m.radial, row * row)
        gram = (total[:, None] + product @ lost for total, product in pairs)
        return LocalUnit(*gram, np.exp(self._bulk.x), self.sigma2)

    def _outliers(self, norm: Array, rows: Array, spread: Array) -> Array:
        r"""Return the share of input directions whose large eigenvalue is above each level.

        That is how often, by Haynsworth's inertia additivity, this is negative:

        .. math:: 1 + N_h X y + Y \beta, \qquad X \sim \chi^2_{N_h} / N_h, \quad Y \sim \mathrm{MP},

        with y = `norm` from |W2|^2 and beta = `rows` from W1^T W1, which is spread above the bulk.
        """
        own, row = (part[1] ** 2 for part in self._features)
        p, extra = self._bulk.weights, self.sigma2**2 * (row - self._bulk.linear)
        uneven = p @ (own**2 + 2 * own * extra + 3 * extra**2) / (p @ (own + extra)) ** 2
        X = chi2.ppf(QUANTILES, self.hidden_dim)[:, None, None]
        Y = MarchenkoPastur(self._bulk.aspect_ratio * min(uneven, 1e3)).ppf(QUANTILES)[:, None]
        value = 1 + X * norm + (1 + (Y - 1) * spread) * rows
        return positive_angle(value.conj()).mean((0, 1))

    def _updated_ctor_param(self) -> dict[str, object]:
        names = ("input_dim", "hidden_dim", "activation", "sigma1", "sigma2")
        return {name: getattr(self, name) for name in names}

    def _cdf(self, x: Array) -> Array:
        inside = self._table(np.log(np.clip(x, *self._ends)))
        return np.select([x == 0, x < self._ends[1]], [self.atom, inside], 1.0)

    def _pdf(self, x: Array) -> Array:
        inside = np.clip(x, *self._ends)
        return np.where(inside == x, self._slope(np.log(inside)) / inside, 0.0)

    def _ppf(self, q: Array) -> Array:
        x = np.linspace(*self._table.x[[0, -1]], 20_000)
        return np.where(q > self.atom, np.exp(np.interp(q, self._table(x), x)), 0.0)

    def mean_loss(self, times: ArrayLike, epsilon: float = 1.0) -> Array:
        r"""Return the loss under gradient flow, mean over deviations and teachers, (times,).

        .. math:: \frac{\varepsilon^2}{2} P \, E[\lambda e^{-2 \lambda t}]

        It is within about 5 %, but off by up to half late where one degree from 3 is alone, as in
        u + u^3: a unit's own two features are then parallel to leading order. For polynomials of
        degree 2 it ends too soon where Ni is near Nh, and the one smallest eigenvalue rules.

        Parameters
        ----------
        times : array of shape (times,)
            Times of gradient flow, at least 0.
        epsilon : float
            Standard deviation of each parameter's deviation.
        """
        times, scale = finite_array("times", times, (None,)), positive_number("epsilon", epsilon)
        if (times < 0).any():
            raise ValueError(f"times must not be negative, as {times.min():g} is")
        nodes, weights = np.polynomial.legendre.leggauss(4)
        steps = np.diff(self._table.x)[:, None] / 2
        x = (self._table.x[:-1, None] + steps * (1 + nodes)).ravel()
        masses, levels = (steps * weights).ravel() * self._slope(x), np.exp(x)
        decay = np.exp(-2 * np.multiply.outer(times, levels))
        return scale**2 / 2 * self.parameter_count * (decay @ (masses * levels))
