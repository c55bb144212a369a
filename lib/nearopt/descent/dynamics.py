"""Gradient descent and gradient flow of a student towards its teacher, as they really run.

Nothing here is linearised; what the Hessian predicts of it is in `nearopt.descent.prediction`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.special import hyp1f1
from tqdm.auto import trange

from nearopt.checks import Array, finite_array, positive_integer, positive_number, require_memory
from nearopt.descent.loss import (
    batch_gradient,
    check_pair,
    near_gradient,
    population_gradient,
)
from nearopt.hessian.dense import population_hessian
from nearopt.hessian.operators import BatchHessianOperator, HessianOperator
from nearopt.network.two_layer import TwoLayer, require_network

Gradient = Callable[[TwoLayer, TwoLayer], Array]
Hessian = Callable[[TwoLayer], Array]

# Near the optimum and below the critical rate, no student ever moves away from its teacher.
DIVERGED = 10.0
# Steps of gradient flow, eight decades of which take some hundreds; the error of each, relative to
# what is left of the deviation; and the time, in units of 1 / lambda_max, in which the rounding of
# the gradient makes as much.
STEPS = 10_000
ACCURACY = 1e-4
LATEST = ACCURACY / float(np.finfo(np.float64).eps)


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
    """Rate from which on gradient descent cannot end at the teacher: 2 / lambda_max.

    Parameters
    ----------
    teacher : TwoLayer
        Where the Hessian's largest eigenvalue is taken, by Lanczos and without a matrix.
    gradient : callable
        Of student and teacher. The Hessian of this package's own gradients, also as partials that
        fix a covariance or a batch, is known; of another, differences serve as its products.

    Returns
    -------
    float
        To six digits; by differences, for a rectifier, to as many as its shortest row is longer
        than 1e-4 of the mean.
    """
    require_network("teacher", teacher)
    hessian = _hessian_of(gradient, teacher)
    start = np.random.default_rng(0).standard_normal(teacher.parameter_count)
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
    rate : float
        Step size.
    steps : int
        Number of steps.
    gradient : callable
        Of student and teacher; a batch is `functools.partial(batch_gradient, inputs=inputs)`.
    records : int
        At most so many steps are recorded, evenly on a logarithmic axis, and the start.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        If a rate, or a number of steps or records, is not positive, or the networks differ in
        shape or activation.
    MemoryError
        If the records do not fit.
    DivergenceError
        If the student gets ten times as far from the teacher as it was; the error names 2 /
        lambda_max, the rate above which no student stays near the teacher.
    """
    check_pair(student, teacher)
    rate, steps = positive_number("rate", rate), positive_integer("steps", steps)
    needed = 8.0 * positive_integer("records", records) * (teacher.parameter_count + 4)
    require_memory(f"{records} records of a descent", needed, "record fewer steps")
    times = np.unique(np.geomspace(steps, 1, records).round())
    allowed = DIVERGED * distance(student, teacher)
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


def gradient_flow(
    student: TwoLayer,
    teacher: TwoLayer,
    times: Array,
    *,
    gradient: Gradient = population_gradient,
    hessian: Hessian = population_hessian,
) -> Trajectory:
    """Follow d theta / dt = -gradient, the limit of small rates.

    Parameters
    ----------
    student, teacher : TwoLayer
        Start and optimum.
    times : array of shape (records,)
        Ascending, from above 0.
    gradient : callable
        Of student and teacher, as in `gradient_descent`; late, `near_gradient` rounds least.
    hessian : callable
        Of a student: the Gauss-Newton matrix (P, P) of the same loss, which for a batch is
        `functools.partial(batch_hessian, inputs=inputs)`. Another makes more steps.

    Raises
    ------
    ValueError
        If the times are not positive and ascending, or so late that rounding has moved what has
        no gradient, or the networks differ in shape or activation.
    MemoryError
        If the matrices (P, P) do not fit.
    RuntimeError
        If ten thousand steps are not enough.
    """
    check_pair(student, teacher)
    times = finite_array("times", times, (None,))
    if times[0] <= 0 or (np.diff(times) <= 0).any():
        raise ValueError("times must be above 0 and ascending")
    size = teacher.parameter_count
    need = 6 * 8.0 * size**2
    require_memory(f"a flow of {size} parameters", need, "use gradient_descent")
    largest = float(np.linalg.eigvalsh(hessian(student))[-1])
    if times[-1] * largest > LATEST:
        raise ValueError(
            f"times must be at most {LATEST / largest:.3g}, not {times[-1]:.3g}: later, the "
            "rounding of the gradient moves even what has no gradient"
        )
    place, students, tries = student, [student], count()
    step = times[0] / max(1.0, times[0] * largest)
    for time, left in zip(times, np.diff(times, prepend=0.0), strict=True):
        while left > 0:
            taken = min(step, left)
            if next(tries) == STEPS:
                raise RuntimeError(
                    f"gradient flow stopped {left:.3g} before time {time:g}, after {STEPS} steps: "
                    "the student runs away, or the gradient is lost in rounding (see near_gradient)"
                )
            after, error = _exponential_step(place, teacher, taken, gradient, hessian)
            if error <= 1:
                place, left = after, left - taken
            longer = taken * np.clip(0.9 * max(error, 1e-9) ** (-1 / 3), 0.1, 5)
            step = longer if error > 1 or taken == step else max(step, longer)
        students.append(place)
    return Trajectory(teacher, np.append(0.0, times), students)


def _exponential_step(
    student: TwoLayer, teacher: TwoLayer, step: float, gradient: Gradient, hessian: Hessian
) -> tuple[TwoLayer, float]:
    r"""Return the student after a step, and its error in units of what is allowed.

    From a place where the velocity is f, it is f - A m + N(m) after a move m, A the Gauss-Newton
    matrix. The first two terms are integrated exactly, N along the parabola through its values at
    the start, half-way and at the end, with phi_k(z) = 1F1(1, k + 1, z) / k! (Cox and Matthews
    2002; Hochbruck and Ostermann 2010). The error is what the end adds to the slope up to half-way;
    it must be small beside the deviation that is left, and its loss beside the loss that is left.
    """
    theta, start = student.parameters, -gradient(student, teacher)
    values, Q = np.linalg.eigh(hessian(student))
    values = np.maximum(values, np.finfo(np.float64).tiny)

    def phi(k: int, share: float = 1.0) -> Array:
        return hyp1f1(1, k + 1, -share * step * values) / math.factorial(k)

    def rest(move: Array) -> Array:
        there = -gradient(teacher.with_parameters(theta + Q @ move), teacher)
        return Q.T @ (there - start) + values * move

    slope = Q.T @ start
    half = rest(step / 2 * phi(1, 0.5) * slope)
    move = step * (phi(1) * slope + 2 * phi(2) * half)
    error = step * (4 * phi(3) - phi(2)) * (rest(move) - 2 * half)
    after = teacher.with_parameters(theta + Q @ (move + error))
    norms = np.stack([np.ones_like(values), np.sqrt(values)])
    left = Q.T @ (after.parameters - teacher.parameters)
    allowed = ACCURACY * np.linalg.norm(norms * left, axis=1)
    allowed += norms.max(axis=1) * np.spacing(np.linalg.norm(theta))
    allowed = np.maximum(allowed, np.finfo(np.float64).tiny)
    return after, float((np.linalg.norm(norms * error, axis=1) / allowed).max())
