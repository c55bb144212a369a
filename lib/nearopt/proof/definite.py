"""Proofs that a symmetric matrix is positive definite, with enclosures of what they show.

An approximate inverse X of the Cholesky factor of A is only a guess. In ball arithmetic it is a
proof: if X A X^T = I + E with |E| < 1 then A is positive definite, det A = det(I + E) / det(X)^2,
and the inverse of A lies between X^T X / (1 + |E|) and X^T X / (1 - |E|).
"""

import math
from typing import NamedTuple

import numpy as np
from flint import arb, arb_mat

from nearopt.proof.balls import working_precision

# How close X A X^T must be to the identity, and how close the two bounds of the eigenvalue are.
CLOSENESS = 2.0**-32
TIGHTNESS = 1e-7
# Bits that locate the smallest eigenvalue once the inverse is known.
LOW_PRECISION = 64


class Enclosures(NamedTuple):
    """What a proof of definiteness yields: balls that hold det A and A's smallest eigenvalue."""

    determinant: arb
    smallest_eigenvalue: arb


def prove_definite(A: arb_mat) -> Enclosures | None:
    """Prove that a symmetric matrix, of which each entry is enclosed, is positive definite.

    None says that the precision does not suffice, or that the matrix is not definite.
    """
    try:
        X = _inverse_cholesky(A.mid())
        # Where the precision does not suffice, the last row often shows it, without n^3 products.
        last = arb_mat(X.tolist()[-1:])
        if not abs((last * A * last.transpose())[0, 0] - 1) < CLOSENESS:
            return None
        error = _norm(X * A * X.transpose() - arb_mat(np.eye(A.nrows()).tolist()))
        if not error < CLOSENESS:
            return None
        scale = math.prod((X[i, i] for i in range(X.nrows())), start=arb(1))
        determinant = arb(1, error) ** X.nrows() / (scale * scale)
        with working_precision(LOW_PRECISION):
            return Enclosures(determinant, arb(1, error) / _largest_eigenvalue(X))
    except np.linalg.LinAlgError:
        return None


def _inverse_cholesky(A: arb_mat) -> arb_mat:
    """Return X with X A X^T close to I, by halves, so that the work is in matrix products."""
    size = A.nrows()
    if size == 1:
        if not A[0, 0] > 0:
            raise np.linalg.LinAlgError("a pivot is not positive")
        return arb_mat([[A[0, 0].rsqrt()]]).mid()
    half, rows = size // 2, A.tolist()
    upper = _inverse_cholesky(arb_mat([row[:half] for row in rows[:half]]))
    below = (arb_mat([row[:half] for row in rows[half:]]) * upper.transpose()).mid()
    schur = arb_mat([row[half:] for row in rows[half:]]) - below * below.transpose()
    lower = _inverse_cholesky(schur.mid())
    corner = (-(lower * below) * upper).mid()
    zeros = [arb(0)] * (size - half)
    top = [row + zeros for row in upper.tolist()]
    return arb_mat(top + [c + x for c, x in zip(corner.tolist(), lower.tolist(), strict=True)])


def _largest_eigenvalue(X: arb_mat) -> arb:
    """Enclose the largest eigenvalue of C = X^T X.

    Below, the Rayleigh quotient of an approximate eigenvector. Above, t a little larger: if the
    Cholesky decomposition of B = t I - C runs to its end in floats, B's smallest eigenvalue is
    above -(size + 2) eps tr B, in whatever order its sums were taken (Rump 2006).
    """
    norm = _squared_norm(X).mid().sqrt().mid()
    Y = X * (1 / norm)
    C = Y.transpose() * Y
    lower = np.tril([[float(entry.mid()) for entry in row] for row in C.tolist()])
    floats = lower + np.tril(lower, -1).T
    vector = arb_mat(np.linalg.eigh(floats)[1][:, -1:].tolist())
    quotient = (vector.transpose() * (C * vector))[0, 0] / _squared_norm(vector)
    t = float(quotient.mid()) * (1 + TIGHTNESS)
    B = t * np.eye(len(floats)) - floats
    np.linalg.cholesky(B)
    conversion = _norm(C - arb_mat(floats.tolist()))
    rounding = np.finfo(float).eps * ((len(B) + 2) * np.trace(B) + 2 * t)
    return quotient.lower().union(t + conversion + float(rounding)) * norm * norm


def _squared_norm(A: arb_mat) -> arb:
    return sum((entry * entry for entry in A.entries()), arb(0))


def _norm(A: arb_mat) -> arb:
    """Return an upper bound of the Frobenius norm."""
    return _squared_norm(A).upper().sqrt().upper()
