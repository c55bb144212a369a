from functools import partial

import numpy as np
import pytest

from nearopt import Erf, Linear, Polynomial, TwoLayer
from nearopt.descent import (
    DivergenceError,
    critical_rate,
    distance,
    gradient_descent,
    gradient_flow,
)
from nearopt.hessian import population_hessian
from nearopt.loss import batch_gradient, batch_loss, near_gradient, near_loss
from nearopt.prediction import predicted_loss

ACTIVATIONS = [Linear(), Polynomial((0.0, 1.0, 1.0)), Polynomial((0.0, 0.0, 0.0, 1.0)), Erf()]
CLOSE = partial(near_gradient, nodes=2)


@pytest.fixture(params=ACTIVATIONS, ids=["linear", "quadratic", "cubic", "erf"])
def teacher(request):
    return TwoLayer.draw(2, 3, activation=request.param, rng=np.random.default_rng(1))


def near(teacher, epsilon):
    move = np.random.default_rng(2).standard_normal(teacher.parameter_count)
    return teacher.with_parameters(teacher.parameters + epsilon * move)


def test_critical_rate_is_two_over_the_largest_eigenvalue(teacher):
    largest = np.linalg.eigvalsh(population_hessian(teacher))[-1]
    assert critical_rate(teacher) == pytest.approx(2 / largest, rel=1e-6)


def test_prediction_errs_by_the_order_of_the_deviation(teacher):
    """The cubic term of the loss: halving epsilon halves the relative error, up to its square."""
    rate = critical_rate(teacher) / 2
    eigenpairs = np.linalg.eigh(population_hessian(teacher))
    errors = []
    for epsilon in (4e-4, 2e-4, 1e-4):
        student = near(teacher, epsilon)
        path = gradient_descent(student, teacher, rate=rate, steps=10, gradient=CLOSE, records=5)
        delta = student.parameters - teacher.parameters
        theory = predicted_loss(eigenpairs, delta, path.times, rate)
        errors.append(path.measure(near_loss) / theory - 1)
    norms = np.linalg.norm(errors, axis=1)
    orders = np.log2(norms[:-1] / norms[1:])
    np.testing.assert_allclose(orders, 1, atol=0.02)


def test_flow_is_the_limit_of_small_rates(teacher):
    """At equal times, with a relative difference that halves with the rate."""
    student, time = near(teacher, 1e-3), 4 * critical_rate(teacher)
    flow = gradient_flow(student, teacher, [time], gradient=CLOSE, tolerance=1e-9)
    end = flow.measure(near_loss)[-1]
    gaps = []
    for steps in (800, 1600):
        run = {"rate": time / steps, "steps": steps, "gradient": CLOSE, "records": 1}
        gaps.append(gradient_descent(student, teacher, **run).measure(near_loss)[-1] / end - 1)
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)


def test_flow_conserves_what_rescaling_leaves_the_same():
    """For g(u) = u, W2^T W2 - W1 W1^T does not change under gradient flow."""
    teacher = TwoLayer.draw(3, 2, activation=Linear(), rng=np.random.default_rng(3))
    path = gradient_flow(near(teacher, 0.1), teacher, [0.1, 1.0, 5.0], tolerance=1e-9)
    kept = [s.W2.T @ s.W2 - s.W1 @ s.W1.T for s in path.students]
    for later in kept[1:]:
        np.testing.assert_allclose(later, kept[0], atol=1e-7)
    losses = path.measure(near_loss)
    assert losses[-1] < 1e-3 * losses[0]


def test_solvers_agree():
    teacher = TwoLayer.draw(2, 2, activation=Erf(), rng=np.random.default_rng(4))
    student, times = near(teacher, 1e-2), np.array([1.0, 30.0, 300.0])
    losses = [
        gradient_flow(student, teacher, times, gradient=CLOSE, method=method).measure(near_loss)
        for method in ("BDF", "LSODA")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_flat_directions_stay():
    """What lies in the null space remains, to the order of epsilon, while the loss vanishes."""
    teacher = TwoLayer.draw(2, 3, activation=Linear(), rng=np.random.default_rng(5))
    student = near(teacher, 1e-4)
    values, Q = np.linalg.eigh(population_hessian(teacher))
    path = gradient_flow(student, teacher, [30 / values[-2]], gradient=CLOSE)
    flat = Q[:, :-2].T @ (student.parameters - teacher.parameters)
    assert path.measure(distance)[-1] == pytest.approx(np.linalg.norm(flat), rel=1e-3)
    losses = path.measure(near_loss)
    assert losses[-1] < 1e-12 * losses[0]


def test_descent_on_a_batch_ends_at_its_minimum():
    teacher = TwoLayer.draw(2, 2, activation=Erf(), rng=np.random.default_rng(6))
    inputs = np.random.default_rng(7).standard_normal((3, 2))
    on_batch = partial(batch_gradient, inputs=inputs)
    rate = critical_rate(teacher, on_batch) / 2
    path = gradient_descent(near(teacher, 0.01), teacher, rate=rate, steps=3000, gradient=on_batch)
    batch = path.measure(partial(batch_loss, inputs=inputs))
    assert batch[-1] < 1e-9 * batch[0]
    assert path.measure(near_loss)[-1] > 1e-6 * path.measure(near_loss)[0]


def test_records_are_log_spaced_and_start_with_the_student(teacher):
    student = near(teacher, 1e-3)
    path = gradient_descent(student, teacher, rate=1e-4, steps=1000, records=4)
    np.testing.assert_array_equal(path.times, [0, 1, 10, 100, 1000])
    assert path.students[0] is student
    assert len(path.students) == 5


def test_divergence_names_the_critical_rate(teacher):
    largest = np.linalg.eigvalsh(population_hessian(teacher))[-1]
    with pytest.raises(DivergenceError, match=rf"2 / lambda_max = {2 / largest:.4g}"[:-1]):
        gradient_descent(near(teacher, 1e-6), teacher, rate=2.2 / largest, steps=1000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 0}, "rate must be a finite number above 0, not 0"),
        ({"steps": 0}, "steps must be"),
        ({"records": 1.5}, "records must be"),
    ],
)
def test_bad_descent_is_named(teacher, changes, message):
    with pytest.raises(ValueError, match=message):
        gradient_descent(teacher, teacher, **{"rate": 0.1, "steps": 1} | changes)


def test_bad_flow_is_named(teacher):
    with pytest.raises(ValueError, match="times must be above 0 and ascending"):
        gradient_flow(teacher, teacher, [1.0, 1.0])
    with pytest.raises(ValueError, match="tolerance must be"):
        gradient_flow(teacher, teacher, [1.0], tolerance=0)
    wide = TwoLayer(np.ones((10**6, 1)), np.ones((1, 10**6)), Linear())
    with pytest.raises(MemoryError, match="stiff solver for 2000000 parameters.*gradient_descent"):
        gradient_flow(wide, wide, [1.0])
