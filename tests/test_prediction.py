import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2

from nearopt.descent.linear_prediction import (
    asymptotic_linear_expected_loss,
    late_exponent,
    linear_expected_loss,
)
from nearopt.descent.prediction import expected_loss, predicted_loss, steps_to, summary
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw

SHAPES = [(4, 2), (2, 2), (2, 3), (1, 1), (5, 3, 0.5, 1.5), (3, 6, 2.0, 0.3)]


@pytest.fixture
def eigenpairs():
    A = np.random.default_rng(1).standard_normal((4, 6))
    return np.linalg.eigh(A.T @ A)


@pytest.mark.parametrize("rate", [None, 0.01, 0.09])
def test_prediction_is_the_quadratic_form_along_the_way(eigenpairs, rate):
    values, Q = eigenpairs
    H = (Q * values) @ Q.T
    delta = np.random.default_rng(2).standard_normal(6)
    way = Q * (np.exp(-7 * values) if rate is None else (1 - rate * values) ** 7) @ Q.T @ delta
    assert predicted_loss(eigenpairs, delta, [7.0], rate)[0] == pytest.approx(way @ H @ way / 2)


def test_zeros_may_be_left_out(eigenpairs):
    values, Q = eigenpairs
    delta, times = np.ones(6), np.array([0.0, 1.0, 100.0])
    whole = predicted_loss(eigenpairs, delta, times)
    without = predicted_loss((values[2:], Q[:, 2:]), delta, times)
    np.testing.assert_allclose(without, whole, rtol=0, atol=1e-15 * whole[0])


def test_expected_loss_is_the_mean_over_deviations(eigenpairs):
    """Within four standard errors at each time."""
    times = np.array([0.0, 0.1, 1.0, 10.0])
    deviations = 0.1 * np.random.default_rng(3).standard_normal((4000, 6))
    losses = np.stack([predicted_loss(eigenpairs, delta, times) for delta in deviations])
    error = losses.std(0) / np.sqrt(len(losses))
    assert (abs(losses.mean(0) - expected_loss(eigenpairs[0], times, 0.1)) < 4 * error).all()


@pytest.mark.parametrize(("x", "steps"), [(1e-9, 10**8), (1.0, 1), (1.0, 5), (2.0, 7), (1.0, 0)])
def test_descent_keeps_the_digits(x, steps):
    """Of small eigenvalues, of which a power of 1 - x would have lost half."""
    with mpmath.workdps(40):
        exact = float(mpmath.mpf(x) / 2 * (1 - mpmath.mpf(x)) ** (2 * steps))
    assert expected_loss([x], [steps], rate=1.0)[0] == pytest.approx(exact, rel=1e-14, abs=0)


def test_far_above_the_critical_rate_a_loss_is_infinite():
    assert predicted_loss((np.ones(1), np.eye(1)), np.ones(1), [1e4], 3.0) == np.inf
    assert predicted_loss((np.ones(1), np.eye(1)), np.zeros(1), [1e4], 3.0) == 0


def test_small_rates_tend_to_the_flow(eigenpairs):
    """With an error of the order of the rate."""
    flow = expected_loss(eigenpairs[0], [1.0])
    errors = [expected_loss(eigenpairs[0], [1 / r], rate=r) / flow - 1 for r in (1e-4, 5e-5)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=1e-2)


@pytest.mark.parametrize("shape", SHAPES)
def test_linear_means_are_integrals_over_the_laws(shape):
    """The same number from the density of the convolution, by another quadrature."""
    points = {"points": [0.01, 0.1, 1.0, 10.0, 30.0], "limit": 400}
    for loss, law in (
        (linear_expected_loss, FiniteLinearHessianLaw(*shape)),
        (asymptotic_linear_expected_loss, LinearHessianLaw(*shape)),
    ):
        for time in (0.0, 0.3, 2.0):
            damped = lambda x, t=time, law=law: x * np.exp(-2 * x * t) * law.pdf(x)  # noqa: E731
            expected = shape[0] / 2 * quad(damped, 0, 400, **points)[0]
            assert loss(time, *shape)[0] == pytest.approx(expected, rel=2e-5)


