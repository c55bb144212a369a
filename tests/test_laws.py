import math

import numpy as np
import pytest
from many_digits import asymptotic_reference, finite_reference
from reference import standard_moments
from scipy.integrate import quad
from scipy.stats import chi2

from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw
from nearopt.laws.statistics import cdf_scores, largest_score
from nearopt.laws.wishart import MarchenkoPastur

LAWS = [LinearHessianLaw, FiniteLinearHessianLaw]
CASES = [(1, 1), (2, 1), (3, 3), (10, 20), (30, 10), (10, 20, 1.0, 3.0), (30, 10, 2.0, 0.3)]
LARGE = [(100, 200), (300, 100), (300, 300), (1, 300), (300, 1)]
RATIOS = [0.3, 1.0, 3.0]
PERCENT = np.arange(1, 100) / 100


@pytest.mark.parametrize("c", [1e-8, 1e-12, 1e-20])
def test_marchenko_pastur_is_a_semicircle_where_columns_are_few(c):
    """To order sqrt(c): x = 1 + 2 sqrt(c) s with s = sin(angle) of Wigner's law."""
    law, width = MarchenkoPastur(c), 2 * math.sqrt(c)
    angle = np.linspace(-1.4, 1.4, 29)
    x = 1 + width * np.sin(angle)
    wigner = 0.5 + (angle + np.sin(angle) * np.cos(angle)) / math.pi
    # A point moves by its rounding.
    accuracy = 2 * width + 2e-16 / width
    np.testing.assert_allclose(law.cdf(x), wigner, atol=accuracy)
    np.testing.assert_allclose(law.cdf(law.ppf(wigner)), wigner, atol=1e-14 + 4e-16 / width)
    many = MarchenkoPastur(1 / c)
    levels = many.atom + (1 - many.atom) * np.array([0.25, 0.75])
    assert many.cdf(many.ppf(levels)) == pytest.approx(levels, rel=1e-12)


@pytest.mark.parametrize("c", [1e-21, 1e21])
def test_marchenko_pastur_that_is_a_point_is_refused(c):
    with pytest.raises(ValueError, match=r"^aspect_ratio must be from 1e-20 to 1e\+20, not 1e"):
        MarchenkoPastur(c)


