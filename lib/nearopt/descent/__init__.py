"""Learning near the optimum: as it runs, and as the Hessian predicts it."""

from nearopt.descent.comparison import Comparison, Curve, extrapolated
from nearopt.descent.dynamics import (
    DivergenceError,
    Trajectory,
    critical_rate,
    distance,
    gradient_descent,
)
from nearopt.descent.flow import gradient_flow
from nearopt.descent.linear_prediction import (
    asymptotic_linear_expected_loss,
    late_exponent,
    linear_expected_loss,
)
from nearopt.descent.linear_students import descend_linear_students
from nearopt.descent.loss import (
    batch_gradient,
    batch_loss,
    near_gradient,
    near_loss,
    population_gradient,
    population_loss,
)
from nearopt.descent.prediction import expected_loss, predicted_loss, steps_to, summary

__all__ = [
    "Comparison",
    "Curve",
    "DivergenceError",
    "Trajectory",
    "asymptotic_linear_expected_loss",
    "batch_gradient",
    "batch_loss",
    "critical_rate",
    "descend_linear_students",
    "distance",
    "expected_loss",
    "extrapolated",
    "gradient_descent",
    "gradient_flow",
    "late_exponent",
    "linear_expected_loss",
    "near_gradient",
    "near_loss",
    "population_gradient",
    "population_loss",
    "predicted_loss",
    "steps_to",
    "summary",
]
