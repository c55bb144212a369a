"""Descent beside what the Hessian predicts of it: where measurement and prediction meet."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from nearopt.checks import Array, finite_array, positive_integer
from nearopt.descent.dynamics import Trajectory, distance, gradient_descent
from nearopt.descent.flow import gradient_flow
from nearopt.descent.loss import near_gradient, near_loss
from nearopt.descent.prediction import predicted_loss
from nearopt.hessian.dense import population_hessian
from nearopt.network.two_layer import TwoLayer, require_network

# Below this share of the initial loss, the rounding of the parameters begins to count.
FLOOR = 1e-11

two_node_gradient = partial(near_gradient, nodes=2)


class Curve(NamedTuple):
    """A loss over time, measured and predicted, each of shape (records,).

    `steps` are in units of the rate, the first is 0; `distance` is that from the teacher.
    """

    steps: Array
    measured: Array
    predicted: Array
    distance: Array

    @property
    def differences(self) -> Array:
        """Measured over predicted loss, minus 1, in size."""
        return np.abs(self.measured / self.predicted - 1)


def extrapolated(values: ArrayLike) -> tuple[Array, Array]:
    """Return a limit of no deviation, and what the last order changed, in size.

    Richardson's extrapolation of a power series in the deviation, from `values` (3, ...) at one, at
    half and at a quarter of it: the limit errs by the third order, the change is of the second.
    """
    whole, half, quarter = np.asarray(values)
    early, late = 2 * half - whole, 2 * quarter - half
    return (4 * late - early) / 3, np.abs(late - early)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A student near its teacher, and the nonzero eigenpairs of the Hessian there.

    Attributes
    ----------
    teacher, student : TwoLayer
        Optimum and start.
    values, vectors : arrays of shape (rank,) and (P, rank)
        Eigenvalues, ascending, and eigenvectors.
    """

    teacher: TwoLayer
    student: TwoLayer
    values: Array
    vectors: Array

    @classmethod
    def near(cls, teacher: TwoLayer, rank: int, deviation: Array) -> Self:
        """Compare from a deviation (P,) on; of the eigenvalues the `rank` largest are kept."""
        require_network("teacher", teacher)
        if positive_integer("rank", rank) > teacher.parameter_count:
            raise ValueError(f"rank must be at most {teacher.parameter_count}, not {rank}")
        deviation = finite_array("deviation", deviation, (teacher.parameter_count,))
        values, vectors = np.linalg.eigh(population_hessian(teacher))
        student = teacher.with_parameters(teacher.parameters + deviation)
        return cls(teacher, student, values[-rank:], vectors[:, -rank:])

    def closer(self, share: float) -> Self:
        """Compare from a share of the same deviation on."""
        parameters = self.teacher.parameters + share * self.deviation
        return replace(self, student=self.teacher.with_parameters(parameters))

    @property
    def deviation(self) -> Array:
        """Parameters of the student minus the teacher's, shape (P,)."""
        return self.student.parameters - self.teacher.parameters

    @property
    def rate(self) -> float:
        """Half the critical rate, 1 / lambda_max."""
        return 1 / float(self.values[-1])

    def predict(self, steps: Array) -> Array:
        """Return the predicted loss of gradient flow, at times `steps` in units of the rate."""
        pairs = self.values, self.vectors
        return predicted_loss(pairs, self.deviation, np.multiply(steps, self.rate))

    def predict_distance(self, steps: Array) -> Array:
        """Return the predicted distance under gradient flow; the null space keeps its share."""
        squares = (self.vectors.T @ self.deviation) ** 2
        decay = np.exp(-2 * np.multiply.outer(np.multiply(steps, self.rate), self.values))
        flat = max(0.0, self.deviation @ self.deviation - squares.sum())
        return np.sqrt(flat + decay @ squares)

    def descend(self, steps: int, rate: float | None = None) -> Curve:
        """Run gradient descent, by default at `rate`, down to 1e-11 of the initial loss."""
        rate = self.rate if rate is None else rate
        run = {"rate": rate, "steps": steps, "gradient": two_node_gradient, "records": 25}
        path = gradient_descent(self.student, self.teacher, **run)
        pairs = self.values, self.vectors
        return self._curve(path, predicted_loss(pairs, self.deviation, path.times, rate), 1.0)

    def flow(self, steps: Array) -> Curve:
        """Run gradient flow to times `steps` above 0, down to 1e-11 of the initial loss."""
        theory = self.predict(np.append(0.0, steps))
        times = np.asarray(steps)[theory[1:] > FLOOR * theory[0]] * self.rate
        path = gradient_flow(self.student, self.teacher, times, gradient=two_node_gradient)
        return self._curve(path, self.predict(path.times / self.rate), self.rate)

    def _curve(self, path: Trajectory, theory: Array, unit: float) -> Curve:
        keep = theory > FLOOR * theory[0]
        numbers = (path.times / unit, path.measure(near_loss), theory, path.measure(distance))
        return Curve(*(number[keep] for number in numbers))

    @property
    def late_steps(self) -> Array:
        """The times 3 and 4 over the smallest eigenvalue, in units of the rate."""
        return np.array([3.0, 4.0]) * self.values[-1] / self.values[0]

    @property
    def reaches_its_end(self) -> bool:
        """Whether the slowest mode is then left alone, to 1 %, with 1e-11 of the loss or more."""
        if self.values[0] <= 0:  # It is lost in rounding.
            return False
        start, early, late = self.predict(np.append(0.0, self.late_steps))
        return bool(late > FLOOR * start and np.log(early / late) / 2 < 1.01)

    def late_rate(self) -> float:
        """Measure -1/2 d ln L / dt between `late_steps`, of a student that reaches its end."""
        _, early, late = self.flow(self.late_steps).measured
        return float(np.log(early / late) * self.values[0] / 2)
