"""What theory says of the generic rank of a polynomial network's Hessian.

n = N_i inputs, h = N_h units, S the degrees of the activation, m the highest of them; D_S and AH
as `nearopt.double_points` has them, where all proofs start.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nearopt.activations import Polynomial
from nearopt.checks import positive_integer, require_memory
from nearopt.double_points import (
    Degrees,
    conditions_on_forms,
    conditions_on_many_outputs,
    conditions_on_segment,
    monomials,
)
from nearopt.network import TwoLayer, require_network
from nearopt.rank_bounds import Bound, Rank, degrees_and_sizes, degrees_of, upper_bound

# Where the least of the upper bounds was held against exact counts; the slow tests do it again.
CHECKED = "all S in {0..6} with Ni <= 5 at one output, all |S| <= 2 of them at two to five"


def theoretical_rank(
    activation: Polynomial, input_dim: int, hidden_dim: int, output_dim: int = 1
) -> Rank:
    """Rank of the Hessian at a generic teacher, from closed forms alone.

    Parameters
    ----------
    activation : Polynomial
        Only which of its coefficients are not zero matters.
    input_dim, hidden_dim, output_dim : int
        Sizes of the network.

    Returns
    -------
    Rank
        The method names the theorem if the value is proved. Otherwise the value is the smallest
        upper bound that is proved, to which no exception is known, and the method says that this
        is a conjecture and where it was checked.

    Raises
    ------
    ValueError
        If the activation is not a polynomial or a size is not a positive integer.
    """
    degrees, sizes = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
    lower = upper = closed_form(degrees, *sizes)
    if upper is None:
        lower, upper = lower_bound(degrees, *sizes), upper_bound(degrees, *sizes)
    parameters = sizes[1] * (sizes[0] + sizes[2])
    met = lower.value == upper.value
    status = f"theorem ({lower.reason})" if met else f"conjecture, checked for {CHECKED}"
    return Rank(upper.value, parameters, f"theory: {status}", lower, upper)


def expected_batch_ranks(
    activation: Polynomial, input_dim: int, hidden_dim: int, output_dim: int, samples: int
) -> NDArray[np.int64]:
    """Return (No - Nh)+ min(N, D_S, Nh) + min(N k, R_k) for N = 1, ..., `samples`.

    With k = min(No, Nh), R_k is the population rank with k outputs and D_S the number of monomials
    of g's degrees. In the No - k directions that no hidden unit feeds, only W2 matters, through the
    hidden values themselves; in the others the network has k outputs. It is exact for one output,
    where rows at random inputs are independent until they span all there is to span, and for
    linear g, by the Kronecker sum; otherwise it is an upper bound.

    Raises
    ------
    ValueError
        If the activation is not a polynomial or a size is not a positive integer.
    MemoryError
        If so many ranks do not fit.
    """
    degrees, (n, h, outputs) = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
    samples = positive_integer("samples", samples)
    require_memory(f"the ranks of {samples} batches", 40.0 * samples, "take fewer samples")
    N, fed = np.arange(1, samples + 1), min(outputs, h)
    values = min(h, monomials(degrees, n))
    population = theoretical_rank(activation, n, h, fed).value
    return (outputs - fed) * np.minimum(N, values) + np.minimum(N * fed, population)


def closed_form(degrees: Degrees, n: int, h: int, outputs: int) -> Bound | None:
    """Return the rank where it is a theorem for all sizes of a family, else None.

    ==================  ==========================================================
    No >= h             h min(D_S, n + h - 1 + [|S| > 1]) + (No - h) min(h, D_S)
    S = {1}             No n for No < h
    one output:
    n = 1               min(2h, |S|) (Descartes' rule of signs)
    {m}                 AH(m, n, h); n for {1}, q(n, h) for {2}
    {0..m}              AH(m, n+1, h); q(n+1, h) for {0, 1, 2}
    {1..m}              min(AH(m, n+1, h), D_S); q(n, h) + min(h, n) for {1, 2}
    {2..m}              AH(m, n+1, h+1) - (n + 1)
    {0, m}              1 + AH(m, n, h)
    {1, m}              min(h, n) + AH(m, n, h)
    ==================  ==========================================================
    """
    top = max(degrees)
    if outputs >= h:
        value = conditions_on_many_outputs(degrees, n, h, outputs)
        return Bound(value, "at least as many outputs as units")
    if degrees == {1}:
        return Bound(outputs * n, "linear")
    if outputs > 1:
        return None
    if n == 1:
        return Bound(min(2 * h, len(degrees)), "one input, Descartes' rule of signs")
    forms = conditions_on_forms(top, n, h)
    if len(degrees) == 1:
        return Bound(forms, "forms, Alexander and Hirschowitz 1995")
    segment = conditions_on_segment(degrees, n, h)
    if segment is not None:
        return Bound(segment, "all degrees of a range, Alexander and Hirschowitz 1995")
    if len(degrees) == 2 and min(degrees) < 2:
        low = min(h, n) if 1 in degrees else 1
        return Bound(low + forms, "constant or linear term, Alexander and Hirschowitz 1995")
    return None


@lru_cache(maxsize=65536)
def lower_bound(degrees: Degrees, n: int, h: int, outputs: int = 1) -> Bound:
    """Return the largest lower bound of the generic rank that is proved here, with its reason."""
    return max(_lower_bounds(degrees, n, h, outputs), key=lambda bound: bound.value)


def _lower_bounds(degrees: Degrees, n: int, h: int, outputs: int) -> Iterator[Bound]:
    """Yield every bound, the plainest reason first.

    If f is in the kernel of one output and e >= 1 in S, then r = sum (e - d) f_d vanishes at all
    w_k, by Euler's relation, and fixes f up to a form of degree e in the kernel. So the kernel has
    at most (D_S - D_e - h)+ dimensions beside those forms: rank >= AH(e) + min(h, D_S - D_e).
    Of several outputs, all but one are fixed by at most N_o - 1 polynomials that vanish at all
    w_k, so each adds at least min(h, D_S). No rank falls when degrees are added.
    """
    if outputs > 1:
        one = closed_form(degrees, n, h, 1) or lower_bound(degrees, n, h)
        own = (outputs - 1) * min(h, monomials(degrees, n))
        yield Bound(one.value + own, f"one output: {one.reason}")
        fewer = min(h, outputs)
        value = conditions_on_many_outputs(degrees, n, fewer, outputs)
        yield Bound(value, "as many units as outputs")
        return
    for e in sorted(degrees - {0}, reverse=True):
        others = monomials(degrees - {e}, n)
        value = conditions_on_forms(e, n, h) + min(h, others)
        yield Bound(value, f"Euler's relation about degree {e}")
    if len(degrees) > 1:
        yield from (lower_bound(degrees - {d}, n, h) for d in (min(degrees), max(degrees)))
    if degrees == {0}:
        yield Bound(1, "constant")
    segment = conditions_on_segment(degrees, n, h)
    if segment is not None:
        yield Bound(segment, "all degrees of a range, Alexander and Hirschowitz 1995")


def quadratic_null_vectors(net: TwoLayer) -> NDArray[np.float64]:
    """Return directions along which a network of g(u) = u^2 and one output does not change.

    y = x^T W1^T diag(a) W1 x keeps its value if a unit's scale moves between the layers, along
    delta a_k = -2 a_k, delta w_k = w_k, and if the rows of diag(a)^(1/2) W1 are rotated, along
    delta w_k = a_l w_l, delta w_l = -a_k w_k for each pair of units.

    Returns
    -------
    array of shape (h + h (h - 1) / 2, P)
        Scales first; parameters in the order of `net.parameters`. They are independent for
        h <= n, and then there are no others, as the rank is n h - h (h - 1) / 2.

    Raises
    ------
    ValueError
        If the network is another one.
    MemoryError
        If the vectors do not fit.
    """
    require_network("net", net)
    if degrees_of(net.activation) != {2} or net.output_dim != 1:
        raise ValueError(f"net must have g(u) = c u^2 and one output, not {net.activation}")
    count = net.hidden_dim * (net.hidden_dim + 1) // 2
    needed = 24.0 * count * net.parameter_count
    require_memory(f"{count} null vectors", needed, "take a smaller network")
    a, unit = net.W2[0], np.eye(net.hidden_dim)
    scales = [
        np.r_[-2 * a[k] * unit[k], np.outer(unit[k], net.W1[k]).ravel()] for k in range(len(a))
    ]
    turns = [
        np.outer(unit[i], a[j] * net.W1[j]) - np.outer(unit[j], a[i] * net.W1[i])
        for i, j in combinations(range(len(a)), 2)
    ]
    return np.array(scales + [np.r_[0 * a, turn.ravel()] for turn in turns])
