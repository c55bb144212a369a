"""The law of the spectrum for any activation, each part by a second way."""

import math

import numpy as np
import pytest
from scipy.special import erf
from scipy.stats import norm

from cases import SMOOTH
from nearopt import Erf, Linear, Polynomial, ReLU, TwoLayer, gelu, sigmoid, softplus, tanh
from nearopt.hessian import population_hessian, spectrum
from nearopt.laws import LinearHessianLaw, NonlinearHessianLaw, gaussian_moments, leading_count
from nearopt.laws.bulk import Bulk
from nearopt.laws.nonlinear import PER_DECADE
from nearopt.laws.units import norm_rule

SQUARE, CUBE = Polynomial((0.0, 0.0, 1.0)), Polynomial((0.0, 1.0, 0.0, 1.0))
MIXED = Polynomial((0.0, 1.0, 1.0, 1 / 3))
ACTIVATIONS = {"erf": Erf(), "relu": ReLU(), "u + u^3": CUBE, "u^2": SQUARE, "mixed": MIXED}
named = pytest.mark.parametrize("g", [*ACTIVATIONS.values(), *SMOOTH.values()])


def draw_teachers(g, input_dim, hidden_dim, teachers, rng):
    """Teachers whose outgoing weights, all together, have one in each quantile."""
    ranks = rng.permutation(teachers * hidden_dim) + rng.random(teachers * hidden_dim)
    W2 = norm.ppf(ranks / (teachers * hidden_dim)).reshape(teachers, 1, hidden_dim)
    W1 = rng.standard_normal((teachers, hidden_dim, input_dim)) / math.sqrt(input_dim)
    return [TwoLayer(*weights, g) for weights in zip(W1, W2, strict=True)]


def draw_spectra(*teachers):
    return np.array([spectrum(net) for net in draw_teachers(*teachers)])


@named
@pytest.mark.parametrize("variance", [0.04, 1.0, 30.0])
def test_moments_are_kernels(g, variance):
    """Independent u have K00 = (E g)^2, K11 = (E g')^2 and K02 = E g E g''."""
    m, same = gaussian_moments(g, variance), g.kernels(np.array([[variance]]))
    assert (m.square, m.slope) == pytest.approx((same.K00[0, 0], same.K11[0, 0]), rel=1e-12)
    apart = g.kernels(np.diag([variance, variance]))
    products = m.hermite[0] ** 2, m.hermite[1] ** 2 / variance, m.hermite[0] * m.hermite[2]
    expected = apart.K00[0, 1], apart.K11[0, 1], variance * apart.K02[0, 1]
    assert products == pytest.approx(expected, rel=1e-11, abs=1e-12)
    # Stein's lemma: E[u g g'] = s^2 E[g'^2 + g g''], and K02 is E[g g''] on the diagonal.
    s = math.sqrt(variance)
    if not isinstance(g, ReLU):
        assert m.cross == pytest.approx(s * (m.slope + same.K02[0, 0]), rel=1e-11)


@pytest.mark.parametrize("variance", [1e-4, 0.3, 50.0])
def test_moments_of_erf_and_relu_are_elementary(variance):
    s = math.sqrt(variance)
    first = math.sqrt(2 / math.pi) * s / math.sqrt(1 + variance)
    ratio = -variance / (1 + variance)
    expected = [0, first, 0, first * ratio, 0, 3 * first * ratio**2]
    assert gaussian_moments(Erf(), variance).hermite == pytest.approx(expected, abs=1e-13)
    m, root = gaussian_moments(ReLU(), variance), s / math.sqrt(2 * math.pi)
    assert m.hermite == pytest.approx([root, s / 2, root, 0, -root, 0], rel=1e-12, abs=1e-13)
    assert m[1:] == pytest.approx([variance / 2, s / 2, 0.5, 0.5], rel=1e-12)


def dense_leading_matrix(net):
    """Degree 2 of H among the rows of W1, and the degrees from 3 on its diagonal."""
    a, W1, v = net.W2[0], net.W1, (net.W1**2).sum(1)
    moments = [gaussian_moments(net.activation, variance) for variance in v]
    first, second = np.array([m.hermite[1:3] for m in moments]).T
    rest = [m.slope for m in moments] - first**2 / v - second**2 / v
    q, weights = W1 @ W1.T, a * second / v
    pairs = np.einsum("kl,ij->kilj", q, np.eye(net.input_dim)) + np.einsum("li,kj->kilj", W1, W1)
    matrix = np.einsum("k,l,kilj->kilj", weights, weights, pairs).reshape(2 * (W1.size,))
    return matrix + np.diag(np.repeat(rest * a**2, net.input_dim))


