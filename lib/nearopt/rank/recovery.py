"""How many samples a student near its teacher needs to learn the teacher's function."""

import numpy as np
from scipy.optimize import least_squares

from nearopt.checks import (
    Array,
    finite_array,
    positive_integers,
    positive_number,
    require_generator,
)
from nearopt.network.two_layer import TwoLayer, require_network


def fit_student(student: TwoLayer, inputs: Array, outputs: Array) -> TwoLayer:
    """Return the network that least squares finds from `student`.

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

    def residuals(parameters: Array) -> Array:
        return (student.with_parameters(parameters)(inputs) - outputs).ravel()

    def jacobian(parameters: Array) -> Array:
        rows = student.with_parameters(parameters).jacobian(inputs)
        return rows.reshape(-1, student.parameter_count)

    tolerances = dict.fromkeys(("ftol", "xtol", "gtol"), 4 * np.finfo(float).eps)
    fit = least_squares(residuals, student.parameters, jacobian, **tolerances)
    if not fit.success:
        raise RuntimeError(f"the fit has not converged in {fit.nfev} steps: {fit.message}")
    return student.with_parameters(fit.x)


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
