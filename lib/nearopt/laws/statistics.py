"""What the spectra of many teachers say of a law, with an honest error bar.

The eigenvalues of one teacher are correlated, so every standard error here is taken over
teachers, never over pooled eigenvalues.
"""

import math
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from nearopt.checks import Array, finite_array, positive_integer, require_instance

# How often chance may exceed what it is said to explain: once in a thousand times.
CHANCE = 1e-3


@runtime_checkable
class Law(Protocol):
    """A continuous distribution, as scipy.stats has them."""

    def cdf(self, x: Array) -> Array:
        """Return the probability of a value of at most x."""

    def ppf(self, q: Array) -> Array:
        """Return the quantile of q."""


def _require_law(name: str, law: object) -> None:
    require_instance(name, law, Law, "LinearHessianLaw(10, 20)")


def _of_teachers(spectra: Array) -> Array:
    """Return spectra (teachers, eigenvalues), of enough teachers for a standard error."""
    spectra = finite_array("spectra", spectra, (None, None))
    if len(spectra) < 2:
        raise ValueError("spectra must be of at least 2 teachers: one alone has no error bar")
    return spectra


def binned_density(spectra: Array, edges: Array) -> tuple[Array, Array]:
    """Return the density of the pooled spectra in each bin, and its standard error.

    Parameters
    ----------
    spectra : array of shape (teachers, eigenvalues)
        Each teacher's eigenvalues.
    edges : array of shape (bins + 1,)
        Ascending.

    Returns
    -------
    density, error : arrays of shape (bins,)
        Normalised so that all eigenvalues, in a bin or not, have weight 1.
    """
    spectra, edges = _of_teachers(spectra), finite_array("edges", edges, (None,))
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError("edges must be at least 2 numbers, ascending")
    counts = np.stack([np.histogram(spectrum, edges)[0] for spectrum in spectra])
    scale = spectra.shape[1] * np.diff(edges)
    return counts.mean(0) / scale, counts.std(0, ddof=1) / np.sqrt(len(counts)) / scale


def empirical_cdf(spectra: Array, points: Array) -> tuple[Array, Array]:
    """Return the share of the pooled spectra below each point, and its standard error.

    Spectra are those of `binned_density`; points, shares and errors have the shape (points,).
    """
    spectra, points = _of_teachers(spectra), finite_array("points", points, (None,))
    shares = np.stack([(spectra < point).mean(1) for point in points], axis=1)
    return shares.mean(0), shares.std(0, ddof=1) / np.sqrt(len(spectra))


def cdf_scores(spectra: Array, law: Law) -> Array:
    r"""Return empirical minus true cdf at the 99 percentiles of a law, in standard errors.

    The error is itself measured, and at a percentile that few teachers reach it may be far too
    small, even 0. So a score is a little less than the difference over the error, and chance
    exceeds z with a probability of at most 4 exp(-z^2 / 2), however few the teachers and however
    their eigenvalues depend on each other.

    Parameters
    ----------
    spectra : array of shape (teachers, eigenvalues)
        Each teacher's eigenvalues.
    law : Law
        Of one eigenvalue, averaged over teachers; without an atom.

    Returns
    -------
    array of shape (99,)
        What `largest_score` bounds.

    Notes
    -----
    With N teachers, d the difference and e the error, it is the root z of

    .. math:: |d| = e z + \frac{7 z^2}{6 (N - 1)},

    with the sign of d: the empirical Bernstein bound for shares, which are from 0 to 1 (Maurer and
    Pontil 2009, theorem 4, on either side).
    """
    _require_law("law", law)
    levels = np.arange(1, 100) / 100
    points = law.ppf(levels)
    jump = law.cdf(points) - levels
    # Eigenvalues of 0 are rounded to either side of it, so that their share is not known.
    if jump.max() > 1e-3:
        raise ValueError(
            f"law must have no atom, as at {points[jump.argmax()]:g}: compare what is not 0"
        )
    share, error = empirical_cdf(spectra, points)
    difference, curvature = share - levels, 7 / 6 / (len(spectra) - 1)
    root = np.sqrt(error**2 + 4 * curvature * np.abs(difference))
    return 2 * difference / np.maximum(error + root, np.finfo(float).tiny)


def largest_score(count: int) -> float:
    """Return what the largest of `count` sizes of `cdf_scores` exceeds once in a thousand times.

    At most so often, by the union bound.
    """
    return math.sqrt(2 * math.log(4 * positive_integer("count", count) / CHANCE))


def largest_chi_square(weights: ArrayLike, freedoms: ArrayLike, count: int = 1) -> float:
    r"""Return what a sum of chi-square variables differs from its mean by once in a thousand times.

    Or the largest of `count` such differences; at most so often. It bounds the mean of drawn
    traces, for the trace of a Gaussian matrix's square is such a sum, and so says of a law's
    scale far more than its cdf does.

    Parameters
    ----------
    weights, freedoms : arrays that broadcast
        Of sum_i a_i X_i the positive a_i and the degrees of freedom n_i of the independent X_i.
    count : int
        How many differences there are.

    Notes
    -----
    Laurent and Massart (2000), lemma 1: beyond 2 sqrt(t sum_i n_i a_i^2) + 2 t max_i a_i with a
    probability of at most exp(-t) on either side.
    """
    a, n = np.broadcast_arrays(weights, freedoms)
    t = math.log(2 * positive_integer("count", count) / CHANCE)
    return float(2 * np.sqrt(t * (n * a**2).sum()) + 2 * t * a.max())


def largest_difference(error: Array, teachers: int) -> float:
    """Return what the largest difference from the mean exceeds once in a thousand times.

    At most so often, by Student's distribution and the union bound: for counts that are about
    normal, as those of large spectra are. `cdf_scores` asks for less.

    Parameters
    ----------
    error : array of shape (points,)
        The standard error of each, as `empirical_cdf` returns it.
    teachers : int
        How many the errors are of.
    """
    error = finite_array("error", error, (None,))
    if positive_integer("teachers", teachers) < 2:
        raise ValueError("teachers must be at least 2, not 1: one alone has no error bar")
    return float(student.isf(CHANCE / 2 / len(error), teachers - 1) * error.max())


def kolmogorov_distance(law: Law, other: Law) -> tuple[float, float]:
    """Return the largest difference of two cdfs and the point of it, among 1999 quantiles."""
    _require_law("law", law)
    _require_law("other", other)
    points = other.ppf(np.arange(1, 2000) / 2000)
    difference = np.abs(law.cdf(points) - other.cdf(points))
    return float(difference.max()), float(points[difference.argmax()])
