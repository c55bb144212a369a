"""The jobs: who does what on which case, and what is asked of the library."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import own
import peers
from cases import Array, Case
from nearopt.hessian import (
    BatchHessianOperator,
    HessianOperator,
    batch_hessian,
    extreme_eigenvalues,
    population_hessian,
    spectral_density,
    spectrum,
)


@dataclass(frozen=True)
class Contender:
    """A way to do a job."""

    name: str  # as the table has it
    start: Callable[[Case], own.Call]  # prepares, and returns the call that is timed
    sampled: bool = False  # whether it knows the batch only, so that its result has an error
    peer: bool = False  # whether it is one of the tools that the library is held against
    rounding: float = 1e-9  # how far, relatively, it may be from another that computes the same
    compared: bool = True  # whether it computes what the library does, and not only a bound

    @property
    def foreign(self) -> bool:
        """Whether it needs another tool to be installed."""
        return self.start.__module__ == peers.__name__


@dataclass(frozen=True)
class Job:
    """A comparison of the library, named first, with others on one case."""

    title: str  # as the table has it
    case: Case
    toy: Case  # one for a run of seconds
    contenders: tuple[Contender, ...]
    # Makes H v, or the eigenvalues, of a result; None where results cannot be compared.
    compare: Callable[[Case, Array], Array] | None
    must_agree: bool = True  # whether the run stops if contenders differ by more than their errors
    # How many times faster than "the best peer" or another contender by name the library must be,
    # or at most how many "seconds" and "GB" it may take.
    asks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Growth:
    """How time grows with a width, the other one fixed."""

    label: str  # as the figure has it
    contender: Contender
    variable: str  # "hidden_dim" or "input_dim"
    theory: int  # the exponent of the count of operations at large sizes
    fixed: int  # the other width
    sizes: tuple[int, ...]
    toy: tuple[int, ...] = (4, 6, 8)

    @property
    def other(self) -> str:
        """The width that is fixed."""
        return "input_dim" if self.variable == "hidden_dim" else "hidden_dim"

    def cases(self, toy: bool) -> list[Case]:
        """Return the cases, small ones for a run of seconds."""
        sizes, fixed = (self.toy, 5) if toy else (self.sizes, self.fixed)
        return [Case(**{self.variable: size, self.other: fixed}) for size in sizes]


RNG = np.random.default_rng


def _itself(case: Case, result: Array) -> Array:
    return result


def _product(case: Case, result: Array) -> Array:
    return result @ case.vector


OPERATOR = Contender("nearopt HessianOperator", own.product(lambda case: HessianOperator(case.net)))
BATCH = Contender(
    "nearopt BatchHessianOperator, same batch",
    own.product(lambda case: BatchHessianOperator(case.net, case.inputs)),
    sampled=True,
)
GEMM = Contender("three matrix products of its size", own.multiply, compared=False)
SMOOTH = Contender(
    "nearopt HessianOperator, tanh",
    own.product(lambda case: HessianOperator(case.smooth)),
    compared=False,
)
BATCH_GEMM = Contender(
    "two matrix products of the batch's size", own.multiply_batch, compared=False
)
DENSE = Contender("nearopt population_hessian", lambda case: lambda: population_hessian(case.net))
EIGENVALUES = Contender("numpy eigvalsh of it", own.eigenvalues, compared=False)
SPECTRUM = Contender("nearopt spectrum", lambda case: lambda: spectrum(case.net))
DENSE_SPECTRUM = Contender(
    "population_hessian, then eigvalsh",
    lambda case: lambda: np.linalg.eigvalsh(population_hessian(case.net)),
)
JAX = Contender("JAX jit, jvp of grad", peers.jax_hvp, sampled=True, peer=True)
PRODUCTS = (
    BATCH,
    JAX,
    Contender("JAX jit, J^T (J v)", peers.jax_gauss_newton, sampled=True, peer=True),
    Contender("torch.func, jvp of grad", peers.torch_func, sampled=True, peer=True),
    Contender("torch, double backward", peers.torch_double_backward, sampled=True, peer=True),
    Contender("curvlinops, Gauss-Newton", peers.curvlinops, sampled=True, peer=True),
    Contender("PyHessian", peers.pyhessian, sampled=True, peer=True),
    Contender("JAX jit, float32", peers.jax_hvp_single, sampled=True, rounding=1e-3),
)

JOBS = (
    Job(
        "Large Hessian-vector product",
        Case(1000, 1000),
        Case(7, 6, samples=300),
        (OPERATOR, GEMM, SMOOTH, BATCH_GEMM, *PRODUCTS),
        _itself,
        asks={GEMM.name: 0.8, "the best peer": 15},
    ),
    Job(
        "Small Hessian-vector product",
        Case(20, 10),
        Case(5, 4, samples=300),
        (OPERATOR, *PRODUCTS),
        _itself,
        asks={"the best peer": 10},
    ),
    Job(
        "Dense Hessian",
        Case(70, 70),
        Case(5, 4, samples=300),
        (
            DENSE,
            EIGENVALUES,
            Contender(
                "nearopt population_hessian, tanh",
                lambda case: lambda: population_hessian(case.smooth),
                compared=False,
            ),
            Contender(
                "nearopt batch_hessian, same batch",
                lambda case: lambda: batch_hessian(case.net, case.inputs),
                sampled=True,
            ),
            Contender("JAX jit, J^T J", peers.jax_jacobian, sampled=True, peer=True),
            Contender("torch.func, J^T J", peers.torch_jacobian, sampled=True, peer=True),
            Contender("torch.func, Hessian", peers.torch_hessian, sampled=True, peer=True),
        ),
        _product,
        asks={EIGENVALUES.name: 10, "the best peer": 50},
    ),
    Job(
        "All eigenvalues",
        Case(20, 200),
        Case(3, 8),
        (SPECTRUM, DENSE_SPECTRUM),
        _itself,
        asks={DENSE_SPECTRUM.name: 300},
    ),
    Job(
        "Smallest eigenvalue",
        Case(70, 70),
        Case(4, 4, samples=300),
        (
            Contender("nearopt spectrum", lambda case: lambda: spectrum(case.net)[:1]),
            Contender("LAPACK syev (QR)", own.smallest_by("ev")),
            Contender("LAPACK syevd (divide and conquer)", own.smallest_by("evd")),
            Contender("LAPACK syevr (robust representations)", own.smallest_by("evr")),
            Contender("eigvalsh of a batch of 10 P samples", own.smallest_sampled),
            Contender(
                "nearopt extreme_eigenvalues, 200 steps",
                lambda case: lambda: extreme_eigenvalues(case.net, 1, rng=RNG(0)).smallest,
            ),
            Contender("curvlinops, 100 steps of Lanczos", peers.curvlinops_lanczos),
        ),
        _itself,
        must_agree=False,
    ),
    Job(
        "Spectral density",
        Case(1000, 1000),
        Case(7, 6),
        (
            Contender(
                "nearopt spectral_density",
                lambda case: lambda: spectral_density(case.net, rng=RNG(0)),
            ),
        ),
        None,
        asks={"seconds": 120, "GB": 2},
    ),
)

WIDER, TALLER = (20, 28, 40, 57, 80), (100, 200, 400, 800)
GROWTHS = (
    Growth("H v", OPERATOR, "hidden_dim", 2, 1000, (500, 707, 1000, 1414, 2000)),
    Growth("H v", OPERATOR, "input_dim", 1, 1000, (500, 1000, 2000, 4000)),
    Growth("H v, JAX", JAX, "hidden_dim", 1, 200, TALLER),
    Growth("H v, JAX", JAX, "input_dim", 1, 200, TALLER),
    Growth("H", DENSE, "hidden_dim", 2, 50, WIDER),
    Growth("H", DENSE, "input_dim", 2, 50, WIDER),
    Growth("spectrum", SPECTRUM, "hidden_dim", 6, 200, (20, 24, 28, 32, 40)),
    Growth("spectrum", SPECTRUM, "input_dim", 0, 20, TALLER),
    Growth("dense spectrum", DENSE_SPECTRUM, "hidden_dim", 3, 20, WIDER),
    Growth("dense spectrum", DENSE_SPECTRUM, "input_dim", 3, 20, WIDER),
)
