"""Gradient descent and gradient flow of a student towards its teacher, as they really run.

Nothing here is linearised; what the Hessian predicts of it is in `nearopt.descent.prediction`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import LinearOperator, eigsh
from tqdm.auto import trange

from nearopt.checks import Array, finite_array, positive_integer, positive_number, require_memory
from nearopt.descent.loss import check_pair, population_gradient
from nearopt.network.two_layer import TwoLayer, require_network

Gradient = Callable[[TwoLayer, TwoLayer], Array]

# Near the optimum and below the critical rate, no student ever moves away from its teacher.
DIVERGED = 10.0
# A flow that takes more gradients than this fights with rounding.
EVALUATIONS = 30_000
STIFF = ("BDF", "Radau", "LSODA")


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
        Of student and teacher; its differences are the products with the Hessian.

    Returns
    -------
    float
        To six digits.
    """
    require_network("teacher", teacher)
    theta, layers = teacher.parameters, (teacher.W1, teacher.W2)
    # Small beside the smaller layer, but for one that is 0.
    step = 1e-4 * min((np.sqrt(np.mean(W**2)) for W in layers if W.any()), default=1.0)

    def product(v: Array) -> Array:
        move = step * np.ravel(v) / np.linalg.norm(v)
        ahead, behind = (teacher.with_parameters(theta + sign * move) for sign in (1, -1))
        difference = gradient(ahead, teacher) - gradient(behind, teacher)
        return difference * (np.linalg.norm(v) / (2 * step))

    hessian = LinearOperator((theta.size, theta.size), matvec=product, dtype=float)
    start = np.random.default_rng(0).standard_normal(theta.size)
    largest = eigsh(hessian, k=1, tol=1e-7, v0=start, return_eigenvectors=False)
    return 2 / float(largest[0])


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
    tolerance: float = 1e-8,
    method: str = "BDF",
) -> Trajectory:
    """Follow d theta / dt = -gradient, the limit of small rates, with an implicit solver.

    Parameters
    ----------
    student, teacher : TwoLayer
        Start and optimum.
    times : array of shape (records,)
        Ascending, from above 0.
    gradient : callable
        Of student and teacher.
    tolerance : float
        Relative to each parameter's deviation and, absolutely, to the distance at the start. Much
        less than the default asks for more digits than the parameters have.
    method : str
        One of scipy's solvers for stiff equations, `STIFF`.

    Raises
    ------
    ValueError
        If the times are not positive and ascending, the tolerance is not positive, the method is
        another, or the networks differ in shape or activation.
    MemoryError
        If the solver's matrices (P, P) do not fit.
    RuntimeError
        If the solver gives up, or stalls because the tolerance is below rounding.
    """
    check_pair(student, teacher)
    times = finite_array("times", times, (None,))
    if times[0] <= 0 or (np.diff(times) <= 0).any():
        raise ValueError("times must be above 0 and ascending")
    tolerance = positive_number("tolerance", tolerance)
    if method not in STIFF:
        raise ValueError(f"method must be one of {', '.join(STIFF)}, not {method!r}")
    size = teacher.parameter_count
    need = 6 * 8.0 * size**2
    require_memory(f"a stiff solver for {size} parameters", need, "use gradient_descent")
    origin = teacher.parameters

    calls = count()

    def velocity(time: float, deviation: Array) -> Array:
        if next(calls) == EVALUATIONS:
            raise RuntimeError(
                f"gradient flow stalled at time {time:.3g} of {times[-1]:.3g}: the tolerance "
                f"{tolerance:g} is below what rounding leaves; raise it or end earlier"
            )
        return -gradient(teacher.with_parameters(origin + deviation), teacher)

    start = student.parameters - origin
    solution = solve_ivp(
        velocity,
        (0.0, times[-1]),
        start,
        method=method,
        t_eval=np.append(0.0, times),
        rtol=tolerance,
        atol=tolerance * float(np.linalg.norm(start)),
    )
    if not solution.success:
        raise RuntimeError(f"gradient flow stopped at {solution.t[-1]:.3g}: {solution.message}")
    students = [teacher.with_parameters(origin + deviation) for deviation in solution.y.T]
    return Trajectory(teacher, solution.t, students)
