"""The one fixture of cases: every activation, narrow and wide networks, one output and more."""

import numpy as np
import pytest

from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, TwoLayer
from nearopt.smooth import gelu, sigmoid, sin, softplus, tanh

ACTIVATIONS = {
    "linear": Linear(),
    "cubic": Polynomial((0.3, -1.0, 0.5, 0.2)),
    "erf": Erf(),
    "relu": ReLU(),
    "leaky": LeakyReLU(-0.3),
    "tanh": tanh,
    "sigmoid": sigmoid,
    "gelu": gelu,
    "softplus": softplus,
    "sin": sin,
}
SHAPES = {"narrow": (2, 3), "square": (3, 3), "wide": (3, 2)}


@pytest.fixture(params=ACTIVATIONS.values(), ids=ACTIVATIONS)
def activation(request):
    return request.param


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def shape(request):
    """hidden_dim and input_dim."""
    return request.param


@pytest.fixture(params=[1, 3], ids=["one output", "three outputs"])
def net(request, activation, shape):
    hidden_dim, input_dim = shape
    rng = np.random.default_rng(20251217)
    sizes = {"output_dim": request.param, "sigma1": 0.7}
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, rng=rng, **sizes)
