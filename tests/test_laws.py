"""The laws of eigenvalues: what holds of each of them, and what is known of some."""

import math

import mpmath
import numpy as np
import pytest
from many_digits import asymptotic_reference, finite_reference
from numpy.testing import assert_allclose, assert_array_equal
from reference import standard_moments
from scipy.special import roots_laguerre, roots_legendre
from scipy.stats import chi2

from cases import LAWS, LINEAR, law_name, law_of
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.squares import MANY, log_chi_density
from nearopt.laws.statistics import cdf_scores, largest_score
from nearopt.laws.wishart import MarchenkoPastur

PERCENT = np.arange(1, 100) / 100
SMALL = np.array([1e-4, 1e-10, 1e-16, 1e-30, 1e-120, 1e-280])
LEVELS = np.r_[1e-6, np.linspace(0.001, 0.999, 997), 1 - 1e-6]


@pytest.fixture(params=LAWS, ids=law_name)
def law(request):
    return law_of(*request.param)


def zeros(law):
    """The probability of 0: of the laws of nonzero eigenvalues there is none."""
    return 0.0 if isinstance(law, LinearHessianLaw) else law.atom


def is_coarse(law):
    """Of a law whose equations are solved at each point, to 1e-5 of the whole."""
    return isinstance(law, ColouredHessianLaw)


def test_stats_are_moments_of_the_density(law):
    """Traces and cumulants, which know nothing of a table."""
    count, tolerance = (3, 1e-5) if is_coarse(law) else (5, 1e-8)
    moments = standard_moments(law, count)
    assert_allclose(moments[:3], [1, 0, 1], atol=tolerance)
    if count == 5:
        skewness, kurtosis = law.stats(moments="sk")
        assert_allclose(moments[3:], [skewness, 3 + kurtosis], rtol=1e-6, atol=1e-8)


def test_probabilities_and_quantiles_are_each_other_s_inverse(law):
    # What a coarse law has below is less than it misses of the whole.
    levels, digits, missed = (LEVELS[1:], 1e-8, 1e-8) if is_coarse(law) else (LEVELS, 1e-10, 0)
    levels = zeros(law) + (1 - zeros(law)) * levels
    x = law.ppf(levels)
    assert (np.diff(x) > 0).all()
    assert_allclose(law.cdf(x), levels, rtol=digits)
    assert_allclose(law.sf(x), 1 - levels, rtol=1e-6, atol=missed)
    assert_allclose(law.sf(law.isf(1 - levels[::20])), 1 - levels[::20], rtol=digits)
    if zeros(law):
        assert_array_equal(law.ppf(zeros(law) * np.array([0.3, 1])), 0)


def test_nothing_is_beyond_the_ends(law):
    far = np.array([-1.0, -1e-9, 1e30, np.inf])
    assert_array_equal(law.pdf(far), 0)
    assert_array_equal(law.sf(far), [1, 1, 0, 0])
    assert_array_equal(law.cdf(far)[[0, 1, 3]], [0, 0, 1])
    assert law.cdf(0) == pytest.approx(zeros(law), abs=1e-6 if is_coarse(law) else 0)
    assert law.logpdf(np.inf) == law.logsf(np.inf) == -np.inf


ONE_OF_EACH = [
    (FiniteLinearHessianLaw, 3, 4, 0.5, 2.0),
    (OutputsHessianLaw, 10, 5, 8),
    (ColouredHessianLaw, (1.0, 1.0, 0.0, 2.0), 3, 1.0, 1.0, 9),
    (MarchenkoPastur, 4.0),
]


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=law_name)
def test_they_are_scipy_distributions(case):
    law = law_of(*case)
    assert law.name == type(law).__name__
    doubled, level = law(scale=2), 0.3 + 0.7 * zeros(law)
    assert doubled.mean() == pytest.approx(2 * law.mean())
    assert doubled.cdf(2 * law.ppf(level)) == pytest.approx(level)
    drawn, again = (law.rvs(size=1000, random_state=np.random.default_rng(2)) for _ in range(2))
    assert_array_equal(drawn, again)
    assert (drawn >= 0).all()
    error = math.sqrt(zeros(law) * (1 - zeros(law)) / 1000)
    assert abs((drawn == 0).mean() - zeros(law)) <= 4 * error


@pytest.mark.parametrize("case", LINEAR[:-2], ids=str)
def test_asymptotic_density_to_ten_digits_in_the_bulk_and_nine_in_the_tails(case):
    law = LinearHessianLaw(*case)
    x = np.r_[law.ppf([1e-40, 1e-6, 0.05, 0.35, 0.65, 0.95]), law.isf([1e-6, 1e-40])]
    expected = [asymptotic_reference(law, point) for point in x]
    assert_allclose(law.pdf(x[2:6]), expected[2:6], rtol=1e-10)
    edge = law.sigma1**2 * (math.sqrt(law.hidden_dim) - math.sqrt(law.input_dim)) ** 2
    # Near an edge the rounding of x counts.
    allowed = 1e-9 + 1e-15 * x / np.abs(x - edge)
    assert (np.abs(np.exp(law.logpdf(x)) / expected - 1) < allowed).all()


