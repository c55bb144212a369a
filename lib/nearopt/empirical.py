"""What the spectra of many teachers say of a law, with an honest error bar.

The eigenvalues of one teacher are correlated, so every standard error here is taken over
teachers, never over pooled eigenvalues.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nearopt.checks import finite_array

Array = NDArray[np.float64]


class Law(Protocol):
    """A continuous distribution, as scipy.stats has them."""

    def cdf(self, x: Array) -> Array:
        """Return the probability of a value of at most x."""

    def ppf(self, q: Array) -> Array:
        """Return the quantile of q."""


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

    Raises
    ------
    ValueError
        If there are fewer than 2 teachers, a number is not finite or the edges are not ascending.
    """
    spectra, edges = _of_teachers(spectra), finite_array("edges", edges, (None,))
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError("edges must be at least 2 numbers, ascending")
    counts = np.stack([np.histogram(spectrum, edges)[0] for spectrum in spectra])
    scale = spectra.shape[1] * np.diff(edges)
    return counts.mean(0) / scale, counts.std(0, ddof=1) / np.sqrt(len(counts)) / scale


def empirical_cdf(spectra: Array, points: Array) -> tuple[Array, Array]:
    """Return the share of the pooled spectra below each point, and its standard error.

    Parameters
    ----------
    spectra : array of shape (teachers, eigenvalues)
        Each teacher's eigenvalues.
    points : array of shape (points,)
        Where the share is counted.

    Returns
    -------
    share, error : arrays of shape (points,)
        In units of probability.

    Raises
    ------
    ValueError
        If there are fewer than 2 teachers, or a number is not finite.
    """
    spectra, points = _of_teachers(spectra), finite_array("points", points, (None,))
    shares = np.stack([np.searchsorted(s, points) for s in np.sort(spectra)]) / spectra.shape[1]
    return shares.mean(0), shares.std(0, ddof=1) / np.sqrt(len(spectra))


def cdf_scores(spectra: Array, law: Law) -> Array:
    """Return empirical minus true cdf at the 99 percentiles of a law, in standard errors."""
    levels = np.arange(1, 100) / 100
    share, error = empirical_cdf(spectra, law.ppf(levels))
    return (share - levels) / error


def kolmogorov_distance(law: Law, other: Law) -> tuple[float, float]:
    """Return the largest difference of two cdfs and the point of it, among 1999 quantiles."""
    points = other.ppf(np.arange(1, 2000) / 2000)
    difference = np.abs(law.cdf(points) - other.cdf(points))
    return float(difference.max()), float(points[difference.argmax()])
