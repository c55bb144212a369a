"""The law of the spectrum for any activation, each part by a second way."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from cases import SMOOTH
from nearopt import Erf, Polynomial, ReLU, TwoLayer
from nearopt.hessian import spectrum
from nearopt.laws import NonlinearHessianLaw, gaussian_moments, leading_count

SQUARE = Polynomial((0.0, 0.0, 1.0))
ACTIVATIONS = {
    "erf": Erf(),
    "relu": ReLU(),
    "u + u^3": Polynomial((0.0, 1.0, 0.0, 1.0)),
    "u^2": SQUARE,
    "mixed": Polynomial((0.0, 1.0, 1.0, 1 / 3)),
    **SMOOTH,
}
named = pytest.mark.parametrize("g", ACTIVATIONS.values(), ids=ACTIVATIONS)


def stratified_teachers(g, input_dim, hidden_dim, teachers, rng, sigma1=None):
    """Teachers whose outgoing weights, all together, have one in each quantile."""
    ranks = rng.permutation(teachers * hidden_dim) + rng.random(teachers * hidden_dim)
    W2 = norm.ppf(ranks / (teachers * hidden_dim)).reshape(teachers, 1, hidden_dim)
    W1 = rng.standard_normal((teachers, hidden_dim, input_dim)) * (sigma1 or input_dim**-0.5)
    return [TwoLayer(*weights, g) for weights in zip(W1, W2, strict=True)]


@named
@pytest.mark.parametrize("variance", [0.04, 1.0, 30.0])
def test_moments_are_kernels_and_derivatives(g, variance):
    """K00 and K11 are E g^2 and E g'^2; Stein's lemma moves a degree into a derivative."""
    m = gaussian_moments(g, variance)
    kernels = g.kernels(np.array([[variance]]))
    expected = kernels.K00[0, 0], kernels.K11[0, 0]
    assert (m.square, m.slope) == pytest.approx(expected, rel=1e-12)
    # E[g He_2] = s E[z g'] = s^2 E g'' = s^2 K02 / E g, where K02 is E[g] E[g''] at q_kl = 0.
    apart = g.kernels(np.diag([variance, variance]))
    assert m.hermite[0] * m.hermite[2] == pytest.approx(
        variance * apart.K02[0, 1], rel=1e-11, abs=1e-12
    )
    assert m.hermite[1] ** 2 == pytest.approx(variance * apart.K11[0, 1], rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("variance", [1e-4, 0.3, 50.0])
def test_moments_of_erf_and_relu_are_elementary(variance):
    m, s = gaussian_moments(Erf(), variance), math.sqrt(variance)
    first = math.sqrt(2 / math.pi) * s / math.sqrt(1 + variance)
    third = -first * variance / (1 + variance)
    assert m.hermite == pytest.approx(
        [0, first, 0, third, 0, -3 * third * variance / (1 + variance)], abs=1e-14
    )
    m = gaussian_moments(ReLU(), variance)
    root = s / math.sqrt(2 * math.pi)
    assert m.hermite == pytest.approx([root, s / 2, root, 0, -root, 0], rel=1e-12, abs=1e-14)
    assert m[1:] == pytest.approx([variance / 2, s / 2, 0.5, 0.5], rel=1e-12)


def dense_leading_matrix(net):
    """Degrees from 2 of H among rows of W1, the last of them on the diagonal alone."""
    a, W1, v = net.W2[0], net.W1, (net.W1**2).sum(1)
    moments = [gaussian_moments(net.activation, variance) for variance in v]
    first, second = np.array([m.hermite[1:3] for m in moments]).T
    rest = [m.slope for m in moments] - first**2 / v - second**2 / v
    q, weights = W1 @ W1.T, a * second / v
    pairs = np.einsum("kl,ij->kilj", q, np.eye(net.input_dim)) + np.einsum("li,kj->kilj", W1, W1)
    matrix = np.einsum("k,l,kilj->kilj", weights, weights, pairs).reshape(2 * (W1.size,))
    return matrix + np.diag(np.repeat(rest * a**2, net.input_dim))


@named
@pytest.mark.parametrize("shape", [(3, 7), (6, 6), (8, 4)])
def test_leading_count_is_of_dense_matrix(g, shape):
    rng = np.random.default_rng(20261126)
    net = TwoLayer.draw(*shape, activation=g, sigma1=0.5, rng=rng)
    eigenvalues = np.linalg.eigvalsh(dense_leading_matrix(net))
    levels = np.append(-1.0, (eigenvalues[1:] + eigenvalues[:-1])[np.diff(eigenvalues) > 1e-9] / 2)
    expected = np.searchsorted(eigenvalues, levels)
    np.testing.assert_array_equal(leading_count(net, levels), expected)


@named
def test_law_is_a_distribution_of_all_eigenvalues(g):
    law = NonlinearHessianLaw(12, 9, g, sigma1=0.4, sigma2=1.3)
    levels = np.append(0.0, np.geomspace(1e-20, 1e9, 400))
    share = law.cdf(levels)
    assert (np.diff(share) >= 0).all()
    assert share[0] == law.atom
    assert share[-1] == 1
    assert law.cdf(-1e-9) == 0
    assert np.isfinite(law.pdf(levels)).all()
    assert (law.pdf(levels) >= 0).all()
    q = law.atom + (1 - law.atom) * np.arange(1, 20) / 20
    assert law.cdf(law.ppf(q)) == pytest.approx(q, abs=1e-3)


@pytest.mark.parametrize(("g", "bound"), [(Erf(), 0.02), (ReLU(), 0.02)])
def test_law_is_near_exact_spectra(g, bound):
    rng = np.random.default_rng(20261127)
    law = NonlinearHessianLaw(20, 20, g, sigma1=20**-0.5)
    spectra = np.array([spectrum(net) for net in stratified_teachers(g, 20, 20, 30, rng)])
    levels = law.ppf(np.linspace(law.atom + 0.01, 0.99, 99))
    share = np.searchsorted(np.sort(spectra.ravel()), levels) / spectra.size
    assert np.abs(law.cdf(levels) - share).max() < bound
