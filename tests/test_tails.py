"""What laws say of their tails, to a relative precision, against numbers found another way."""

import math

import mpmath
import numpy as np
import pytest
from many_digits import asymptotic_reference, finite_reference
from numpy.testing import assert_allclose
from scipy.special import roots_laguerre, roots_legendre
from scipy.stats import chi2

from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.wishart import (
    MarchenkoPastur,
    log_singular_value_density,
    singular_value_density,
)

SMALL = [1e-4, 1e-10, 1e-16, 1e-30, 1e-120, 1e-280]
SCALES = [(1.0, 1.0), (1.0, 3.0), (3.0, 1.0), (1.0, 1e-3), (1e-3, 1.0), (1e-9, 1.0)]
EXACT = [
    *(FiniteLinearHessianLaw(*case) for case in [(1, 1), (5, 8), (9, 4), (7, 7, 1.0, 0.1)]),
    *(LinearHessianLaw(*case) for case in [(1, 1), (5, 10), (10, 4), (8, 8, 0.2, 1.0)]),
]
BOUNDED = [
    *(MarchenkoPastur(c) for c in (1e-6, 0.3, 1.0, 3.0, 1e6)),
    *(OutputsHessianLaw(*case) for case in [(6, 9, 4), (9, 4, 3), (9, 4, 6), (5, 5, 5)]),
]


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


@pytest.mark.parametrize("h", [1, 4, 300])
def test_tails_of_one_input_are_those_of_chi_square(h):
    law, known = FiniteLinearHessianLaw(1, h, 2.0, 2.0), chi2(2 * h, scale=4)
    high, low = known.isf(SMALL), known.ppf(SMALL)
    assert_allclose(law.isf(SMALL), high, rtol=1e-9)
    assert_allclose(law.ppf(SMALL), low, rtol=1e-9)
    assert_allclose(law.sf(high), SMALL, rtol=1e-9)
    assert_allclose(law.cdf(low), SMALL, rtol=1e-9)
    assert_allclose(law.logpdf([low, high]), known.logpdf([low, high]), rtol=1e-11)


@pytest.mark.parametrize("n", [2, 30])
def test_tails_of_one_unit_are_those_of_a_mixture(n):
    law, alone, both = FiniteLinearHessianLaw(n, 1), chi2(1), chi2(n + 1)
    x = both.isf(SMALL)
    expected = (1 - 1 / n) * alone.sf(x) + both.sf(x) / n
    assert_allclose(law.sf(x), expected, rtol=1e-9)
    assert_allclose(law.isf(expected), x, rtol=1e-9)
    density = (1 - 1 / n) * alone.pdf(x) + both.pdf(x) / n
    assert_allclose(np.exp(law.logpdf(x)), density, rtol=1e-9)


@pytest.mark.parametrize("case", [(5, 10), (10, 4), (3, 3, 1.0, 0.5), (4, 6, 0.3, 1.0)], ids=str)
def test_tails_of_large_networks_to_nine_digits(case):
    law = LinearHessianLaw(*case)
    x = np.r_[law.isf([1e-6, 1e-40]), law.ppf([1e-6, 1e-40])]
    expected = [asymptotic_reference(law, point) for point in x]
    edge = law.sigma1**2 * (math.sqrt(law.hidden_dim) - math.sqrt(law.input_dim)) ** 2
    # Near an edge the rounding of x counts.
    allowed = 1e-9 + 1e-15 * x / np.abs(x - edge)
    assert (np.abs(np.exp(law.logpdf(x)) / expected - 1) < allowed).all()


@pytest.mark.parametrize("case", [(4, 3), (3, 5), (5, 5, 1.0, 0.7)], ids=str)
def test_tails_of_finite_networks_to_nine_digits(case):
    law = FiniteLinearHessianLaw(*case)
    x = np.r_[law.isf([1e-6, 1e-40]), law.ppf(1e-6)]
    expected = [finite_reference(law, point, reach=1e6) for point in x]
    assert_allclose(np.exp(law.logpdf(x)), expected, rtol=1e-9)


@pytest.mark.parametrize("law", EXACT, ids=lambda law: law._unresolved("")[:50])
def test_what_is_above_is_the_integral_of_the_density(law):
    x = law.isf(SMALL)
    assert_allclose(law.sf(x), SMALL, rtol=1e-9)
    scale = law.logpdf(x)
    # Beyond x, the density falls faster than the exponential of its slope there.
    length = 1e-6 * x / (scale - law.logpdf(x * (1 + 1e-6)))
    u, weights = roots_laguerre(40)
    logarithm = law.logpdf(x[:, None] + np.outer(length, u)) - scale[:, None] + u
    assert_allclose(np.exp(logarithm) @ weights * length * np.exp(scale), SMALL, rtol=1e-7)


