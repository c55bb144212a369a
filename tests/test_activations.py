from dataclasses import replace

import numpy as np
import pytest
from reference import quadrature_kernel, sample_mean
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import norm

import nearopt
from cases import SMOOTH, assert_equal
from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, network
from nearopt.network.smooth import Smooth, sin, tanh

W1 = np.array([[0.9, -0.2, 0.4], [0.1, 0.8, -0.5], [0.5, 0.6, 0.7]])
GRAM = W1 @ W1.T


def test_every_smooth_activation_is_at_the_faces_of_package_and_room():
    assert SMOOTH.keys() <= {*nearopt.__all__} <= {*network.__all__}


def test_derivative_is_that_of_the_value(activation):
    u = np.array([-3.1, -0.7, 0.4, 2.2])
    slope = (activation(u + 1e-5) - activation(u - 1e-5)) / 2e-5
    np.testing.assert_allclose(activation.derivative(u), slope, rtol=1e-8)


def test_kernels_are_means_over_a_sample(activation):
    """Also of a row of zeros, which has the slope at 0."""
    rows = np.vstack([W1, np.zeros(3)])
    u = np.random.default_rng(1).standard_normal((200_000, 3)) @ rows.T
    kernels = activation.kernels(rows @ rows.T)
    assert np.isfinite(kernels).all()
    for kernel, f in ((kernels.K00, activation), (kernels.K11, activation.derivative)):
        mean, error = sample_mean(f(u)[:, :, None] * f(u)[:, None, :])
        # 4.5 errors: one in 10^5 for each of the 32 numbers; constants differ by rounding only.
        assert np.all(np.abs(kernel - mean) < 4.5 * error + len(u) * np.finfo(float).eps)


@pytest.mark.parametrize("size", [1e-2, 1.0])
def test_higher_kernels_are_derivatives_of_lower_ones(activation, size):
    """Price's theorem: q_kl raises both orders by one, q_ll the second order by two."""
    gram = size * GRAM
    kernels, h = activation.kernels(gram), 1e-5 * size

    def slope(name, direction):
        up, down = (activation.kernels(gram + sign * h * direction) for sign in (1, -1))
        return (getattr(up, name) - getattr(down, name)) / (2 * h)

    for k, l in ((0, 1), (1, 2), (2, 0)):  # noqa: E741
        pair, own = np.zeros((2, 3, 3))
        pair[k, l] = pair[l, k] = own[l, l] = 1
        expected = {
            "K11": slope("K00", pair),
            "K22": slope("K11", pair),
            "K02": 2 * slope("K00", own),
            "K13": 2 * slope("K11", own),
        }
        for name, value in expected.items():
            kernel = getattr(kernels, name)
            scale = max(np.abs(kernel).max(), np.abs(kernels.K11).max())
            assert abs(kernel[k, l] - value[k, l]) < 1e-8 * scale / min(size, 1), name


CUBIC = Polynomial((0.3, -1.0, 0.5, 0.2))
DERIVATIVES = {g: (g.g, g.dg, g.d2g, g.d3g) for g in SMOOTH.values()}
DERIVATIVES[CUBIC] = CUBIC, CUBIC.derivative, Polynomial((1.0, 1.2)), Polynomial((1.2,))


@pytest.mark.parametrize("g", DERIVATIVES, ids=[*SMOOTH, "cubic"])
def test_kernels_are_bivariate_integrals(g):
    """Also where rows coincide, exactly or nearly."""
    rows = np.vstack([W1, W1[:1], W1[:1] * (1 + 1e-9)])
    kernels, f = g.kernels(rows @ rows.T), DERIVATIVES[g]
    for name, kernel in kernels._asdict().items():
        expected = quadrature_kernel(f[int(name[1])], f[int(name[2])], rows @ rows.T, 160)
        assert_equal(kernel, expected, 1e-9 if g == tanh else 1e-12)


