"""A rank with what is proved of it, and the proved bounds from above.

`nearopt.rank.count` counts from below and `nearopt.rank.theory` predicts; both are held against
these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nearopt.checks import positive_integer
from nearopt.network.activations import Polynomial
from nearopt.rank.double_points import (
    Degrees,
    conditions_on_forms,
    conditions_on_many_outputs,
    conditions_on_segment,
    factor_pairs,
    is_quadric_exception,
    monomials,
)


@dataclass(frozen=True)
class Bound:
    """A proved bound, and the reason for it."""

    value: int
    reason: str


@dataclass(frozen=True)
class Rank:
    """A rank, how it is known, and what is proved of it.

    Attributes
    ----------
    value : int
        The rank.
    parameters : int
        P, the number of parameters of the network.
    method : str
        How `value` was found: numerical, exact or theory, and how.
    lower, upper : Bound
        Proved bounds of the rank.
    """

    value: int
    parameters: int
    method: str
    lower: Bound
    upper: Bound

    def __post_init__(self) -> None:
        if not self.lower.value <= self.value <= self.upper.value:
            raise ValueError(
                f"a rank of {self.value} is outside its bounds, {self.lower} and {self.upper}"
            )

    @property
    def proved(self) -> bool:
        """Whether the bounds meet."""
        return self.lower.value == self.upper.value


def degrees_of(activation: Polynomial) -> Degrees:
    """Return S, the degrees whose coefficient is not zero."""
    if not isinstance(activation, Polynomial):
        raise ValueError(
            f"activation must be a Polynomial, not {activation!r}; use numerical_rank for others"
        )
    return frozenset(d for d, c in enumerate(activation.coefficients) if c != 0)


def degrees_and_sizes(
    activation: Polynomial, input_dim: int, hidden_dim: int, output_dim: int
) -> tuple[Degrees, tuple[int, int, int]]:
    """Return S and the sizes of a network, once they are known to be good."""
    n = positive_integer("input_dim", input_dim)
    h = positive_integer("hidden_dim", hidden_dim)
    return degrees_of(activation), (n, h, positive_integer("output_dim", output_dim))


@lru_cache(maxsize=65536)
def upper_bound(degrees: Degrees, input_dim: int, hidden_dim: int, output_dim: int = 1) -> Bound:
    """Return the smallest bound of the rank that is proved here, with its reason.

    It holds at every teacher, because a rank is nowhere above its generic value.
    """
    found = _upper_bounds(degrees, input_dim, hidden_dim, output_dim)
    return min(found, key=lambda bound: bound.value)


def _upper_bounds(degrees: Degrees, n: int, h: int, outputs: int) -> Iterator[Bound]:
    """Yield every bound, the plainest reason first."""
    yield Bound(h * (n + outputs), "number of parameters")
    yield Bound(outputs * monomials(degrees, n), "number of coefficients of the gradient")
    if len(degrees) == 1 and max(degrees) > 0:
        # a_k -> a_k / s^m, w_k -> s w_k changes nothing.
        yield Bound(h * (n + outputs - 1), "scale of each unit")
    yield from _products(degrees, n, h, outputs)
    if outputs == 1:
        yield from _double_points(degrees, n, h)
    else:
        yield from _several_outputs(degrees, n, h, outputs)
    if len(degrees) > 1:
        lowest = frozenset({min(degrees)})
        rest = upper_bound(degrees - lowest, n, h, outputs)
        own = outputs * monomials(lowest, n)
        yield Bound(own + rest.value, f"all of degree {min(degrees)}, and above: {rest.reason}")


def _products(degrees: Degrees, n: int, h: int, outputs: int) -> Iterator[Bound]:
    """Yield the bounds from kernels that are products p q.

    p has degrees in T and p(w_k) = 0: at least D_T - h dimensions. The q_o have degrees in U and
    sum_o a_ok q_o(w_k) = 0: at least N_o D_U - h dimensions. Then p q_o is in the kernel, and
    products of spaces of a and b dimensions span at least a + b - 1, because there are at least
    as many leading monomials among them.
    """
    for T, U in factor_pairs(degrees):
        a, b = monomials(T, n) - h, outputs * monomials(U, n) - h
        if a > 0 and b > 0:
            value = outputs * monomials(degrees, n) - (a + b - 1)
            yield Bound(value, f"products of degrees {_set(T)} and {_set(U)} that vanish doubly")


def _double_points(degrees: Degrees, n: int, h: int) -> Iterator[Bound]:
    """Yield the numbers of conditions that are theorems of Alexander and Hirschowitz (1995)."""
    if len(degrees) == 1:
        yield Bound(conditions_on_forms(max(degrees), n, h), "double points on forms")
    segment = conditions_on_segment(degrees, n, h)
    if segment is not None:
        reason = f"double points on forms of degree {max(degrees)} in {n + 1} variables"
        yield Bound(segment, reason)


def _several_outputs(degrees: Degrees, n: int, h: int, outputs: int) -> Iterator[Bound]:
    """Yield what is known of several outputs.

    If 0 is not in S, take S + {0} with one output and one unit more, a unit at the origin that
    feeds that output alone. The kernel is then no smaller than at generic points. No polynomial of
    it has a constant; that of the new output has no linear term either and vanishes at all w_k, so
    it fills at most (D_T - h)+ dimensions, T = S - {1}. Where it is zero, the others are in the
    kernel of S: that has all dimensions but these.
    """
    if outputs >= h:
        value = conditions_on_many_outputs(degrees, n, h, outputs)
        yield Bound(value, "at least as many outputs as units")
    yield from _quadrics(degrees, n, h, outputs)
    if 0 not in degrees:
        lost = monomials(degrees, n) + outputs + 1 - max(0, monomials(degrees - {1}, n) - h)
        for lifted in _quadrics(degrees | {0}, n, h + 1, outputs + 1):
            yield Bound(lifted.value - lost, f"{lifted.reason} with a unit at the origin")


def _quadrics(degrees: Degrees, n: int, h: int, outputs: int) -> Iterator[Bound]:
    """Yield what is known of quadrics; {0,1,2} are those in one variable more."""
    variables = {frozenset({2}): n, frozenset({0, 1, 2}): n + 1}.get(degrees, 0)
    if is_quadric_exception(variables, h, outputs):
        count = min(h * (variables + outputs - 1), outputs * monomials(degrees, n))
        yield Bound(count - 1, "Segre-Veronese exception (Abo and Brambilla 2009)")


def _set(degrees: Degrees) -> str:
    return "{" + ",".join(map(str, sorted(degrees))) + "}"
