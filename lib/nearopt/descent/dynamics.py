"""Gradient descent of a student towards its teacher, as it really runs.

Nothing here is linearised; what the Hessian predicts of it is in `nearopt.descent.prediction`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from tqdm.auto import trange

from nearopt.checks import Array, positive_integer, positive_number, require_memory
from nearopt.descent.loss import batch_gradient, check_pair, near_gradient, population_gradient
from nearopt.hessian.operators import BatchHessianOperator, HessianOperator
from nearopt.network.two_layer import TwoLayer, require_network

Gradient = Callable[[TwoLayer, TwoLayer], Array]

# Near the optimum and below the critical rate, no student ever moves away from its teacher.
DIVERGED = 10.0


class DivergenceError(ArithmeticError):
    """Gradient descent ran away."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where a student was, and when.

    Attributes
    ----------
    teacher : TwoLayer
        What it learned from.
    times : array of shape (records,)
        Ascending from 0: steps of gradient descent, times of gradient flow.
    students : list of TwoLayer
        The student at each of them.
    """

    teacher: TwoLayer
    times: Array
    students: list[TwoLayer]

    def measure(self, quantity: Callable[[TwoLayer, TwoLayer], float]) -> Array:
        """Return a function of student and teacher, such as `near_loss`, at each record."""
        return np.array([quantity(student, self.teacher) for student in self.students])


def distance(student: TwoLayer, teacher: TwoLayer) -> float:
    """Return the Euclidean distance of the parameters."""
    check_pair(student, teacher)
    return float(np.linalg.norm(student.parameters - teacher.parameters))


def critical_rate(teacher: TwoLayer, gradient: Gradient = population_gradient) -> float:
    """Rate from which on gradient descent cannot end at the teacher: 2 / lambda_max, to six digits.

    It is infinite where the Hessian is 0.

    Parameters
    ----------
    teacher : TwoLayer
        Where the Hessian's largest eigenvalue is taken, by Lanczos and without a matrix.
    gradient : callable
        Of student and teacher. The Hessian of this package's own gradients, also as partials that
        fix a covariance or a batch, is known; of another, differences serve as its products: for a
        rectifier, to as many digits as its shortest row is longer than 1e-4 of the mean.
    """
    require_network("teacher", teacher)
    hessian = _hessian_of(gradient, teacher)
    start = np.random.default_rng(0).standard_normal(teacher.parameter_count)
    if not hessian.matvec(start).any():
        return math.inf
    largest = eigsh(hessian, k=1, tol=1e-7, v0=start, return_eigenvectors=False)
    return 2 / float(largest[0])


def _hessian_of(gradient: Gradient, teacher: TwoLayer) -> LinearOperator:
    """Return the derivative of a gradient at the teacher."""
    function, fixed = getattr(gradient, "func", gradient), getattr(gradient, "keywords", {})
    if function in (population_gradient, near_gradient):
        return HessianOperator(teacher, fixed.get("input_covariance"))
    if function is batch_gradient and "inputs" in fixed:
        return BatchHessianOperator(teacher, fixed["inputs"])
    theta, layers = teacher.parameters, (teacher.W1, teacher.W2)
    # Small beside the smaller layer, but for one that is 0.
    step = 1e-4 * min((np.sqrt(np.mean(W**2)) for W in layers if W.any()), default=1.0)

    def product(v: Array) -> Array:
        move = step * np.ravel(v) / np.linalg.norm(v)
        ahead, behind = (teacher.with_parameters(theta + sign * move) for sign in (1, -1))
        difference = gradient(ahead, teacher) - gradient(behind, teacher)
        return difference * (np.linalg.norm(v) / (2 * step))

    return LinearOperator((theta.size, theta.size), matvec=product, dtype=float)


def gradient_descent(
    student: TwoLayer,
    teacher: TwoLayer,
    *,
    rate: float,
    steps: int,
    gradient: Gradient = population_gradient,
    records: int = 100,
    progress: bool = False,
) -> Trajectory:
    """Descend at a fixed rate, theta <- theta - rate * gradient.

    Parameters
    ----------
    student, teacher : TwoLayer
        Start and optimum.
    rate, steps : float, int
        Step size and number of steps.
    gradient : callable
        Of student and teacher; a batch is `functools.partial(batch_gradient, inputs=inputs)`.
    records : int
        At most so many steps are recorded, evenly on a logarithmic axis, and the start.
    progress : bool
        Show a progress bar.

    Raises
    ------
    DivergenceError
        If the student gets ten times as far from the teacher as it was.
    """
    check_pair(student, teacher)
    rate, steps = positive_number("rate", rate), positive_integer("steps", steps)
    needed = 8.0 * positive_integer("records", records) * (teacher.parameter_count + 4)
    require_memory(f"{records} records of a descent", needed, "record fewer steps")
    times = np.unique(np.geomspace(steps, 1, records).round())
    rounding = math.sqrt(np.finfo(np.float64).eps) * float(np.linalg.norm(teacher.parameters))
    allowed = DIVERGED * max(distance(student, teacher), rounding)
    students, recorded = [student], set(times.tolist())
    for step in trange(1, steps + 1, disable=not progress, desc="gradient descent"):
        theta = student.parameters - rate * gradient(student, teacher)
        if not np.linalg.norm(theta - teacher.parameters) <= allowed:
            raise DivergenceError(_diverged(step, rate, teacher, gradient))
        student = student.with_parameters(theta)
        if step in recorded:
            students.append(student)
    return Trajectory(teacher, np.append(0.0, times), students)


def _diverged(step: int, rate: float, teacher: TwoLayer, gradient: Gradient) -> str:
    return (
        f"gradient descent diverged: after {step} steps the student is {DIVERGED:.0f} times as far "
        f"from its teacher as at the start. The rate is {rate:.6g}; near the teacher it must be "
        f"below 2 / lambda_max = {critical_rate(teacher, gradient):.6g}, farther away it may have "
        "to be lower"
    )
