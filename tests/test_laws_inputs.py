"""Laws for coloured inputs, batches and several outputs: limits, moments, and draws."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from reference import standard_moments
from scipy.integrate import quad
from scipy.stats import norm

from nearopt import Linear
from nearopt.laws import coloured as laws_inputs
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.deterministic_equivalent import ConvergenceError
from nearopt.laws.draws import draw_coloured_spectra
from nearopt.laws.linear import LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.statistics import empirical_cdf, largest_difference
from nearopt.laws.wishart import MarchenkoPastur
from nearopt.rank.theory import theoretical_rank
from nearopt.report.files import load_digits, standardise

PERCENT = np.arange(1, 100) / 100
POWER = np.arange(1.0, 41) ** -0.7
DEFICIENT = np.r_[np.zeros(10), np.ones(20), np.full(10, 5.0)]
INPUTS = {
    "coloured": (POWER, 30),
    "few units": (POWER, 5),
    "deficient": (DEFICIENT, 30),
    "scales": (POWER, 30, 0.5, 2.0),
    "large batch": (np.ones(20), 30, 1.0, 1.0, 50),
    "as many samples as inputs": (np.ones(20), 30, 1.0, 1.0, 20),
    "few samples": (np.ones(20), 10, 1.0, 1.0, 12),
    "as many samples as units": (np.ones(5), 3, 1.0, 1.0, 3),
    "all sizes equal": (np.ones(5), 5, 1.0, 1.0, 5),
    "coloured batch": (DEFICIENT, 20, 1.0, 1.0, 60),
    "few coloured samples": (DEFICIENT, 20, 1.0, 1.0, 15),
}
OUTPUTS = [(10, 20, 3), (20, 10, 5), (10, 5, 8), (8, 8, 8), (6, 9, 4, 0.3, 2.0)]


@cache
def coloured_law(name):
    return ColouredHessianLaw(*INPUTS[name])


@pytest.fixture(scope="module", params=[*INPUTS, *OUTPUTS], ids=str)
def law(request):
    name = request.param
    return coloured_law(name) if name in INPUTS else OutputsHessianLaw(*name)


@pytest.mark.parametrize("case", [(10, 20), (30, 10), (20, 5, 2.0, 0.3), (100, 200)], ids=str)
def test_white_inputs_give_the_law_of_large_networks(case):
    """An independent algorithm: the angular convolution, with its pure chi-square part."""
    law, known = ColouredHessianLaw(np.ones(case[0]), *case[1:]), LinearHessianLaw(*case)
    x = known.ppf(PERCENT)
    np.testing.assert_allclose(law.cdf(x), PERCENT, atol=1e-9)
    np.testing.assert_allclose(law.pdf(x), known.pdf(x), rtol=1e-8, atol=1e-12)
    assert law.stats() == pytest.approx(known.stats(), rel=1e-12)


def test_many_samples_are_a_population():
    x = coloured_law("coloured").ppf(PERCENT)
    many = ColouredHessianLaw(POWER, 30, samples=10**9)
    np.testing.assert_allclose(many.cdf(x), PERCENT, atol=1e-6)


def test_mass_mean_and_variance(law):
    """The moments are traces, which know nothing of the equations."""
    np.testing.assert_allclose(standard_moments(law, 3), [1, 0, 1], atol=1e-5)


def test_quantiles_invert_the_cdf(law):
    levels = law.atom + (1 - law.atom) * np.r_[1e-4, PERCENT, 1 - 1e-6]
    x = law.ppf(levels)
    assert (np.diff(x) > 0).all()
    np.testing.assert_allclose(law.cdf(x), levels, rtol=1e-8)
    assert law.cdf(0) == pytest.approx(law.atom, abs=1e-6)
    assert law.cdf(-1e-9) == law.pdf(-1.0) == 0
    assert law.cdf(np.inf) == pytest.approx(1, abs=1e-6)
    if law.atom > 0:
        assert law.ppf(law.atom / 2) == 0


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


@pytest.mark.parametrize("name", INPUTS)
def test_draws_differ_by_what_finite_networks_allow(name):
    """A linear statistic of one spectrum errs by O(1 / size): here less than one eigenvalue.

    The sampling error is taken over teachers, at a level of one in 1000 for all cases.
    """
    law = coloured_law(name)
    teachers = 400
    spectra = drawn_spectra(law, teachers, np.random.default_rng(3))
    x = law.ppf(law.atom + (1 - law.atom) * PERCENT)
    shares = np.stack([np.searchsorted(s, x, side="right") for s in spectra]) / law.input_dim
    error = shares.std(0, ddof=1) / math.sqrt(teachers)
    bound = norm.isf(1e-3 / 2 / (99 * len(INPUTS))) * error + 0.6 / law.input_dim
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


@pytest.mark.parametrize("case", [(200, 300, 100), (150, 100, 200), (150, 150, 150)], ids=str)
def test_several_outputs_against_one_large_network(case):
    """A linear statistic of a matrix of size n errs by O(1/n)."""
    n, h, o = case
    rng, law = np.random.default_rng(5), OutputsHessianLaw(*case)
    W1, W2 = rng.standard_normal((h, n)), rng.standard_normal((o, h))
    sums = np.add.outer(np.linalg.eigvalsh(W2 @ W2.T), np.linalg.eigvalsh(W1.T @ W1))
    levels = law.atom + (1 - law.atom) * PERCENT
    found = np.searchsorted(np.sort(sums.ravel()), law.ppf(levels)) / sums.size
    assert np.abs(found - levels).max() < 3 / min(case)
    zeros = n * o - theoretical_rank(Linear(), n, h, o).value
    assert (sums < 1e-9).sum() == zeros == round(law.atom * n * o)


def test_several_outputs_convolve():
    """A characteristic function of a sum is a product: two Marchenko-Pastur laws by quadrature."""
    law = OutputsHessianLaw(6, 9, 4)

    def characteristic(density, ends, t):
        parts = (
            quad(lambda x: np.exp(1j * t * x) * density(x), a, b, limit=200, complex_func=True)[0]
            for a, b in pairwise(ends)
        )
        return sum(parts)

    ends = law.ppf(np.r_[1e-12, 0.25, 0.5, 0.75, 1 - 1e-12])
    parts = (MarchenkoPastur(c / 9) for c in (6, 4))
    product = math.prod(characteristic(part.pdf, part.edges, 9 * 0.15) for part in parts)
    assert characteristic(law.pdf, ends, 0.15) == pytest.approx(product, abs=1e-7)


@pytest.mark.parametrize("spectrum", [[1.0, -1.0], [0.0, 0.0]])
def test_what_is_no_spectrum_of_a_covariance_is_refused(spectrum):
    with pytest.raises(ValueError, match="must hold no negative number and not only zeros"):
        ColouredHessianLaw(spectrum, 3)


def test_a_solver_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr("nearopt.laws.deterministic_equivalent.ATTEMPTS", 1)
    monkeypatch.setattr("nearopt.laws.deterministic_equivalent.STEPS", 1)
    with pytest.raises(ConvergenceError, match=r"was not solved at \d+ of \d+ points"):
        ColouredHessianLaw(np.ones(20), 30, samples=20)


def test_a_law_that_takes_too_many_points_ends_with_a_remedy(monkeypatch):
    monkeypatch.setattr(laws_inputs, "MOST_SOLVED", 50_000)
    with pytest.raises(
        ConvergenceError,
        match=r"2 inputs and 1 hidden units on 1 samples is not resolved: .* more hidden units",
    ):
        ColouredHessianLaw([1.0, 1.0], 1, samples=1)


def difference_and_chance(spectra, law):
    points = law.ppf(law.atom + (1 - law.atom) * PERCENT)
    share, error = empirical_cdf(spectra, points)
    return np.abs(share - law.cdf(points)).max(), largest_difference(error, len(spectra))


@pytest.mark.parametrize(
    ("sizes", "draws"), [((40, 30, 30), 200), ((60, 40, 30), 100), ((80, 60, 30), 200)], ids=str
)
def test_a_scale_five_percent_off_is_seen_with_several_outputs(sizes, draws):
    """At the sizes of notebook 05, quick, as stored and published."""
    (n, h, o), rng = sizes, np.random.default_rng(6)
    spectra = np.empty((draws, n * o))
    for spectrum in spectra:
        W1, W2 = rng.standard_normal((h, n)), rng.standard_normal((o, h))
        inner, outer = (np.linalg.eigvalsh(m) for m in (W1.T @ W1, W2 @ W2.T))
        spectrum[:] = np.add.outer(inner, outer).ravel()
    for sigma2, right in ((1.0, True), (1.05, False), (0.95, False)):
        found, chance = difference_and_chance(spectra, OutputsHessianLaw(n, h, o, 1.0, sigma2))
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