@pytest.mark.lengthy
@pytest.mark.parametrize("case", [*LINEAR[:7], (40, 50), (300, 300)], ids=str)
def test_finite_size_density_to_ten_digits_in_the_bulk(case):
    law = FiniteLinearHessianLaw(*case)
    x = law.ppf([0.05, 0.5, 0.95] if max(case) < 300 else [0.4])
    expected = [finite_reference(law, point) for point in x]
    assert_allclose(law.pdf(x), expected, rtol=1e-10)


@pytest.mark.parametrize("case", [(4, 3), (3, 5), (5, 5, 1.0, 0.7)], ids=str)
def test_finite_size_density_to_nine_digits_in_the_tails(case):
    law = FiniteLinearHessianLaw(*case)
    x = np.r_[law.isf([1e-6, 1e-40]), law.ppf(1e-6)]
    expected = [finite_reference(law, point, reach=1e6) for point in x]
    assert_allclose(np.exp(law.logpdf(x)), expected, rtol=1e-9)


SCALES = [(1.0, 1.0), (1.0, 3.0), (3.0, 1.0), (1.0, 1e-3), (1e-3, 1.0), (1e-9, 1.0)]


@pytest.mark.parametrize(("s1", "s2"), SCALES)
def test_density_of_one_input_and_one_unit_is_a_bessel_function(s1, s2):
    """The sum of two chi-square variables of one degree each."""
    law = FiniteLinearHessianLaw(1, 1, s1, s2)
    for x in np.array([1e-200, 1e-6, 1e-2, 1.0, 40.0, 700.0, 1e5]) * max(s1, s2) ** 2:
        with mpmath.workdps(30):
            a, b, y = mpmath.mpf(s1) ** -2, mpmath.mpf(s2) ** -2, mpmath.mpf(x) / 4
            # besseli without its growth, which is beyond floats.
            bessel = mpmath.besseli(0, y * (a - b)) * mpmath.exp(-y * (a + b))
            expected = float(mpmath.log(bessel / (2 * mpmath.mpf(s1) * mpmath.mpf(s2))))
        assert law.logpdf(x) == pytest.approx(expected, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("h", [1, 2, 5, 300])
def test_finite_size_law_of_one_input_is_chi_square(h):
    """|W2|^2 + |W1|^2 with h entries each."""
    law, known = FiniteLinearHessianLaw(1, h, 2.0, 2.0), chi2(2 * h, scale=4)
    levels = np.r_[PERCENT, SMALL]
    low, high = known.ppf(levels), known.isf(levels)
    assert_allclose(law.ppf(levels), low, rtol=1e-9)
    assert_allclose(law.isf(levels), high, rtol=1e-9)
    assert_allclose(law.cdf(low), levels, rtol=1e-9)
    assert_allclose(law.sf(high), levels, rtol=1e-9)
    assert_allclose(law.logpdf([low, high]), known.logpdf([low, high]), rtol=1e-11, atol=1e-10)
    assert_allclose(law.pdf(low[:99]), known.pdf(low[:99]), rtol=1e-10)


@pytest.mark.parametrize("n", [2, 9, 30, 300])
def test_finite_size_law_of_one_hidden_unit_mixes_two_chi_squares(n):
    """W2^2 alone with weight 1 - 1/n, and W2^2 + |W1|^2 with the rest."""
    law, alone, both = FiniteLinearHessianLaw(n, 1), chi2(1), chi2(n + 1)
    x = np.r_[np.geomspace(0.01, 2.0 * n, 60), both.isf(SMALL)]
    density = (1 - 1 / n) * alone.pdf(x) + both.pdf(x) / n
    assert_allclose(law.pdf(x[:60]), density[:60], rtol=1e-10, atol=1e-14)
    assert_allclose(np.exp(law.logpdf(x)), density, rtol=1e-9)
    above = (1 - 1 / n) * alone.sf(x[60:]) + both.sf(x[60:]) / n
    assert_allclose(law.sf(x[60:]), above, rtol=1e-9)
    assert_allclose(law.isf(above), x[60:], rtol=1e-9)


TAILS = [
    *((FiniteLinearHessianLaw, *case) for case in [(1, 1), (5, 8), (9, 4), (7, 7, 1.0, 0.1)]),
    *((LinearHessianLaw, *case) for case in [(1, 1), (5, 10), (10, 4), (8, 8, 0.2, 1.0)]),
]


@pytest.mark.parametrize("case", TAILS, ids=law_name)
def test_what_is_above_is_the_integral_of_the_density(case):
    law = law_of(*case)
    x = law.isf(SMALL)
    assert_allclose(law.sf(x), SMALL, rtol=1e-9)
    scale = law.logpdf(x)
    # Beyond x, the density falls faster than the exponential of its slope there.
    length = 1e-6 * x / (scale - law.logpdf(x * (1 + 1e-6)))
    u, weights = roots_laguerre(40)
    logarithm = law.logpdf(x[:, None] + np.outer(length, u)) - scale[:, None] + u
    assert_allclose(np.exp(logarithm) @ weights * length * np.exp(scale), SMALL, rtol=1e-7)


EDGES = [
    *((MarchenkoPastur, c) for c in (1e-6, 0.3, 1.0, 3.0, 1e6)),
    *((OutputsHessianLaw, *case) for case in [(6, 9, 4), (9, 4, 3), (9, 4, 6), (5, 5, 5)]),
]


@pytest.mark.parametrize("case", EDGES, ids=law_name)
@pytest.mark.parametrize("q", [1e-3, 1e-5, 1e-9])
def test_what_is_near_the_upper_edge_of_a_bounded_law(case, q):
    """A density that ends like a power of the distance d; its integral over d = edge u^2."""
    law = law_of(*case)
    q *= 1 - law.atom
    edge = law.edges[1] if isinstance(law, MarchenkoPastur) else law._density.x[-1] ** 2
    x = law.isf(q)
    assert_allclose(law.sf(x), q, rtol=1e-9 + 1e-14 * edge / (edge - x))
    u, weights = roots_legendre(40)
    root = math.sqrt(edge - x) * (u + 1) / 2
    area = (2 * root * np.exp(law.logpdf(edge - root**2))) @ weights * math.sqrt(edge - x) / 2
    assert_allclose(area, q, rtol=1e-8 + 1e-13 * edge / (edge - x))


@pytest.mark.lengthy
@pytest.mark.parametrize("case", [(10, 20), (30, 10), (2, 2), (5, 10, 1.0, 0.3)], ids=str)
def test_no_difference_from_a_million_eigenvalues(case):
    (n, h), (s1, s2) = case[:2], case[2:] or (1.0, 1.0)
    rng, teachers = np.random.default_rng([7, n, h]), 1_000_000 // n
    W1, W2 = rng.standard_normal((teachers, h, n)), rng.standard_normal((teachers, h))
    nonzero = s1**2 * np.linalg.eigvalsh(W1.mT @ W1 if h >= n else W1 @ W1.mT)
    spectra = np.pad(nonzero, [(0, 0), (n - nonzero.shape[1], 0)])
    spectra += s2**2 * (W2**2).sum(1, keepdims=True)
    # Small teachers several in a row, for a share costs as much of two eigenvalues as of ten.
    spectra = spectra.reshape(-1, max(n, 10))
    bound = largest_score(99)
    assert np.abs(cdf_scores(spectra, FiniteLinearHessianLaw(*case))).max() < bound
    assert np.abs(cdf_scores(spectra, LinearHessianLaw(*case))).max() > bound


@pytest.mark.parametrize("sizes", [(100, 100_000), (10_000, 10_000)], ids=str)
def test_large_networks_are_resolved(sizes):
    """The cdf of the sum, by the trapezoidal rule in the Marchenko-Pastur variable's angle."""
    law, c, h = LinearHessianLaw(*sizes), sizes[0] / sizes[1], sizes[1]
    angle = np.pi * (np.arange(20_000) + 0.5) / 20_000
    y = 1 + c - 2 * np.sqrt(c) * np.cos(angle)
    for q in (1e-6, 0.3, 0.999):
        x = law.ppf(q)
        share = 2 * np.sin(angle) ** 2 / y @ chi2(h).cdf(x - h * y) / 20_000
        assert share == pytest.approx(q, rel=1e-9)


@pytest.mark.parametrize("freedom", [MANY, 10**6])
def test_chi_density_of_many_degrees_of_freedom(freedom):
    t = math.sqrt(freedom) + np.linspace(-3, 3, 7)
    with mpmath.workdps(40):
        z = mpmath.mpf(freedom) / 2
        head = (1 - z) * mpmath.log(2) - mpmath.loggamma(z)
        known = [float(head + (2 * z - 1) * mpmath.log(x) - mpmath.mpf(x) ** 2 / 2) for x in t]
    assert_allclose(log_chi_density(freedom, t), known, rtol=0, atol=5e-13)


UNEQUAL = [
    *((LinearHessianLaw, *case) for case in [(1, 1000, 1.0, 1e-12), (10, 20, 1.0, 1e-4)]),
    *((kind, 10, 20, 1e-4, 1.0) for kind in (LinearHessianLaw, FiniteLinearHessianLaw)),
    *((FiniteLinearHessianLaw, *case) for case in [(1, 50, 1.0, 1e-4), (5, 500, 0.1, 1.0)]),
]


@pytest.mark.parametrize("case", UNEQUAL, ids=law_name)
def test_unequal_scales_keep_mass_and_variance(case):
    law = law_of(*case)
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
