import numpy as np
import pytest

from cases import count, draw
from nearopt import Polynomial, TwoLayer
from nearopt.rank import recovery
from nearopt.rank.recovery import fit_student, relative_errors

QUADRATIC = TwoLayer([[1.0, 2.0]], [[3.0]], Polynomial.of_degrees({2}))


@pytest.mark.parametrize(
    ("degrees", "input_dim", "hidden_dim"), [({2}, 4, 5), ({1, 2}, 3, 5), ({1, 3}, 3, 5)]
)
def test_a_student_learns_its_teacher_from_as_many_samples_as_the_rank(
    degrees, input_dim, hidden_dim
):
    activation = Polynomial.of_degrees(degrees)
    teacher = draw(input_dim, hidden_dim, activation, seed=1, sigma1=input_dim**-0.5)
    rank = count(degrees, input_dim, hidden_dim).value
    assert rank < teacher.parameter_count
    batches, rng = np.array([rank - 1, rank, rank + 3]), np.random.default_rng(2)
    errors = relative_errors(teacher, 1e-2, batches, rng=rng)
    assert errors[0] > 1e-9
    assert (errors[1:] < 1e-15).all()


def test_a_student_that_is_the_teacher_stays():
    fitted = fit_student(QUADRATIC, np.eye(2), QUADRATIC(np.eye(2)))
    np.testing.assert_array_equal(fitted.parameters, QUADRATIC.parameters)


def test_a_fit_that_has_not_ended_is_no_fit(monkeypatch):
    monkeypatch.setattr(recovery, "STEPS", 1)
    with pytest.raises(RuntimeError, match="has not converged in 1 steps"):
        fit_student(QUADRATIC, np.eye(2), np.ones((2, 1)))