@pytest.mark.parametrize("g", [ReLU(), SQUARE, MIXED])
@pytest.mark.parametrize("shape", [(3, 7), (6, 6), (8, 4)])
def test_leading_count_is_of_the_dense_matrix(g, shape):
    net = TwoLayer.draw(*shape, activation=g, sigma1=0.5, rng=np.random.default_rng(1))
    eigenvalues = np.linalg.eigvalsh(dense_leading_matrix(net))
    gaps = np.diff(eigenvalues) > 1e-9
    levels = np.append(-1.0, (eigenvalues[1:] + eigenvalues[:-1])[gaps] / 2)
    np.testing.assert_array_equal(leading_count(net, levels), np.searchsorted(eigenvalues, levels))


def bulk(c, quadratic, rest, x):
    """A bulk of units of one kind, without linear and cubic features."""
    none, b, c0 = np.zeros(1), np.array([quadratic]), np.array([rest])
    return Bulk(c, 0.0, 1.0, np.ones(1), none, b, none, c0, x)


@pytest.mark.parametrize("c", [0.5, 1.0, 4.0])
def test_bulk_without_degree_2_is_chi_square(c):
    x = np.linspace(-9, 3.6, 200)
    expected = erf(np.sqrt(np.exp(x) / 2 / 0.7))
    np.testing.assert_allclose(bulk(c, 0.0, 0.7, x).distribution(), expected, atol=2e-4)


@pytest.mark.parametrize("rest", [0.0, 0.2, 1.5])
@pytest.mark.parametrize("shape", [(75, 150), (100, 100), (150, 50)])
def test_bulk_and_pairs_are_the_exact_count_over_matrices(rest, shape):
    """Within four errors, and half a unit, to which quantiles of a tell their law."""
    (input_dim, hidden_dim), rng = shape, np.random.default_rng(3)
    squares = norm.ppf((np.arange(hidden_dim) + 0.5) / hidden_dim) ** 2
    x = np.linspace(-9, 3.6, 80)
    law = bulk(input_dim / hidden_dim, 1.0, rest, x)
    expected = hidden_dim * law.distribution() - law.pairs() / 2
    counts = []
    for w in rng.standard_normal((8, hidden_dim, input_dim)) / math.sqrt(input_dim):
        shifted = rest * squares - np.exp(x[[45, 55, 65], None])
        gamma = np.linalg.eigvalsh(w.T @ ((squares / shifted)[..., None] * w))
        pairs = np.triu(gamma[:, :, None] + gamma[:, None] < -1).sum((1, 2))
        counts.append((shifted < 0).sum(1) - pairs / input_dim)
    error = np.std(counts, axis=0, ddof=1) / math.sqrt(8)
    assert (np.abs(np.mean(counts, 0) - expected[[45, 55, 65]]) < 0.5 + 4 * error).all()


@pytest.mark.parametrize("crowding", [0.3, 0.8])
def test_crowded_features_are_a_sample_covariance(crowding):
    """Without degree 2, and all of the others cubic: a Z Z^T a / M, Z of shape (n, M)."""
    n, x = 400, np.linspace(-12, 3.6, 200)
    features = np.random.default_rng(4).standard_normal((n, round(n / crowding)))
    features *= norm.ppf((np.arange(n) + 0.5) / n)[:, None] / math.sqrt(n / crowding)
    spectrum = np.linalg.svd(features, compute_uv=False)[::-1] ** 2
    none, one = np.zeros(1), np.ones(1)
    law = Bulk(1.0, crowding, 1.0, one, none, none, one, one, x)
    share = np.searchsorted(spectrum, np.exp(x)) / n
    # To half a unit of the quantiles, and three of chance.
    np.testing.assert_allclose(law.distribution(), share, atol=3.5 / n)


def test_linear_family_is_the_linear_law():
    """Where g is almost linear, its Ni large eigenvalues are far above all others."""
    law = NonlinearHessianLaw(20, 12, Polynomial((0.0, 1.0, 1e-3)), sigma1=0.3)
    linear = LinearHessianLaw(20, 12, sigma1=0.3)
    x = linear.ppf(np.arange(1, 20) / 20)
    np.testing.assert_allclose(law.sf(x) * law.parameter_count / 20, linear.sf(x), atol=0.02)


