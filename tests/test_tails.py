"""What laws say of their tails, to a relative precision, against numbers found another way."""

import math

import mpmath
import numpy as np
import pytest
from many_digits import asymptotic_reference, finite_reference
from scipy.integrate import quad
from scipy.special import roots_legendre
from scipy.stats import chi2

from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw
from nearopt.laws.outputs import OutputsHessianLaw
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
@pytest.mark.parametrize("q", SMALL)
def test_tails_of_one_input_are_those_of_chi_square(h, q):
    law, known = FiniteLinearHessianLaw(1, h, 2.0, 2.0), chi2(2 * h, scale=4)
    high, low = known.isf(q), known.ppf(q)
    assert law.isf(q) == pytest.approx(high, rel=1e-9)
    assert law.ppf(q) == pytest.approx(low, rel=1e-9)
    assert law.sf(high) == pytest.approx(q, rel=1e-9)
    assert law.cdf(low) == pytest.approx(q, rel=1e-9)
    np.testing.assert_allclose(law.logpdf([low, high]), known.logpdf([low, high]), rtol=1e-11)


@pytest.mark.parametrize("n", [2, 30])
@pytest.mark.parametrize("q", SMALL)
def test_tails_of_one_unit_are_those_of_a_mixture(n, q):
    law, alone, both = FiniteLinearHessianLaw(n, 1), chi2(1), chi2(n + 1)
    x = both.isf(q)
    expected = (1 - 1 / n) * alone.sf(x) + both.sf(x) / n
    assert law.sf(x) == pytest.approx(expected, rel=1e-9)
    assert law.isf(expected) == pytest.approx(x, rel=1e-9)
    density = (1 - 1 / n) * alone.pdf(x) + both.pdf(x) / n
    assert np.exp(law.logpdf(x)) == pytest.approx(density, rel=1e-9)


@pytest.mark.parametrize("case", [(5, 10), (10, 4), (3, 3, 1.0, 0.5), (4, 6, 0.3, 1.0)], ids=str)
def test_tails_of_large_networks_to_nine_digits(case):
    law = LinearHessianLaw(*case)
    for x in (*law.isf([1e-6, 1e-40]), *law.ppf([1e-6, 1e-40])):
        assert np.exp(law.logpdf(x)) == pytest.approx(asymptotic_reference(law, x), rel=1e-9)


@pytest.mark.parametrize("case", [(4, 3), (3, 5), (5, 5, 1.0, 0.7)], ids=str)
def test_tails_of_finite_networks_to_nine_digits(case):
    law = FiniteLinearHessianLaw(*case)
    for x in (*law.isf([1e-6, 1e-40]), law.ppf(1e-6)):
        assert np.exp(law.logpdf(x)) == pytest.approx(finite_reference(law, x, reach=1e6), rel=1e-9)


@pytest.mark.parametrize("law", EXACT, ids=lambda law: law._unresolved("")[:50])
@pytest.mark.parametrize("q", SMALL)
def test_what_is_above_is_the_integral_of_the_density(law, q):
    x = law.isf(q)
    assert law.sf(x) == pytest.approx(q, rel=1e-9)
    scale = math.exp(law.logpdf(x))
    # Beyond x, the density falls faster than the exponential of its slope there.
    length = 1e-6 * x / (law.logpdf(x) - law.logpdf(x * (1 + 1e-6)))
    area = quad(lambda u: math.exp(law.logpdf(x + u * length)) / scale, 0, 40, epsrel=1e-10)[0]
    assert area * length * scale == pytest.approx(q, rel=1e-7)


@pytest.mark.parametrize("law", BOUNDED, ids=lambda law: str(law.atom)[:6])
@pytest.mark.parametrize("q", [1e-3, 1e-5, 1e-9])
def test_what_is_near_the_upper_edge_of_a_bounded_law(law, q):
    """A density that ends like a power of the distance d; its integral over d = edge u^2."""
    q = q * (1 - law.atom)
    edge = law.edges[1] if isinstance(law, MarchenkoPastur) else law._density.x[-1] ** 2
    x = law.isf(q)
    rounding = 1e-9 + 1e-14 * edge / (edge - x)
    assert law.sf(x) == pytest.approx(q, rel=rounding)
    u, weights = roots_legendre(40)
    root = math.sqrt(edge - x) * (u + 1) / 2
    area = (2 * root * np.exp(law.logpdf(edge - root**2))) @ weights * math.sqrt(edge - x) / 2
    assert area == pytest.approx(q, rel=1e-8 + 1e-13 * edge / (edge - x))


@pytest.mark.parametrize("c", [0.2, 0.999, 1.0, 5.0])
def test_marchenko_pastur_near_its_edges_by_many_digits(c):
    law = MarchenkoPastur(c)
    lower, upper = law.edges

    def density(x):
        return mpmath.sqrt((upper - x) * (x - lower)) / (2 * mpmath.pi * c * x)

    with mpmath.workdps(30):
        for d in (0.1, 1e-3, 1e-6):
            top = upper - d * (upper - lower)
            expected = mpmath.quad(density, [top, upper])
            assert law.sf(top) == pytest.approx(float(expected), rel=1e-9)
            bottom = lower * (1 + d)
            if lower and not law.atom:
                expected = mpmath.quad(density, [lower, bottom])
                assert law.cdf(bottom) == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.parametrize("sizes", [(7, 7), (12, 5), (9, 8)])
def test_logarithms_of_singular_value_densities_are_those_of_the_density(sizes):
    t = np.array([1e-3, 0.5, 2.0, 5.0, 12.0, 20.0])
    density = singular_value_density(t, *sizes)
    np.testing.assert_allclose(np.exp(log_singular_value_density(t, *sizes)), density, rtol=1e-12)
    far = np.array([1e3, 2e3])
    # The highest power and the Gaussian: g ~ C t^(n + p - 2) exp(-t^2 / 2).
    power = sum(sizes) - 2
    slope = np.diff(log_singular_value_density(far, *sizes) + far**2 / 2)[0] / math.log(2)
    assert slope == pytest.approx(power, rel=1e-3)


def test_the_upper_tail_on_any_inputs_as_far_as_it_is_said_to_be_known():
    law, known = ColouredHessianLaw(np.ones(30), 10), LinearHessianLaw(30, 10)
    for q, digits in ((1e-3, 1e-6), (1e-6, 1e-6), (1e-10, 1e-2)):
        x = known.isf(q)
        assert law.sf(x) == pytest.approx(q, rel=digits)
        assert law.isf(q) == pytest.approx(x, rel=digits)
        assert law.logpdf(x) == pytest.approx(known.logpdf(x), abs=digits)
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
    np.testing.assert_allclose(law.isf(1 - levels), law.ppf(levels), rtol=1e-6)
    np.testing.assert_allclose(law.sf(law.ppf(levels)), 1 - levels, rtol=1e-6)
