"""All eigenvalues of the Hessian, by the structure that fits.

With more inputs than hidden units, W1 = R U^T with orthonormal columns U (Ni, Nh), and the Hessian
falls apart. Within the span of U it is that of the network (W2, R), which has Nh inputs; on each of
the Ni - Nh directions outside it is M o K11, of size Nh. So no cost here grows with Ni > Nh.
`nearopt.hessian.lanczos` knows less of larger networks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nearopt.checks import (
    Array,
    finite_array,
    positive_integer,
    positive_integers,
    require_generator,
    require_memory,
)
from nearopt.hessian.dense import population_hessian
from nearopt.hessian.hermite import (
    hermite_factor,
    hermite_terms,
    outside_factor,
    squared_singular_values,
)
from nearopt.hessian.operators import weighted_blocks
from nearopt.network.activations import Polynomial
from nearopt.network.inputs import ColouredInputs, on_W1
from nearopt.network.two_layer import TwoLayer, require_network

EPS = np.finfo(np.float64).eps
# Columns of a Hermite factor, in units of its rows, up to which its singular values are affordable.
WIDEST = 8


def spectrum(net: TwoLayer, input_covariance: ArrayLike | None = None) -> Array:
    """Return all eigenvalues of `population_hessian(net)`, ascending, shape (P,).

    For a polynomial activation of moderate degree they are the squared singular values of the
    Hermite factor, where rounding leaves an error of about eps sqrt(lambda lambda_max) instead of
    eps lambda_max. Otherwise they come from the dense matrices.

    Parameters
    ----------
    net, input_covariance
        As for `population_hessian`.
    """
    require_network("net", net)
    if input_covariance is not None:
        return _coloured_spectrum(net, ColouredInputs(input_covariance))
    inner, multiplicity = inner_network(net), max(0, net.input_dim - net.hidden_dim)
    if _has_narrow_factor(inner):
        inside = squared_singular_values(hermite_factor(inner))
        outside = squared_singular_values(outside_factor(inner))
    else:
        inside = np.linalg.eigvalsh(population_hessian(inner))
        outside = outside_eigenvalues(net) if multiplicity else []
    return np.sort(np.concatenate([inside, np.repeat(outside, multiplicity)]))


def batch_spectrum(net: TwoLayer, inputs: Array) -> Array:
    """Return all eigenvalues of `batch_hessian(net, inputs)`, ascending, shape (P,).

    They are squared singular values of the Jacobian, so that those far below the rounding error
    of the largest are still right; below the square of that they are 0. Parameters are those of
    `batch_hessian`.
    """
    require_network("net", net)
    inputs = finite_array("inputs", inputs, (None, net.input_dim))
    size = len(inputs) * net.output_dim * net.parameter_count
    require_memory("the Jacobian of the batch", 24.0 * size, "use a smaller batch")
    jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
    values = squared_singular_values(jacobian.T) / len(inputs)
    rounding = (max(jacobian.shape) * EPS) ** 2
    return np.sort(np.where(values > rounding * values.max(), values, 0.0))


def _has_narrow_factor(net: TwoLayer) -> bool:
    """Return whether the Hermite factor serves, and refuse it or the matrix if it does not fit."""
    count = columns = net.parameter_count
    polynomial = isinstance(net.activation, Polynomial)
    if factored := polynomial and hermite_terms(net) <= WIDEST * count:
        columns = hermite_terms(net)
    instead = "use extreme_eigenvalues or spectral_density"
    require_memory(f"the spectrum of {count} coupled parameters", 32.0 * count * columns, instead)
    return factored


def _coloured_spectrum(net: TwoLayer, inputs: ColouredInputs) -> Array:
    """Return the eigenvalues of D H~ D^T: those of R H~ R^T for C = Q R, and zeros."""
    white, R = inputs.whitened(net), np.linalg.qr(inputs.factor, mode="r")
    if _has_narrow_factor(white):
        inside = squared_singular_values(on_W1(white, hermite_factor(white).T, R.T).T)
    else:
        half = on_W1(white, population_hessian(white), R.T)
        inside = np.linalg.eigvalsh(on_W1(white, half.T, R.T))
    return np.sort(np.append(inside, np.zeros(net.parameter_count - len(inside))))


def inner_network(net: TwoLayer) -> TwoLayer:
    """Return the network on the inputs that it depends on, at most hidden_dim of them."""
    if net.input_dim <= net.hidden_dim:
        return net
    return TwoLayer(np.linalg.qr(net.W1.T, mode="r").T, net.W2, net.activation)


def outside_eigenvalues(net: TwoLayer) -> Array:
    """Return those of M o K11, the Hessian on an input direction that is orthogonal to W1."""
    return np.linalg.eigvalsh(weighted_blocks(net).isotropic)


def smallest_batch_eigenvalues(
    net: TwoLayer, rank: int, sizes: Sequence[int], *, rng: np.random.Generator
) -> Array:
    """Return the smallest nonzero Hessian eigenvalue of batches of white inputs, shape (sizes,).

    Parameters
    ----------
    net : TwoLayer
        With one output.
    rank : int
        Of the population Hessian, so that min(N, rank) eigenvalues are not 0.
    sizes : sequence of int
        Sizes N of the batches; each is the beginning of the next.
    rng : Generator
        Source of the inputs.
    """
    require_network("net", net)
    require_generator(rng)
    if net.output_dim > 1:
        raise ValueError(f"net must have one output, not {net.output_dim}")
    if positive_integer("rank", rank) > net.parameter_count:
        raise ValueError(f"rank must be at most {net.parameter_count}, not {rank}")
    sizes = positive_integers("sizes", sizes)
    jacobian = net.jacobian(rng.standard_normal((max(sizes), net.input_dim)))[:, 0]
    singular = [np.linalg.svd(jacobian[:N], compute_uv=False)[min(N, rank) - 1] for N in sizes]
    return np.square(singular) / np.asarray(sizes)


def nonzero(eigenvalues: Array) -> Array:
    """Return the eigenvalues of a dense matrix above P times the rounding of the largest."""
    values = finite_array("eigenvalues", eigenvalues, (None,))
    return values[values > len(values) * EPS * values.max()]
