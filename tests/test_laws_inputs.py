"""Laws for coloured inputs, batches and several outputs: limits, moments, and draws."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from cases import COLOURED, POWER, law_of
from nearopt import Linear
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.deterministic_equivalent import ConvergenceError
from nearopt.laws.draws import draw_coloured_spectra
from nearopt.laws.linear import LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.statistics import empirical_cdf, largest_difference
from nearopt.laws.wishart import MarchenkoPastur
from nearopt.rank.theory import theoretical_rank
from nearopt.report.files import load_digits, standardise

PERCENT = np.arange(1, 100) / 100


@pytest.mark.parametrize("case", [(10, 20), (30, 10), (20, 5, 2.0, 0.3), (100, 200)], ids=str)
def test_white_inputs_give_the_law_of_large_networks(case):
    """An independent algorithm: the angular convolution, with its pure chi-square part."""
    law, known = ColouredHessianLaw(np.ones(case[0]), *case[1:]), LinearHessianLaw(*case)
    x = known.ppf(PERCENT)
    np.testing.assert_allclose(law.cdf(x), PERCENT, atol=1e-9)
    np.testing.assert_allclose(law.pdf(x), known.pdf(x), rtol=1e-8, atol=1e-12)
    assert law.stats() == pytest.approx(known.stats(), rel=1e-12)


def test_many_samples_are_a_population():
    x = law_of(ColouredHessianLaw, POWER, 30).ppf(PERCENT)
    many = ColouredHessianLaw(POWER, 30, samples=10**9)
    np.testing.assert_allclose(many.cdf(x), PERCENT, atol=1e-6)


def test_the_upper_tail_is_known_as_far_as_is_said():
    law, known = ColouredHessianLaw(np.ones(30), 10), law_of(LinearHessianLaw, 30, 10)
    for q, digits in ((1e-3, 1e-6), (1e-6, 1e-6), (1e-10, 1e-2)):
        x = known.isf(q)
        np.testing.assert_allclose(law.sf(x), q, rtol=digits)
        np.testing.assert_allclose(law.isf(q), x, rtol=digits)
        np.testing.assert_allclose(law.logpdf(x), known.logpdf(x), atol=digits)
    assert np.isnan(law.isf(1e-11))


def drawn_spectra(law, teachers, rng):
    """Eigenvalues of S^(1/2) (|W2|^2 I + W1^T W1) S^(1/2), zeros included."""
    n, tau = law.input_dim, law.covariance_spectrum
    spectra = np.zeros((teachers, n))
    for spectrum in spectra:
        W1 = law.sigma1 * rng.standard_normal((law.hidden_dim, n))
        W2 = law.sigma2 * rng.standard_normal(law.hidden_dim)
        middle = W1.T @ W1 + (W2 @ W2) * np.eye(n)
        root = np.diag(np.sqrt(tau))
        if law.samples:
            root = rng.standard_normal((law.samples, n)) * np.sqrt(tau / law.samples)
        values = np.linalg.eigvalsh(root @ middle @ root.T)[-n:]
        spectrum[n - len(values) :] = values
    spectra[spectra < 1e-10 * spectra.max()] = 0
    return spectra


@pytest.mark.parametrize("case", COLOURED, ids=str)
def test_draws_differ_by_what_finite_networks_allow(case):
    """A linear statistic of one spectrum errs by O(1 / size): here less than one eigenvalue.

    The sampling error is taken over teachers, at a level of one in 1000 for all cases.
    """
    law, teachers = law_of(ColouredHessianLaw, *case), 400
    spectra = drawn_spectra(law, teachers, np.random.default_rng(3))
    x = law.ppf(law.atom + (1 - law.atom) * PERCENT)
    shares = np.stack([np.searchsorted(s, x, side="right") for s in spectra]) / law.input_dim
    error = shares.std(0, ddof=1) / math.sqrt(teachers)
    bound = norm.isf(1e-3 / 2 / (99 * len(COLOURED))) * error + 0.6 / law.input_dim
    assert np.all(np.abs(shares.mean(0) - law.cdf(x)) < bound)
    # Exact zeros of the matrix, as many as the atom says.
    np.testing.assert_allclose((spectra == 0).mean(1), law.atom, atol=1e-12)


def test_the_error_falls_with_size():
    """At four times the size the law is closer, and beyond what sampling could hide."""
    distances = []
    for factor in (1, 4):
        law = ColouredHessianLaw(np.ones(4 * factor), 6 * factor, samples=8 * factor)
        spectra = drawn_spectra(law, 4000, np.random.default_rng(4))
        share, _ = empirical_cdf(spectra, law.ppf(PERCENT))
        distances.append(np.abs(share - PERCENT).max())
    assert distances[0] > 2 * distances[1]


def drawn_sums(n, h, o, rng):
    """Eigenvalues of a linear network with several outputs, of those that can differ from 0."""
    W1, W2 = rng.standard_normal((h, n)), rng.standard_normal((o, h))
    return np.add.outer(*(np.linalg.eigvalsh(m) for m in (W1.T @ W1, W2 @ W2.T))).ravel()


@pytest.mark.parametrize("case", [(200, 300, 100), (150, 100, 200), (150, 150, 150)], ids=str)
def test_several_outputs_against_one_large_network(case):
    """A linear statistic of a matrix of size n errs by O(1/n)."""
    law, sums = OutputsHessianLaw(*case), drawn_sums(*case, np.random.default_rng(5))
    levels = law.atom + (1 - law.atom) * PERCENT
    found = np.searchsorted(np.sort(sums), law.ppf(levels)) / sums.size
    assert np.abs(found - levels).max() < 3 / min(case)
    n, h, o = case
    zeros = n * o - theoretical_rank(Linear(), n, h, o).value
    assert (sums < 1e-9).sum() == zeros == round(law.atom * n * o)


def test_several_outputs_convolve():
    law, parts = OutputsHessianLaw(6, 9, 4), [MarchenkoPastur(c / 9)(scale=9) for c in (6, 4)]
    (low, high), (least, most) = (part.support() for part in parts)
    for x in law.ppf([0.05, 0.5, 0.95]):

        def integrand(y, x=x):
            return parts[0].pdf(y) * parts[1].pdf(x - y)

        expected = quad(integrand, max(low, x - most), min(high, x - least), limit=200)[0]
        assert law.pdf(x) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("limits", "arguments", "error", "words"),
    [
        ({}, ([1.0, -1.0], 3), ValueError, "must hold no negative number and not only zeros"),
        ({}, ([0.0, 0.0], 3), ValueError, "must hold no negative number and not only zeros"),
        (
            {"deterministic_equivalent.ATTEMPTS": 1, "deterministic_equivalent.STEPS": 1},
            (np.ones(20), 30, 1.0, 1.0, 20),
            *(ConvergenceError, r"was not solved at \d+ of \d+ points"),
        ),
        (
            {"coloured.MOST_SOLVED": 50_000},
            ([1.0, 1.0], 1, 1.0, 1.0, 1),
            ConvergenceError,
            r"2 inputs and 1 hidden units on 1 samples is not resolved: .* more hidden units",
        ),
    ],
)
def test_what_is_no_law_or_not_solved_says_so(limits, arguments, error, words, monkeypatch):
    for name, value in limits.items():
        monkeypatch.setattr(f"nearopt.laws.{name}", value)
    with pytest.raises(error, match=words):
        ColouredHessianLaw(*arguments)


def difference_and_chance(spectra, law):
    points = law.ppf(law.atom + (1 - law.atom) * PERCENT)
    share, error = empirical_cdf(spectra, points)
    return np.abs(share - law.cdf(points)).max(), largest_difference(error, len(spectra))


@pytest.mark.parametrize(
    ("sizes", "draws"), [((40, 30, 30), 200), ((60, 40, 30), 100), ((80, 60, 30), 200)], ids=str
)
def test_a_scale_five_percent_off_is_seen_with_several_outputs(sizes, draws):
    """At the sizes of notebook 07, quick, as stored and published."""
    (n, _, o), rng = sizes, np.random.default_rng(6)
    spectra = np.stack([drawn_sums(*sizes, rng) for _ in range(draws)])
    for sigma2, right in ((1.0, True), (1.05, False), (0.95, False)):
        found, chance = difference_and_chance(spectra, OutputsHessianLaw(*sizes, 1.0, sigma2))
        assert (found <= (1 / n + 1 / o) / 4 + chance) == right


@pytest.mark.lengthy
@pytest.mark.parametrize(("hidden_dim", "sigma2"), [(60, 1.05), (6, 1.1)])
def test_a_wrong_scale_is_seen_on_the_covariance_of_images(hidden_dim, sigma2):
    """Of few hidden units, |W2|^2 varies so much that less is seen."""
    x = standardise(load_digits())
    tau = np.clip(np.linalg.eigvalsh(x.T @ x / len(x)), 0, None)
    tau[tau < 1e-9] = 0
    law = ColouredHessianLaw(tau, hidden_dim)
    for scale, right in ((1.0, True), (sigma2, False)):
        rng = np.random.default_rng(8)
        spectra = draw_coloured_spectra(tau, hidden_dim, 1000, sigma2=scale, rng=rng)
        found, chance = difference_and_chance(spectra, law)
        assert (found <= 0.25 / len(tau) + chance) == right
