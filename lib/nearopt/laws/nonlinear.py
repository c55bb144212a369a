r"""The law of all the Hessian's eigenvalues for large networks of any activation, one output.

Degree by degree in Hermite polynomials, with s^2 = Ni sigma1^2 the variance of a preactivation:
degree 1 gives Ni large eigenvalues; degree 2, with b = s^2 (E g'')^2, a Gram matrix of symmetric
tensors; all others the diagonal c0 a_k^2, c0 = E g'^2 - (E g')^2 - b. The matrix of degrees from 2
has, exactly and for every W1, a and level,

.. math::

    \#\{\text{eigenvalues} < \lambda\} = N_i \#\{k : c_0 a_k^2 < \lambda\}
        - \#\{i \le j : \gamma_i + \gamma_j < -1\},

gamma the eigenvalues of the sum of b a_k^2 / (c0 a_k^2 - lambda) w_k w_k^T / |w_k|^2 (Haynsworth's
inertia additivity). They follow the law of a sample covariance matrix (Silverstein & Bai 1995), so
that in the limit, in units of sigma2^2 b,

.. math:: F(x) = P(\delta a^2 < x) - \tfrac{c}{2} P(\gamma + \gamma' < -1), \qquad
    \delta = c_0 / b, \quad c = N_i / N_h, \quad a \sim N(0, 1).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.stats import chi2, rv_continuous

from nearopt.checks import Array, finite_array, positive_integer, positive_number
from nearopt.laws.bulk import (
    Bulk,
    below,
    gaussian_moments,
    inverse_mean,
    mean_angle,
    norm_rule,
    positive_angle,
)
from nearopt.laws.wishart import MarchenkoPastur
from nearopt.network.activations import Activation
from nearopt.network.two_layer import TwoLayer, require_network

# Levels in each decade, and kinds of units, by the norm of their rows.
PER_DECADE, KINDS = 12, 3
# Quantiles that stand for a law of the linear family.
QUANTILES = (np.arange(48) + 0.5) / 48


class LocalUnit(NamedTuple):
    r"""A unit's own two parameters: its outgoing weight a and the length of its row.

    Their features are g(s z) and a z g'(s z). What other units leave of their Gram matrix is [[A,
    a B], [a B, a^2 C]], and its determinant at a level is linear in a^2: E (a^2 - w).
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

    def response(self, own: float, row: float) -> Array:
        """Return E v^T (Gram - level)^{-1} v for v = (own, a row)."""
        slope, w = self.determinant()
        mean = inverse_mean(np.where(w.imag > 0, w.conj(), w), self.sigma)
        mean = np.where(w.imag > 0, mean.conj(), mean)
        linear = own**2 * self.C - 2 * own * row * self.B + row**2 * (self.A - self.levels)
        return (linear * (1 + w * mean) - self.levels * own**2 * mean) / slope


def outlier_share(hidden_dim: int, aspect_ratio: float, norm: Array, rows: Array) -> Array:
    r"""Return the share of input directions whose large eigenvalue is above each level.

    That is how often, by Haynsworth's inertia additivity, this is negative:

    .. math:: 1 + N_h X y + Y \beta, \qquad X \sim \chi^2_{N_h} / N_h, \quad Y \sim \mathrm{MP},

    with y = `norm` from |W2|^2 and beta = `rows` from W1^T W1, both below the real axis.
    """
    X = chi2.ppf(QUANTILES, hidden_dim) / hidden_dim
    Y = MarchenkoPastur(aspect_ratio).ppf(QUANTILES)
    value = 1 + hidden_dim * X[:, None, None] * norm + Y[:, None] * rows
    return positive_angle(value.conj()).mean((0, 1))


