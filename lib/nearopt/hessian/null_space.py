"""Directions in the parameters along which a network does not change."""

from itertools import combinations

import numpy as np

from nearopt.checks import Array, require_memory
from nearopt.network.activations import LeakyReLU, Polynomial
from nearopt.network.kernels import Activation
from nearopt.network.two_layer import TwoLayer, require_network


def homogeneous_degree(activation: Activation) -> int | None:
    """Return m if g(t u) = t^m g(u) for all t > 0, None if there is none."""
    if isinstance(activation, Polynomial):
        degrees = np.flatnonzero(activation.coefficients)
        return int(degrees[0]) if len(degrees) == 1 else None
    return 1 if isinstance(activation, LeakyReLU) else None


def scaling_directions(net: TwoLayer) -> Array:
    """Return the null vectors that homogeneity causes, shape (hidden_dim, P).

    Row k multiplies the outgoing weights of unit k and divides its incoming ones so that the
    network's function stays: (m W2_ok, -w_k) at unit k, 0 elsewhere, with m the degree of g.
    """
    require_network("net", net)
    degree = homogeneous_degree(net.activation)
    if degree is None:
        raise ValueError(f"net must have a homogeneous activation, not {net.activation!r}")
    needed = 24.0 * net.hidden_dim * net.parameter_count
    require_memory(f"{net.hidden_dim} null vectors", needed, "use fewer units")
    units = np.eye(net.hidden_dim)
    outgoing = degree * units[:, None, :] * net.W2
    incoming = -units[:, :, None] * net.W1
    return np.hstack([outgoing.reshape(net.hidden_dim, -1), incoming.reshape(net.hidden_dim, -1)])


def quadratic_null_vectors(net: TwoLayer) -> Array:
    """Return directions along which a network of g(u) = u^2 and one output does not change.

    y = x^T W1^T diag(a) W1 x keeps its value if a unit's scale moves between the layers, along
    delta a_k = -2 a_k, delta w_k = w_k, and if the rows of diag(a)^(1/2) W1 are rotated, along
    delta w_k = a_l w_l, delta w_l = -a_k w_k for each pair of units.

    Returns
    -------
    array of shape (h + h (h - 1) / 2, P)
        Scales first. They are independent for h <= n, and then there are no others, as the rank is
        n h - h (h - 1) / 2.
    """
    require_network("net", net)
    if homogeneous_degree(net.activation) != 2 or net.output_dim != 1:
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
