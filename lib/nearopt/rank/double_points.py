r"""Polynomials that vanish doubly at points: what the rank of a polynomial network counts.

The coefficient of x^alpha in the gradient of w -> g(w.x) is c_d d! / alpha! times w^alpha and its
derivatives, d = |alpha|. Scaling a column changes no rank, so at every teacher the rank depends on
the degrees S that g has and not on their coefficients. It is the number of independent conditions

.. math::

    f_o(w_k) = 0 \text{ for each output } o, \qquad \sum_o a_{ok} \nabla f_o(w_k) = 0

on N_o polynomials f_o in n = N_i variables whose degrees are in S. The polynomials that meet them
all are called the kernel: the rank is N_o D_S less the kernel's dimension (Terracini's lemma).
"""

import math
from functools import lru_cache

Degrees = frozenset[int]

# (degree, variables, points) at which generic double points impose one condition less than they
# should on forms of degree 3 and more (Alexander and Hirschowitz 1995).
EXCEPTIONS = {(3, 5, 7), (4, 3, 5), (4, 4, 9), (4, 5, 14)}


@lru_cache(maxsize=65536)
def monomials(degrees: Degrees, variables: int) -> int:
    """Return D_S = sum over S of C(n + d - 1, d), the monomials of these degrees."""
    return sum(math.comb(variables + d - 1, d) for d in degrees)


def conditions_on_forms(degree: int, variables: int, points: int) -> int:
    """Conditions of generic double points on forms of one degree: AH(m, n, h), a theorem.

    min(n h, D_m) from degree 3 upwards, one less in the four exceptions of Alexander and
    Hirschowitz (1995); n h - h (h - 1) / 2 up to h = n in degree 2, since a quadratic form of
    n - h variables vanishes doubly at h points; n in degree 1.
    """
    if degree <= 2:
        h = min(points, (1, 1, variables)[degree])
        return h if degree == 0 else variables * h - h * (h - 1) // 2
    count = min(variables * points, monomials(frozenset({degree}), variables))
    return count - ((degree, variables, points) in EXCEPTIONS)


def conditions_on_segment(degrees: Degrees, variables: int, points: int) -> int | None:
    """Conditions of generic double points if S is {0..m}, {1..m} or {2..m}, else None; a theorem.

    {0..m} are the forms of degree m in one variable more. Without 0 they vanish at one generic
    point more, which is one condition as long as there is anything left, and without 0 and 1 they
    vanish doubly there.
    """
    lowest, highest = min(degrees), max(degrees)
    if lowest > 2 or degrees != frozenset(range(lowest, highest + 1)):
        return None
    if lowest == 2:
        return conditions_on_forms(highest, variables + 1, points + 1) - (variables + 1)
    count = conditions_on_forms(highest, variables + 1, points)
    return min(count, monomials(degrees, variables))


def conditions_on_many_outputs(degrees: Degrees, variables: int, points: int, outputs: int) -> int:
    """Conditions of generic points on as many outputs or more; a theorem.

    Then the columns a_k can be made unit vectors: f_k vanishes doubly at its own point, simply at
    the others, and the f_o that are left vanish simply, all of it independent.
    """
    own = variables + (len(degrees) > 1)
    single = monomials(degrees, variables)
    return points * min(single, own + points - 1) + (outputs - points) * min(single, points)


def is_quadric_exception(variables: int, points: int, outputs: int) -> bool:
    """Whether the Segre-Veronese variety of quadrics is known to be defective here, by one.

    P^2 x P^(2k+1) at 3k + 2 points (Ottaviani 2009) and P^4 x P^3 at 6, both embedded by O(1, 2);
    see Abo and Brambilla (2009).
    """
    nets = outputs == 3 and variables >= 4 and variables % 2 == 0
    return (nets and 2 * points == 3 * variables - 2) or (outputs, variables, points) == (5, 4, 6)


@lru_cache(maxsize=1024)
def factor_pairs(degrees: Degrees) -> tuple[tuple[Degrees, Degrees], ...]:
    """Return the pairs of sets T, U with T + U inside S that no larger ones contain.

    A polynomial with degrees in T that vanishes at the points, times one with degrees in U that
    does, is in the kernel.
    """
    shifts = {t: frozenset(d - t for d in degrees if d >= t) for t in range(max(degrees) + 1)}
    closed: set[Degrees] = set()
    for shift in shifts.values():
        closed |= {shift, *(shift & other for other in closed)} - {frozenset()}
    pairs = [(T, frozenset(t for t in shifts if shifts[t] >= T)) for T in closed]
    return tuple(sorted(pairs, key=lambda pair: [sorted(part) for part in pair]))
