"""Singular values of Gaussian matrices: their mean density at any size, and its limit."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from nearopt.laws.wishart import MarchenkoPastur, log_singular_value_density, singular_value_density

RATIOS = [0.3, 1.0, 3.0]


@pytest.mark.parametrize(
    ("n", "p", "x", "expected"),
    [(20, 10, 20.0, 0.20471356150729728516), (200, 100, 150.0, 0.25376456264765497892)],
)
def test_wishart_density_against_known_values(n, p, x, expected):
    """Values of an independent Pfaffian formula in 600 bits and more."""
    t = np.array([math.sqrt(x)])
    assert singular_value_density(t, n, p)[0] / (2 * t[0]) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_wishart_density_of_two_columns_against_its_joint_density(n):
    """p = 2: |x - y| (x y)^((n-3)/2) exp(-(x + y)/2) integrated over y, by quadrature."""

    def joint(y, x):
        return abs(x - y) * (x * y) ** ((n - 3) / 2) * math.exp(-(x + y) / 2)

    def marginal(x):
        return quad(joint, 0, x, (x,))[0] + quad(joint, x, np.inf, (x,))[0]

    normalisation = 2**n * math.gamma(n / 2) * math.gamma((n - 1) / 2) * 2 / math.sqrt(math.pi)
    for x in (0.5, 2.0, 9.0):
        t = np.array([math.sqrt(x)])
        expected = 4 * t * marginal(x) / normalisation
        assert_allclose(singular_value_density(t, n, 2), expected, rtol=1e-7)


@pytest.mark.parametrize("sizes", [(7, 7), (12, 5), (9, 8)])
def test_logarithms_of_singular_value_densities_are_those_of_the_density(sizes):
    t = np.array([1e-3, 0.5, 2.0, 5.0, 12.0, 20.0])
    density = singular_value_density(t, *sizes)
    assert_allclose(np.exp(log_singular_value_density(t, *sizes)), density, rtol=1e-12)
    far = np.array([1e3, 2e3])
    # The highest power and the Gaussian: g ~ C t^(n + p - 2) exp(-t^2 / 2).
    slope = np.diff(log_singular_value_density(far, *sizes) + far**2 / 2)[0] / math.log(2)
    assert slope == pytest.approx(sum(sizes) - 2, rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (10, 1), (30, 30), (31, 30), (80, 60), (500, 20)])
def test_the_limit_law_misplaces_at_most_a_quarter_of_an_eigenvalue(shape):
    """What verdicts on laws of large networks allow, at the sizes that they are of and others."""
    n, p = shape
    t, step = np.linspace(0, math.sqrt(n) + math.sqrt(p) + 9, 40_001, retstep=True)
    density = singular_value_density(t, n, p)
    count = np.append(0, np.cumsum(density[1:] + density[:-1]) * step / 2)
    assert count[-1] == pytest.approx(p, abs=1e-3)
    misplaced = np.abs(count - p * MarchenkoPastur(p / n).cdf(t**2 / n)).max()
    assert 0.05 < misplaced < 0.25


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
    W, percent = np.random.default_rng(1).standard_normal((900, 600)), np.arange(1, 100) / 100
    eigenvalues = np.linalg.eigvalsh(W.T @ W / 900)
    levels = np.searchsorted(eigenvalues, MarchenkoPastur(600 / 900).ppf(percent)) / 600
    assert np.abs(levels - percent).max() < 3 / 600


@pytest.mark.parametrize("c", RATIOS)
def test_marchenko_pastur_lies_between_its_edges(c):
    law, (lower, upper) = MarchenkoPastur(c), (1 + c + sign * 2 * math.sqrt(c) for sign in (-1, 1))
    assert law.edges == pytest.approx((lower, upper), abs=1e-15)
    assert law.support() == pytest.approx((0 if c > 1 else lower, upper), abs=1e-15)
    outside = np.array([0, 0.9 * lower, 1.1 * upper])
    assert_allclose(law.pdf(outside), 0, rtol=0)
    assert_allclose(law.cdf(outside), [law.atom, law.atom, 1], rtol=0)
    ends = law.ppf(law.atom + (1 - law.atom) * np.array([0.01, 0.99]))
    assert lower < ends[0] < ends[1] < upper


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


@pytest.mark.parametrize("c", [1e-8, 1e-12, 1e-20])
def test_marchenko_pastur_is_a_semicircle_where_columns_are_few(c):
    """To order sqrt(c): x = 1 + 2 sqrt(c) s with s = sin(angle) of Wigner's law."""
    law, width = MarchenkoPastur(c), 2 * math.sqrt(c)
    angle = np.linspace(-1.4, 1.4, 29)
    x = 1 + width * np.sin(angle)
    wigner = 0.5 + (angle + np.sin(angle) * np.cos(angle)) / math.pi
    # A point moves by its rounding.
    accuracy = 2 * width + 2e-16 / width
    assert_allclose(law.cdf(x), wigner, atol=accuracy)
    assert_allclose(law.cdf(law.ppf(wigner)), wigner, atol=1e-14 + 4e-16 / width)
    many = MarchenkoPastur(1 / c)
    levels = many.atom + (1 - many.atom) * np.array([0.25, 0.75])
    assert many.cdf(many.ppf(levels)) == pytest.approx(levels, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MarchenkoPastur(1e-21), r"aspect_ratio must be from 1e-20 to 1e\+20, not 1e"),
        (lambda: MarchenkoPastur(1e21), r"aspect_ratio must be from 1e-20 to 1e\+20, not 1e"),
        (lambda: singular_value_density([1.0], 2, 3), "p must be at most n = 2, not 3: transpose"),
    ],
)
def test_what_has_no_law_is_refused(call, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        call()
