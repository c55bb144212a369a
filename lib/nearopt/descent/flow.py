"""Gradient flow of a student towards its teacher, the limit of gradient descent at small rates."""

import math
from collections.abc import Callable
from itertools import count

import numpy as np
from scipy.special import hyp1f1

from nearopt.checks import Array, finite_array, require_memory
from nearopt.descent.dynamics import Gradient, Trajectory
from nearopt.descent.loss import check_pair, population_gradient
from nearopt.hessian.dense import population_hessian
from nearopt.network.two_layer import TwoLayer

Hessian = Callable[[TwoLayer], Array]

# Steps of gradient flow, eight decades of which take some hundreds; the error of each, relative to
# what is left of the deviation; and the time, in units of 1 / lambda_max, in which the rounding of
# the gradient makes as much.
STEPS = 10_000
ACCURACY = 1e-4
LATEST = ACCURACY / float(np.finfo(np.float64).eps)


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
    student, teacher, gradient
        As in `gradient_descent`; late, `near_gradient` rounds least.
    times : array of shape (records,)
        Ascending, from above 0.
    hessian : callable
        Of a student: the Gauss-Newton matrix (P, P) of the same loss, which for a batch is
        `functools.partial(batch_hessian, inputs=inputs)`. Another makes more steps.
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
