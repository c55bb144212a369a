"""The generic rank of the Hessian, counted exactly.

The Hessian at the optimum is E[J^T J], so its rank is that of the Jacobian J sampled at enough
inputs. With integer weights, inputs and coefficients that is a matrix of integers, and its rank
modulo a prime needs no tolerance.
"""

from dataclasses import dataclass

import flint
import numpy as np
from numpy.typing import NDArray

from nearopt.activations import Polynomial
from nearopt.checks import positive_integer

# The largest prime below 2^31: products of two residues fit into 64 bits.
PRIME = 2**31 - 1


@dataclass(frozen=True)
class Rank:
    """A rank, and how it is known.

    Attributes
    ----------
    value : int
        The rank.
    parameters : int
        P, the number of columns of the Jacobian.
    method : str
        How `value` was found.
    """

    value: int
    parameters: int
    method: str


def exact_rank(
    activation: Polynomial,
    input_dim: int,
    hidden_dim: int,
    output_dim: int = 1,
    *,
    rng: np.random.Generator,
) -> Rank:
    """Rank of the Hessian at a random teacher, a rigorous lower bound of the generic rank.

    Weights and inputs are random modulo a prime. A minor that vanishes over the rationals
    vanishes modulo the prime, so the count never exceeds the generic rank; it falls below it with
    a probability of at most P times the degree of the minor over the prime.

    Parameters
    ----------
    activation : Polynomial
        With integer coefficients.
    input_dim, hidden_dim, output_dim : int
        Sizes of the network.
    rng : Generator
        Source of the weights and the inputs.

    Returns
    -------
    Rank
        Of the Jacobian at P + 10 inputs.

    Raises
    ------
    ValueError
        If a size is not a positive integer or a coefficient not an integer.
    """
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    output_dim = positive_integer("output_dim", output_dim)
    if any(c != int(c) for c in activation.coefficients):
        raise ValueError(
            f"coefficients must be integers for an exact rank, not {activation.coefficients}"
        )
    parameters = hidden_dim * (output_dim + input_dim)
    samples = parameters // output_dim + 10
    W1 = rng.integers(PRIME, size=(hidden_dim, input_dim))
    W2 = rng.integers(PRIME, size=(output_dim, hidden_dim))
    inputs = rng.integers(PRIME, size=(samples, input_dim))
    jacobian = _jacobian(activation, W1, W2, inputs)
    matrix = flint.nmod_mat(*jacobian.shape, jacobian.ravel().tolist(), PRIME)
    return Rank(matrix.rank(), parameters, f"Jacobian at {samples} inputs modulo {PRIME}")


def _jacobian(
    activation: Polynomial,
    W1: NDArray[np.int64],
    W2: NDArray[np.int64],
    inputs: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return dy/dtheta modulo the prime, (samples * output_dim, P), as `TwoLayer.jacobian`."""
    u = np.zeros((len(inputs), len(W1)), dtype=np.int64)
    for column, weights in zip(inputs.T, W1.T, strict=True):
        u = (u + column[:, None] * weights) % PRIME
    value, slope = np.zeros_like(u), np.zeros_like(u)
    for coefficient in reversed(activation.coefficients):
        slope = (slope * u + value) % PRIME
        value = (value * u + int(coefficient)) % PRIME
    outer = np.einsum("op,nk->nopk", np.eye(len(W2), dtype=np.int64), value)
    weighted = W2[None, :, :] * slope[:, None, :] % PRIME
    inner = weighted[..., None] * inputs[:, None, None, :] % PRIME
    rows = len(inputs) * len(W2)
    return np.concatenate([outer.reshape(rows, -1), inner.reshape(rows, -1)], axis=1)
