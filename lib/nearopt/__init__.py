"""The Hessian of two-layer networks near the optimal point: spectra, ranks and descent.

======== ==================================================================
network  teacher, student and what they see
hessian  one network's Hessian: matrix, products, eigenvalues, null space
laws     the laws of eigenvalues over random teachers, and draws of them
rank     ranks of polynomial networks, counted and in theory
proof    full rank, proved
descent  learning near the optimum, as it runs and as it is predicted
report   what a notebook reports: parameters, results, style, data files
figures  one file a notebook
======== ==================================================================

What a function cannot work with it refuses before it works, naming the argument, its value and what
is allowed: by a TypeError where an object is of another class (a seed instead of a Generator), by a
ValueError where a number, an array or a text is not allowed, and by a MemoryError, with need and
have, where the job does not fit.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearopt.network import (
        Erf,
        LeakyReLU,
        Linear,
        Polynomial,
        ReLU,
        Smooth,
        TwoLayer,
        gelu,
        sigmoid,
        sin,
        softplus,
        tanh,
    )

__version__ = "0.1.0"

__all__ = [
    "Erf",
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


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import the network when it is asked for: who only reads results should not wait for scipy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nearopt import network

    return getattr(network, name)
