"""How many samples a student near its teacher needs to learn the teacher's function."""

import numpy as np

from nearopt.checks import (
    Array,
    finite_array,
    positive_integers,
    positive_number,
    require_generator,
)
from nearopt.network.two_layer import TwoLayer, require_network

# Near a teacher, seven are enough.
STEPS = 100


def fit_student(student: TwoLayer, inputs: Array, outputs: Array) -> TwoLayer:
    """Return the network that least squares finds from `student`, as near to it as there is one.

    By Gauss-Newton steps of least norm, the last of them that makes the error on the batch smaller.

    Parameters
    ----------
    student : TwoLayer
        Where to start.
    inputs, outputs : arrays of shapes (samples, input_dim) and (samples, output_dim)
        The batch, and what the teacher answers.
    """
    require_network("student", student)
    inputs = finite_array("inputs", inputs, (None, student.input_dim))
    outputs = finite_array("outputs", outputs, (len(inputs), student.output_dim))

    best, fitted = np.inf, student
    for _ in range(STEPS):
        residuals = (student(inputs) - outputs).ravel()
        size = np.linalg.norm(residuals)
        if not size < best:
            return fitted
        best, fitted = size, student
        jacobian = student.jacobian(inputs).reshape(-1, student.parameter_count)
        step = np.linalg.lstsq(jacobian, residuals)[0]
        student = student.with_parameters(student.parameters - step)
    raise RuntimeError(f"the fit has not converged in {STEPS} steps")


def relative_errors(
    teacher: TwoLayer, distance: float, batches: Array, *, rng: np.random.Generator
) -> Array:
    """Squared error of fitted students on new inputs, over that before the fit; as `batches`.

    It is 1 where a fit does not converge: that student has learned nothing.

    Parameters
    ----------
    teacher : TwoLayer
        Its answers are learned.
    distance : float
        Standard deviation of the student's parameters from the teacher's.
    batches : array of int
        Sizes of the batches; each is the beginning of the next.
    rng : Generator
        Source of the student, the batch and the new inputs.
    """
    require_network("teacher", teacher)
    require_generator(rng)
    distance, batches = positive_number("distance", distance), positive_integers("batches", batches)
    shift = distance * rng.standard_normal(teacher.parameter_count)
    student = teacher.with_parameters(teacher.parameters + shift)
    batch = rng.standard_normal((max(batches), teacher.input_dim))
    new = rng.standard_normal((1000, teacher.input_dim))
    before = ((student(new) - teacher(new)) ** 2).mean()
    errors = []
    for size in batches:
        try:
            fitted = fit_student(student, batch[:size], teacher(batch[:size]))
        except RuntimeError:
            fitted = student
        errors.append(((fitted(new) - teacher(new)) ** 2).mean() / before)
    return np.array(errors)