@pytest.mark.parametrize("law", BOUNDED, ids=lambda law: str(law.atom)[:6])
@pytest.mark.parametrize("q", [1e-3, 1e-5, 1e-9])
def test_what_is_near_the_upper_edge_of_a_bounded_law(law, q):
    """A density that ends like a power of the distance d; its integral over d = edge u^2."""
    q = q * (1 - law.atom)
    edge = law.edges[1] if isinstance(law, MarchenkoPastur) else law._density.x[-1] ** 2
    x = law.isf(q)
    rounding = 1e-9 + 1e-14 * edge / (edge - x)
    assert_allclose(law.sf(x), q, rtol=rounding)
    u, weights = roots_legendre(40)
    root = math.sqrt(edge - x) * (u + 1) / 2
    area = (2 * root * np.exp(law.logpdf(edge - root**2))) @ weights * math.sqrt(edge - x) / 2
    assert_allclose(area, q, rtol=1e-8 + 1e-13 * edge / (edge - x))


@pytest.mark.parametrize("c", [0.2, 0.999, 1.0, 5.0])
def test_marchenko_pastur_to_its_edges_by_many_digits(c):
    law = MarchenkoPastur(c)
    lower, upper = law.edges

    def density(x):
        return mpmath.sqrt((upper - x) * (x - lower)) / (2 * mpmath.pi * c * x)

    with mpmath.workdps(30):
        for d in (0.9, 0.5, 0.1, 1e-3, 1e-6):
            top = upper - d * (upper - lower)
            expected = mpmath.quad(density, [top, upper])
            assert_allclose(law.sf(top), float(expected), rtol=1e-9)
            bottom = lower * (1 + d)
            if lower and not law.atom:
                expected = mpmath.quad(density, [lower, bottom])
                assert_allclose(law.cdf(bottom), float(expected), rtol=1e-8)


@pytest.mark.parametrize("sizes", [(7, 7), (12, 5), (9, 8)])
def test_logarithms_of_singular_value_densities_are_those_of_the_density(sizes):
    t = np.array([1e-3, 0.5, 2.0, 5.0, 12.0, 20.0])
    density = singular_value_density(t, *sizes)
    assert_allclose(np.exp(log_singular_value_density(t, *sizes)), density, rtol=1e-12)
    far = np.array([1e3, 2e3])
    # The highest power and the Gaussian: g ~ C t^(n + p - 2) exp(-t^2 / 2).
    power = sum(sizes) - 2
    slope = np.diff(log_singular_value_density(far, *sizes) + far**2 / 2)[0] / math.log(2)
    assert slope == pytest.approx(power, rel=1e-3)


def test_the_upper_tail_on_any_inputs_as_far_as_it_is_said_to_be_known():
    law, known = ColouredHessianLaw(np.ones(30), 10), LinearHessianLaw(30, 10)
    for q, digits in ((1e-3, 1e-6), (1e-6, 1e-6), (1e-10, 1e-2)):
        x = known.isf(q)
        assert_allclose(law.sf(x), q, rtol=digits)
        assert_allclose(law.isf(q), x, rtol=digits)
        assert_allclose(law.logpdf(x), known.logpdf(x), atol=digits)
    assert np.isnan(law.isf(1e-11))


@pytest.mark.parametrize(
    "law", [*EXACT, *BOUNDED, ColouredHessianLaw(np.ones(4), 6)], ids=lambda law: law.name
)
def test_nothing_is_beyond_the_ends(law):
    far = np.array([-1.0, 1e30, np.inf])
    np.testing.assert_array_equal(law.pdf(far), 0)
    np.testing.assert_array_equal(law.sf(far), [1, 0, 0])
    np.testing.assert_array_equal(law.cdf(far)[[0, 2]], [0, 1])
    assert law.logpdf(np.inf) == law.logsf(np.inf) == -np.inf
    levels = law.atom + (1 - law.atom) * np.array([0.2, 0.5, 0.9, 0.9995])
    assert_allclose(law.isf(1 - levels), law.ppf(levels), rtol=1e-6)
    assert_allclose(law.sf(law.ppf(levels)), 1 - levels, rtol=1e-6)
