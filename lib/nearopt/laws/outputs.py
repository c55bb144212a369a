"""The law of the Hessian's eigenvalues for linear networks with several outputs.

With M = W2 W1 the eigenvalues are those of the Kronecker sum of W2 W2^T and W1^T W1: every
eigenvalue of the one plus every eigenvalue of the other (Singh, Bachmann and Hofmann 2021).
"""

import math

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc
from scipy.stats import rv_continuous

from nearopt.checks import Array, positive_integer, positive_number
from nearopt.laws.piecewise import tabulate
from nearopt.laws.wishart import MarchenkoPastur

# Gauss-Legendre points of the convolution, which is analytic between its edges.
POINTS = 64


def linear_rank(input_dim: int, hidden_dim: int, output_dim: int) -> int:
    r"""Return the rank of the Hessian at a generic linear network.

    .. math:: N_o N_i - \max(0, N_o - N_h) \max(0, N_i - N_h)

    A sum of eigenvalues is 0 where both are, and W2 W2^T has max(0, No - Nh) zeros. `input_dim`
    is the rank of the inputs' covariance if that is lower, or the size of the batch.

    Raises
    ------
    ValueError
        If a size is not a positive integer.
    """
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    output_dim = positive_integer("output_dim", output_dim)
    deficits = max(0, output_dim - hidden_dim) * max(0, input_dim - hidden_dim)
    return output_dim * input_dim - deficits


