"""All eigenvalues of a graded matrix, each to many digits, however far below the largest it is."""

import flint
import numpy as np
from flint import arb
from scipy.linalg.lapack import dgejsv

from nearopt.checks import Array, require_memory
from nearopt.hessian.dense import population_hessian
from nearopt.network.two_layer import TwoLayer, require_network
from nearopt.proof.balls import (
    Balls,
    ball_kernels,
    exact,
    has_ball_kernels,
    hessian_blocks,
    working_precision,
)
from nearopt.proof.certificate import certify_full_rank, require_precision

# For LAPACK's dgejsv: columns are scaled, no vectors, keep what is tiny, transpose and perturb not.
JACOBI = {"joba": 0, "jobu": 3, "jobv": 3, "jobr": 0, "jobt": 0, "jobp": 0}


def graded_spectrum(net: TwoLayer, precision: int) -> Array:
    """Return the eigenvalues of the Hessian, ascending, to high relative accuracy.

    With complete pivoting, the Cholesky factor L is a well conditioned matrix times a diagonal one,
    however small the latter's entries. So its singular values keep their digits when L, found at
    high precision, is rounded to floats, and one-sided Jacobi rotations find them all (Demmel,
    Gu, Eisenstat, Slapnicar, Veselic & Drmac 1999). Their squares are the eigenvalues.

    Parameters
    ----------
    net : TwoLayer
        A teacher with `Erf` or `Polynomial`, and a Hessian of full rank.
    precision : int
        Bits; those of the teacher's `Certificate` suffice.

    Returns
    -------
    array of shape (P,)

    Raises
    ------
    ArithmeticError
        If a pivot is not positive at this precision, or an eigenvalue is below the range of floats.
    """
    require_network("net", net)
    if not has_ball_kernels(net.activation):
        raise ValueError(f"net must have Erf or Polynomial, not {net.activation!r}")
    precision = require_precision("precision", precision)
    needed = 8 * net.parameter_count**2 * (64.0 + precision / 8)
    require_memory(f"{net.parameter_count} parameters in balls", needed, "use fewer units")
    with working_precision(precision):
        W1, W2 = exact(net.W1), exact(net.W2)
        L = _pivoted_cholesky(hessian_blocks(W1, W2, ball_kernels(net.activation, W1 @ W1.T)))
    values, _, _, work, _, info = dgejsv(L, **JACOBI)
    if info:
        raise ArithmeticError(f"one-sided Jacobi rotations did not converge: dgejsv gave {info}")
    eigenvalues = np.sort((values * (work[0] / work[1])) ** 2)
    if eigenvalues[0] < np.finfo(np.float64).tiny:
        raise ArithmeticError(
            "an eigenvalue underflows, below 1e-307: certify_full_rank holds the smallest in a ball"
        )
    return eigenvalues


def true_and_float_spectrum(net: TwoLayer) -> tuple[Array, Array, float]:
    """Return the ascending eigenvalues in truth, in floats, and the floor of the rank of floats.

    The floor is numpy's threshold: P times machine epsilon times the largest eigenvalue. Networks
    are those of `graded_spectrum`.
    """
    true = graded_spectrum(net, certify_full_rank(net).precision)
    floats = np.linalg.eigvalsh(population_hessian(net))
    return true, floats, len(true) * float(np.finfo(np.float64).eps) * true[-1]


def _pivoted_cholesky(A: Balls) -> Array:
    """Return L, rounded to floats, with L L^T = A up to a permutation of rows and columns."""
    A = np.frompyfunc(arb.mid, 1, 1)(A)
    columns = []
    left = np.arange(len(A))
    while left.size:
        place = max(range(left.size), key=lambda i: A[i, i])
        if not A[place, place] > 0:
            raise ArithmeticError(f"a pivot is not positive at {flint.ctx.prec} bits")
        column = A[:, place] / A[place, place].sqrt()
        columns.append(dict(zip(left.tolist(), column.astype(float), strict=True)))
        keep = np.arange(left.size) != place
        left, rest = left[keep], column[keep]
        A = np.frompyfunc(arb.mid, 1, 1)(A[np.ix_(keep, keep)] - np.outer(rest, rest))
    return np.array([[column.get(row, 0.0) for column in columns] for row in range(len(columns))])