def test_linear_mean_for_one_input():
    """Ni = 1: the eigenvalue is a sum of two chi-squares, and the mean is elementary."""
    t, h = np.array([0.0, 0.1, 8.0, 1e4, 1e8]), 3
    s1, s2, epsilon = 1.5, 0.5, 0.1
    a, b = 1 + 4 * s1**2 * t, 1 + 4 * s2**2 * t
    exact = epsilon**2 / 2 * (a * b) ** (-h / 2) * h * (s1**2 / a + s2**2 / b)
    np.testing.assert_allclose(linear_expected_loss(t, 1, h, s1, s2, epsilon), exact, 1e-11)


def test_linear_mean_against_teachers():
    """Ni = 4, Nh = 2 at t = 8, within four standard errors of 800,000 teachers."""
    rng, t = np.random.default_rng(5), 8.0
    W1 = rng.standard_normal((800_000, 2, 4))
    values = np.linalg.eigvalsh(W1 @ W1.transpose(0, 2, 1))
    values = np.hstack([values, np.zeros((len(values), 2))]) + chi2.rvs(
        2, size=(len(values), 1), random_state=rng
    )
    losses = (values * np.exp(-2 * values * t)).sum(1) / 2
    error = losses.std() / np.sqrt(len(losses))
    exact = linear_expected_loss(t, 4, 2)[0]
    assert abs(losses.mean() - exact) < 4 * error
    leading = (4 - 2) * 2 / 2 * (1 + 4 * t) ** -2
    assert exact - leading > 4 * error


@pytest.mark.parametrize("shape", [(4, 2), (2, 2), (2, 3), (7, 3), (3, 7), (30, 30)])
def test_late_exponents(shape):
    """The local exponent tends to the theory's with an error of the order of 1 / t."""
    for t, tolerance in ((1e6, 1e-4), (1e8, 1e-6)):
        early, late = np.log(linear_expected_loss([t, 1.01 * t], *shape))
        exponent = (late - early) / np.log(1.01)
        assert exponent == pytest.approx(late_exponent(*shape), abs=tolerance)


def test_the_asymptotic_mean_is_the_limit():
    """At fixed t * Nh the relative error falls at least like the size's inverse."""
    runs = [(1 / h, h // 2, h) for h in (20, 80)]
    few, many = (
        abs(asymptotic_linear_expected_loss(*run) / linear_expected_loss(*run) - 1) for run in runs
    )
    assert many < few / 3


def test_the_loss_at_the_start_is_half_the_mean_trace():
    assert linear_expected_loss(0, 7, 3, 2.0, 0.5, 0.1)[0] == pytest.approx(
        0.01 / 2 * 7 * 3 * (4 + 0.25), rel=1e-12
    )


def test_steps_to_a_fraction_of_one_eigenvalue():
    """The eigenvalue 1 is gone after one step, and 0.1 leaves 0.1 * 0.9^(2 t) of 1.1."""
    values = np.array([0.0, 0.1, 1.0])
    (steps,) = steps_to(values, [0.01])
    assert 0.1 * 0.9 ** (2 * steps) / 1.1 == pytest.approx(0.01)
    assert steps_to(7 * values, [0.01])[0] == pytest.approx(steps)


@pytest.mark.parametrize("values", [[3.0], [0.0, 2.0, 2.0], [1.0, 1e-3]])
def test_a_loss_that_the_first_step_removes_takes_one_step(values):
    assert steps_to(np.array(values), [0.5, 0.1]) == [1.0, 1.0]
    assert "after about 1 steps" in summary("linear", np.array(values))


@pytest.mark.parametrize(("fraction", "text"), [(0.01, "1%"), (0.001, "0.1%"), (0.015, "1.5%")])
def test_summary_is_plain(fraction, text):
    said = summary("erf", np.array([0.0, 0.1, 1.0]), fraction)
    assert f"at the rate 1 / lambda_max = 1 the loss is down to {text} after" in said
    assert "1 of 3 directions never matter" in said
    assert "every direction matters" in summary("erf", np.array([0.1, 1.0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_loss([1.0], [-1.0]), "^times must not be negative, as -1 is"),
        (lambda: predicted_loss(([1.0], [[1.0]]), [1.0, 2.0], [0.0]), "^eigenvectors must have"),
        (lambda: predicted_loss(([1.0],), [1.0], [0.0]), "^eigenpairs must be eigenvalues and eig"),
        (lambda: steps_to(np.ones(2), [1.0]), "^fractions must be between 0 and 1"),
        (lambda: steps_to(np.ones(2), [0.0]), "^fractions must be between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