@pytest.mark.parametrize("c", RATIOS)
def test_marchenko_pastur_moments_are_sums_of_narayana_numbers(c):
    law = MarchenkoPastur(c)
    for k in range(1, 5):
        narayana = [math.comb(k, j + 1) * math.comb(k, j) // k for j in range(k)]
        expected = sum(number * c**j for j, number in enumerate(narayana))
        area = quad(lambda x, k=k: x**k * law.pdf(x), *law.edges, limit=200)[0]
        assert area == pytest.approx(expected, rel=1e-8)
        assert law.moment(k) == pytest.approx(expected, rel=1e-12)


def test_marchenko_pastur_against_one_large_matrix():
    """A linear statistic of a matrix of size n errs by O(1/n), here 1/900."""
    W = np.random.default_rng(1).standard_normal((900, 600))
    eigenvalues = np.linalg.eigvalsh(W.T @ W / 900)
    levels = np.searchsorted(eigenvalues, MarchenkoPastur(600 / 900).ppf(PERCENT)) / 600
    assert np.abs(levels - PERCENT).max() < 3 / 600


def test_marchenko_pastur_draws_its_atom():
    drawn = MarchenkoPastur(4.0).rvs(size=4000, random_state=np.random.default_rng(2))
    assert abs((drawn == 0).mean() - 0.75) < 4 * math.sqrt(0.75 * 0.25 / 4000)
    assert drawn[drawn > 0].min() >= 1


@pytest.mark.parametrize("c", RATIOS)
def test_marchenko_pastur_lies_between_its_edges(c):
    law = MarchenkoPastur(c)
    lower, upper = law.edges
    assert (lower, upper) == pytest.approx((1 + c - 2 * math.sqrt(c), 1 + c + 2 * math.sqrt(c)))
    assert law.support() == (pytest.approx(0 if c > 1 else lower), upper)
    outside = np.array([-1, 0, 0.9 * lower, 1.1 * upper])
    np.testing.assert_array_equal(law.pdf(outside), 0)
    np.testing.assert_array_equal(law.cdf(outside), [0, law.atom, law.atom, 1])
    levels = np.r_[0.3 * law.atom, law.atom, law.atom + (1 - law.atom) * PERCENT]
    quantiles = law.ppf(levels)
    if law.atom:
        np.testing.assert_array_equal(quantiles[:2], 0)
    np.testing.assert_allclose(law.cdf(quantiles[2:]), levels[2:], rtol=1e-12)
    assert ((lower < quantiles[2:]) & (quantiles[2:] < upper)).all()


@pytest.mark.parametrize("case", [*CASES, (100, 200), (300, 100), (300, 300)], ids=str)
def test_asymptotic_density_to_ten_digits_in_the_bulk(case):
    law = LinearHessianLaw(*case)
    x = law.ppf([0.05, 0.35, 0.65, 0.95])
    expected = [asymptotic_reference(law, point) for point in x]
    np.testing.assert_allclose(law.pdf(x), expected, rtol=1e-10)


@pytest.mark.lengthy
@pytest.mark.parametrize("case", [*CASES, (40, 50), (300, 300)], ids=str)
def test_finite_size_density_to_ten_digits_in_the_bulk(case):
    law = FiniteLinearHessianLaw(*case)
    x = law.ppf([0.05, 0.5, 0.95] if max(case) < 300 else [0.4])
    expected = [finite_reference(law, point) for point in x]
    np.testing.assert_allclose(law.pdf(x), expected, rtol=1e-10)


@pytest.mark.parametrize("h", [1, 2, 5, 300])
def test_finite_size_law_of_one_input_is_chi_square(h):
    """|W2|^2 + |W1|^2 with h entries each."""
    law, expected = FiniteLinearHessianLaw(1, h), chi2(2 * h)
    x = expected.ppf(PERCENT)
    np.testing.assert_allclose(law.pdf(x), expected.pdf(x), rtol=1e-10)
    np.testing.assert_allclose(law.cdf(x), PERCENT, rtol=1e-10)


@pytest.mark.parametrize("n", [2, 9, 300])
def test_finite_size_law_of_one_hidden_unit_mixes_two_chi_squares(n):
    """W2^2 alone with weight 1 - 1/n, and W2^2 + |W1|^2 with the rest."""
    law = FiniteLinearHessianLaw(n, 1)
    x = np.geomspace(0.01, 2.0 * n, 60)
    expected = (1 - 1 / n) * chi2(1).pdf(x) + chi2(n + 1).pdf(x) / n
    np.testing.assert_allclose(law.pdf(x), expected, rtol=1e-10, atol=1e-14)


@pytest.fixture(scope="module", params=LAWS)
def kind(request):
    return request.param


@pytest.fixture(scope="module", params=CASES + LARGE, ids=str)
def law(request, kind):
    return kind(*request.param)


def test_mass_mean_variance_skewness_and_kurtosis(law):
    n, h, s1, s2 = law.input_dim, law.hidden_dim, law.sigma1, law.sigma2
    extra = isinstance(law, FiniteLinearHessianLaw)
    variance = s1**4 * h * (n + extra) + 2 * s2**4 * h
    *known, skewness, kurtosis = law.stats(moments="mvsk")
    assert known == pytest.approx([h * (s1**2 + s2**2), variance], rel=1e-12)
    moments = standard_moments(law, 5)
    np.testing.assert_allclose(moments[:3], [1, 0, 1], atol=1e-8)
    np.testing.assert_allclose(moments[3:], [skewness, 3 + kurtosis], rtol=1e-6)


def test_quantiles_invert_the_cdf(law):
    levels = np.r_[1e-6, np.linspace(0.001, 0.999, 997), 1 - 1e-6]
    x = law.ppf(levels)
    assert (np.diff(x) > 0).all()
    np.testing.assert_allclose(law.cdf(x), levels, rtol=1e-10)
    assert law.cdf(0) == 0
    assert law.cdf(np.inf) == 1
    assert law.pdf(-1) == 0


@pytest.mark.lengthy
@pytest.mark.parametrize("case", [(10, 20), (30, 10), (2, 2), (5, 10, 1.0, 0.3)], ids=str)
def test_no_difference_from_a_million_eigenvalues(case):
    (n, h), (s1, s2) = case[:2], case[2:] or (1.0, 1.0)
    rng, teachers = np.random.default_rng([7, n, h]), 1_000_000 // n
    W1, W2 = rng.standard_normal((teachers, h, n)), rng.standard_normal((teachers, h))
    nonzero = s1**2 * np.linalg.eigvalsh(W1.mT @ W1 if h >= n else W1 @ W1.mT)
    spectra = np.pad(nonzero, [(0, 0), (n - nonzero.shape[1], 0)])
    spectra += s2**2 * (W2**2).sum(1, keepdims=True)
    bound = largest_score(99)
    assert np.abs(cdf_scores(spectra, FiniteLinearHessianLaw(*case))).max() < bound
    assert np.abs(cdf_scores(spectra, LinearHessianLaw(*case))).max() > bound


def test_they_are_scipy_distributions():
    law = FiniteLinearHessianLaw(3, 4, sigma1=0.5, sigma2=2.0)
    doubled = law(scale=2)
    assert doubled.mean() == pytest.approx(2 * law.mean())
    assert doubled.cdf(2 * law.ppf(0.3)) == pytest.approx(0.3)
    first, second = (law.rvs(size=5, random_state=np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (first > 0).all()
    bulk = MarchenkoPastur(3.0)
    assert bulk(scale=2).ppf(0.9) == pytest.approx(2 * bulk.ppf(0.9))
    assert [law.name, bulk.name] == ["FiniteLinearHessianLaw", "marchenko_pastur"]


@pytest.mark.parametrize("case", [(10, 20), (30, 10)], ids=str)
def test_a_common_scale_only_stretches(kind, case):
    one, large = kind(*case), kind(*case, 1e3, 1e3)
    x = one.ppf(PERCENT)
    np.testing.assert_allclose(large.pdf(1e6 * x) * 1e6, one.pdf(x), rtol=1e-9)
    np.testing.assert_allclose(large.ppf(PERCENT), 1e6 * x, rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        (LinearHessianLaw, (1, 1000, 1.0, 1e-12)),
        (LinearHessianLaw, (10, 20, 1.0, 1e-4)),
        (LinearHessianLaw, (10, 20, 1e-4, 1.0)),
        (FiniteLinearHessianLaw, (1, 50, 1.0, 1e-4)),
        (FiniteLinearHessianLaw, (10, 20, 1e-4, 1.0)),
        (FiniteLinearHessianLaw, (5, 500, 0.1, 1.0)),
    ],
    ids=str,
)
def test_unequal_scales_keep_mass_and_variance(kind, case):
    law = kind(*case)
    levels = (np.arange(20_000) + 0.5) / 20_000
    assert law.cdf(np.inf) == pytest.approx(1, abs=1e-11)
    x = law.ppf(levels)
    assert x.mean() == pytest.approx(law.mean(), rel=1e-4)
    assert x.var() == pytest.approx(law.var(), rel=3e-3)


def test_a_law_that_is_not_resolved_names_its_scales():
    where, why = r"sigma1=1, sigma2=1e\+09\)", r"the density adds up to \d\.\d+, not to 1"
    what = f"{where} is not resolved: {why}; use scales or sizes that are less unequal$"
    with pytest.raises(ArithmeticError, match=what):
        LinearHessianLaw(1, 1, 1.0, 1e9)
