import math

import numpy as np
import pytest

from nearopt import Erf, TwoLayer
from nearopt.hessian.dense import population_hessian
from nearopt.proof.certificate import smallest_eigenvalue
from nearopt.proof.eigenvalue_bound import _trace_from, filling_degree, smallest_eigenvalue_bound


def draw(input_dim, hidden_dim, seed, output_dim=1):
    rng = np.random.default_rng(seed)
    return TwoLayer.draw(input_dim, hidden_dim, output_dim=output_dim, activation=Erf(), rng=rng)


@pytest.mark.parametrize("shape", [(1, 2, 1), (3, 4, 1), (2, 3, 2)])
def test_all_degrees_together_are_the_trace_of_the_hessian(shape):
    net = draw(shape[0], shape[1], 1, shape[2])
    assert _trace_from(net, 1) == pytest.approx(np.trace(population_hessian(net)), rel=1e-10)


def test_low_degrees_are_what_projection_finds():
    """Degrees 1 and 3, by least squares on all odd polynomials at Gauss-Hermite nodes."""
    net = draw(2, 2, 2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    x = np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2)
    root = np.sqrt(np.outer(weights, weights).ravel() / (2 * math.pi))[:, None]
    odd = [x[:, 0] ** i * x[:, 1] ** (d - i) for d in (1, 3) for i in range(d + 1)]
    basis, _ = np.linalg.qr(root * np.stack(odd, 1))
    head = ((basis.T @ (root * net.jacobian(x)[:, 0])) ** 2).sum()
    assert _trace_from(net, 1) - _trace_from(net, 5) == pytest.approx(head, rel=1e-9)


def test_filling_degree_counts_odd_polynomials():
    assert [filling_degree(P, 1) for P in (1, 2, 20)] == [1, 3, 39]
    assert [filling_degree(P, 2) for P in (2, 3, 6, 7, 180)] == [1, 3, 3, 5, 25]
    assert filling_degree(12 + 1, 3) == filling_degree(3 + 10, 3) == 3
    with pytest.raises(ValueError, match="parameters"):
        filling_degree(0, 1)


@pytest.mark.parametrize("shape", [(1, 4), (2, 8), (3, 5), (5, 3), (1, 1, 10), (2, 2, 6)])
def test_the_smallest_eigenvalue_is_below_its_bound(shape):
    for seed in range(5):
        net = draw(*shape[:2], seed, *shape[2:])
        lower, _ = smallest_eigenvalue(net)
        assert 0 < lower < smallest_eigenvalue_bound(net)


@pytest.mark.parametrize(
    "W1", [[[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]], [[30.0, 0.0], [1e-170, 1e-6]]]
)
def test_rows_that_are_zero_have_degree_one_alone(W1):
    net = TwoLayer(W1, [[1.0, 3.0]], Erf())
    assert _trace_from(net, 1) == pytest.approx(np.trace(population_hessian(net)), rel=1e-10)
    without = TwoLayer(W1[1:], [[3.0]], Erf())
    if not any(W1[0]):
        assert _trace_from(net, 3) == pytest.approx(_trace_from(without, 3), rel=1e-14, abs=0)


@pytest.mark.parametrize("weight", [1e9, 1e200])
def test_weights_whose_terms_do_not_fit_are_refused(weight):
    with pytest.raises(MemoryError, match="the bound of weights of norm .* needs .* GiB"):
        smallest_eigenvalue_bound(TwoLayer([[weight]], [[1.0]], Erf()))
