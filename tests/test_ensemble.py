import numpy as np
import pytest
from scipy.stats import chi2, norm, uniform

from nearopt import Linear, TwoLayer
from nearopt.laws.draws import draw_linear_spectra
from nearopt.laws.linear import OutputsHessianLaw
from nearopt.laws.statistics import (
    binned_density,
    cdf_scores,
    empirical_cdf,
    kolmogorov_distance,
    largest_chi_square,
    largest_difference,
    largest_score,
)


@pytest.mark.parametrize(("input_dim", "hidden_dim"), [(3, 5), (5, 3), (1, 1)])
def test_spectra_are_those_of_networks(input_dim, hidden_dim):
    """The same seed gives networks whose Gauss-Newton matrices have these eigenvalues."""
    rng, again = np.random.default_rng(2), np.random.default_rng(2)
    spectra = draw_linear_spectra(input_dim, hidden_dim, 2, sigma1=0.7, sigma2=1.5, rng=again)
    for spectrum in spectra:
        W1, W2 = rng.standard_normal((hidden_dim, input_dim)), rng.standard_normal((1, hidden_dim))
        net = TwoLayer(0.7 * W1, 1.5 * W2, Linear())
        # Their second moments are exactly those of white noise.
        jacobian = net.jacobian(np.sqrt(input_dim) * np.eye(input_dim))[:, 0]
        eigenvalues = np.linalg.eigvalsh(jacobian.T @ jacobian / input_dim)
        np.testing.assert_allclose(eigenvalues[-input_dim:], spectrum, rtol=1e-12)
        np.testing.assert_allclose(eigenvalues[:-input_dim], 0, atol=1e-12)


def test_one_hidden_unit_and_one_input_is_a_chi_square_law():
    spectra = draw_linear_spectra(1, 1, 20000, rng=np.random.default_rng(3))
    scores = cdf_scores(spectra, chi2(2))
    assert np.abs(scores).max() < largest_score(len(scores))
    assert np.abs(cdf_scores(spectra, chi2(2.2))).max() > 6


@pytest.mark.parametrize("teachers", [2, 30, 300])
def test_chance_does_not_exceed_what_it_is_allowed(teachers):
    """Eigenvalues that are all equal depend on each other most, and few teachers reach 1 %."""
    rng = np.random.default_rng(5)
    scores = [
        cdf_scores(np.repeat(rng.uniform(size=(teachers, 1)), 3, axis=1), uniform())
        for _ in range(300)
    ]
    assert np.abs(scores).max() < largest_score(np.size(scores))


def test_scores_are_finite_where_all_teachers_agree():
    scores = cdf_scores([[0.2, 0.9], [0.3, 0.8]], uniform())
    # At the median half of each spectrum is below, as it should be.
    assert scores[49] == 0
    assert np.isfinite(scores).all()
    # With a thousand teachers, such agreement is no chance.
    assert np.abs(cdf_scores([[0.5, 0.6]] * 1000, uniform())).max() > largest_score(99)


def test_scores_of_a_law_with_an_atom_are_refused():
    """Its own draws would be found to be of another law."""
    law = OutputsHessianLaw(8, 4, 8)
    with pytest.raises(ValueError, match="law must have no atom, as at 0: "):
        cdf_scores(law.rvs(size=(200, 50), random_state=7), law)


def test_scores_are_roots_of_the_empirical_bernstein_bound():
    spectra = np.random.default_rng(6).uniform(size=(50, 2)) ** 1.2
    share, error = empirical_cdf(spectra, np.arange(1, 100) / 100)
    scores = cdf_scores(spectra, uniform())
    difference = error * scores + 7 / 6 / 49 * scores * np.abs(scores)
    np.testing.assert_allclose(difference, share - np.arange(1, 100) / 100, atol=1e-14)
    assert 4 * 99 * np.exp(-(largest_score(99) ** 2) / 2) == pytest.approx(1e-3)


def test_normal_counts_exceed_what_they_are_allowed_as_often_as_said():
    """Five teachers, one point: 4000 runs, of which 4 in the mean are above."""
    samples = np.random.default_rng(7).standard_normal((4000, 5))
    above = [
        abs(s.mean()) > largest_difference(s.std(ddof=1, keepdims=True) / np.sqrt(5), 5)
        for s in samples
    ]
    assert 0 < sum(above) <= 4 + 4 * np.sqrt(4)
    with pytest.raises(ValueError, match="teachers must be at least 2"):
        largest_difference([0.1], 1)


@pytest.mark.parametrize("freedom", [1, 10, 1000])
def test_a_chi_square_variable_exceeds_its_bound_less_often_than_said(freedom):
    bound = largest_chi_square(0.3, freedom) / 0.3
    outside = chi2.sf(freedom + bound, freedom) + chi2.cdf(freedom - bound, freedom)
    assert outside < 1e-3 < chi2.sf(freedom + bound / 3, freedom)
    assert largest_chi_square([0.3, 0.3], freedom) == largest_chi_square(0.3, 2 * freedom)
    assert largest_chi_square(0.3, freedom, 6) > largest_chi_square(0.3, freedom)


def test_distance_of_shifted_normal_laws_is_known():
    """The cdfs of N(0, 1) and N(m, 1) differ most at m / 2, by 2 Phi(m / 2) - 1."""
    distance, point = kolmogorov_distance(norm(1), norm())
    assert distance == pytest.approx(2 * norm.cdf(0.5) - 1, rel=1e-6)
    assert point == pytest.approx(0.5, abs=2e-3)


def test_errors_are_those_of_independent_teachers():
    """Copying each eigenvalue within its teacher adds no information."""
    rng = np.random.default_rng(4)
    once = rng.standard_normal((5000, 1))
    often = np.repeat(once, 10, axis=1)
    edges = np.linspace(-3, 3, 13)
    for statistic in (
        lambda s: binned_density(s, edges),
        lambda s: empirical_cdf(s, np.array([-1, 0.5])),
    ):
        for one, ten in zip(statistic(once), statistic(often), strict=True):
            np.testing.assert_allclose(one, ten, rtol=1e-12, atol=1e-15)
    density, error = binned_density(once, edges)
    expected = np.diff(norm.cdf(edges)) / np.diff(edges)
    assert np.abs((density - expected) / error).max() < 4


def test_shares_do_not_depend_on_the_order_of_eigenvalues():
    share, _ = empirical_cdf([[3.0, 1.0, 2.0], [2.0, 3.0, 1.0]], [1.5, 2.5])
    np.testing.assert_allclose(share, [1 / 3, 2 / 3], rtol=1e-15)
