"""What needs more than a line: the bounds that numpy's products and LAPACK set, and errors.

Each function takes a `Case`, prepares, and returns the call that is timed.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import LinearOperator

from cases import Array, Case
from nearopt.hessian import batch_hessian, population_hessian

Call = Callable[[], Array]


def multiply(case: Case) -> Call:
    """Return the three matrix products that a Hessian-vector product needs: 6 Nh^2 Ni flops."""
    W1 = case.net.W1
    V = case.vector[case.hidden_dim :].reshape(W1.shape)
    square, wide = np.empty(2 * (case.hidden_dim,)), np.empty_like(W1)

    def run() -> Array:
        np.matmul(W1, V.T, out=square)
        np.matmul(square, V, out=wide)
        return np.matmul(square, W1, out=wide)

    return run


def multiply_batch(case: Case) -> Call:
    """Return the two matrix products that a batch's H_N v needs: 4 N Nh Ni flops."""
    inputs, V = case.inputs, case.vector[case.hidden_dim :].reshape(case.net.W1.shape)
    along, back = np.empty((case.samples, case.hidden_dim)), np.empty_like(V)

    def run() -> Array:
        np.matmul(inputs, V.T, out=along)
        return np.matmul(along.T, inputs, out=back)

    return run


def product(operator: Callable[[Case], LinearOperator]) -> Callable[[Case], Call]:
    """Return how an operator is multiplied with the vector, through scipy's interface."""

    def start(case: Case) -> Call:
        hessian = operator(case)
        return lambda: hessian @ case.vector

    return start


def eigenvalues(case: Case) -> Call:
    """Return all eigenvalues of a matrix that is already there."""
    hessian = population_hessian(case.net)
    return lambda: np.linalg.eigvalsh(hessian)


def smallest_by(driver: str) -> Callable[[Case], Call]:
    """Return the smallest eigenvalue by one of LAPACK's drivers."""

    def start(case: Case) -> Call:
        hessian = population_hessian(case.net)
        return lambda: scipy.linalg.eigh(hessian, eigvals_only=True, driver=driver)[:1]

    return start


def smallest_sampled(case: Case) -> Call:
    """Return the smallest eigenvalue of a batch with ten samples for each parameter."""
    large = Case(case.hidden_dim, case.input_dim, 10 * case.parameter_count)
    return lambda: np.linalg.eigvalsh(batch_hessian(large.net, large.inputs))[:1]


def sampling_error(case: Case, product: Array) -> float:
    """Return the standard error of the batch's H_N v: the root of its entries' summed variances.

    H_N v is the mean of z_n = J_n^T J_n v, so that the variance of its entries together is
    (mean |z_n|^2 - |H_N v|^2) / N, and |z_n|^2 = |J_n|^2 (J_n v)^2.
    """
    net, inputs = case.net, case.inputs
    v2, v1 = np.split(case.vector, [case.hidden_dim])
    preactivations = inputs @ net.W1.T
    values, slopes = net.activation(preactivations), net.activation.derivative(preactivations)
    slopes *= net.W2
    along = values @ v2 + (inputs @ v1.reshape(net.W1.shape).T * slopes).sum(1)
    lengths = (values**2).sum(1) + (slopes**2).sum(1) * (inputs**2).sum(1)
    variance = (along**2 * lengths).mean() - product @ product
    return float(np.sqrt(variance / case.samples))
