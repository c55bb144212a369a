"""A second count of ranks: over the rationals, from the gradient's coefficients at monomials."""

from itertools import combinations_with_replacement
from math import factorial, prod

import flint
import numpy as np


def coefficient_rank(coefficients, W1, W2):
    """Rational rank of the gradient's coefficients at monomials, from integer weights."""
    units, n = len(W1), len(W1[0])
    columns = []
    for d, c in enumerate(coefficients):
        for chosen in combinations_with_replacement(range(n), d):
            a = np.bincount(chosen, minlength=n) if chosen else np.zeros(n, int)
            weight = c * factorial(d) // prod(map(factorial, a.tolist()))
            value, gradient = zip(*(monomial(row, a.tolist(), weight) for row in W1), strict=True)
            for o, row in enumerate(W2):
                outer = [value[k] * (o == p) for p in range(len(W2)) for k in range(units)]
                inner = [row[k] * slope for k in range(units) for slope in gradient[k]]
                columns.append(outer + inner)
    return flint.fmpz_mat(columns).rank()


def monomial(w, a, weight):
    """Return weight w^a and its gradient, in integers."""
    value = weight * prod(x**e for x, e in zip(w, a, strict=True))
    less = [[e - (i == j) for j, e in enumerate(a)] for i in range(len(a))]
    slopes = [
        weight * a[i] * prod(x**e for x, e in zip(w, less[i], strict=True)) if a[i] else 0
        for i in range(len(a))
    ]
    return value, slopes
