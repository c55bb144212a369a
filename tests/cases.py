"""The one set of cases: every activation, narrow and wide networks, all laws of eigenvalues."""

from functools import cache

import numpy as np
from scipy.stats import ortho_group

from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, TwoLayer
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.wishart import MarchenkoPastur
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

# Inputs, hidden units and scales; a covariance's eigenvalues in place of inputs, and samples.
LINEAR = [
    *((1, 1), (2, 1), (3, 3), (10, 20), (30, 10), (10, 20, 1.0, 3.0), (30, 10, 2.0, 0.3)),
    *((100, 200), (300, 100), (300, 300), (1, 300), (300, 1)),
]
WHITE, POWER = 20 * (1.0,), tuple((np.arange(1.0, 41) ** -0.7).tolist())
DEFICIENT = (*10 * [0.0], *20 * [1.0], *10 * [5.0])
COLOURED = [
    *((POWER, 30), (POWER, 5), (POWER, 30, 0.5, 2.0), (DEFICIENT, 30)),
    *((WHITE, 30, 1.0, 1.0, 50), (WHITE, 30, 1.0, 1.0, 20), (WHITE, 10, 1.0, 1.0, 12)),
    *((WHITE[:5], 3, 1.0, 1.0, 3), (WHITE[:5], 5, 1.0, 1.0, 5)),
    *((DEFICIENT, 20, 1.0, 1.0, 60), (DEFICIENT, 20, 1.0, 1.0, 15)),
]
SIZES_OF = {
    LinearHessianLaw: LINEAR,
    FiniteLinearHessianLaw: LINEAR,
    OutputsHessianLaw: [(10, 20, 3), (20, 10, 5), (10, 5, 8), (8, 8, 8), (6, 9, 4, 0.3, 2.0)],
    ColouredHessianLaw: COLOURED,
    MarchenkoPastur: [(0.3,), (1.0,), (3.0,)],
}
LAWS = [(kind, *sizes) for kind, cases in SIZES_OF.items() for sizes in cases]


def draw(input_dim, hidden_dim, activation, seed=0, **sizes):
    rng = np.random.default_rng(seed)
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, rng=rng, **sizes)


@cache
def law_of(kind, *arguments):
    return kind(*arguments)


def law_name(case):
    return f"{case[0].__name__}{case[1:]}"[:50]


def covariance(dim, rank=None, seed=0):
    values = np.arange(1.0, dim + 1) ** -0.7
    values[dim if rank is None else rank :] = 0
    basis = ortho_group.rvs(dim, random_state=seed) if dim > 1 else np.eye(1)
    product = (basis * values) @ basis.T
    return (product + product.T) / 2


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
