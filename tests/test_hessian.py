import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from reference import (
    difference_hessian,
    hermite_rule,
    quadrature_loss,
    sample_mean,
    sampled_hessian,
)
from scipy.linalg import block_diag
from scipy.stats import norm, ortho_group

from cases import ACTIVATIONS, NETWORKS, assert_equal, covariance, draw
from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, TwoLayer
from nearopt.hessian.dense import batch_hessian, neural_tangent_kernel, population_hessian
from nearopt.hessian.eigenvalues import spectrum
from nearopt.hessian.lanczos import extreme_eigenvalues, spectral_density
from nearopt.network.inputs import ColouredInputs
from nearopt.network.smooth import gelu, sin


@pytest.mark.parametrize("coloured", [False, pytest.param(True, marks=pytest.mark.lengthy)])
def test_population_hessian_is_the_mean_of_the_sampled_one(net, coloured):
    sigma = covariance(net.input_dim) if coloured else np.eye(net.input_dim)
    inputs = ColouredInputs(sigma).draw(30_000 if coloured else 10_000, np.random.default_rng(1))
    mean, error = sampled_hessian(net, inputs)
    # One in 1000 that chance fails any of these networks, if the means were normal.
    bound = norm.isf(1e-3 / 2 / (2 * NETWORKS * mean.size))
    difference = np.abs(population_hessian(net, sigma if coloured else None) - mean)
    assert np.all(difference < bound * error + 1e-12), (difference / (error + 1e-12)).max()


@pytest.mark.parametrize("name", ["cubic", "erf", "tanh", "gelu", "sin"])
@pytest.mark.parametrize("output_dim", [1, 2])
def test_population_hessian_is_the_curvature_of_the_loss(name, output_dim):
    """By finite differences of a loss that is integrated by quadrature: no Jacobian, no kernel."""
    net = draw(2, 2, ACTIVATIONS[name], output_dim=output_dim, sigma1=0.5)

    def loss(parameters):
        return quadrature_loss(net.with_parameters(parameters), net, 60)

    assert_equal(population_hessian(net), difference_hessian(loss, net.parameters, 1e-3), 1e-5)


def test_hessian_of_one_unit_and_one_input_has_its_known_value():
    """Saad & Solla's network (1995) at w = a = 1: K00 = 1/3, and two integrals by quadrature."""
    hessian = population_hessian(TwoLayer([[1.0]], [[1.0]], Erf()))
    x, weights = hermite_rule(1, 100)
    value, slope = Erf()(x[:, 0]), x[:, 0] * Erf().derivative(x[:, 0])
    expected = [[1 / 3, weights @ (value * slope)], [weights @ (value * slope), weights @ slope**2]]
    np.testing.assert_allclose(hessian, expected, rtol=1e-13)
    np.testing.assert_allclose(hessian, [[0.33333, 0.18378], [0.18378, 0.12252]], atol=5e-6)


def test_hessian_is_gauss_newton_is_fisher():
    """Curvature of the batch loss; J^T J; covariance of the score of y = f(x) + unit noise."""
    net = draw(3, 2, Erf(), output_dim=2)
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((6, 3))

    def loss(parameters):
        return ((net.with_parameters(parameters)(inputs) - net(inputs)) ** 2).sum() / 2 / 6

    hessian = batch_hessian(net, inputs)
    assert_equal(difference_hessian(loss, net.parameters, 1e-3), hessian, 1e-5)
    noise = rng.standard_normal((20_000, 6, 2))
    scores = np.einsum("sno,nop->snp", noise, net.jacobian(inputs))
    fisher, error = sample_mean(np.einsum("snp,snq->spq", scores, scores) / 6)
    assert np.all(np.abs(fisher - hessian) < 4.5 * error + 1e-14)


def test_batches_of_many_pieces_are_whole(monkeypatch):
    net = draw(3, 2, Erf(), output_dim=2)
    inputs = np.random.default_rng(4).standard_normal((101, 3))
    whole = batch_hessian(net, inputs)
    monkeypatch.setattr("nearopt.hessian.dense.PIECE", 1)
    assert_equal(batch_hessian(net, inputs), whole)


def test_batch_hessian_and_tangent_kernel_are_products_of_the_jacobian(net):
    """For fewer samples than parameters and for more; so they share their nonzero spectrum."""
    for samples in (3, 40):
        inputs = np.random.default_rng(5).standard_normal((samples, net.input_dim))
        jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
        assert_equal(batch_hessian(net, inputs), jacobian.T @ jacobian / samples)
        assert_equal(neural_tangent_kernel(net, inputs), jacobian @ jacobian.T / samples)


