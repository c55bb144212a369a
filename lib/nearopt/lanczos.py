"""The Lanczos process with full reorthogonalisation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator

from nearopt.checks import require_memory

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ritz:
    """What a Krylov space of a symmetric operator says of its eigenvalues.

    Attributes
    ----------
    values : array of shape (steps,)
        Ritz values, ascending.
    errors : array of shape (steps,)
        Norms of the residuals: within each distance of its Ritz value there is an eigenvalue.
    weights : array of shape (steps,)
        Squared overlaps with the first vector: the weights of its Gauss quadrature.
    """

    values: Array
    errors: Array
    weights: Array


def lanczos(operator: LinearOperator, steps: int, rng: np.random.Generator) -> Ritz:
    """Run `steps` steps from a random direction, and no more than there are dimensions.

    Without reorthogonalisation, converged eigenvalues would come back as ghosts and spoil the
    weights. Where the Krylov space ends, a fresh direction goes on: it finds further copies of
    eigenvalues, at weight 0.

    Parameters
    ----------
    operator : LinearOperator
        Symmetric, (P, P).
    steps : int
        Products with the operator; as many vectors of P numbers are kept.
    rng : Generator
        Source of the direction, which is uniform on the sphere.

    Raises
    ------
    MemoryError
        If the vectors do not fit.
    """
    dim = operator.shape[0]
    steps = min(steps, dim)
    what = f"{steps} Lanczos steps with {dim} parameters"
    require_memory(what, 8.0 * (steps + 4) * dim, "ask for fewer steps")
    basis = np.empty((steps, dim))
    diagonal, off = np.zeros((2, steps))
    basis[0] = _direction(rng, basis[:0])
    for j in range(steps):
        vector = operator.matvec(basis[j])
        diagonal[j] = basis[j] @ vector
        vector -= diagonal[j] * basis[j]
        if j:
            vector -= off[j - 1] * basis[j - 1]
        vector -= (basis[: j + 1] @ vector) @ basis[: j + 1]
        off[j] = np.linalg.norm(vector)
        # Less is rounding, and the space is invariant.
        if off[j] <= 1e-14 * np.abs(diagonal[: j + 1]).max():
            off[j] = 0
        if j + 1 < steps:
            basis[j + 1] = vector / off[j] if off[j] else _direction(rng, basis[: j + 1])
    values, vectors = eigh_tridiagonal(diagonal, off[:-1])
    return Ritz(values, off[-1] * np.abs(vectors[-1]), vectors[0] ** 2)


def _direction(rng: np.random.Generator, basis: Array) -> Array:
    """Return a random unit vector orthogonal to the rows of a basis."""
    vector = rng.standard_normal(basis.shape[1])
    for _ in range(2):
        vector -= (basis @ vector) @ basis
        vector /= np.linalg.norm(vector)
    return vector
