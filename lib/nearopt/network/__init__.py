"""Teacher, student and what they see."""

from nearopt.network.activations import Erf, LeakyReLU, Linear, Polynomial, ReLU
from nearopt.network.inputs import ColouredInputs
from nearopt.network.kernels import Activation, Kernels
from nearopt.network.smooth import Smooth, gelu, sigmoid, sin, softplus, tanh
from nearopt.network.two_layer import TwoLayer

__all__ = [
    "Activation",
    "ColouredInputs",
    "Erf",
    "Kernels",
    "LeakyReLU",
    "Linear",
    "Polynomial",
    "ReLU",
    "Smooth",
    "TwoLayer",
    "gelu",
    "sigmoid",
    "sin",
    "softplus",
    "tanh",
]
