"""A function of one variable as a piecewise polynomial, as fine as the function needs."""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import BPoly

from nearopt.checks import Array

DEGREE = 12
# No function that a law is made of takes more; one that does is noisy beyond the tolerance.
MOST_PIECES = 20_000


def tabulate(
    function: Callable[[Array], Array],
    breaks: Array,
    tolerance: float = 1e-13,
    most_pieces: int = MOST_PIECES,
) -> BPoly:
    """Interpolate at Chebyshev points, halving each piece until it is smooth enough.

    Parameters
    ----------
    function : callable
        Maps an array of points to the array of its values.
    breaks : array of shape (pieces + 1,)
        Ascending; the first pieces. A point where the function is not smooth belongs here.
    tolerance : float
        Of each piece, in units of the function's largest value; above its rounding errors.
        Pieces stop at a width of 1e-9 of the whole.
    most_pieces : int
        In one pass, of which a function that is slow or takes much memory allows fewer.

    Returns
    -------
    BPoly
        Which scipy differentiates and integrates exactly.
    """
    angles = np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1)
    chebyshev = np.cos(np.outer(np.arange(DEGREE + 1), angles)) * 2 / (DEGREE + 1)
    nodes = (1 - np.cos(angles)) / 2
    bernstein = np.linalg.inv(BPoly(np.eye(DEGREE + 1)[:, None], [0, 1])(nodes))
    left, right = np.asarray(breaks[:-1]), np.asarray(breaks[1:])
    smallest = 1e-9 * (breaks[-1] - breaks[0])
    pieces, coefficients, largest = [], [], 0.0
    while left.size:
        if left.size > most_pieces:
            raise ArithmeticError(
                f"{most_pieces} pieces do not resolve a function to a tolerance of {tolerance:g}: "
                "its values are less accurate than that"
            )
        points = left[:, None] + np.subtract(right, left)[:, None] * nodes
        values = function(points.ravel()).reshape(points.shape)
        largest = max(largest, np.abs(values).max())
        tail = np.abs(values @ chebyshev[-2:].T).max(1)
        done = (tail <= tolerance * largest) | (right - left <= smallest)
        pieces.append(left[done])
        coefficients.append(bernstein @ values[done].T)
        middle = (left + right)[~done] / 2
        left, right = np.r_[left[~done], middle], np.r_[middle, right[~done]]
    starts = np.concatenate(pieces)
    order = np.argsort(starts)
    return BPoly(np.concatenate(coefficients, 1)[:, order], np.r_[starts[order], breaks[-1]])
