import tracemalloc
from itertools import product

import numpy as np
import pytest
from mpmath import mp
from reference import hermite_rule
from scipy.sparse.linalg import aslinearoperator
from scipy.stats import norm

from cases import assert_equal, draw
from nearopt import Erf, Linear, Polynomial, TwoLayer
from nearopt.hessian.dense import batch_hessian, population_hessian
from nearopt.hessian.eigenvalues import (
    batch_spectrum,
    nonzero,
    smallest_batch_eigenvalues,
    spectrum,
)
from nearopt.hessian.hermite import hermite_factor, hermite_terms, outside_factor
from nearopt.hessian.lanczos import extreme_eigenvalues, lanczos, spectral_density
from nearopt.hessian.operators import BatchHessianOperator, HessianOperator

CUBIC = Polynomial((0.3, -1.0, 0.5, 0.2))


@pytest.mark.parametrize("shape", [(7, 3), (1, 4), (4, 4), (9, 1)])
@pytest.mark.parametrize("g", [Erf(), CUBIC])
def test_every_shape_has_all_its_eigenvalues(shape, g):
    net = draw(*shape, g, output_dim=2, sigma1=0.5)
    assert_equal(spectrum(net), np.linalg.eigvalsh(population_hessian(net)), 1e-13)


def test_cost_does_not_grow_with_inputs_beyond_hidden_units():
    """The dense Hessian here would have 40,000 parameters and 12 GiB."""
    net = draw(20_000, 2, Erf(), sigma1=0.01)
    tracemalloc.start()
    values = spectrum(net)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(values) == 40_002
    assert peak < 10 * net.W1.nbytes
    rng = np.random.default_rng(1)
    mean, squares = values.mean(), (values**2).mean()
    operator, probe = HessianOperator(net), rng.choice([-1.0, 1.0], (net.parameter_count, 30))
    traces = (probe * (operator @ probe)).sum(0) / net.parameter_count
    error = np.sqrt(2 * squares / net.parameter_count / 30)
    assert abs(traces.mean() - mean) < 4 * error


@pytest.mark.parametrize("output_dim", [1, 2])
def test_hermite_factors_are_factors(output_dim):
    net = draw(3, 4, CUBIC, output_dim=output_dim, sigma1=0.6)
    factor, hessian = hermite_factor(net), population_hessian(net)
    assert factor.shape == (net.parameter_count, hermite_terms(net))
    assert_equal(factor @ factor.T, hessian, 1e-13)
    outside, kernels = outside_factor(net), CUBIC.kernels(net.W1 @ net.W1.T)
    assert_equal(outside @ outside.T, net.W2.T @ net.W2 * kernels.K11, 1e-13)


def test_hermite_factor_holds_the_gradient_s_coefficients():
    """Against E[grad f h_b] by a rule that is exact, for b = (2, 0), (1, 1) and (0, 3)."""
    net = draw(2, 3, CUBIC, sigma1=0.6)
    x, weights = hermite_rule(2, 5)
    jacobian = net.jacobian(x)[:, 0]
    basis = {3: (x[:, 0] ** 2 - 1) / np.sqrt(2), 4: x[:, 0] * x[:, 1]}
    basis[9] = (x[:, 1] ** 3 - 3 * x[:, 1]) / np.sqrt(6)
    factor = hermite_factor(net)
    for column, h in basis.items():
        np.testing.assert_allclose(factor[:, column], (weights * h) @ jacobian, atol=1e-13)


def test_small_eigenvalues_of_polynomials_keep_their_digits():
    """Two units that nearly coincide, against 60 digits; the dense matrix has none left."""
    W1 = np.array([[0.6, 0.8], [0.6, 0.8 + 1e-6]])
    net = TwoLayer(W1, [[1.0, 0.7]], Polynomial((0, 1, 0, 1)))
    with mp.workdps(60):
        expected = np.array(list(mp.eigsy(exact_hessian(net), eigvals_only=True)), dtype=float)
    values = spectrum(net)
    assert expected[0] < 1e-16 * expected[-1]
    # A singular value has the error eps of the largest one.
    slack = 50 * np.finfo(float).eps * np.sqrt(values[-1])
    assert np.all(np.abs(np.sqrt(values) - np.sqrt(expected)) < slack)
    assert abs(values[1] / expected[1] - 1) < 1e-3
    dense = np.linalg.eigvalsh(population_hessian(net))
    assert abs(dense[1] / expected[1] - 1) > 1e-2


def exact_hessian(net):
    """The Hessian for u + u^3 and two inputs, by the four-node rule, exact up to degree 7."""
    nodes = [sign * mp.sqrt(3 + root * mp.sqrt(6)) for sign in (-1, 1) for root in (-1, 1)]
    rule = [(x, 3 / (2 * (x**3 - 3 * x) ** 2)) for x in nodes]
    hessian = mp.zeros(net.parameter_count)
    for (x, p), (y, q) in product(rule, repeat=2):
        u = [mp.mpf(w[0]) * x + mp.mpf(w[1]) * y for w in net.W1]
        slopes = [mp.mpf(a) * (1 + 3 * v**2) for a, v in zip(net.W2[0], u, strict=True)]
        gradient = mp.matrix(
            [v + v**3 for v in u] + [slope * z for slope in slopes for z in (x, y)]
        )
        hessian += p * q * gradient * gradient.T
    return hessian


def test_lanczos_to_the_end_is_a_whole_spectrum():
    net = draw(3, 4, Erf(), output_dim=2)
    values, weights = lanczos(HessianOperator(net), 1000, np.random.default_rng(2))
    np.testing.assert_allclose(values, spectrum(net), atol=1e-13 * values[-1])
    assert weights.sum() == pytest.approx(1)


