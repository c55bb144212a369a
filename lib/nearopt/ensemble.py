"""Spectra of many linear teachers, and what they say of a law with an honest error bar.

The eigenvalues of one teacher are correlated, so every standard error here is taken over
teachers, never over pooled eigenvalues.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nearopt.checks import positive_integer, positive_number

Array = NDArray[np.float64]


class Law(Protocol):
    """A continuous distribution, as scipy.stats has them."""

    def cdf(self, x: Array) -> Array:
        """Return the probability of a value of at most x."""

    def ppf(self, q: Array) -> Array:
        """Return the quantile of q."""


def draw_linear_spectra(
    input_dim: int,
    hidden_dim: int,
    teachers: int,
    *,
    sigma1: float = 1.0,
    sigma2: float = 1.0,
    rng: np.random.Generator,
) -> Array:
    """Draw the nonzero Hessian eigenvalues |W2|^2 + eig(W1^T W1) of linear teachers.

    Parameters
    ----------
    input_dim, hidden_dim, teachers : int
        Sizes of a teacher, which has one output, and the number of teachers.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.
    rng : Generator
        Source of the weights.

    Returns
    -------
    array of shape (teachers, input_dim)
        Each teacher's eigenvalues, ascending.

    Raises
    ------
    ValueError
        If a size is not a positive integer or a scale not a positive number.
    """
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    sigma1, sigma2 = positive_number("sigma1", sigma1), positive_number("sigma2", sigma2)
    spectra = np.zeros((positive_integer("teachers", teachers), input_dim))
    rank = min(input_dim, hidden_dim)
    for spectrum in spectra:
        W1 = rng.standard_normal((hidden_dim, input_dim))
        gram = W1 @ W1.T if hidden_dim < input_dim else W1.T @ W1
        spectrum[input_dim - rank :] = sigma1**2 * np.linalg.eigvalsh(gram)
        spectrum += sigma2**2 * (rng.standard_normal(hidden_dim) ** 2).sum()
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
    counts = np.stack([np.histogram(spectrum, edges)[0] for spectrum in spectra])
    scale = spectra.shape[1] * np.diff(edges)
    return counts.mean(0) / scale, counts.std(0, ddof=1) / np.sqrt(len(counts)) / scale


def cdf_deviation(spectra: Array, law: Law, quantiles: int = 99) -> tuple[Array, Array]:
    """Return the empirical cdf minus the law's at the law's quantiles, and its standard error.

    Parameters
    ----------
    spectra : array of shape (teachers, eigenvalues)
        Each teacher's eigenvalues.
    law : Law
        What they are held against.
    quantiles : int
        The cdfs are compared where the law's is 1, 2, ... over quantiles + 1.

    Returns
    -------
    deviation, error : arrays of shape (quantiles,)
        In units of probability.
    """
    levels = np.arange(1, quantiles + 1) / (quantiles + 1)
    points = law.ppf(levels)
    below = np.stack([np.searchsorted(spectrum, points) for spectrum in spectra])
    fractions = below / spectra.shape[1]
    return fractions.mean(0) - levels, fractions.std(0, ddof=1) / np.sqrt(len(spectra))