def leading_count(net: TwoLayer, levels: ArrayLike) -> NDArray[np.int64]:
    """Count the eigenvalues of one teacher's matrix of degrees from 2, as above, exactly.

    Parameters
    ----------
    net : TwoLayer
        The teacher, with one output.
    levels : array of shape (levels,)
        None of them 0 or an eigenvalue.

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


class NonlinearHessianLaw(rv_continuous):
    r"""Law of one of all P = Nh (Ni + 1) Hessian eigenvalues of large networks, any activation.

    To the limit law F of the leading matrix it adds the families of order Ni + Nh with their
    shares: Ni linear eigenvalues, taken out of the bulk; the pairs i = j; each unit's own two, of
    its outgoing weight and its row's length; the constant one. Largest distance of cdfs to
    exact spectra about 0.01 at 20 units, 1 / hidden_dim for F alone.

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
        Nh (E g')^2 / Var g', about which linear eigenvalues exceed the bulk. Below 5 the law is
        worse than it is said to be above.
    atom : float
        Share of zeros, Nh / P for ReLU. `pdf` leaves it out; `cdf`, `ppf` and `rvs` have it.
    late_coefficient : float
        C of `mean_loss`, C epsilon^2 t^(-3/2) at late times.

    Raises
    ------
    ValueError
        If an argument is not allowed, g is linear or its moments are not finite, the linear
        eigenvalues are not separate from the bulk, or cubic features do not fit their dimension.
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
        self.parameter_count = hidden_dim * (input_dim + 1)
        if min(input_dim, hidden_dim) < 5:
            raise ValueError(
                f"input_dim and hidden_dim must be at least 5, not {input_dim} and {hidden_dim}: "
                "the law is of large networks; use spectrum of drawn teachers"
            )
        norms, self._weights = norm_rule(input_dim, KINDS)
        variances = norms * input_dim * sigma1**2
        self._moments = [gaussian_moments(activation, variance) for variance in variances]
        self._set_degrees(variances)
        self._require_validity()
        counts = self._counts()
        # Below the lowest level counts rise like a root, and zeros come in whole numbers.
        x, four = self._bulk.x, np.interp(self._bulk.x[0] + math.log(4), self._bulk.x, counts)
        self.atom = round(max(0.0, 2 * counts[0] - four)) / self.parameter_count
        super().__init__(a=math.nextafter(0, -1), name=type(self).__name__)
        shares = np.maximum.accumulate(np.clip(counts / self.parameter_count, self.atom, 1))
        shares[-1] = 1.0
        rise = x[0] + np.arange(-300, 0) * (x[1] - x[0])
        root = (shares[0] - self.atom) * np.exp((rise - x[0]) / 2)
        self._table = PchipInterpolator(np.append(rise, x), np.append(self.atom + root, shares))
        self._slope = self._table.derivative()
        rate = root[0] * math.exp(-rise[0] / 2)
        self.late_coefficient = self.parameter_count * rate * math.sqrt(math.pi / 2) / 16

    def _require_validity(self) -> None:
        bulk = self._bulk
        crowding = bulk.crowding * (bulk.weights @ bulk.cubic) / self._bulk_mean
        what = f"{self.input_dim} inputs and {self.hidden_dim} hidden units"
        if 0.1 < self.separation < 2:
            raise ValueError(
                f"hidden_dim (E g')^2 / Var g' must be above 2, not {self.separation:.3g}: the "
                "linear eigenvalues are not separate from the bulk; use more hidden units, or "
                "spectrum of drawn teachers"
            )
        if crowding > 2:
            raise ValueError(
                f"{what} have {crowding:.3g} cubic features for each dimension, and must have at "
                "most 2; use more inputs, or spectrum of drawn teachers"
            )

    def _set_degrees(self, variances: Array) -> None:
        """Split E g'^2 into degrees, and choose the levels."""
        ni, nh, p, a2 = self.input_dim, self.hidden_dim, self._weights, self.sigma2**2
        h = np.array([m.hermite for m in self._moments]).T
        slope, square = (
            np.array([getattr(m, n) for m in self._moments]) for n in ("slope", "square")
        )
        kappa = [h[m] ** 2 / (variances * math.factorial(m - 1)) for m in range(1, 5)]
        rest = slope - kappa[0] - kappa[1]
        rest[rest < 1e-12 * slope] = 0
        self._bulk_mean = p @ (rest + kappa[1])
        if self._bulk_mean < 1e-12 * (p @ kappa[0]):
            raise ValueError("activation must not be linear; use LinearHessianLaw")
        self.separation = nh * (p @ kappa[0]) / self._bulk_mean
        rows = np.array([h[m + 2] + m * h[m] for m in range(4)]) / np.sqrt(variances)
        self._features, self._kappa1 = (h[:4], rows), kappa[0]
        # On a sphere a little of degree 3 is of degree 1, and a little of degree 4 of degree 2.
        moved = np.minimum(3 * kappa[3] / (ni + 2), np.maximum(rest - kappa[2] / ni, 0))
        linear, quadratic = kappa[0] + kappa[2] / ni, kappa[1] + moved
        rest = np.maximum(rest - kappa[2] / ni - moved, 0)
        if p @ quadratic < 0.03 * (p @ rest):
            quadratic, rest = 0 * quadratic, rest + quadratic
        bulk, own = a2 * (p @ (rest + quadratic)), p @ square
        top = max(((h[:2] ** 2 + a2 * rows[:2] ** 2) @ p).max(), a2 * (p @ linear))
        ends = math.log(1e-6 * min(bulk, own)), math.log(max(30 * bulk, 4 * own, 4 * nh * top))
        x = np.linspace(*ends, math.ceil(PER_DECADE * (ends[1] - ends[0]) / math.log(10)))
        cubic, crowding = kappa[2] * (1 - 1 / ni), nh * ni / math.comb(ni + 2, 3)
        self._bulk = Bulk(ni / nh, crowding, self.sigma2, p, linear, quadratic, cubic, rest, x)

    def _units(self, share1: Array, share2: Array) -> list[LocalUnit]:
        """Return a unit of each kind, with what the others leave it of degrees 0 to 3."""
        share3 = below(self._bulk.real(self._bulk.share3).conj()).conj()
        shares = np.stack([0 * share1, share1, share2, share3])
        lost = (shares - 1) / np.array([1, 1, 2, 6])[:, None]
        units = []
        for m, own, row in zip(self._moments, *(part.T for part in self._features), strict=True):
            pairs = (own * own, m.square), (own * row, m.cross), (row * row, m.radial)
            gram = [total + product @ lost for product, total in pairs]
            units.append(LocalUnit(*gram, np.exp(self._bulk.x), self.sigma2))
        return units

    def _response(self, units: list[LocalUnit], degree: int) -> Array:
        """Return the mean of v^T (Gram - level)^{-1} v for the features v of a degree."""
        own, row = (part[degree] for part in self._features)
        return sum(
            p * u.response(*v) for p, u, *v in zip(self._weights, units, own, row, strict=True)
        )

    def _counts(self) -> Array:
        """Return the mean number of eigenvalues below each level."""
        bulk, ni, nh, p = self._bulk, self.input_dim, self.hidden_dim, self._weights
        levels, share1, share2 = np.exp(bulk.x), np.zeros(len(bulk.x)), bulk.tensor_share()
        counts = nh * ni * bulk.distribution() - ni / 2 * bulk.pairs()
        if present := self.separation > 1e-9:
            norm, angle = bulk.linear_response()
            share1 = 1 / (1 + nh * norm)
            last = np.searchsorted(
                levels, 0.3 * self.sigma2**2 * (p @ (bulk.rest + bulk.quadratic))
            )
            for _ in range(40):
                share1[last:] = share1[last]
                rows = below(self._response(self._units(share1, share2), 1) - norm) * nh / ni
                share1 = (share1 + 1 / (1 + nh * norm + rows)) / 2
            share1[last:] = share1[last]
        units = self._units(share1, share2)
        along = bulk.outside() + 2 * share2[:, None] * bulk.quadratic
        typical = [positive_angle(D) + mean_angle(levels / D, self.sigma2) for D in along.T]
        own = [unit.count() for unit in units]
        counts += nh * (p @ np.subtract(own, typical))
        if present:
            rows = below(self._response(units, 1) - norm) * nh / ni
            outliers = outlier_share(nh, self._row_ratio(), norm, rows)
            counts -= ni * (outliers - angle + (share1 * rows).imag / math.pi)
        if not bulk.atom and max(np.abs(part[0]).max() for part in self._features) > 0:
            counts -= positive_angle((1 + nh * self._response(units, 0)).conj())
        return counts

    def _row_ratio(self) -> float:
        """Return the aspect ratio c E beta^2 / (E beta)^2 of rows with the weights beta."""
        own, row = (part[1] ** 2 for part in self._features)
        extra = self.sigma2**2 * (row - self._kappa1)
        mean = self._weights @ (own + extra)
        square = self._weights @ (own**2 + 2 * own * extra + 3 * extra**2)
        return self.input_dim / self.hidden_dim * min(square / mean**2, 1e3)

    def _updated_ctor_param(self) -> dict[str, object]:
        names = ("input_dim", "hidden_dim", "activation", "sigma1", "sigma2")
        return {name: getattr(self, name) for name in names}

    def _cdf(self, x: Array) -> Array:
        ends = np.exp(self._table.x[[0, -1]])
        inside = np.where(x < ends[1], self._table(np.log(np.clip(x, *ends))), 1.0)
        return np.where(x > 0, inside, np.where(x < 0, 0.0, self.atom))

    def _pdf(self, x: Array) -> Array:
        ends = np.exp(self._table.x[[0, -1]])
        inside = np.clip(x, *ends)
        return np.where(inside == x, self._slope(np.log(inside)) / inside, 0.0)

    def _ppf(self, q: Array) -> Array:
        fine = np.linspace(*self._table.x[[0, -1]], 20_000)
        return np.where(q > self.atom, np.exp(np.interp(q, self._table(fine), fine)), 0.0)

    def mean_loss(self, times: ArrayLike, epsilon: float = 1.0) -> Array:
        r"""Loss under gradient flow, averaged over deviations and teachers, shape (times,).

        .. math:: \frac{\varepsilon^2}{2} P \, E[\lambda e^{-2 \lambda t}]

        Parameters
        ----------
        times : array of shape (times,)
            Times of gradient flow, at least 0.
        epsilon : float
            Standard deviation of each parameter's deviation.
        """
        times, scale = finite_array("times", times, (None,)), positive_number("epsilon", epsilon)
        nodes, weights = np.polynomial.legendre.leggauss(4)
        steps = np.diff(self._table.x)[:, None] / 2
        x = (self._table.x[:-1, None] + steps * (1 + nodes)).ravel()
        masses, levels = (steps * weights).ravel() * self._slope(x), np.exp(x)
        decay = np.exp(-2 * np.multiply.outer(times, levels))
        return scale**2 / 2 * self.parameter_count * (decay @ (masses * levels))
