import numpy as np
import pytest

from nearopt import Erf, TwoLayer
from nearopt.descent.prediction import steps_to, summary
from nearopt.hessian.dense import batch_hessian
from nearopt.hessian.eigenvalues import batch_spectrum, nonzero, smallest_batch_eigenvalues


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


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, np.nan])
def test_bad_fractions_are_refused(fraction):
    with pytest.raises(ValueError, match="fractions must be (between 0 and 1|finite)"):
        steps_to(np.ones(2), [fraction])


def test_summary_is_plain():
    text = summary("erf", np.array([0.0, 0.1, 1.0]))
    assert "at the rate 1 / lambda_max = 1 the loss" in text
    assert "1 of 3 directions never matter" in text
    assert "every direction matters" in summary("erf", np.array([0.1, 1.0]))


@pytest.mark.parametrize(("fraction", "text"), [(0.01, "1%"), (0.001, "0.1%"), (0.015, "1.5%")])
def test_summary_says_the_fraction_that_it_was_asked_for(fraction, text):
    assert f"is down to {text} after" in summary("erf", np.array([0.1, 1.0]), fraction)


def test_nonzero_leaves_rounding_out():
    np.testing.assert_array_equal(nonzero(np.array([1e-17, -1e-17, 1e-3, 1.0])), [1e-3, 1.0])


def test_batch_spectrum_is_that_of_the_batch_hessian():
    rng = np.random.default_rng(0)
    net = TwoLayer.draw(3, 4, output_dim=2, activation=Erf(), rng=rng)
    for samples in (4, 100):
        inputs = rng.standard_normal((samples, 3))
        values = batch_spectrum(net, inputs)
        dense = np.linalg.eigvalsh(batch_hessian(net, inputs))
        np.testing.assert_allclose(values, dense, atol=1e-13 * dense[-1])
        assert np.count_nonzero(values) == min(2 * samples, net.parameter_count)


def test_smallest_batch_eigenvalues():
    net = TwoLayer.draw(3, 2, activation=Erf(), rng=np.random.default_rng(1))
    found = smallest_batch_eigenvalues(net, 8, [3, 20], rng=np.random.default_rng(2))
    inputs = np.random.default_rng(2).standard_normal((20, 3))
    expected = [batch_spectrum(net, inputs[:3])[-3], batch_spectrum(net, inputs)[0]]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
