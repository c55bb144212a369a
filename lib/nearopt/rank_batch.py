"""The rank of the Hessian of a batch of N inputs, with any number of outputs.

With one output the rows of the Jacobian at random inputs are independent until they span what
there is to span, so the rank is min(N, population rank): a theorem, for any g and almost all
inputs. With several outputs the No rows of a sample come together, and how many of them are new
must be counted.
"""

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from nearopt.activations import Erf, Polynomial
from nearopt.checks import finite_array, positive_integer
from nearopt.double_points import monomials
from nearopt.network import TwoLayer
from nearopt.rank import PRIME, _checked, _pivots, _product
from nearopt.rank_theory import theoretical_rank


def count_batch_ranks(
    activation: Polynomial,
    input_dim: int,
    hidden_dim: int,
    output_dim: int,
    samples: int,
    *,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Count the rank of the Hessian of a batch of 1, 2, ..., `samples` random inputs.

    One row reduction of the transposed Jacobian, modulo a prime, gives all of them; each count is a
    rigorous lower bound of the generic rank, as in `nearopt.rank.exact_rank`.

    Parameters
    ----------
    activation : Polynomial
        Only which of its coefficients are not zero matters.
    input_dim, hidden_dim, output_dim, samples : int
        Sizes of the network and of the largest batch.
    rng : Generator
        Source of the weights and the inputs.

    Returns
    -------
    array of shape (samples,)
        The ranks.

    Raises
    ------
    ValueError
        If the activation is not a polynomial or a size is not a positive integer.
    MemoryError
        If the Jacobian does not fit.
    """
    degrees, (n, h, outputs) = _checked(activation, input_dim, hidden_dim, output_dim)
    samples = positive_integer("samples", samples)
    W1, W2 = rng.integers(PRIME, size=(n, h)), rng.integers(PRIME, size=(outputs, h))
    x = rng.integers(PRIME, size=(samples, n))
    u = _product(x, W1)
    value, slope = np.zeros_like(u), np.zeros_like(u)
    for degree in range(max(degrees), -1, -1):
        slope = (slope * u + value) % PRIME
        value = (value * u + (degree in degrees)) % PRIME
    outer = np.einsum("op,nk->nopk", np.eye(outputs, dtype=np.int64), value)
    inner = (W2 * slope[:, None, :] % PRIME)[..., None] * x[:, None, None, :] % PRIME
    rows = samples * outputs
    table = np.concatenate([outer.reshape(rows, -1), inner.reshape(rows, -1)], axis=1)
    pivots = _pivots(flint.nmod_mat(flint.fmpz_mat(table.T.tolist()), PRIME))
    return np.searchsorted(pivots, outputs * np.arange(1, samples + 1))


def expected_batch_ranks(
    activation: Polynomial, input_dim: int, hidden_dim: int, output_dim: int, samples: int
) -> NDArray[np.int64]:
    """Return (No - Nh)+ min(N, D_S, Nh) + min(N k, R_k) for N = 1, ..., `samples`.

    With k = min(No, Nh), R_k is the population rank with k outputs and D_S the number of monomials
    of g's degrees. In the No - k directions that no hidden unit feeds, only W2 matters, through the
    hidden values themselves; in the others the network has k outputs. It is exact for one output
    (and for linear g, by the Kronecker sum); otherwise it is an upper bound.

    Raises
    ------
    ValueError
        If the activation is not a polynomial or a size is not a positive integer.
    """
    degrees, (n, h, outputs) = _checked(activation, input_dim, hidden_dim, output_dim)
    N, fed = np.arange(1, positive_integer("samples", samples) + 1), min(outputs, h)
    values = min(h, monomials(degrees, n))
    population = theoretical_rank(activation, n, h, fed).value
    return (outputs - fed) * np.minimum(N, values) + np.minimum(N * fed, population)


def certify_batch_ranks(net: TwoLayer, inputs: NDArray[np.float64], bits: int = 256) -> bool:
    """Whether it is proved that batches of the first N inputs have rank min(N, P) for every N.

    The Jacobian at P inputs is a square matrix. Its entries are enclosed in balls, weights and
    inputs being the rationals that the floats are; if the determinant's ball excludes 0, the rows
    are independent, and so are those of every smaller batch.

    Parameters
    ----------
    net : TwoLayer
        With the activation `Erf` and one output.
    inputs : array of shape (P, input_dim)
        As many inputs as parameters.
    bits : int
        Working precision.

    Returns
    -------
    bool
        False says nothing: more bits may prove it.

    Raises
    ------
    ValueError
        If the activation is another, there are more outputs than one, or the inputs do not fit.
    """
    if not isinstance(net.activation, Erf) or net.output_dim != 1:
        raise ValueError(f"needs Erf and one output, not {net.activation} and {net.output_dim}")
    inputs = finite_array("inputs", inputs, (net.parameter_count, net.input_dim))
    with flint.ctx.workprec(positive_integer("bits", bits)):
        rows = [_ball_row(net, x) for x in inputs.tolist()]
        return not flint.arb_mat(rows).det().contains(0)


def _ball_row(net: TwoLayer, x: list[float]) -> list[arb]:
    """Return an enclosure of dy/dtheta at one input."""
    u = [sum(arb(w) * arb(xi) for w, xi in zip(row, x, strict=True)) for row in net.W1.tolist()]
    values = [(uk / arb(2).sqrt()).erf() for uk in u]
    slopes = [(2 / arb.pi()).sqrt() * (-uk * uk / 2).exp() for uk in u]
    weighted = [arb(a) * slope for a, slope in zip(net.W2[0].tolist(), slopes, strict=True)]
    return values + [slope * arb(xi) for slope in weighted for xi in x]
