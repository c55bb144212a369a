r"""Activations without closed-form kernels: any smooth g, by quadrature that checks its own error.

With z ~ N(0, 1) and h_j the orthonormal Hermite polynomials, Mehler's formula turns the bivariate
integrals of `nearopt.network.kernels` into one-dimensional ones. For u_k and u_l of variances
s_k^2 and s_l^2 and correlation r_kl,

.. math::

    K_{pq}(k, l) = \sum_j r_{kl}^j \, a^p_j(s_k) \, a^q_j(s_l), \qquad
    a^p_j(s) = E[g^{(p)}(s z) \, h_j(z)].

It is what a tensor Gauss-Hermite rule computes, at the cost of a single axis, and nothing in it is
singular where two rows coincide.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.polynomial.polynomial import polyval
from scipy.special import expit, ndtr

from nearopt.checks import Array, positive_number, require_memory
from nearopt.network.kernels import Kernels
from nearopt.network.mehler import mehler_kernels

Function = Callable[[Array], Array]

# Beyond it the root of the normal density, which is left at each node, is below 1e-18.
RANGE = 13.0
BLOCK = 64
ORDERS = BLOCK * 2 ** np.arange(11)
# Hermite functions of up to this order, 55 MB, are kept: descent asks for them at every step.
KEPT = 4096


def _normal_density(u: Array) -> Array:
    return np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)


def _rule(order: float) -> tuple[float, Array]:
    """Return the step and the nodes of the trapezoidal rule for h_j, j < order.

    h_j oscillates with wavenumbers up to sqrt(j); the step resolves four times the largest.
    """
    step = math.pi / 2 / math.sqrt(order)
    return step, step * np.arange(-math.ceil(RANGE / step), math.ceil(RANGE / step) + 1)


def _hermite_functions(order: int) -> Iterator[Array]:
    """Yield h_j(z) exp(-z^2 / 4) at the nodes for j < order, in blocks of (BLOCK, points)."""
    _, z = _rule(order)
    before, now = np.zeros_like(z), np.exp(-(z**2) / 4)
    block = np.empty((BLOCK, len(z)))
    for j in range(order):
        block[j % BLOCK] = now
        before, now = now, (z * now - math.sqrt(j) * before) / math.sqrt(j + 1)
        if (j + 1) % BLOCK == 0:
            yield block.copy()


@cache
def _kept_hermite_functions(order: int) -> list[Array]:
    """Return the same, of an order that is kept."""
    return list(_hermite_functions(order))


def _values(functions: Sequence[Function], scales: Array, z: Array) -> Array:
    """Return f(s z) exp(-z^2 / 4), shape (functions, scales, nodes)."""
    values = np.stack([f(scales[:, None] * z) for f in functions])
    if not np.isfinite(values).all():
        raise ValueError(f"the activation must be finite up to |u| = {RANGE * scales.max():.3g}")
    return values * np.exp(-(z**2) / 4)


def _hermite_coefficients(functions: Sequence[Function], scales: Array, order: int) -> Array:
    """Return a_j(s) = E[f(s z) h_j(z)], shape (functions, scales, order).

    The trapezoidal rule converges exponentially for analytic integrands (Trefethen & Weideman
    2014).
    """
    step, z = _rule(order)
    values = step / math.sqrt(2 * math.pi) * _values(functions, scales, z)
    blocks = _kept_hermite_functions(order) if order <= KEPT else _hermite_functions(order)
    return np.concatenate([values @ block.T for block in blocks], axis=-1)


@dataclass(frozen=True)
class Smooth:
    """An analytic activation, given with its first three derivatives.

    Parameters
    ----------
    g, dg, d2g, d3g : callable
        g and its derivatives, each from an array to an array of its shape.
    tolerance : float
        Largest accepted relative error: of the diagonals of K00, K11 and K22 against another rule,
        and of Stein's lemma.
    """

    g: Function
    dg: Function
    d2g: Function
    d3g: Function
    tolerance: float = 1e-12

    def __post_init__(self) -> None:
        positive_number("tolerance", self.tolerance)
        one = np.ones(1)
        a = _hermite_coefficients(self._derivatives, one, BLOCK)
        gaps = np.abs(_stein_gaps(a, one)).max((1, 2))
        for i, (below, above) in enumerate(pairwise(("g", "dg", "d2g", "d3g"))):
            if gaps[i] > 1e-6 * np.abs(a[i]).max():
                raise ValueError(
                    f"{above} is not the derivative of {below}, or varies too fast where |u| < 5"
                )

    @property
    def _derivatives(self) -> tuple[Function, Function, Function, Function]:
        return self.g, self.dg, self.d2g, self.d3g

    def __call__(self, u: Array) -> Array:
        """Return g(u), element by element."""
        return self.g(u)

    def derivative(self, u: Array) -> Array:
        """Return g'(u), element by element."""
        return self.dg(u)

    def kernels(self, gram: Array) -> Kernels:
        """Return the kernels by Mehler's formula; refuse where 2^16 terms miss the tolerance."""
        scales = np.sqrt(np.diag(gram))
        for order in ORDERS:
            what = f"{order} Hermite terms for {len(gram)} rows of W1"
            kept = 210.0 * min(order, KEPT) ** 1.5  # of this order and of those below
            need = 80.0 * order * len(gram) + 120.0 * gram.size + kept
            require_memory(what, need, "shrink W1")
            # The longest row, which as a rule asks for most terms, is tried alone before all are.
            a, error = self._coefficients(scales.max(keepdims=True), order)
            if error <= self.tolerance:
                a, error = self._coefficients(scales, order)
            if error <= self.tolerance:
                break
        else:
            raise ValueError(
                f"the activation varies too fast for a row of W1 of norm {scales.max():.3g}: its "
                f"kernels have a relative error of {error:.1e} at {order} Hermite terms, above the "
                f"tolerance of {self.tolerance:.1e}; shrink W1, use a smoother activation, or "
                "raise the tolerance: dataclasses.replace(activation, tolerance=...)"
            )
        return mehler_kernels(a, gram)

    def _coefficients(self, scales: Array, order: int) -> tuple[Array, float]:
        """Return the coefficients of rows of these lengths, and their relative error."""
        a = _hermite_coefficients(self._derivatives, scales, order)
        parseval = _parseval_error(a, self._derivatives[:3], scales)
        return a, max(parseval, _stein_error(a, scales))


