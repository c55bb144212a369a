"""The one set of cases: every activation, narrow and wide networks."""

from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU
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
