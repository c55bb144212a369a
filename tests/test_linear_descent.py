import numpy as np
import pytest

from nearopt import Linear, TwoLayer
from nearopt.descent.dynamics import gradient_descent
from nearopt.descent.linear_prediction import linear_expected_loss
from nearopt.descent.linear_students import descend_linear_students
from nearopt.descent.loss import near_gradient, near_loss

RUN = {"rate": 0.01, "epsilon": 0.1, "sigma1": 0.5, "sigma2": 2.0}


def test_each_student_descends_as_one_by_itself():
    """The same draws, through the descent of any network."""
    losses = descend_linear_students(
        3, 2, 4, steps=np.array([0, 1, 10, 100]), rng=np.random.default_rng(1), **RUN
    )
    rng = np.random.default_rng(1)
    W2, W1 = 2.0 * rng.standard_normal((4, 2)), 0.5 * rng.standard_normal((4, 2, 3))
    alpha, V = 0.1 * rng.standard_normal((4, 2)), 0.1 * rng.standard_normal((4, 2, 3))
    for i in range(4):
        teacher = TwoLayer(W1[i], W2[i : i + 1], Linear())
        student = TwoLayer(W1[i] + V[i], W2[i : i + 1] + alpha[i], Linear())
        path = gradient_descent(
            student, teacher, rate=0.01, steps=100, gradient=near_gradient, records=3
        )
        np.testing.assert_allclose(losses[i], path.measure(near_loss), rtol=1e-8, atol=1e-16)


def test_mean_over_teachers_is_the_exact_one():
    """At a small rate and deviation, within four standard errors."""
    steps = np.array([0, 50, 200, 500])
    losses = descend_linear_students(
        3, 2, 4000, steps=steps, rate=0.005, epsilon=1e-4, rng=np.random.default_rng(2)
    )
    error = losses.std(0) / np.sqrt(len(losses))
    exact = linear_expected_loss(0.005 * steps, 3, 2, epsilon=1e-4)
    assert (abs(losses.mean(0) - exact) < 4 * error).all()


@pytest.mark.parametrize("steps", [[2, 1], [-1]])
def test_steps_that_do_not_ascend_are_refused(steps):
    with pytest.raises(ValueError, match="steps must be ascending"):
        descend_linear_students(2, 2, 3, steps=steps, rng=np.random.default_rng(0), **RUN)