def _parseval_error(coefficients: Array, functions: Sequence[Function], scales: Array) -> float:
    """Return the worst relative error of the diagonals of K00, K11 and K22 against E[f(s z)^2].

    Elsewhere |r_kl| < 1 and Cauchy's inequality make the missing terms smaller. The step of the
    finer rule is no rational multiple of the other's, so that no fast oscillation has the samples
    of a slow one in both.
    """
    step, z = _rule((3 + math.sqrt(5)) / 2 * coefficients.shape[2])
    squares = step / math.sqrt(2 * math.pi) * (_values(functions, scales, z) ** 2).sum(2)
    total = (coefficients[:3] ** 2).sum(2)
    # A derivative that is mere rounding has no relative accuracy.
    size = total + np.finfo(np.float64).eps * total.max(0)
    return float((np.abs(total - squares) / size).max())


def _stein_gaps(coefficients: Array, scales: Array) -> Array:
    """Return sqrt(j + 1) a^p_{j+1} - s a^{p+1}_j, which Stein's lemma says is 0."""
    roots = np.sqrt(np.arange(1, coefficients.shape[2]))
    return roots * coefficients[:-1, :, 1:] - scales[:, None] * coefficients[1:, :, :-1]


def _stein_error(coefficients: Array, scales: Array) -> float:
    """Return the gaps relative to the largest term of a row: nodes too far apart mistake slopes."""
    powers = scales ** np.arange(4)[:, None]
    gaps = np.abs(_stein_gaps(coefficients, scales)).max(2) * powers[:3]
    size = (np.abs(coefficients).max(2) * powers).max(0)
    return float((gaps / (size + np.finfo(np.float64).tiny)).max())


@dataclass(frozen=True)
class _Series:
    """u -> c_0 + c_1 f(u) + c_2 f(u)^2 + ..., a class so that it can be pickled."""

    function: Function
    coefficients: tuple[float, ...]

    def __call__(self, u: Array) -> Array:
        return polyval(self.function(u), self.coefficients)


def _softplus(u: Array) -> Array:
    return np.logaddexp(0, u)


def _gelu(u: Array) -> Array:
    return u * ndtr(u)


def _gelu_slope(u: Array) -> Array:
    return ndtr(u) + u * _normal_density(u)


def _gelu_second(u: Array) -> Array:
    return (2 - u**2) * _normal_density(u)


def _gelu_third(u: Array) -> Array:
    return (u**3 - 4 * u) * _normal_density(u)


tanh = Smooth(
    np.tanh,
    _Series(np.tanh, (1, 0, -1)),
    _Series(np.tanh, (0, -2, 0, 2)),
    _Series(np.tanh, (-2, 0, 8, 0, -6)),
)
sigmoid = Smooth(
    expit,
    _Series(expit, (0, 1, -1)),
    _Series(expit, (0, 1, -3, 2)),
    _Series(expit, (0, 1, -7, 12, -6)),
)
softplus = Smooth(_softplus, sigmoid.g, sigmoid.dg, sigmoid.d2g)
gelu = Smooth(_gelu, _gelu_slope, _gelu_second, _gelu_third)
sin = Smooth(np.sin, np.cos, _Series(np.sin, (0, -1)), _Series(np.cos, (0, -1)))
