"""Teachers that the full-rank theorem covers, and the rank that the others are left with."""

from dataclasses import dataclass
from itertools import combinations

import flint
import numpy as np

from nearopt.checks import Array
from nearopt.network.activations import Erf, Polynomial
from nearopt.network.smooth import sin, tanh
from nearopt.network.two_layer import TwoLayer, require_network
from nearopt.proof.functions import smooth_name
from nearopt.rank.bounds import degrees_of, upper_bound

# Odd, with a Taylor series that does not end: neither can be seen from a function's values.
ODD = (Erf(), tanh, sin)


@dataclass(frozen=True)
class Irreducibility:
    """True if a teacher meets the theorem's conditions; `failures` names what does not, from 0."""

    failures: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.failures


def is_irreducible(net: TwoLayer) -> Irreducibility:
    """Check the theorem's conditions on a teacher's weights, exactly.

    The conditions of Fukumizu (1996), for networks without biases: every w_k differs from 0 and
    has a nonzero outgoing weight, and no two are equal or opposite. If the activation is analytic
    at 0, with a Taylor series there that does not end, the Hessian then has full rank for inputs
    of any density that is positive near 0. Not to be a polynomial is too little: soft thresholding,
    sign(u) max(|u| - 1, 0), is none, yet it is 0 near 0.
    """
    require_network("net", net)
    W1, W2 = net.W1, net.W2
    failures = [f"unit {k} has no incoming weight" for k in np.flatnonzero(~W1.any(1))]
    failures += [f"unit {k} has no outgoing weight" for k in np.flatnonzero(~W2.any(0))]
    for k, other in combinations(np.flatnonzero(W1.any(1)).tolist(), 2):
        if np.array_equal(W1[k], W1[other]):
            failures.append(f"units {k} and {other} have equal incoming weights")
        if np.array_equal(W1[k], -W1[other]):
            failures.append(f"units {k} and {other} have opposite incoming weights")
    return Irreducibility(tuple(failures))


def loses_rank(net: TwoLayer) -> bool:
    """Whether the Hessian is singular for a reason that the weights show, in no time.

    Gradients are dependent if a unit has no outgoing weight, or no incoming one and g(0) = 0; if
    two units are equal; if two are opposite and g is even or odd, or their outgoing weights are
    proportional and g(u) - g(-u) or g(u) + g(-u) is linear, as of all smooth activations that
    certificates know; if a polynomial has too few degrees for its rank. False says nothing.
    """
    g, W1, W2 = net.activation, net.W1, net.W2
    if isinstance(g, Polynomial):
        degrees = degrees_of(g)
        if upper_bound(degrees, *W1.shape[::-1], len(W2)).value < net.parameter_count:
            return True
        symmetric, affine = len({d % 2 for d in degrees}) == 1, False
    else:
        symmetric, affine = g in ODD, smooth_name(g) is not None
    without = ~W1.any(1) & (g(np.zeros(1))[0] == 0)
    if (without | ~W2.any(0)).any() or len(np.unique(W1 + 0.0, axis=0)) < len(W1):
        return True
    opposite = np.argwhere(np.triu((W1[:, None] == -W1).all(2), 1))
    return any(symmetric or (affine and _exact_rank(W2[:, pair]) < 2) for pair in opposite)


def odd_activation_rank(net: TwoLayer) -> int:
    """Rank of the Hessian at any teacher, degenerate or not.

    For odd activations with g'(0) != 0 and a Taylor series at 0 that does not end. Units of equal
    or opposite incoming weights form a class c. They share the functions g(w.x) and x_j g'(w.x), so
    a class adds output_dim + input_dim r_c, with r_c the rank of its outgoing weights, or
    input_dim r_c alone if its incoming weights are 0. Different classes are independent by the
    theorem's proof; of an irreducible teacher the rank is P.
    """
    require_network("net", net)
    if net.activation not in ODD:
        raise ValueError(f"net must have Erf(), tanh or sin, not {net.activation!r}")
    signs = np.sign([[w[w != 0][:1].sum()] for w in net.W1])
    classes, members = np.unique(signs * net.W1 + 0.0, axis=0, return_inverse=True)
    ranks = [_exact_rank(net.W2[:, members == c]) for c in range(len(classes))]
    return net.input_dim * sum(ranks) + net.output_dim * int(classes.any(1).sum())


def degenerate_teachers(net: TwoLayer) -> dict[str, TwoLayer]:
    """Break each of the theorem's conditions, the keys, at the first of a teacher's units."""
    require_network("net", net)
    if net.hidden_dim < 2:
        raise ValueError("net must have at least 2 hidden units, not 1")
    first = np.arange(net.hidden_dim) == 0
    W1, W2, cut_off = net.W1, net.W2, np.where(first, 0, net.W2)
    opposite = np.where(first[:, None], -W1[1], W1)
    weights = {
        "no outgoing weight": (W1, cut_off),
        "no incoming weight": (np.where(first[:, None], 0, W1), W2),
        "two equal": (np.where(first[:, None], W1[1], W1), W2),
        "two opposite": (opposite, W2),
        "two opposite, one cut off": (opposite, cut_off),
    }
    return {broken: TwoLayer(*pair, net.activation) for broken, pair in weights.items()}


def _exact_rank(matrix: Array) -> int:
    """Rank of the rationals that the floats are."""
    rows = [[flint.fmpq(*x.as_integer_ratio()) for x in row] for row in matrix.tolist()]
    return flint.fmpq_mat(rows).rank()
