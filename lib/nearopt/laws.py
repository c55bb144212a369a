r"""The laws of the Hessian's nonzero eigenvalues, for linear networks with one output.

Such an eigenvalue is |W2|^2 plus an eigenvalue of W1^T W1, and the two are independent. The first
is sigma2^2 times a chi-square variable; the second follows, for large networks, a scaled
Marchenko-Pastur law, which gives the paper's law, and at any size the mean density of a Wishart
matrix, which gives the exact one. All are scipy.stats distributions.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise
from scipy.stats import rv_continuous

from nearopt.checks import positive_number, require_memory
from nearopt.piecewise import tabulate
from nearopt.sum_law import SumLaw
from nearopt.wishart import singular_value_density, spectral_cumulants

Array = NDArray[np.float64]

# Numbers for each angle of the sum's integral, at all the radii of a pass of the table.
COPIES = 6000
# Beyond this, an aspect ratio leaves a law that floats do not resolve.
MOST_UNEQUAL = 1e20


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

    Raises
    ------
    ValueError
        If the aspect ratio is not a positive number, or beyond 1e-20 and 1e20, where the law is
        hardly wider than the spacing of floats.
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
        super().__init__(a=lower, b=self.edges[1], name="marchenko_pastur")

    def _updated_ctor_param(self) -> dict[str, float]:
        return {"aspect_ratio": self.aspect_ratio}

    def _pdf(self, x: Array) -> Array:
        lower, upper = self.edges
        inside = np.maximum((upper - x) * (x - lower), 0)
        positive = np.where(x > 0, x, np.inf)
        return np.sqrt(inside) / (2 * math.pi * self.aspect_ratio * positive)

    def _cdf(self, x: Array) -> Array:
        c, (lower, upper) = self.aspect_ratio, self.edges
        root, x = math.sqrt(c), np.clip(x, lower, upper)
        # x = 1 + c - 2 sqrt(c) cos(angle), so that nothing cancels where c is small.
        angle = 2 * np.arctan2(np.sqrt(x - lower), np.sqrt(upper - x))
        sine, cosine = np.sin(angle), np.cos(angle)
        short, long = min(root, 1.0), max(root, 1.0)
        area = root * sine + min(c, 1.0) * angle
        area -= abs(1 - c) * np.arctan2(short * sine, long - short * cosine)
        return self.atom + area / (math.pi * c)

    def _ppf(self, q: Array) -> Array:
        above = np.maximum(q, self.atom)
        root = elementwise.find_root(
            lambda x, level: self._cdf(x) - level, self.edges, args=(above,)
        ).x
        return np.where(q > self.atom, root, 0.0)

    def _stats(self) -> tuple[float, float, float, float]:
        c = self.aspect_ratio
        return 1.0, c, math.sqrt(c), c - 1


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
    real Wishart matrix (`nearopt.wishart`). Same parameters, attributes and errors as
    `LinearHessianLaw`, which is its limit. A linear network is often written the other way
    round, so: W1 has hidden_dim rows. A MemoryError where its table does not fit.
    """

    def _singular_values(self) -> tuple[tuple[float, float], Callable[[Array], Array], int]:
        n, p = max(self.input_dim, self.hidden_dim), min(self.input_dim, self.hidden_dim)
        needed = 8.0 * COPIES * (128 + 4 * p)
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
        return (lower, upper), table, 128 + 4 * p

    def _cumulants(self) -> Array:
        return spectral_cumulants(self.hidden_dim, self.input_dim)
