"""The digits that docstrings promise, at the edges of their ranges, against mpmath."""

import mpmath
import numpy as np
import pytest
from mpmath import mp

from cases import assert_equal
from nearopt import Erf, LeakyReLU, Polynomial, ReLU, TwoLayer
from nearopt.descent.loss import near_gradient, population_gradient
from nearopt.hessian.dense import population_hessian
from nearopt.hessian.eigenvalues import spectrum
from nearopt.hessian.operators import HessianOperator
from nearopt.network.mehler import ENOUGH


def exact(array):
    return mp.matrix([[mp.mpf(float(x)) for x in row] for row in np.atleast_2d(array)])


def unit_blocks(activation, w, v):
    """E[g g], E[g(u) g'(v) x] and E[g'(u) g'(v) x x^T] at two rows (columns of mpmath)."""
    q, r, c = (w.T * w)[0], (v.T * v)[0], (w.T * v)[0]
    eye = mp.eye(len(w))
    if isinstance(activation, Erf):
        D = (1 + q) * (1 + r) - c * c
        K11 = 2 / mp.pi / mp.sqrt(D)
        K00 = 2 / mp.pi * mp.asin(c / mp.sqrt((1 + q) * (1 + r)))
        inverse = (eye + w * w.T + v * v.T) ** -1
        return K00, K11 * (w - v * c / (1 + r)), K11 * inverse
    D = q * r - c * c
    angle, s = mp.atan2(mp.sqrt(D), c), mp.mpf(activation.slope)
    kink = (1 - s) ** 2 / (2 * mp.pi)
    K11 = s + kink * (mp.pi - angle)
    K00 = s * c + kink * (mp.sqrt(D) + (mp.pi - angle) * c)
    K22 = kink / mp.sqrt(D) if D else 0
    block = K11 * eye - K22 * c * (w * w.T / q + v * v.T / r) + K22 * (w * v.T + v * w.T)
    return K00, K11 * w + kink * mp.sqrt(D) / r * v, block


def exact_hessian(net):
    """The Hessian of a network with one output, in 400 digits, as floats."""
    with mp.workdps(400):
        rows = [exact(w).T for w in net.W1]
        a = [mp.mpf(float(x)) for x in net.W2[0]]
        h, n = net.W1.shape
        H = mp.matrix(net.parameter_count)
        for k, l in np.ndindex(h, h):  # noqa: E741
            value, slope, block = unit_blocks(net.activation, rows[k], rows[l])
            ours, theirs = (slice(h + unit * n, h + unit * n + n) for unit in (k, l))
            H[k, l] = value
            H[k, theirs], H[theirs, k] = a[l] * slope.T, a[l] * slope
            H[ours, theirs] = a[k] * a[l] * block
        return np.array(H.tolist(), dtype=float)


def assert_hessian(net, tolerance):
    """The matrix and the operator, relative to the largest entry."""
    expected = exact_hessian(net)
    assert_equal(population_hessian(net), expected, tolerance)
    assert_equal(HessianOperator(net) @ np.eye(net.parameter_count), expected, tolerance)


TURNS = [0.0, 1e-16, 1e-12, 5.9e-8, 1e-5, 1e-2, 0.4, 1.0]


@pytest.mark.parametrize("angle", [*TURNS, *(np.pi - turn for turn in TURNS)])
@pytest.mark.parametrize("g", [ReLU(), LeakyReLU(-0.7), LeakyReLU(3.0), Erf()], ids=repr)
def test_rows_at_any_angle(g, angle):
    across = np.cos(angle) * np.array([1.0, 0.3]) + np.sin(angle) * np.array([-0.3, 1.0])
    net = TwoLayer([[1.0, 0.3], 1.7 * across], [[1.0, -2.0]], g)
    assert_hessian(net, 1e-14)
    values = np.linalg.eigvalsh(population_hessian(net))
    assert values[0] > -1e-14 * values[-1]


@pytest.mark.parametrize("scale", [1e-150, 1e-90, 1e-30, 1e30, 1e90, 1e150])
@pytest.mark.parametrize("g", [ReLU(), LeakyReLU(-0.7), Erf()], ids=repr)
def test_rows_of_any_length(g, scale):
    """One long or short row, and all; a rectifier's blocks of W1 do not depend on the scale."""
    rows = np.array([[1.0, 0.5], [-0.3, 0.8], [0.2, 0.1]])
    assert_hessian(TwoLayer(rows * scale, [[1.0, 2.0, -1.0]], g), 1e-14)
    assert_hessian(TwoLayer(rows * [[scale], [1.0], [1.0]], [[1.0, 2.0, -1.0]], g), 1e-14)