class OutputsHessianLaw(rv_continuous):
    r"""Law of a Hessian eigenvalue of large linear networks with several outputs.

    The convolution of two Marchenko-Pastur laws: for N_i inputs, N_h hidden units, N_o outputs,
    and X and Y independent,

    .. math::

        \lambda = \sigma_1^2 N_h X + \sigma_2^2 N_h Y, \qquad
        X \sim \mathrm{MP}(N_i / N_h), \quad Y \sim \mathrm{MP}(N_o / N_h).

    Parameters
    ----------
    input_dim, hidden_dim, output_dim : int
        Sizes of the network, whose inputs are white.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.

    Attributes
    ----------
    atom : float
        Probability of the value 0 among all input_dim * output_dim eigenvalues that a linear
        network can have: 1 - `linear_rank` / (input_dim * output_dim). `pdf` leaves it out; `cdf`,
        `ppf`, `rvs` and `stats` have it.

    Raises
    ------
    ValueError
        If a size is not a positive integer or a scale not a positive number.

    Notes
    -----
    With the singular values R cos(angle) and R sin(angle) and their densities h and g, the density
    at R^2 is the integral of h(R cos) g(R sin) / 2 over the angle, as for one output.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        output_dim: int,
        sigma1: float = 1.0,
        sigma2: float = 1.0,
    ) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.hidden_dim = positive_integer("hidden_dim", hidden_dim)
        self.output_dim = positive_integer("output_dim", output_dim)
        self.sigma1 = positive_number("sigma1", sigma1)
        self.sigma2 = positive_number("sigma2", sigma2)
        rank = linear_rank(input_dim, hidden_dim, output_dim)
        self.atom = 1 - rank / (input_dim * output_dim)
        # scipy takes the cdf to be 0 at the lower end of the support, where the atom is.
        super().__init__(a=math.nextafter(0, -1), name=type(self).__name__)
        self._inner = MarchenkoPastur(input_dim / hidden_dim), sigma1**2 * hidden_dim
        self._outer = MarchenkoPastur(output_dim / hidden_dim), sigma2**2 * hidden_dim
        inner, outer = (scale * np.array(law.edges) for law, scale in (self._inner, self._outer))
        self._edges = np.sqrt(np.unique(np.add.outer(inner, outer)))
        pieces = [np.linspace(*pair, 5) for pair in zip(self._edges, self._edges[1:], strict=False)]
        breaks = np.unique(np.concatenate(pieces))
        self._density = tabulate(self._convolution, breaks, 1e-11)
        per_radius = tabulate(lambda radius: 2 * radius * self._density(radius), breaks, 1e-11)
        self._distribution = per_radius.antiderivative()

    def _updated_ctor_param(self) -> dict[str, object]:
        names = ("input_dim", "hidden_dim", "output_dim", "sigma1", "sigma2")
        return {name: getattr(self, name) for name in names}

    def _convolution(self, radius: Array) -> Array:
        """Return the density of R^2 that has no atom in it, at each R > 0."""
        u, weights = np.polynomial.legendre.leggauss(POINTS)
        u, weights = (u + 1) / 2, weights / 2
        # The steps shrink towards both ends like u^4, because a density may end like a root.
        steps, weights = betainc(4, 4, u), weights * 140 * (u * (1 - u)) ** 3
        inner, outer = (np.sqrt(np.multiply(s, law.edges)) for law, s in (self._inner, self._outer))
        low = np.maximum(_angle(np.arcsin, inner[0], radius), _angle(np.arccos, outer[1], radius))
        high = np.minimum(_angle(np.arcsin, inner[1], radius), _angle(np.arccos, outer[0], radius))
        width = np.maximum(high - low, 0)
        angles = low[:, None] + width[:, None] * steps
        g = _singular(self._inner, radius[:, None] * np.sin(angles))
        h = _singular(self._outer, radius[:, None] * np.cos(angles))
        return width * ((g * h) @ weights) / 2

    def _pure(self, function: str, x: Array) -> Array:
        """Return what the zeros of one factor leave of the other: its pdf or cdf at x."""
        (inner, inner_scale), (outer, outer_scale) = self._inner, self._outer
        one = getattr(inner, function)(x / inner_scale)
        other = getattr(outer, function)(x / outer_scale)
        if function == "_pdf":
            return outer.atom * one / inner_scale + inner.atom * other / outer_scale
        return outer.atom * (one - inner.atom) + inner.atom * (other - outer.atom)

    def _pdf(self, x: Array) -> Array:
        radius = np.sqrt(np.maximum(x, 0))
        inside = (radius >= self._edges[0]) & (radius <= self._edges[-1])
        table = np.where(inside, np.maximum(self._density(radius), 0), 0.0)
        return np.where(x > 0, table + self._pure("_pdf", x), 0.0)

    def _cdf(self, x: Array) -> Array:
        radius = np.clip(np.sqrt(np.maximum(x, 0)), self._edges[0], self._edges[-1])
        total = self.atom + self._distribution(radius) + self._pure("_cdf", np.maximum(x, 0))
        return np.where(x < 0, 0.0, np.clip(total, 0.0, 1.0))

    def _ppf(self, q: Array) -> Array:
        above = np.clip(q, self.atom, self._cdf(np.array(self._edges[-1] ** 2)))
        ends = np.zeros_like(above), np.full_like(above, self._edges[-1] ** 2)
        root = elementwise.find_root(lambda x, level: self._cdf(x) - level, ends, args=(above,)).x
        return np.where(q > self.atom, root, 0.0)

    def _stats(self) -> tuple[float, float, float, float]:
        """Cumulants add up."""
        cumulants = np.zeros(4)
        for law, scale in (self._inner, self._outer):
            c = law.aspect_ratio
            cumulants += scale ** np.arange(1, 5) * [1, c, c**2, c**3 - c**2]
        mean, variance, third, fourth = cumulants
        return mean, variance, third / variance**1.5, fourth / variance**2


def _angle(inverse: np.ufunc, edge: float, radius: Array) -> Array:
    """Return the angle whose sine or cosine is edge / radius, at most 1."""
    return inverse(np.minimum(1, edge / radius))


def _singular(part: tuple[MarchenkoPastur, float], t: Array) -> Array:
    """Return the density of the root of a scaled Marchenko-Pastur variable."""
    law, scale = part
    return 2 * t / scale * law._pdf(t * t / scale)