def test_lanczos_finds_multiple_eigenvalues():
    """Its first Krylov space ends: a linear network has two eigenvalues beside 0, each twice."""
    net = TwoLayer(np.vstack([np.eye(2), np.zeros((1, 2))]), [[1.0, 2.0, 0.5]], Linear())
    values, _ = lanczos(HessianOperator(net), 9, np.random.default_rng(3))
    np.testing.assert_allclose(values, spectrum(net), atol=1e-13)


@pytest.mark.parametrize(("input_dim", "hidden_dim"), [(6, 15), (25, 9)])
def test_lanczos_extremes_hold_eigenvalues_within_their_errors(input_dim, hidden_dim, monkeypatch):
    """The matrix-free way, at sizes where all eigenvalues are known."""
    monkeypatch.setattr("nearopt.hessian.lanczos.DENSE", 0)
    net = draw(input_dim, hidden_dim, Erf(), sigma1=0.4)
    values = spectrum(net)
    found = extreme_eigenvalues(net, 3, steps=40, rng=np.random.default_rng(4))
    rounding = 1e-13 * values[-1]
    np.testing.assert_allclose(found.largest, values[-3:], rtol=1e-8)
    assert np.all(found.smallest >= values[:3] - rounding)
    ends, errors = (
        np.hstack([found.smallest, found.largest]),
        np.hstack([found.smallest_error, found.largest_error]),
    )
    assert np.all(np.abs(ends[:, None] - values).min(1) <= errors + rounding)
    assert np.all(errors > 0)


def test_extremes_of_small_networks_are_those_of_the_spectrum():
    net = draw(6, 5, Erf())
    values = spectrum(net)
    found = extreme_eigenvalues(net, 4, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(found.smallest, values[:4])
    np.testing.assert_array_equal(found.largest, values[-4:])
    assert 0 < found.smallest_error.max() < 1e-12 * values[-1]


@pytest.mark.parametrize(("input_dim", "hidden_dim"), [(5, 20), (30, 9)])
def test_density_is_that_of_the_eigenvalues(input_dim, hidden_dim):
    net = draw(input_dim, hidden_dim, Erf(), sigma1=0.4)
    values = spectrum(net)
    probes = 50
    density = spectral_density(net, probes=probes, steps=100, rng=np.random.default_rng(6))
    np.testing.assert_allclose(density.weights.sum(1), 1, rtol=1e-10)
    width = values[-1] / 20
    points = np.linspace(0, values[-1], 15)
    # One in 1000 that chance fails a comparison at any of the points.
    bound = norm.isf(1e-3 / 2 / len(points))
    pdf, error = density.pdf(points, width)
    exact = norm.pdf(points[:, None], values, width).mean(1)
    assert np.all(np.abs(pdf - exact) < bound * error)
    share, error = density.cdf(points[1:-1] + 1e-9)
    exact = np.searchsorted(values, points[1:-1]) / len(values)
    assert np.all(np.abs(share - exact) < bound * error + 1 / len(values))
    assert np.all(error < 2 / np.sqrt(probes * len(values)))


def test_bad_requests_are_named():
    net, rng = draw(2, 3, Erf()), np.random.default_rng(0)
    with pytest.raises(ValueError, match="probes must be at least 2"):
        spectral_density(net, probes=1, rng=rng)
    with pytest.raises(ValueError, match="k must be at most 9, not 10"):
        extreme_eigenvalues(net, 10, rng=rng)


def test_density_has_the_moments_of_any_symmetric_operator():
    """m steps give 2m - 1 moments of each probe, whatever the shape of the spectrum."""
    net, rng = draw(3, 4, Erf()), np.random.default_rng(1)
    inputs, sigma = rng.standard_normal((20, 3)), np.diag([1.0, 0.5, 2.0])
    for operator, matrix in (
        (net, population_hessian(net)),
        (BatchHessianOperator(net, inputs), batch_hessian(net, inputs)),
        (HessianOperator(net, sigma), population_hessian(net, sigma)),
        (aslinearoperator(np.diag([1.0, 2.0, 4.0])), np.diag([1.0, 2.0, 4.0])),
    ):
        probe = np.random.default_rng(2).standard_normal(len(matrix))
        probe /= np.linalg.norm(probe)
        for steps, powers in ((3, range(6)), (99, (1, 2, 7))):
            rng = np.random.default_rng(2)
            density = spectral_density(operator, probes=2, steps=steps, rng=rng)
            for power in powers:
                moment = (density.weights[0] * density.nodes[0] ** power).sum()
                expected = probe @ np.linalg.matrix_power(matrix, power) @ probe
                assert moment == pytest.approx(expected, rel=1e-9)


def test_nonzero_leaves_rounding_out():
    np.testing.assert_array_equal(nonzero(np.array([1e-17, -1e-17, 1e-3, 1.0])), [1e-3, 1.0])


def test_batch_spectrum_is_that_of_the_batch_hessian():
    net, rng = draw(3, 4, Erf(), output_dim=2), np.random.default_rng(0)
    for samples in (4, 100):
        inputs = rng.standard_normal((samples, 3))
        values = batch_spectrum(net, inputs)
        dense = np.linalg.eigvalsh(batch_hessian(net, inputs))
        np.testing.assert_allclose(values, dense, atol=1e-13 * dense[-1])
        assert np.count_nonzero(values) == min(2 * samples, net.parameter_count)


def test_smallest_batch_eigenvalues():
    net = draw(3, 2, Erf(), seed=1)
    found = smallest_batch_eigenvalues(net, 8, [3, 20], rng=np.random.default_rng(2))
    inputs = np.random.default_rng(2).standard_normal((20, 3))
    expected = [batch_spectrum(net, inputs[:3])[-3], batch_spectrum(net, inputs)[0]]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
