"""Integrals and quantiles to a relative precision, however small the probability."""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc, logsumexp, roots_legendre

from nearopt.checks import Array

Rule = tuple[Array, Array]

# The share of the probability below which laws take their tails from here, not from a table.
TAIL = 1e-3
# What is smaller than the largest part of an integrand by exp(-NEGLIGIBLE) is left out.
NEGLIGIBLE = 45.0
# An integrand is looked for in so many steps, each up to a million times as fine as the last.
SEARCHES = 12


@cache
def legendre(points: int) -> Rule:
    """Return Gauss-Legendre nodes in [0, 1] and their weights."""
    u, weights = roots_legendre(points)
    return (u + 1) / 2, weights / 2


def legendre_for_rough_ends(points: int) -> Rule:
    """Return nodes that shrink towards both ends like u^4: a square root there is smooth in u."""
    u, weights = legendre(points)
    return betainc(4, 4, u), weights * 140 * (u * (1 - u)) ** 3


def log_integral(
    log_integrand: Callable[[Array], Array], low: Array, high: Array, rule: Rule
) -> Array:
    """Return log of the integral of exp(log_integrand) from `low` to `high`, shape (rows,).

    Each interval is narrowed to where the integrand counts, which may oscillate there, but must
    not hide a second peak. `log_integrand` maps nodes of shape (rows, nodes) to their values.
    """
    grid, rows = betainc(4, 4, np.linspace(0, 1, 65)), np.arange(len(low))
    high = np.maximum(low, high)
    for _ in range(SEARCHES):
        nodes = low[:, None] + (high - low)[:, None] * grid
        values = log_integrand(nodes)
        counts = values > values.max(1, keepdims=True) - NEGLIGIBLE
        first, last = counts.argmax(1), 64 - counts[:, ::-1].argmax(1)
        before = high - low
        low, high = nodes[rows, np.maximum(first - 1, 0)], nodes[rows, np.minimum(last + 1, 64)]
        if (high - low >= before / 2).all():
            break
    steps, weights = rule
    width = (high - low)[:, None]
    return logsumexp(log_integrand(low[:, None] + width * steps), axis=1, b=weights * width)


def inverse(rising: Callable[[Array], Array], knots: Array, q: Array) -> Array:
    """Return where a rising function is q, or the nearer end of the knots it is bracketed by."""
    levels = rising(knots)
    i = np.clip(np.searchsorted(levels, q), 1, len(knots) - 1)
    between = np.clip(q, levels[i - 1], levels[i])
    return elementwise.find_root(
        lambda x, level: rising(x) - level, (knots[i - 1], knots[i]), args=(between,)
    ).x


def quantile(
    log_tail: Callable[[Array], Array], q: Array, near: float, far: float, growth: float
) -> Array:
    """Return the points between `near` and `far` where exp(log_tail) is q.

    They are looked for from `near` on, ever faster: at its multiples by `growth` and its squares.
    """
    level, end, done = np.log(q), np.full(q.shape, near), np.zeros(q.shape, bool)
    while not done.all():
        end[~done] = np.clip(end[~done] * growth, *sorted((near, far)))
        done |= (end == far) | (log_tail(end) < level)
        growth = growth**2
    root = elementwise.find_root(
        lambda x, level: np.maximum(log_tail(x), -1e5) - level,
        (np.full(q.shape, near), end),
        args=(level,),
    ).x
    return np.where(log_tail(end) > level, end, root)
