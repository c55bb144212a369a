import re
from functools import partial

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cases import draw, near
from nearopt import Erf, Linear, Polynomial, ReLU, TwoLayer
from nearopt.descent.dynamics import DivergenceError, critical_rate, distance, gradient_descent
from nearopt.descent.flow import gradient_flow
from nearopt.descent.loss import (
    batch_gradient,
    batch_loss,
    near_gradient,
    near_loss,
    population_gradient,
)
from nearopt.descent.prediction import predicted_loss
from nearopt.hessian.dense import batch_hessian, population_hessian

ACTIVATIONS = [Linear(), Polynomial((0.0, 1.0, 1.0)), Polynomial((0.0, 0.0, 0.0, 1.0)), Erf()]
CLOSE = partial(near_gradient, nodes=2)


@pytest.fixture(params=ACTIVATIONS, ids=["linear", "quadratic", "cubic", "erf"])
def teacher(request):
    return draw(2, 3, request.param, seed=1)


@pytest.fixture
def plain():
    """For gradients that ask nothing of a teacher but its place."""
    return draw(2, 3, Linear(), seed=8)


def own(student, teacher):
    """A gradient whose Hessian is not known."""
    return near_gradient(student, teacher)


def critical(hessian):
    return pytest.approx(2 / np.linalg.eigvalsh(hessian)[-1], rel=1e-6)


@pytest.mark.parametrize("short", [0.1, 1e-6])
def test_critical_rate_of_a_rectifier_with_a_short_row(short):
    """Of the population, of coloured inputs and of a batch, however the gradient is written."""
    rows = np.array([[1.0, 0.5], [0.5, -1.0]]) * [[1.0], [short]]
    teacher = TwoLayer(rows, [[1.0, 1 / short]], ReLU())
    inputs = np.random.default_rng(3).standard_normal((9, 2))
    sigma = np.diag([1.0, 3.0])
    for gradient, hessian in (
        (population_gradient, population_hessian(teacher)),
        (CLOSE, population_hessian(teacher)),
        (partial(population_gradient, input_covariance=sigma), population_hessian(teacher, sigma)),
        (partial(batch_gradient, inputs=inputs), batch_hessian(teacher, inputs)),
    ):
        assert critical_rate(teacher, gradient) == critical(hessian)


@pytest.mark.parametrize("gradient", [population_gradient, own])
@pytest.mark.parametrize("sigmas", [(1e-6, 1e-6), (1e-4, 1.0), (1.0, 1e-4), (10, 1)])
def test_critical_rate_does_not_depend_on_the_scale(teacher, sigmas, gradient):
    scaled = TwoLayer(sigmas[0] * teacher.W1, sigmas[1] * teacher.W2, teacher.activation)
    assert critical_rate(scaled, gradient) == critical(population_hessian(scaled))


def test_critical_rate_of_a_teacher_of_zeros():
    teacher = TwoLayer(np.zeros((3, 2)), np.zeros((1, 3)), Polynomial((1.0, 1.0)))
    for gradient in (population_gradient, own):
        assert critical_rate(teacher, gradient) == critical(population_hessian(teacher))


def test_no_rate_is_critical_where_the_hessian_is_0():
    teacher = TwoLayer(np.zeros((3, 2)), np.ones((1, 3)), Polynomial((0.0, 0.0, 1.0)))
    assert critical_rate(teacher) == np.inf
    with pytest.raises(DivergenceError, match="must be below 2 / lambda_max = inf"):
        gradient_descent(near(teacher, 1.0), teacher, rate=100.0, steps=10)


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
    flow = gradient_flow(student, teacher, [time], gradient=CLOSE)
    end = flow.measure(near_loss)[-1]
    gaps = []
    for steps in (100, 200):
        run = {"rate": time / steps, "steps": steps, "gradient": CLOSE, "records": 1}
        gaps.append(gradient_descent(student, teacher, **run).measure(near_loss)[-1] / end - 1)
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)


def test_flow_conserves_what_rescaling_leaves_the_same():
    """For g(u) = u, W2^T W2 - W1 W1^T does not change under gradient flow."""
    teacher = draw(3, 2, Linear(), seed=3)
    path = gradient_flow(near(teacher, 0.1), teacher, [0.1, 1.0, 5.0])
    kept = [s.W2.T @ s.W2 - s.W1 @ s.W1.T for s in path.students]
    for later in kept[1:]:
        np.testing.assert_allclose(later, kept[0], atol=1e-6)
    losses = path.measure(near_loss)
    assert losses[-1] < 1e-3 * losses[0]


