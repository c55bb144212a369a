"""The Hessian of two-layer networks near the optimal point: spectra, ranks and descent."""

from nearopt.activations import Erf, Linear, Polynomial
from nearopt.network import TwoLayer

__all__ = ["Erf", "Linear", "Polynomial", "TwoLayer"]