@named
def test_law_is_a_distribution_of_all_eigenvalues(g):
    law = NonlinearHessianLaw(12, 9, g, sigma1=0.4, sigma2=1.3)
    levels = np.append(0.0, np.geomspace(1e-20, 1e9, 400))
    share = law.cdf(levels)
    assert (np.diff(share) >= 0).all()
    assert (share[0], share[-1], law.cdf(-1e-9)) == (law.atom, 1, 0)
    assert (law.pdf(levels) >= 0).all()
    q = law.atom + (1 - law.atom) * np.arange(1, 20) / 20
    assert law.cdf(law.ppf(q)) == pytest.approx(q, abs=1e-3)
    rank = (spectrum(draw_teachers(g, 12, 9, 1, np.random.default_rng(4))[0]) > 1e-13).sum()
    assert law.atom == pytest.approx(1 - rank / law.parameter_count, abs=1.5 / law.parameter_count)


def exact_means(g, ni, nh):
    """E tr H and E tr H^2 for rows of variance 1 / ni: Gauss rules over norms and the cosine."""
    q, p = norm_rule(ni, 6)
    m = [gaussian_moments(g, v) for v in q]
    square, cross, radial, slope = (np.array([getattr(x, n) for x in m]) for n in m[0]._fields[1:])
    trace = nh * p @ (square + radial + (ni - 1) * slope)
    own = p @ (square**2 + 2 * cross**2 + 3 * (radial**2 + (ni - 1) * slope**2))
    cosine, weights = np.polynomial.legendre.leggauss(24)
    weights = weights * (1 - cosine**2) ** ((ni - 3) / 2)
    angles = np.arccos(np.append(1.0, cosine))
    rows = np.sqrt(q)[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    gram = rows.reshape(-1, 2) @ rows.reshape(-1, 2).T
    kernels = [k.reshape(6, 25, 6, 25)[:, 0, :, 1:] for k in (*g.kernels(gram), gram)]
    K00, K11, K02, K13, K22, r = kernels
    back = g.kernels(gram)
    K20, K31 = (k.T.reshape(6, 25, 6, 25)[:, 0, :, 1:] for k in (back.K02, back.K13))
    k, l = q[:, None, None], q[None, :, None]  # noqa: E741
    mixed = K11**2 * (k + l) + 2 * K11 * (K02 + K20) * r + K02**2 * l + K20**2 * k
    x, y, z = K31 * k + K22 * r, K31 * r + K22 * l, K22 * k + K13 * r
    u = K22 * r + K13 * l
    inner = K11**2 * ni + 2 * K11 * (x + u) + x**2 + 2 * y * z + u**2
    pair = np.einsum("k,l,c,klc->", p, p, weights / weights.sum(), K00**2 + mixed + inner)
    return trace, nh * own + nh * (nh - 1) * pair


@pytest.mark.parametrize("g", [Erf(), ReLU(), MIXED])
def test_traces_are_their_exact_means(g):
    """Of the law within 3 and 12 %, of draws within 4 errors."""
    trace, square = exact_means(g, 20, 12)
    law = NonlinearHessianLaw(20, 12, g, sigma1=20**-0.5)
    start, later = law.mean_loss([0.0, 1e-7])
    assert 2 * start == pytest.approx(trace, rel=0.03)
    assert (start - later) / 1e-7 == pytest.approx(square, rel=0.12)
    rng, drawn = np.random.default_rng(5), []
    for _ in range(40):
        H = population_hessian(TwoLayer.draw(20, 12, activation=g, sigma1=20**-0.5, rng=rng))
        drawn.append([np.trace(H), (H**2).sum()])
    error = np.std(drawn, axis=0) / math.sqrt(40)
    assert (np.abs(np.mean(drawn, 0) - [trace, square]) < 4 * error).all()


@pytest.mark.parametrize("g", [softplus, sigmoid])
def test_moments_and_largest_eigenvalue_are_those_of_mean_field_theory(g):
    """Karakida, Akaho & Amari (2019): of the kernel for one input, and for two independent ones."""
    law, m = NonlinearHessianLaw(400, 300, g, sigma1=0.05, sigma2=300**-0.5), gaussian_moments(g, 1)
    same, apart = 300 * m.square + 400 * m.slope, 300 * m.hermite[0] ** 2
    # One eigenvalue, which is most of both moments, is known to half a level.
    level = 10 ** (0.5 / PER_DECADE) - 1
    start, later = law.mean_loss([0.0, 1e-9])
    assert 2 * start == pytest.approx(same, rel=level)
    assert (start - later) / 1e-9 == pytest.approx(apart**2, rel=2 * level)
    largest = law.isf((np.arange(64) + 0.5) / 64 / law.parameter_count).mean()
    assert largest == pytest.approx(apart, rel=level)


NEAR = [(Erf(), 20, 12, 40), (ReLU(), 20, 12, 40), (softplus, 20, 12, 40), (gelu, 12, 24, 40)]
MANY = [(g, 20, 20, 150) for g in (*ACTIVATIONS.values(), *SMOOTH.values())]


@pytest.mark.parametrize("case", [*NEAR, *(pytest.param(c, marks=pytest.mark.slow) for c in MANY)])
def test_law_is_near_exact_spectra(case):
    g, *shape, _ = case
    law = NonlinearHessianLaw(*shape, g, sigma1=shape[0] ** -0.5)
    spectra = draw_spectra(*case, np.random.default_rng(6))
    levels = law.ppf(np.linspace(law.atom + 0.01, 0.999, 199))
    share = np.searchsorted(np.sort(spectra.ravel()), levels) / spectra.size
    assert np.abs(law.cdf(levels) - share).max() < 0.02


@pytest.mark.parametrize("g", [Erf(), ReLU(), gelu])
def test_late_coefficient_is_that_of_exact_hessians(g):
    """With one weight next to 0, Ni eigenvalues are a^2 mu, mu those of a Schur complement.

    The mean over teachers of their loss is sum mu^(-1/2) t^(-3/2) / 16.
    """
    law, total = NonlinearHessianLaw(20, 10, g, sigma1=20**-0.5), 0.0
    for net in draw_teachers(g, 20, 10, 5, np.random.default_rng(7)):
        H = population_hessian(TwoLayer(net.W1, np.ones((1, 10)), g))
        values, vectors = np.linalg.eigh(H)
        kept = values > 1e-12 * values[-1]
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        for k in range(10):
            block = inverse[10 + 20 * k : 30 + 20 * k, 10 + 20 * k : 30 + 20 * k]
            total += np.sqrt(np.linalg.eigvalsh(block)).sum() / 5
    assert law.late_coefficient == pytest.approx(total / 16, rel=0.06)
    assert law.mean_loss([1e12], epsilon=2.0) * 1e18 == pytest.approx(4 * law.late_coefficient)


@pytest.mark.slow
@pytest.mark.parametrize("g", [Erf(), ReLU(), gelu, tanh])
def test_mean_loss_is_that_of_exact_spectra(g):
    times = np.geomspace(1e-3, 1e5, 17)
    spectra = draw_spectra(g, 20, 10, 1500, np.random.default_rng(8))
    exact = [(spectra * np.exp(-2 * spectra * t)).sum(1).mean() / 2 for t in times]
    law = NonlinearHessianLaw(20, 10, g, sigma1=20**-0.5)
    np.testing.assert_allclose(law.mean_loss(times), exact, rtol=0.05)


@pytest.mark.parametrize("shape", [(4, 4), (6, 9), (9, 10)])
def test_spectrum_of_the_square_is_of_sums_at_every_teacher(shape):
    """u^2: nonzero eigenvalues within (Nh + 1) / D_2 of 4 (s_i + s_j), s those of W1^T a^2 W1."""
    (input_dim, hidden_dim), rng = shape, np.random.default_rng(10)
    dimension = input_dim * (input_dim + 1) // 2
    for _ in range(30):
        net = TwoLayer.draw(input_dim, hidden_dim, activation=SQUARE, rng=rng)
        s = np.linalg.eigvalsh(net.W1.T * net.W2[0] ** 2 @ net.W1)
        sums = np.sort(4 * np.add.outer(s, s)[np.triu_indices(input_dim)])
        exact = spectrum(net)[-dimension:]
        ends = [
            (np.searchsorted(sums, exact, side), np.searchsorted(exact, sums, side))
            for side in ("left", "right")
        ]
        steps = np.arange(dimension)
        distance = max(
            np.abs(a - steps - (side == 1)).max() for side, e in enumerate(ends) for a in e
        )
        assert distance <= hidden_dim + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 20, Erf()), "input_dim and hidden_dim must be at least 5, not 4 and 20"),
        ((20, 20, Linear()), "activation must not be linear; use LinearHessianLaw"),
        ((10, 30, CUBE), "10 inputs have too few dimensions for the cubic features of 30"),
        ((10, 30, MIXED), "10 inputs have too few dimensions for the cubic features of 30"),
        ((20, 20, Polynomial((0.0,) * 200 + (1.0,))), "activation must be finite"),
    ],
)
def test_what_the_law_does_not_describe_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        NonlinearHessianLaw(*arguments)


def test_times_before_0_are_refused():
    law = NonlinearHessianLaw(10, 10, Erf(), sigma1=0.3)
    for times in ([-1.0], [math.nan]):
        with pytest.raises(ValueError, match="times must"):
            law.mean_loss(times)
