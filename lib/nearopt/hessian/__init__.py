"""One network's Hessian: the matrix, products with it, its eigenvalues and its null space."""

from nearopt.hessian.dense import batch_hessian, neural_tangent_kernel, population_hessian
from nearopt.hessian.eigenvalues import (
    batch_spectrum,
    nonzero,
    smallest_batch_eigenvalues,
    spectrum,
)
from nearopt.hessian.hermite import hermite_factor
from nearopt.hessian.lanczos import extreme_eigenvalues, spectral_density
from nearopt.hessian.null_space import (
    homogeneous_degree,
    quadratic_null_vectors,
    scaling_directions,
)
from nearopt.hessian.operators import BatchHessianOperator, HessianOperator

__all__ = [
    "BatchHessianOperator",
    "HessianOperator",
    "batch_hessian",
    "batch_spectrum",
    "extreme_eigenvalues",
    "hermite_factor",
    "homogeneous_degree",
    "neural_tangent_kernel",
    "nonzero",
    "population_hessian",
    "quadratic_null_vectors",
    "scaling_directions",
    "smallest_batch_eigenvalues",
    "spectral_density",
    "spectrum",
]
