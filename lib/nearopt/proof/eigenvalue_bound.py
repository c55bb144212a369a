"""Why the smallest eigenvalue of an erf network is so small: theory.

Split every parameter's gradient, a function of the inputs, into Hermite polynomials. H is the sum
of a semidefinite part H_j for each degree j, all odd as erf is. The parts below degree m have
together a rank of at most the number of odd polynomials below m, once for each output. If that is
less than P, what remains bounds the smallest eigenvalue: lambda_min <= tr(H_m + H_{m+2} + ...).
"""

import math

import numpy as np
from scipy.special import logsumexp, poch

from nearopt.checks import Array, positive_integer, require_memory
from nearopt.network.activations import Erf
from nearopt.network.two_layer import TwoLayer, require_network

# Terms are summed until they have fallen by this factor, at least.
NEGLIGIBLE = 1e-20
# Relative error of the sum, at most.
SLACK = 1e-10
# Numbers for each term that are held at once.
COPIES = 10


def filling_degree(parameters: int, input_dim: int, output_dim: int = 1) -> int:
    """Return the smallest odd m such that odd polynomials up to degree m number P or more.

    There are C(input_dim + j - 1, j) homogeneous ones of degree j for each output.
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
    """Return tr(H_m + H_{m+2} + ...) at the filling degree m of a teacher with `Erf`.

    Not below the smallest eigenvalue of its Hessian, by a billionth part above the trace.
    """
    require_network("net", net)
    if not isinstance(net.activation, Erf):
        raise ValueError(f"net must have the activation Erf, not {net.activation!r}")
    trace = _trace_from(net, filling_degree(net.parameter_count, net.input_dim, net.output_dim))
    return math.nextafter(trace * (1 + SLACK), math.inf)


def _trace_from(net: TwoLayer, m: int) -> float:
    """Return tr(H_m + H_{m+2} + ...).

    With s = |w_k| and r = s^2 / (1 + s^2), the Hermite coefficients s h_j of g(s z) have
    h_j^2 = (2/pi) C(j-1, (j-1)/2) r^(j-1) / (2^(j-1) j (1 + s^2)), with signs that alternate.
    Degree j of unit k's gradients has the squared norm s^2 h_j^2 for each output, and
    |W2_:k|^2 [(Ni - 1) j h_j^2 + (j h_j + sqrt((j+1)(j+2)) h_{j+2})^2], in which the last square is
    (j h_j / (1 + s^2))^2.
    """
    # A unit without weights has a logarithm of -inf, and its degree 1 is r^0 = 1 all the same.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        norms = zip(_log_norms(net.W1), _log_norms(net.W2.T), strict=True)
        units = [_log_trace(*logs, net.input_dim, net.output_dim, m) for logs in norms]
        return float(np.exp(logsumexp(units)))


def _log_norms(rows: Array) -> Array:
    """Return log |row|, also where the square leaves the floats; -inf for zeros."""
    largest = np.abs(rows).max(1)
    scaled = rows / np.where(largest > 0, largest, 1)[:, None]
    return np.log(largest) + np.log(np.linalg.norm(scaled, axis=1))


def _log_trace(log_s: float, log_a: float, input_dim: int, output_dim: int, m: int) -> float:
    """Return the logarithm of one unit's part."""
    log_square, log_more = 2 * log_s, np.logaddexp(0, 2 * log_s)  # Of s^2 and of 1 + s^2.
    # r^j falls at least by the factor exp(-j / (1 + s^2)).
    terms = -math.log(NEGLIGIBLE) * np.exp(log_more)
    what = f"the bound of weights of norm {np.exp(log_s):.3g}"
    require_memory(what, 8.0 * COPIES * terms, "use nearopt.proof.smallest_eigenvalue")
    j = m + 2.0 * np.arange(math.ceil(terms))
    powers = np.where(j > 1, (1 - j) * np.logaddexp(0, -log_square), 0)
    # C(j-1, (j-1)/2) / 2^(j-1), Wallis' ratio.
    central = poch((j + 1) / 2, -0.5) / math.sqrt(math.pi)
    log_h = np.log(2 / math.pi * central / j) + powers - log_more
    slopes = np.log((input_dim - 1) * j + (j * np.exp(-log_more)) ** 2)
    of_weights = np.logaddexp(math.log(output_dim) + log_square, 2 * log_a + slopes)
    return logsumexp(log_h + of_weights)