def test_flow_agrees_with_an_explicit_solver():
    teacher = draw(2, 2, Erf(), seed=4)
    student, times = near(teacher, 1e-2), np.array([1.0, 10.0, 50.0])
    losses = gradient_flow(student, teacher, times, gradient=CLOSE).measure(near_loss)[1:]
    velocity = lambda _, theta: -CLOSE(teacher.with_parameters(theta), teacher)  # noqa: E731
    run = {"method": "DOP853", "t_eval": times, "rtol": 1e-10, "atol": 1e-13}
    solution = solve_ivp(velocity, (0, 50), student.parameters, **run)
    students = [teacher.with_parameters(theta) for theta in solution.y.T]
    expected = [near_loss(student, teacher) for student in students]
    np.testing.assert_allclose(losses, expected, rtol=2e-5)


@pytest.mark.parametrize(("shape", "seed"), [((2, 8), 1), ((3, 4), 8)])
def test_flow_is_right_over_eight_decades(shape, seed):
    """Where eigenvalues spread by 1e-10 and less, what the prediction lacks still halves."""
    rng = np.random.default_rng(seed)
    teacher = TwoLayer.draw(*shape, activation=Erf(), rng=rng)
    values, Q = np.linalg.eigh(population_hessian(teacher))
    direction, times = rng.standard_normal(values.size), np.geomspace(1, 1e8, 9) / values[-1]
    theory = predicted_loss((values, Q), direction, np.append(0.0, times))
    kept = theory > 1e-10 * theory[0]
    errors = []
    for epsilon in (1e-3, 5e-4):
        student = teacher.with_parameters(teacher.parameters + epsilon * direction)
        path = gradient_flow(student, teacher, times[kept[1:]], gradient=CLOSE)
        errors.append(path.measure(near_loss) / (epsilon**2 * theory[kept]) - 1)
    assert np.abs(errors[1]).max() < 0.02
    # What is left is of second order.
    np.testing.assert_allclose(errors[0], 2 * errors[1], atol=2 * np.abs(errors[0]).max() ** 2)


def test_flat_directions_stay():
    """What lies in the null space remains, to the order of epsilon, while the loss vanishes."""
    teacher = draw(2, 3, Linear(), seed=5)
    student = near(teacher, 1e-4)
    values, Q = np.linalg.eigh(population_hessian(teacher))
    path = gradient_flow(student, teacher, [30 / values[-2]], gradient=CLOSE)
    flat = Q[:, :-2].T @ (student.parameters - teacher.parameters)
    assert path.measure(distance)[-1] == pytest.approx(np.linalg.norm(flat), rel=1e-3)
    losses = path.measure(near_loss)
    assert losses[-1] < 1e-12 * losses[0]


def test_descent_on_a_batch_ends_at_its_minimum():
    teacher = draw(2, 2, Erf(), seed=6)
    inputs = np.random.default_rng(7).standard_normal((3, 2))
    on_batch = partial(batch_gradient, inputs=inputs)
    rate = critical_rate(teacher, on_batch) / 2
    path = gradient_descent(near(teacher, 0.01), teacher, rate=rate, steps=3000, gradient=on_batch)
    batch = path.measure(partial(batch_loss, inputs=inputs))
    assert batch[-1] < 1e-9 * batch[0]
    assert path.measure(near_loss)[-1] > 1e-6 * path.measure(near_loss)[0]


def slopes(student, teacher):
    """The gradient of a quadratic loss whose curvatures are 1, 2, 3, ..."""
    return np.arange(1, 1 + teacher.parameter_count) * (student.parameters - teacher.parameters)


def bowl(student):
    """The curvatures of `slopes`."""
    return np.diag(np.arange(1.0, 1 + student.parameter_count))


@pytest.mark.parametrize(("hessian", "allowed"), [(bowl, 1e-13), (population_hessian, 3e-3)])
def test_flow_in_a_quadratic_bowl_is_exponential_in_each_direction(plain, hessian, allowed):
    """To rounding with its curvatures, and with others as far as each step."""
    student, times = near(plain, 1.0), np.array([0.1, 0.5, 2.0])
    start = student.parameters - plain.parameters
    exact = np.exp(-np.outer(times, np.arange(1, 1 + start.size))) * start
    path = gradient_flow(student, plain, times, gradient=slopes, hessian=hessian)
    moves = [later.parameters - plain.parameters for later in path.students[1:]]
    np.testing.assert_allclose(moves, exact, rtol=0, atol=allowed)
    np.testing.assert_array_equal(path.times, [0, *times])
    assert path.students[0] is student


def test_descent_in_a_quadratic_bowl_is_a_power_in_each_direction(plain):
    """At records on a logarithmic axis, of which the first is the start."""
    student, run = near(plain, 1.0), {"rate": 0.2, "steps": 1000, "gradient": slopes}
    path = gradient_descent(student, plain, records=4, **run)
    np.testing.assert_array_equal(path.times, [0, 1, 10, 100, 1000])
    assert path.students[0] is student
    start = student.parameters - plain.parameters
    exact = np.power.outer(1 - 0.2 * np.arange(1, 1 + start.size), path.times).T * start
    moves = [later.parameters - plain.parameters for later in path.students]
    np.testing.assert_allclose(moves, exact, atol=1e-13)
    np.testing.assert_array_equal(
        gradient_descent(student, plain, records=1, **run).times, [0, 1000]
    )


