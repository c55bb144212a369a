"""Spectra of many teachers and batches, as they are drawn."""

from collections.abc import Callable

import numpy as np

from nearopt.checks import (
    Array,
    finite_array,
    positive_integer,
    positive_number,
    require_generator,
    require_memory,
)


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
    """
    sigma1 = positive_number("sigma1", sigma1)

    def spectrum(W1: Array, norm: float) -> Array:
        gram = W1 @ W1.T if hidden_dim < input_dim else W1.T @ W1
        nonzero = sigma1**2 * np.linalg.eigvalsh(gram)
        return np.pad(nonzero, (input_dim - len(nonzero), 0)) + norm

    return _draw_spectra(spectrum, input_dim, hidden_dim, teachers, sigma2, rng)


def draw_coloured_spectra(
    covariance_spectrum: Array,
    hidden_dim: int,
    teachers: int,
    *,
    sigma1: float = 1.0,
    sigma2: float = 1.0,
    rng: np.random.Generator,
) -> Array:
    """Draw Hessian eigenvalues of linear teachers whose inputs have a covariance.

    Those of S^(1/2) (|W2|^2 I + W1^T W1) S^(1/2), S the diagonal matrix of the covariance's
    eigenvalues: rotating the inputs changes nothing, because W1 is Gaussian.

    Parameters
    ----------
    covariance_spectrum : array of shape (input_dim,)
        Eigenvalues of the covariance.
    hidden_dim, teachers, sigma1, sigma2, rng
        As in `draw_linear_spectra`, and so is what is returned.
    """
    covariance_spectrum = finite_array("covariance_spectrum", covariance_spectrum, (None,))
    if covariance_spectrum.min() < 0:
        lowest = covariance_spectrum.min()
        raise ValueError(f"covariance_spectrum must not be negative, as {lowest:.3g} is")
    sigma1, roots = positive_number("sigma1", sigma1), np.sqrt(covariance_spectrum)

    def spectrum(W1: Array, norm: float) -> Array:
        coloured = sigma1 * W1 * roots
        return np.linalg.eigvalsh(coloured.T @ coloured + norm * np.diag(covariance_spectrum))

    return _draw_spectra(spectrum, len(roots), hidden_dim, teachers, sigma2, rng)


def _draw_spectra(
    spectrum: Callable[[Array, float], Array],
    input_dim: int,
    hidden_dim: int,
    teachers: int,
    sigma2: float,
    rng: np.random.Generator,
) -> Array:
    """Return spectrum(W1, |W2|^2) for each teacher, W1 of unit variance."""
    require_generator(rng)
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    teachers = positive_integer("teachers", teachers)
    sigma2 = positive_number("sigma2", sigma2)
    require_memory(
        f"{teachers} spectra of networks of {hidden_dim} x {input_dim} weights",
        8.0 * input_dim * (teachers + 4 * hidden_dim + 5 * input_dim),
        "ask for fewer teachers or smaller networks",
    )
    spectra = np.empty((teachers, input_dim))
    for row in spectra:
        W1 = rng.standard_normal((hidden_dim, input_dim))
        row[:] = spectrum(W1, sigma2**2 * (rng.standard_normal(hidden_dim) ** 2).sum())
    return spectra
