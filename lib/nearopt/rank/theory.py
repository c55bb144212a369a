"""What theory says of the generic rank of a polynomial network's Hessian.

n = N_i inputs, h = N_h units, S the degrees of the activation, m the highest of them; D_S and AH
as `nearopt.rank.double_points` has them, where all proofs start.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nearopt.checks import positive_integer, require_memory
from nearopt.network.activations import Polynomial
from nearopt.rank.bounds import Bound, Rank, degrees_and_sizes, upper_bound
from nearopt.rank.double_points import (
    Degrees,
    conditions_on_forms,
    conditions_on_many_outputs,
    conditions_on_segment,
    monomials,
)

# Where the least of the upper bounds was held against exact counts; the slow tests do it again.
CHECKED = "all S in {0..6} with Ni <= 5 at one output, all |S| <= 2 of them at two to five"


def theoretical_rank(
    activation: Polynomial, input_dim: int, hidden_dim: int, output_dim: int = 1
) -> Rank:
    """Rank of the Hessian at a generic teacher, from proved bounds alone.

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

    Notes
    -----
    The bounds meet, so that the rank is a theorem, in these families at least, of all sizes:

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
    degrees, sizes = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
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
    """
    degrees, (n, h, outputs) = degrees_and_sizes(activation, input_dim, hidden_dim, output_dim)
    samples = positive_integer("samples", samples)
    require_memory(f"the ranks of {samples} batches", 40.0 * samples, "take fewer samples")
    N, fed = np.arange(1, samples + 1), min(outputs, h)
    values = min(h, monomials(degrees, n))
    population = theoretical_rank(activation, n, h, fed).value
    return (outputs - fed) * np.minimum(N, values) + np.minimum(N * fed, population)


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
        one = lower_bound(degrees, n, h)
        own = (outputs - 1) * min(h, monomials(degrees, n))
        yield Bound(one.value + own, f"one output: {one.reason}")
        fewer = min(h, outputs)
        value = conditions_on_many_outputs(degrees, n, fewer, outputs)
        yield Bound(value, "as many units as outputs")
        return
    if n == 1:
        yield Bound(min(2 * h, len(degrees)), "one input, Descartes' rule of signs")
    if len(degrees) == 1:
        forms = conditions_on_forms(max(degrees), n, h)
        yield Bound(forms, "forms, Alexander and Hirschowitz 1995")
    for e in sorted(degrees - {0}, reverse=True):
        others = monomials(degrees - {e}, n)
        value = conditions_on_forms(e, n, h) + min(h, others)
        yield Bound(value, f"Euler's relation about degree {e}")
    if len(degrees) > 1:
        yield from (lower_bound(degrees - {d}, n, h) for d in (min(degrees), max(degrees)))
    segment = conditions_on_segment(degrees, n, h)
    if segment is not None:
        yield Bound(segment, "all degrees of a range, Alexander and Hirschowitz 1995")