def test_a_hundred_records_are_kept_unless_it_is_said_otherwise(plain):
    still = lambda student, teacher: np.zeros(teacher.parameter_count)  # noqa: E731
    path = gradient_descent(near(plain, 1.0), plain, rate=1, steps=10_000, gradient=still)
    assert path.times[-2] == round(10_000 ** (98 / 99))
    assert len(path.students) == len(path.times) <= 101


def test_a_gradient_that_is_not_a_number_is_divergence(plain):
    def lost(student, teacher):
        return slopes(student, teacher) * (np.nan if distance(student, teacher) > 0.1 else 1)

    with pytest.raises(DivergenceError, match=rf"after 1 steps .* lambda_max = {2 / 9:.6g}, "):
        gradient_descent(near(plain, 1.0), plain, rate=1.0, steps=5, gradient=lost)


def test_divergence_is_ten_times_the_distance_at_the_start(plain):
    """Steps that double it: 8 after three, 16 after four."""
    away = lambda student, teacher: teacher.parameters - student.parameters  # noqa: E731
    told = r"after 4 steps the student is 10 times .* to be lower$"
    with pytest.raises(DivergenceError, match=told):
        gradient_descent(near(plain, 1.0), plain, rate=1.0, steps=9, gradient=away)


def test_progress_is_shown_to_who_asks(plain, capsys):
    run = {"rate": 0.01, "steps": 7, "gradient": slopes}
    gradient_descent(near(plain, 1.0), plain, **run)
    assert capsys.readouterr() == ("", "")
    gradient_descent(near(plain, 1.0), plain, progress=True, **run)
    assert re.search(r"(^|\r)gradient descent: 100%.* 7/7 ", capsys.readouterr().err)


def test_critical_rate_of_many_parameters_is_the_same_each_time():
    wide = draw(20, 10, Erf(), seed=9)
    rate = critical_rate(wide)
    assert rate == critical(population_hessian(wide))
    assert critical_rate(wide) == rate
    # Curvatures 1 to 210, whose largest ones lie close together.
    assert critical_rate(wide, slopes) == pytest.approx(2 / 210, rel=1e-6)


def test_a_flow_that_runs_away_says_so(plain, monkeypatch):
    """Velocities d^2 of a deviation d: 1 / (1 - t) from 1, which ends at 1."""
    start = plain.with_parameters(plain.parameters + 1)
    away = lambda student, teacher: -((student.parameters - teacher.parameters) ** 2)  # noqa: E731
    monkeypatch.setattr("nearopt.descent.flow.STEPS", 300)
    with pytest.raises(RuntimeError, match=r"stopped \S+ before time 2, after 300 steps: the"):
        gradient_flow(start, plain, [0.5, 0.9, 2.0], gradient=away)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([1.0, 1.0], "above 0 and ascending$"),
        ([0.0, 1.0], "above 0 and ascending$"),
        ([1e20], r"at most \d.*, not 1e\+20: later"),
    ],
)
def test_times_that_no_flow_reaches_are_refused(plain, times, message):
    with pytest.raises(ValueError, match=f"^times must be {message}"):
        gradient_flow(plain, plain, times)


def test_a_stiff_flow_is_taken_in_few_steps(plain):
    """An explicit solver would need a gradient for every few units of curvature times time."""
    calls = []
    gradient = lambda *pair: calls.append(1) or slopes(*pair)  # noqa: E731
    run = {"gradient": gradient, "hessian": bowl}
    path = gradient_flow(near(plain, 1.0), plain, [1e5], **run)
    assert path.measure(distance)[-1] < 1e-12
    assert len(calls) < 100


@pytest.mark.parametrize("seed", range(3))
def test_who_starts_at_the_teacher_stays(plain, seed):
    """Down to rounding, which for the closed form of erf is some of the gradient."""
    teacher = draw(3, 4, Erf(), seed=seed)
    down = gradient_descent(teacher, teacher, rate=0.5 * critical_rate(teacher), steps=5)
    flow = gradient_flow(teacher, teacher, np.array([1.0, 10.0]))
    for path in (down, flow):
        assert path.measure(distance).max() < 1e-13
    nowhere = teacher.with_parameters(np.zeros(teacher.parameter_count))
    for place in (teacher, nowhere):
        path = gradient_flow(place, place, [1.0, 1e8], gradient=CLOSE)
        assert path.measure(distance).tolist() == [0, 0, 0]
    path = gradient_descent(plain, plain, rate=0.1, steps=2, gradient=slopes)
    assert path.measure(distance).tolist() == [0, 0, 0]
