"""Why the smallest eigenvalue of an erf network is so small: theory.

Split every parameter's gradient, a function of the inputs, into Hermite polynomials. H is the sum
of a semidefinite part H_j for each degree j, all odd as erf is. The parts below degree m have
together a rank of at most the number of odd polynomials below m, once for each output. If that is
less than P, what remains bounds the smallest eigenvalue: lambda_min <= tr(H_m + H_{m+2} + ...).
"""

import math

import numpy as np
from scipy.special import gammaln, xlog1py

from nearopt.checks import Array, positive_integer, require_memory
from nearopt.network.activations import Erf
from nearopt.network.two_layer import TwoLayer, require_network

# Terms are summed until they have fallen by this factor, at least.
NEGLIGIBLE = 1e-20
# Numbers for each term that are held at once.
COPIES = 10


def filling_degree(parameters: int, input_dim: int, output_dim: int = 1) -> int:
    """Return the smallest odd m such that odd polynomials up to degree m number P or more.

    There are C(input_dim + j - 1, j) homogeneous ones of degree j for each output.

    Raises
    ------
    ValueError
        If a size is not a positive integer.
    """
    parameters = positive_integer("parameters", parameters)
    input_dim = positive_integer("input_dim", input_dim)
    output_dim = positive_integer("output_dim", output_dim)
    m, count = 1, input_dim
    while output_dim * count < parameters:
        m += 2
        count += math.comb(input_dim + m - 1, m)
    return m


def smallest_eigenvalue_bound(net: TwoLayer) -> float:
    """Return tr(H_m + H_{m+2} + ...) at the filling degree m, for `Erf`.

    Parameters
    ----------
    net : TwoLayer
        The teacher.

    Returns
    -------
    float
        Not below the smallest eigenvalue of its Hessian, but for rounding and underflow.

    Raises
    ------
    ValueError
        If the activation is another.
    MemoryError
        If the terms do not fit: they grow like the square of the largest norm of a row of W1.
    """
    require_network("net", net)
    if not isinstance(net.activation, Erf):
        raise ValueError(f"net must have the activation Erf, not {net.activation!r}")
    return _trace_from(net, filling_degree(net.parameter_count, net.input_dim, net.output_dim))


def _trace_from(net: TwoLayer, m: int) -> float:
    """Return tr(H_m + H_{m+2} + ...).

    With s = |w_k|, r = s^2 / (1 + s^2) and g_j = s h_j the Hermite coefficients of g(s z),
    h_j^2 = (2/pi) C(j-1, (j-1)/2) r^(j-1) / (2^(j-1) j (1 + s^2)), with signs that alternate.
    Degree j of unit k's gradients has the squared norm g_j^2 for each output, and
    |W2_:k|^2 [(Ni - 1) j h_j^2 + (j h_j + sqrt((j+1)(j+2)) h_{j+2})^2]. A unit with s = 0 has
    degree 1 alone, Ni |W2_:k|^2 g'(0)^2, for r^(j-1) is then 1 at j = 1 and 0 beyond.
    """
    with np.errstate(over="ignore"):
        square = (net.W1**2).sum(1)[:, None]
    # r^j falls at least by the factor exp(-j / (1 + s^2)).
    terms = -math.log(NEGLIGIBLE) * (1 + square.max())
    needed = 8.0 * COPIES * net.hidden_dim * terms
    what = f"the bound of weights of norm {math.sqrt(square.max()):.3g}"
    require_memory(what, needed, "use nearopt.proof.certificate.smallest_eigenvalue")
    j = m + 2.0 * np.arange(math.ceil(terms))
    h, after = _hermite_coefficients(j, square), _hermite_coefficients(j + 2, square)
    along = (j * h + np.sqrt((j + 1) * (j + 2)) * after) ** 2
    across = (net.input_dim - 1) * j * h**2
    slopes = (net.W2**2).sum(0)[:, None] * (along + across)
    return float((net.output_dim * square * h**2 + slopes).sum())


def _hermite_coefficients(j: Array, square: Array) -> Array:
    """Return h_j for odd j, at each s^2."""
    half = (j - 1) / 2
    binomial = gammaln(j) - 2 * gammaln(half + 1) - (j - 1) * math.log(2)
    power = xlog1py(j - 1, -1 / (1 + square))
    return (-1) ** half * np.sqrt(2 / math.pi / j / (1 + square) * np.exp(binomial + power))
