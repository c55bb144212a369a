"""The jobs: who does what, on which case, and what is asked of the library."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import peers
import scipy.linalg
from cases import Case
from nearopt.hessian import (
    BatchHessianOperator,
    HessianOperator,
    batch_hessian,
    population_hessian,
)
from nearopt.spectrum import extreme_eigenvalues, spectral_density, spectrum
from numpy.typing import NDArray

Array = NDArray[np.float64]
Call = Callable[[], Array]


@dataclass(frozen=True)
class Contender:
    """A way to do a job.

    Parameters
    ----------
    name : str
        As the table has it.
    start : callable
        Takes a case, prepares, and returns the call that is timed.
    sampled : bool
        Whether it knows the batch only, so that its result has a sampling error.
    """

    name: str
    start: Callable[[Case], Call]
    sampled: bool = False


@dataclass(frozen=True)
class Job:
    """A comparison: the library, named first, against others on one case.

    Parameters
    ----------
    title : str
        As the table has it.
    case, toy : Case
        The published case, and one for a test of seconds.
    contenders : tuple of str
        Keys of `CONTENDERS`; the first is the library's.
    compare : callable
        Makes of a result the vector on which results are compared.
    asks : dict of (float, str)
        What the library is held to, as (factor, what is measured), by the contender it is held
        against; "best peer" is the fastest of those that are sampled, in double precision.
    """

    title: str
    case: Case
    toy: Case
    contenders: tuple[str, ...]
    compare: Callable[[Case, Array], Array]
    asks: dict[str, float]


@dataclass(frozen=True)
class Growth:
    """How the time of a contender grows with a width.

    Parameters
    ----------
    contender : str
        Key of `CONTENDERS`.
    variable : str
        "Nh" or "Ni".
    theory : int
        The exponent that the count of operations has.
    cases, toy : list of Case
        Ascending in the variable.
    """

    contender: str
    variable: str
    theory: int
    cases: tuple[Case, ...]
    toy: tuple[Case, ...]


def multiply(case: Case) -> Call:
    """Return three products of the sizes that the Hessian's needs: 6 Nh^2 Ni operations."""
    square, wide = np.ones((case.hidden_dim, case.hidden_dim)), case.net.W1
    out, short = np.empty_like(wide), np.empty_like(square)

    def run() -> Array:
        np.matmul(wide, wide.T, out=short)
        np.matmul(square, wide, out=out)
        return np.matmul(square, wide, out=out)

    return run


def operator(case: Case) -> Call:
    """Return the library's exact product, through scipy's interface."""
    hessian = HessianOperator(case.net)
    return lambda: hessian @ case.vector


def batch_operator(case: Case) -> Call:
    """Return the library's product on the batch."""
    hessian = BatchHessianOperator(case.net, case.inputs)
    return lambda: hessian @ case.vector


def dense(case: Case) -> Call:
    """Return the library's exact matrix."""
    return lambda: population_hessian(case.net)


def dense_batch(case: Case) -> Call:
    """Return the library's matrix of the batch."""
    return lambda: batch_hessian(case.net, case.inputs)


def eigenvalues(case: Case) -> Call:
    """Return the eigenvalues of the matrix that is already there."""
    hessian = population_hessian(case.net)
    return lambda: np.linalg.eigvalsh(hessian)


def whole_spectrum(case: Case) -> Call:
    """Return the library's eigenvalues, by structure."""
    return lambda: spectrum(case.net)


def dense_spectrum(case: Case) -> Call:
    """Return the eigenvalues as one would without the structure."""
    return lambda: np.linalg.eigvalsh(population_hessian(case.net))


def smallest(case: Case) -> Call:
    """Return the smallest eigenvalue of the library's spectrum."""
    return lambda: spectrum(case.net)[:1]


def smallest_by(driver: str) -> Callable[[Case], Call]:
    """Return the same by one of LAPACK's drivers."""

    def start(case: Case) -> Call:
        hessian = population_hessian(case.net)
        return lambda: scipy.linalg.eigh(hessian, eigvals_only=True, driver=driver)[:1]

    return start


def smallest_sampled(case: Case) -> Call:
    """Return the smallest eigenvalue of a batch of ten samples a parameter."""
    large = Case(case.hidden_dim, case.input_dim, 10 * case.parameter_count)
    return lambda: np.linalg.eigvalsh(batch_hessian(large.net, large.inputs))[:1]


CONTENDERS = {
    "gemm": Contender("three matrix products", multiply),
    "operator": Contender("nearopt HessianOperator", operator),
    "batch_operator": Contender("nearopt BatchHessianOperator", batch_operator, sampled=True),
    "dense": Contender("nearopt population_hessian", dense),
    "dense_batch": Contender("nearopt batch_hessian", dense_batch, sampled=True),
    "eigenvalues": Contender("numpy eigvalsh of it", eigenvalues),
    "spectrum": Contender("nearopt spectrum", whole_spectrum),
    "dense_spectrum": Contender("population_hessian, eigvalsh", dense_spectrum),
    "torch_func": Contender("torch.func", peers.torch_func, sampled=True),
}