@pytest.mark.parametrize("length", [1.0, 30.0, 1e3, 1e5, 1e8])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6, 1e12])
def test_long_rows_of_erf_along_one_input(length, size):
    """Here nothing but what the rows leave of the identity is in the Hessian of W1."""
    rows = length * np.array([[1.0], [-0.7], [1.0 + 1e-9], [0.0]])
    assert_hessian(TwoLayer(rows, [[size, 0.3 * size, size, size]], Erf()), 1e-14)


@pytest.mark.parametrize("length", [1.0, 30.0, 1e3, 1e5])
def test_long_rows_of_erf_at_narrow_angles(length):
    """An angle is known to the rounding of the rows' directions: |w| eps."""
    turn = 1 / length
    rows = length * np.array([[1.0, 0.3], [1.0 - 0.3 * turn, 0.3 + turn], [0.2, 0.1]])
    assert_hessian(TwoLayer(rows, [[length, 2.0, -length]], Erf()), 4e-16 * length + 1e-14)


@pytest.mark.parametrize("scale", [1e160, 1e300])
def test_what_leaves_the_range_of_floats_is_refused(scale):
    for g in (ReLU(), Polynomial((0.0, 1.0)), Polynomial((0.0, 0.0, 1.0))):
        with pytest.raises(ValueError, match="leave the range of floats .* scale W1"):
            population_hessian(TwoLayer(scale * np.eye(2), [[1.0, 1.0]], g))


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-8])
def test_gradient_of_a_rectifier_near_its_teacher(distance):
    """Against the closed form in 60 digits; the path's own error is of the order of distance."""
    rng = np.random.default_rng(3)
    teacher = TwoLayer.draw(2, 3, activation=ReLU(), rng=rng)
    move = distance * rng.standard_normal(teacher.parameter_count)
    student = teacher.with_parameters(teacher.parameters + move)
    with mp.workdps(60):
        rows = [exact(w).T for w in np.vstack([student.W1, teacher.W1])]
        b = [mp.mpf(float(x)) for x in [*student.W2[0], *-teacher.W2[0]]]
        outer, inner = [], []
        for k in range(3):
            blocks = [unit_blocks(ReLU(), row, rows[k])[:2] for row in rows]
            outer.append(mpmath.fsum(x * value for x, (value, _) in zip(b, blocks, strict=True)))
            parts = [x * slope for x, (_, slope) in zip(b, blocks, strict=True)]
            inner += [b[k] * mpmath.fsum(part[i] for part in parts) for i in range(2)]
        expected = np.array([float(x) for x in outer + inner])
    size = np.abs(expected).max()
    assert np.abs(population_gradient(student, teacher) - expected).max() < 1e-14
    assert np.abs(near_gradient(student, teacher) - expected).max() < distance * size + 1e-15


@pytest.mark.parametrize(
    ("degree", "w"),
    [(1, 0.02), (3, 1.0), (100, 0.02), (100, 1.0), (171, 0.02), (171, 0.3), (250, 0.02)],
)
def test_polynomials_of_any_degree(degree, w):
    """u^d along one input: E u^2d = w^2d (2d - 1)!!, and so on; all the Hessian has rank one."""
    net = TwoLayer([[w]], [[1.0]], Polynomial((0.0,) * degree + (1.0,)))
    with mp.workdps(60):
        moment = mp.mpf(w) ** (2 * degree) * mp.fac2(2 * degree - 1)
        slope = degree / mp.mpf(w)
        exact = [[moment, moment * slope], [moment * slope, moment * slope**2]]
        expected = np.array(exact, dtype=float)
    np.testing.assert_allclose(population_hessian(net), expected, rtol=1e-11)
    largest = expected.trace()
    assert spectrum(net)[-1] == pytest.approx(largest, rel=1e-11)


def test_a_polynomial_of_more_terms_than_double_precision_sees():
    """Chebyshev's, of alternating signs, between rows of correlations on both sides of 1/2."""
    g = Polynomial(tuple(np.polynomial.chebyshev.cheb2poly([0] * 8 + [1])))
    assert ENOUGH > 8
    wide = Polynomial((*g.coefficients, *np.zeros(80), 1e-280))
    rows = 0.5 * np.array([[1.0, 0.0], [0.9, 0.4], [-0.1, 1.0]])
    for few, many in zip(g.kernels(rows @ rows.T), wide.kernels(rows @ rows.T), strict=True):
        np.testing.assert_allclose(many, few, rtol=1e-13, atol=1e-13 * np.abs(few).max())
