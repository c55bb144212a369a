from functools import partial

import numpy as np
import pytest
from scipy.optimize import least_squares

from nearopt import Polynomial, TwoLayer
from nearopt.rank import recovery
from nearopt.rank.count import exact_rank
from nearopt.rank.recovery import fit_student, relative_errors


@pytest.mark.parametrize(
    ("degrees", "input_dim", "hidden_dim"), [({2}, 4, 5), ({1, 2}, 3, 5), ({1, 3}, 3, 5)]
)
def test_a_student_learns_its_teacher_from_as_many_samples_as_the_rank(
    degrees, input_dim, hidden_dim
):
    activation = Polynomial.of_degrees(frozenset(degrees))
    source = np.random.default_rng(1)
    scale = input_dim**-0.5
    teacher = TwoLayer.draw(input_dim, hidden_dim, activation=activation, sigma1=scale, rng=source)
    rank = exact_rank(activation, input_dim, hidden_dim, rng=source).value
    assert rank < teacher.parameter_count
    errors = relative_errors(teacher, 1e-2, np.array([rank - 1, rank, rank + 3]), rng=source)
    assert errors[0] > 1e-9
    assert (errors[1:] < 1e-15).all()


def test_a_student_that_is_the_teacher_stays():
    teacher = TwoLayer([[1.0, 2.0]], [[3.0]], Polynomial.of_degrees(frozenset({2})))
    inputs = np.eye(2)
    fitted = fit_student(teacher, inputs, teacher(inputs))
    np.testing.assert_array_equal(fitted.parameters, teacher.parameters)


def test_a_fit_that_has_not_ended_is_no_fit(monkeypatch):
    monkeypatch.setattr(recovery, "least_squares", partial(least_squares, max_nfev=1))
    student = TwoLayer([[1.0, 2.0]], [[3.0]], Polynomial.of_degrees(frozenset({2})))
    with pytest.raises(RuntimeError, match="has not converged in 1 steps"):
        fit_student(student, np.eye(2), np.ones((2, 1)))