@pytest.mark.parametrize("size", [1e-6, 1.0, 4.0])
def test_quadrature_gives_the_closed_form_of_erf(size):
    """Where both exist; with rows that coincide, exactly or nearly, or vanish."""

    def bell(u):
        return np.sqrt(2 / np.pi) * np.exp(-(u**2) / 2)

    quadrature = Smooth(
        lambda u: erf(u / np.sqrt(2)), bell, lambda u: -u * bell(u), lambda u: (u**2 - 1) * bell(u)
    )
    rows = size * np.vstack([W1, W1, W1 * (1 + 1e-10), -W1, 0 * W1[:1]])
    gram = rows @ rows.T
    for one, other in zip(quadrature.kernels(gram), Erf().kernels(gram), strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("rounding", [-1, 1])
def test_coincident_rows_have_the_kernels_of_the_diagonal(activation, rounding):
    """The joint Gram matrix of a student that equals its teacher, rounded as it may be."""
    rows = np.vstack([W1, W1])
    gram = rows @ rows.T
    for block in (gram[3:, :3], gram[:3, 3:]):
        block *= 1 + rounding * np.finfo(float).eps
    alone = activation.kernels(GRAM)
    for kernel, block in zip(activation.kernels(gram), alone, strict=True):
        np.testing.assert_allclose(kernel, np.tile(block, (2, 2)), rtol=1e-7, atol=1e-14)


def test_leaky_relu_of_slope_one_is_the_identity():
    for kernel, expected in zip(LeakyReLU(1).kernels(GRAM), Linear().kernels(GRAM), strict=True):
        np.testing.assert_allclose(kernel, expected, atol=1e-15)


@pytest.mark.parametrize("angle", [1e-3, 1e-5, 1e-7, 1e-9, np.pi - 1e-6])
def test_relu_block_has_its_limit_as_rows_meet(angle):
    """E[g'(u_k) g'(u_l) x x^T] in the plane of w_k and w_l, by integration over the directions.

    It is the integral of (cos^2, cos sin; cos sin, sin^2) over the arc where both are positive,
    divided by pi.
    """
    w, v = np.array([1.0, 0.0]), np.array([np.cos(angle), np.sin(angle)])
    rows = np.stack([w, v])
    K = ReLU().kernels(rows @ rows.T)
    block = K.K11[0, 1] * np.eye(2) + K.K13[1, 0] * np.outer(w, w) + K.K13[0, 1] * np.outer(v, v)
    block += K.K22[0, 1] * (np.outer(w, v) + np.outer(v, w))
    low, high = angle - np.pi / 2, np.pi / 2
    own = [(x + np.sin(x) * np.cos(x)) / 2 for x in (low, high)]
    mixed = [np.sin(x) ** 2 / 2 for x in (low, high)]
    other = [(x - np.sin(x) * np.cos(x)) / 2 for x in (low, high)]
    expected = np.diff([[own, mixed], [mixed, other]])[..., 0] / np.pi
    # A Gram matrix knows an angle no better than the root of its rounding.
    np.testing.assert_allclose(block, expected, atol=3e-8)


def test_erf_keeps_its_accuracy_on_long_rows():
    gram = 1e12 * np.ones((2, 2))
    expected = 2 / np.pi / np.sqrt(1 + 2e12)
    np.testing.assert_allclose(Erf().kernels(gram).K11, expected, rtol=1e-14)


def test_too_rough_an_activation_is_refused_unless_a_looser_tolerance_is_asked_for(monkeypatch):
    gram = np.array([[16.0]])
    monkeypatch.setattr("nearopt.network.smooth.ORDERS", [64, 1024])
    with pytest.raises(
        ValueError, match=r"too fast for a row of W1 of norm 4: .*shrink W1.*dataclasses\.replace"
    ):
        tanh.kernels(gram)
    kernels = replace(tanh, tolerance=1e-6).kernels(gram)
    for kernel, f in ((kernels.K00, tanh.g), (kernels.K11, tanh.dg), (kernels.K22, tanh.d2g)):
        expected = 2 * quad(lambda u, f=f: f(u) ** 2 * norm.pdf(u, scale=4), 0, 40)[0]
        assert kernel[0, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("norm", [6.75, 8.0, 13.5, 16.0, 20.0, 25.9, 29.5, 32.0, 33.5, 43.0])
def test_an_oscillation_is_neither_missed_nor_taken_for_a_slow_one(norm):
    """Terms of the 64 first orders, and samples at their nodes, do not see these."""
    rows = norm * np.array([[1.0, 0.0], [np.cos(0.05), np.sin(0.05)]])
    gram = rows @ rows.T
    # E sin(u) sin(v) and E cos(u) cos(v) by the sum and the difference of u and v.
    apart, sum_ = (np.exp(-(norm**2) * (1 - sign * gram / norm**2)) for sign in (1, -1))
    kernels = sin.kernels(gram)
    np.testing.assert_allclose(kernels.K00, (apart - sum_) / 2, atol=1e-11)
    np.testing.assert_allclose(kernels.K11, (apart + sum_) / 2, atol=1e-11)
    # u + sin(u)^2, whose oscillation hides behind a line.
    snake = Smooth(
        lambda u: u + np.sin(u) ** 2,
        lambda u: 1 + np.sin(2 * u),
        lambda u: 2 * np.cos(2 * u),
        lambda u: -4 * np.sin(2 * u),
    )
    apart, sum_ = (np.exp(-4 * (norm**2) * (1 - sign * gram / norm**2)) for sign in (1, -1))
    expected = 1 + (apart - sum_) / 2
    np.testing.assert_allclose(snake.kernels(gram).K11, expected, atol=1e-11)


def test_wrong_derivatives_are_named():
    with pytest.raises(ValueError, match="d2g is not the derivative of dg"):
        Smooth(np.sin, np.cos, np.sin, np.cos)
    exponential = Smooth(np.exp, np.exp, np.exp, np.exp)
    with pytest.raises(ValueError, match="must be finite"), np.errstate(over="ignore"):
        exponential.kernels(1e6 * GRAM)


def test_a_polynomial_does_not_end_with_a_zero():
    with pytest.raises(ValueError, match="coefficients must end with a nonzero number"):
        Polynomial((1, 0))
