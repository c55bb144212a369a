"""The one set of cases: every activation, narrow and wide networks, one output and several."""

import numpy as np

from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, TwoLayer
from nearopt.network import smooth
from nearopt.rank import exact_rank

SMOOTH = {name: g for name, g in vars(smooth).items() if isinstance(g, smooth.Smooth)}
ACTIVATIONS = {
    "linear": Linear(),
    "cubic": Polynomial((0.3, -1.0, 0.5, 0.2)),
    "erf": Erf(),
    "relu": ReLU(),
    "leaky": LeakyReLU(-0.3),
    **SMOOTH,
}
SHAPES = {"narrow": (2, 3), "square": (3, 3), "wide": (3, 2)}
OUTPUTS = {"one output": 1, "three outputs": 3}
# How many networks the fixture `net` makes of them.
NETWORKS = len(ACTIVATIONS) * len(SHAPES) * len(OUTPUTS)


def draw(input_dim, hidden_dim, activation, seed=0, **sizes):
    rng = np.random.default_rng(seed)
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, rng=rng, **sizes)


def near(teacher, epsilon):
    """A student at a random deviation of size epsilon in each parameter."""
    move = np.random.default_rng(2).standard_normal(teacher.parameter_count)
    return teacher.with_parameters(teacher.parameters + epsilon * move)


def count(degrees, n, h, outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    return exact_rank(Polynomial.of_degrees(degrees), n, h, outputs, rng=rng)


def assert_equal(actual, expected, tolerance=1e-12):
    """To a share of the largest entry."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())
