"""The Hessian of two-layer networks near the optimal point: spectra, ranks and descent."""

from nearopt.activations import Erf, LeakyReLU, Linear, Polynomial, ReLU
from nearopt.network import TwoLayer

__all__ = ["Erf", "LeakyReLU", "Linear", "Polynomial", "ReLU", "TwoLayer"]
