from functools import partial

import mpmath
import numpy as np
import pytest

from cases import draw, near
from nearopt import Erf, Linear, Polynomial, ReLU, TwoLayer
from nearopt.descent.dynamics import distance, gradient_descent
from nearopt.descent.flow import gradient_flow
from nearopt.descent.loss import (
    batch_gradient,
    batch_loss,
    near_gradient,
    near_loss,
    population_gradient,
    population_loss,
)
from nearopt.hessian.dense import population_hessian

ACTIVATIONS = [Linear(), Polynomial((0.5, 1.0, 1.0)), Polynomial((0.0, 0.0, 0.0, 1.0)), Erf()]


LEARNING = [population_loss, population_gradient, near_loss, distance]
LEARNING += [partial(gradient_descent, rate=1.0, steps=1), partial(gradient_flow, times=[1.0])]


@pytest.fixture(params=ACTIVATIONS, ids=["linear", "quadratic", "cubic", "erf"])
def teacher(request):
    return draw(3, 4, request.param, seed=1, output_dim=2)


def slopes(loss, student, teacher, step):
    moves = step * np.eye(teacher.parameter_count)
    sides = [
        [loss(student.with_parameters(student.parameters + sign * move), teacher) for move in moves]
        for sign in (1, -1)
    ]
    return np.subtract(*sides) / (2 * step)


def test_loss_is_the_mean_over_inputs(teacher):
    """Monte Carlo on a fixed sample, within four standard errors."""
    student = near(teacher, 0.5)
    inputs = np.random.default_rng(3).standard_normal((100_000, 3))
    squares = ((student(inputs) - teacher(inputs)) ** 2).sum(1) / 2
    assert batch_loss(student, teacher, inputs) == pytest.approx(squares.mean(), rel=1e-13)
    error = squares.std() / np.sqrt(len(inputs))
    assert abs(population_loss(student, teacher) - squares.mean()) < 4 * error


def test_gradient_is_the_limit_of_the_batch_gradient(teacher):
    """Each component within five standard errors, taken over 100 batches."""
    student = near(teacher, 0.5)
    inputs = np.random.default_rng(4).standard_normal((100, 1000, 3))
    batches = np.stack([batch_gradient(student, teacher, batch) for batch in inputs])
    error = batches.std(0, ddof=1) / np.sqrt(len(batches))
    score = (batches.mean(0) - population_gradient(student, teacher)) / error
    assert np.abs(score).max() < 5


def test_gradients_against_finite_differences(teacher):
    student = near(teacher, 0.1)
    inputs = np.random.default_rng(5).standard_normal((20, 3))
    on_batch = {"inputs": inputs}
    for loss, gradient in (
        (population_loss, population_gradient),
        (partial(near_loss, nodes=6), partial(near_gradient, nodes=6)),
        (partial(batch_loss, **on_batch), partial(batch_gradient, **on_batch)),
    ):
        exact = gradient(student, teacher)
        error = slopes(loss, student, teacher, 1e-5) - exact
        assert np.abs(error).max() < 1e-7 * np.abs(exact).max()


def test_two_ways_to_the_loss_agree(teacher):
    """Where the closed form still has its digits, and the path is short for three nodes."""
    student = near(teacher, 0.02)
    scale = population_loss(teacher.with_parameters(0 * teacher.parameters), teacher)
    direct = population_loss(student, teacher)
    assert abs(near_loss(student, teacher) - direct) < 1e-14 * scale + 1e-11 * direct
    gradient = population_gradient(student, teacher)
    difference = near_gradient(student, teacher) - gradient
    assert np.abs(difference).max() < 1e-11 * np.abs(gradient).max()


def test_more_nodes_reach_farther(teacher):
    """Error d^(2 nodes) for erf; none for a polynomial of a degree below 2 nodes."""
    errors = [
        [abs(near_loss(student, teacher, n) / near_loss(student, teacher, 6) - 1) for n in (2, 3)]
        for student in (near(teacher, 0.04), near(teacher, 0.02))
    ]
    if teacher.activation == Erf():
        np.testing.assert_allclose(np.log2(np.divide(*errors)), [4, 6], atol=0.5)
    else:
        assert np.max(errors) < 1e-13


def test_a_rectifier_has_an_error_of_first_order():
    """A ten times nearer student has a tenth of it; the largest term beyond is of second order."""
    teacher = draw(3, 4, ReLU())
    pairs = [(near(teacher, d), teacher) for d in (1e-2, 1e-3)]
    errors = [near_loss(*pair) / population_loss(*pair) - 1 for pair in pairs]
    assert 0 < errors[0] < 1e-2
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.1)


def test_no_digits_are_lost_however_near(teacher):
    """At a deviation of 1e-9 the loss is the Hessian's form, to what second order leaves."""
    student = near(teacher, 1e-9)
    delta = student.parameters - teacher.parameters
    H = population_hessian(teacher)
    assert near_loss(student, teacher) == pytest.approx(delta @ H @ delta / 2, rel=1e-7, abs=0)
    error = near_gradient(student, teacher) - H @ delta
    assert np.linalg.norm(error) < 1e-7 * np.linalg.norm(H @ delta)


def test_small_erf_loss_in_fifty_digits():
    """The closed form in multiple precision, where its cancellation does no harm."""
    teacher = draw(2, 2, Erf(), seed=6)
    student = near(teacher, 1e-6)
    exact, _ = erf_loss_and_square(student, teacher)
    for loss in (near_loss, population_loss):
        assert loss(student, teacher) == pytest.approx(exact, rel=1e-11, abs=0)


@pytest.mark.parametrize("epsilon", [1e-7, 1e-4, 1e-2, 1.0])
def test_units_that_cancel_cost_a_loss_no_more_than_eight_digits(epsilon):
    """Outputs are 1e4 times smaller than what each unit contributes."""
    teacher = TwoLayer([[0.01], [0.02]], [[2000.0, -1000.0]], Erf())
    student = near(teacher, epsilon)
    exact, square = erf_loss_and_square(student, teacher)
    assert abs(population_loss(student, teacher) - exact) < 1e-14 * square + 1e-8 * exact


def erf_loss_and_square(student, teacher):
    """The loss and the teacher's E y^2, in fifty digits."""
    half = student.hidden_dim
    with mpmath.workdps(50):
        W1 = mpmath.matrix(np.vstack([student.W1, teacher.W1]).tolist())
        b = [mpmath.mpf(x) for x in [*student.W2[0].tolist(), *(-teacher.W2[0]).tolist()]]
        Q = W1 * W1.T
        terms = {
            (k, j): b[k] * b[j] * mpmath.asin(Q[k, j] / mpmath.sqrt((1 + Q[k, k]) * (1 + Q[j, j])))
            for k, j in np.ndindex(2 * half, 2 * half)
        }
        square = mpmath.fsum(term for pair, term in terms.items() if min(pair) >= half)
        return float(mpmath.fsum(terms.values()) / mpmath.pi), float(2 * square / mpmath.pi)


def test_teacher_has_no_loss_and_no_gradient(teacher):
    assert near_loss(teacher, teacher) == 0
    assert not near_gradient(teacher, teacher).any()


@pytest.mark.parametrize("function", LEARNING)
def test_unlike_networks_are_named(function):
    teacher = draw(3, 4, Erf())
    with pytest.raises(ValueError, match=r"student.W1 must have shape \(4, 3\), not \(5, 3\)"):
        function(draw(3, 5, Erf()), teacher)
    with pytest.raises(ValueError, match="must have the same activation"):
        function(draw(3, 4, Linear()), teacher)