@pytest.mark.parametrize(
    ("input_dim", "hidden_dim", "output_dim"),
    [(4, 6, 1), (6, 4, 1), (1, 3, 1), (5, 2, 4), (2, 5, 3), (3, 4, 2)],
)
def test_linear_hessian_is_a_kronecker_sum(input_dim, hidden_dim, output_dim):
    """For one output |W2|^2 + eig(W1^T W1), input_dim of them, and zeros."""
    net = draw(input_dim, hidden_dim, Linear(), output_dim=output_dim)
    first, second = (np.linalg.eigvalsh(m) for m in (net.W1.T @ net.W1, net.W2 @ net.W2.T))
    expected = np.sort(np.add.outer(first, second).ravel())[::-1]
    eigenvalues = np.linalg.eigvalsh(population_hessian(net))[::-1]
    shared, rounding = min(len(expected), len(eigenvalues)), 1e-13 * expected[0]
    np.testing.assert_allclose(eigenvalues[:shared], expected[:shared], atol=rounding)
    np.testing.assert_allclose(eigenvalues[shared:], 0, atol=rounding)
    rank = output_dim * input_dim
    rank -= max(0, output_dim - hidden_dim) * max(0, input_dim - hidden_dim)
    assert np.count_nonzero(eigenvalues > 1e-12 * expected[0]) == rank


few = settings(deadline=None, derandomize=True, max_examples=30)
any_net = st.builds(
    draw,
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([Linear(), Polynomial((0, 1, 2)), Erf(), ReLU(), LeakyReLU(0.2), sin, gelu]),
    seed=st.integers(0, 2**32 - 1),
    output_dim=st.integers(1, 3),
)


@few
@given(any_net)
def test_symmetric_and_positive_semidefinite(net):
    hessian = population_hessian(net)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-13, atol=1e-14 * np.abs(hessian).max())
    eigenvalues = np.linalg.eigvalsh(hessian)
    assert eigenvalues[0] > -1e-12 * eigenvalues[-1]


@few
@given(any_net, st.integers(0, 2**32 - 1))
def test_what_leaves_the_function_alone_moves_the_hessian_along(net, seed):
    """Inputs are rotated, hidden units permuted and, where the activation is odd, reflected."""
    rng, hidden_dim = np.random.default_rng(seed), net.hidden_dim
    R = ortho_group.rvs(net.input_dim, random_state=rng) if net.input_dim > 1 else np.eye(1)
    odd = net.activation in (Linear(), Erf(), sin)
    S = np.diag(rng.choice([-1.0, 1.0] if odd else [1.0], hidden_dim))[rng.permutation(hidden_dim)]
    moved = TwoLayer(S @ net.W1 @ R, net.W2 @ S.T, net.activation)
    change = block_diag(np.kron(np.eye(net.output_dim), S), np.kron(S, R.T))
    assert_equal(moved.parameters, change @ net.parameters)
    assert_equal(population_hessian(moved), change @ population_hessian(net) @ change.T, 1e-11)


def large():
    return draw(1000, 1000, Erf(), sigma1=0.03)


LONG = {"steps": 100_000, "rng": np.random.default_rng(0)}


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (lambda: population_hessian(large()), "a dense .* of 1001000 .*; use HessianO.* size"),
        (lambda: population_hessian(large(), np.eye(1000)), "a dense .* 1001000 .*; use HessianO"),
        (lambda: batch_hessian(large(), np.ones((1, 1000))), "a dense .* 1001000 .*; use BatchH"),
        (
            lambda: neural_tangent_kernel(draw(1, 1, Erf()), np.ones((10**6, 1))),
            "a .* 1000000 .* spectrum",
        ),
        (
            lambda: spectrum(large()),
            "the .* 1001000 coupled .*; use extreme_.* or spectral_density",
        ),
        (lambda: spectral_density(large(), **LONG), "100000 Lanczos steps .* GiB.*; ask for fewer"),
        (lambda: extreme_eigenvalues(large(), 1, **LONG), "100000 Lanczos .* GiB.*; ask for fewer"),
    ],
)
def test_jobs_beyond_memory_name_what_serves_instead(job, words):
    with pytest.raises(MemoryError, match=f"^{words}"):
        job()


@pytest.mark.parametrize(
    ("function", "sizes", "samples", "share"),
    [
        (population_hessian, (600, 2, 1), None, 0.9),
        (population_hessian, (1, 300, 1), None, 0.8),
        (population_hessian, (3, 40, 20), None, 0.9),
        (batch_hessian, (300, 2, 1), 3, 0.95),
        (batch_hessian, (50, 1, 1), 12_000, 0.95),
        (batch_hessian, (1, 1, 300), 5, 0.6),
        (neural_tangent_kernel, (3, 4, 1), 800, 0.95),
    ],
)
def test_the_memory_of_a_matrix_is_what_it_asks_for(function, sizes, samples, share, monkeypatch):
    """Whether parameters, units, samples or outputs are many."""
    monkeypatch.setattr("nearopt.hessian.dense.PIECE", 2**19 if samples == 12_000 else 1)
    asked = []
    monkeypatch.setattr(
        "nearopt.hessian.dense.require_memory", lambda _, need, __: asked.append(need)
    )
    job = partial(function, draw(*sizes[:2], Erf(), output_dim=sizes[2]))
    if samples:
        job = partial(job, np.random.default_rng(8).standard_normal((samples, sizes[0])))
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (need,) = asked
    assert share * need < peak < 1.05 * need
