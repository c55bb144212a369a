"""Arithmetic modulo a prime, in which a rank needs no tolerance."""

import flint
import numpy as np
from numpy.typing import NDArray

from nearopt.double_points import Degrees

Residues = NDArray[np.int64]

# The largest prime below 2^31: products of two residues fit into 64 bits.
PRIME = 2**31 - 1


def product(A: Residues, B: Residues) -> Residues:
    """Return A B; a sum of more than two products would not fit."""
    total = np.zeros((len(A), B.shape[1]), dtype=np.int64)
    for column, row in zip(A.T, B, strict=True):
        total = (total + column[:, None] * row) % PRIME
    return total


def value_and_slope(degrees: Degrees, u: Residues) -> tuple[Residues, Residues]:
    """Return g(u) and g'(u), g the sum of u^d over the degrees."""
    value, slope = np.zeros_like(u), np.zeros_like(u)
    for degree in range(max(degrees), -1, -1):
        slope = (slope * u + value) % PRIME
        value = (value * u + (degree in degrees)) % PRIME
    return value, slope


def to_matrix(table: Residues) -> flint.nmod_mat:
    """Return a two-dimensional array as FLINT's matrix."""
    return flint.nmod_mat(flint.fmpz_mat(table.tolist()), PRIME)


def pivots(matrix: flint.nmod_mat) -> list[int]:
    """Return the columns that do not depend on those before them, ascending."""
    reduced, rank = matrix.rref()
    found, column = [], 0
    for row in range(rank):
        while not reduced[row, column]:
            column += 1
        found.append(column)
    return found
