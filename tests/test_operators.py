import tracemalloc

import numpy as np
import pytest

from cases import assert_equal, covariance, draw
from nearopt import Erf
from nearopt.hessian.dense import batch_hessian, population_hessian
from nearopt.hessian.eigenvalues import spectrum
from nearopt.hessian.operators import BatchHessianOperator, HessianOperator, row_parts


def assert_same_operator(operator, matrix):
    assert operator.shape == matrix.shape
    assert operator.dtype == np.float64
    vectors = np.random.default_rng(6).standard_normal((len(matrix), 3))
    assert_equal(operator @ vectors[:, 0], matrix @ vectors[:, 0])
    assert_equal(operator @ vectors, matrix @ vectors)
    assert_equal(operator.H @ vectors, matrix.T @ vectors)
    assert_equal(operator.rmatmat(vectors[:, :1]), matrix.T @ vectors[:, :1])


@pytest.mark.parametrize("inputs", ["white", "coloured", "deficient"])
def test_operators_and_spectra_are_those_of_matrices(net, inputs):
    dim = net.input_dim
    sigma = {"coloured": covariance(dim), "deficient": covariance(dim, 2)}.get(inputs)
    hessian = population_hessian(net, sigma)
    assert_same_operator(HessianOperator(net, sigma), hessian)
    assert_equal(spectrum(net, sigma), np.linalg.eigvalsh(hessian), 1e-13)


def test_batch_operators_are_their_matrices(net):
    inputs = np.random.default_rng(7).standard_normal((5, net.input_dim))
    assert_same_operator(BatchHessianOperator(net, inputs), batch_hessian(net, inputs))


def test_operator_of_many_row_parts_is_its_matrix(monkeypatch):
    monkeypatch.setattr("nearopt.hessian.operators.CACHED", 400)
    assert len(row_parts((150, 150))) == 75
    net = draw(3, 150, Erf(), output_dim=2)
    assert_same_operator(HessianOperator(net), population_hessian(net))


def test_operators_take_complex_vectors_and_no_columns():
    net = draw(3, 4, Erf(), output_dim=2)
    inputs = np.random.default_rng(7).standard_normal((5, 3))
    v = np.random.default_rng(8).standard_normal((2, net.parameter_count))
    for operator in (
        HessianOperator(net),
        HessianOperator(net, np.diag([1.0, 2.0, 3.0])),
        BatchHessianOperator(net, inputs),
    ):
        matrix = operator @ np.eye(net.parameter_count)
        assert_equal(operator @ (v[0] + 1j * v[1]), matrix @ (v[0] + 1j * v[1]))
        assert (operator @ np.empty((net.parameter_count, 0))).shape == (net.parameter_count, 0)


def test_operators_never_hold_a_matrix_of_parameters():
    net = draw(2000, 10, Erf(), sigma1=0.02)
    inputs = np.random.default_rng(8).standard_normal((1000, 2000))
    tracemalloc.start()
    for operator in (HessianOperator(net), BatchHessianOperator(net, inputs)):
        operator @ net.parameters
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * inputs.nbytes < 8 * net.parameter_count**2 / 50
