import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases import draw
from nearopt import Erf, TwoLayer
from nearopt.hessian.dense import population_hessian
from nearopt.proof.certificate import smallest_eigenvalue
from nearopt.proof.eigenvalue_bound import _trace_from, filling_degree, smallest_eigenvalue_bound

ERF = Erf()


@pytest.mark.parametrize("shape", [(1, 2, 1), (3, 4, 1), (2, 3, 2)])
def test_all_degrees_together_are_the_trace_of_the_hessian(shape):
    net = draw(*shape[:2], ERF, seed=1, output_dim=shape[2])
    assert _trace_from(net, 1) == pytest.approx(np.trace(population_hessian(net)), rel=1e-10)


def test_low_degrees_are_what_projection_finds():
    """Degrees 1 and 3, by least squares on all odd polynomials at Gauss-Hermite nodes."""
    net = draw(2, 2, ERF, seed=2)
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


@pytest.mark.parametrize(
    "shape", [(1, 4, 1), (2, 8, 1), (3, 5, 1), (5, 3, 1), (1, 1, 10), (2, 2, 6)]
)
def test_the_smallest_eigenvalue_is_below_its_bound(shape):
    for seed in range(5):
        net = draw(*shape[:2], ERF, seed, output_dim=shape[2])
        assert 0 < smallest_eigenvalue(net)[0] < smallest_eigenvalue_bound(net)


@pytest.mark.parametrize(
    "W1", [[[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]], [[30.0, 0.0], [1e-170, 1e-6]]]
)
def test_rows_that_are_zero_have_degree_one_alone(W1):
    net = TwoLayer(W1, [[1.0, 3.0]], ERF)
    assert _trace_from(net, 1) == pytest.approx(np.trace(population_hessian(net)), rel=1e-10)
    if not any(W1[0]):
        without = TwoLayer(W1[1:], [[3.0]], ERF)
        assert _trace_from(net, 3) == pytest.approx(_trace_from(without, 3), rel=1e-14, abs=0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(-200, 1),
    st.integers(-200, 150),
    st.booleans(),
    st.integers(0, 1000),
)
def test_no_teacher_has_a_smaller_bound_than_is_proved(Ni, Nh, No, scale1, scale2, alike, seed):
    """Also where weights or eigenvalues leave the floats, and where units are nearly the same."""
    net = draw(Ni, Nh, ERF, seed, output_dim=No)
    W1 = net.W1[:1] + 1e-6 * net.W1 if alike else net.W1
    net = TwoLayer(10.0**scale1 * W1, 10.0**scale2 * net.W2, ERF)
    assert smallest_eigenvalue(net, max_precision=1024)[0] <= smallest_eigenvalue_bound(net)


def trace_in_mpmath(net, m):
    """tr(H_m + H_{m+2} + ...), by the coefficients of both degrees that each slope is made of."""
    total = mpmath.mpf(0)
    for row, column in zip(net.W1.tolist(), net.W2.T.tolist(), strict=True):
        square, more = (mpmath.fsum(mpmath.mpf(x) ** 2 for x in v) for v in (row, column))

        def h(j, square=square):
            half = (j - 1) // 2
            powers = mpmath.binomial(2 * half, half) * (square / (1 + square) / 2) ** (2 * half)
            return (-1) ** half * mpmath.sqrt(2 / mpmath.pi * powers / (j * (1 + square)))

        for j in range(m, m + 60, 2):
            along = j * h(j) + mpmath.sqrt((j + 1) * (j + 2)) * h(j + 2)
            total += net.output_dim * square * h(j) ** 2
            total += more * ((net.input_dim - 1) * j * h(j) ** 2 + along**2)
    return total


@pytest.mark.parametrize("scale", [1e-12, 1e-8, 1e-3, 0.1])
@pytest.mark.parametrize("m", [1, 3, 7, 15])
def test_the_bound_keeps_its_digits_at_small_weights(scale, m):
    net = draw(2, 3, ERF, seed=4, output_dim=2, sigma1=scale)
    with mpmath.workdps(60):
        expected = float(trace_in_mpmath(net, m))
    assert _trace_from(net, m) == pytest.approx(expected, rel=1e-11, abs=0)
