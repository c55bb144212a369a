r"""The loss curve that the Hessian predicts, per student and per teacher.

To second order in delta = theta_0 - theta*, with eigenpairs (lambda_i, q_i) of the Hessian,

.. math::

    L(t) = \tfrac12 \sum_i \lambda_i (q_i \cdot \delta)^2 d_i(t), \qquad
    d_i(t) = (1 - \eta \lambda_i)^{2t}

after t steps of gradient descent at the rate eta, or d_i = exp(-2 lambda_i t) under gradient flow.
How right this is, `nearopt.descent.dynamics` measures; `nearopt.descent.linear_prediction` has the
mean over all linear teachers. How long learning takes follows from the eigenvalues alone.
"""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import xlog1py, xlogy

from nearopt.checks import Array, finite_array, positive_number, require_memory


def checked_times(times: ArrayLike) -> Array:
    """Return times as an array (times,)."""
    checked = finite_array("times", [times] if isinstance(times, Real) else times, (None,))
    if (checked < 0).any():
        raise ValueError(f"times must not be negative, as {checked.min():g} is")
    return checked


def _decay(eigenvalues: Array, times: Array, rate: float | None) -> Array:
    """Return d_i(t), shape (times, eigenvalues), of eigenvalues of at least 0."""
    what = f"{len(times)} times with {len(eigenvalues)} eigenvalues"
    require_memory(what, 40.0 * len(times) * len(eigenvalues), "ask for fewer times at once")
    if rate is None:
        return np.exp(-2 * np.multiply.outer(times, eigenvalues))
    x, exponent = positive_number("rate", rate) * eigenvalues, 2 * times[:, None]
    # Not a power of 1 - x, which has lost the digits of a small x.
    below = xlog1py(exponent, -np.minimum(x, 1.0))
    with np.errstate(over="ignore"):  # Above the critical rate a loss may well be infinite.
        return np.exp(np.where(x > 1, xlogy(exponent, np.maximum(x - 1, 0.0)), below))


def predicted_loss(
    eigenpairs: tuple[Array, Array], deviation: Array, times: ArrayLike, rate: float | None = None
) -> Array:
    """Loss of one student, to second order in its deviation, shape (times,).

    Parameters
    ----------
    eigenpairs : tuple of arrays of shape (P,) and (P, P)
        Eigenvalues of the Hessian and its eigenvectors in columns, as `numpy.linalg.eigh` has them.
        Those of eigenvalue zero may be left out.
    deviation : array of shape (P,)
        Parameters of the student at the start, minus the teacher's.
    times, rate : array of shape (times,), and float
        Steps of gradient descent and its rate; times of gradient flow if no rate is given.
    """
    if not isinstance(eigenpairs, Sequence) or len(eigenpairs) != 2:
        raise TypeError(f"eigenpairs must be eigenvalues and eigenvectors, not {eigenpairs!r:.80}")
    values = finite_array("eigenvalues", eigenpairs[0], (None,))
    deviation = finite_array("deviation", deviation, (None,))
    vectors = finite_array("eigenvectors", eigenpairs[1], (len(deviation), len(values)))
    weights = np.maximum(values * (vectors.T @ deviation) ** 2, 0.0)
    # A mode of no weight stays without, however fast it would grow.
    decay = _decay(np.where(weights > 0, values, 0.0), checked_times(times), rate)
    return decay @ weights / 2


def expected_loss(
    eigenvalues: Array, times: ArrayLike, epsilon: float = 1.0, rate: float | None = None
) -> Array:
    """Mean of `predicted_loss` over deviations delta ~ N(0, epsilon^2 I), shape (times,).

    Each (q_i . delta)^2 has the mean epsilon^2, whatever the eigenvectors, so that the loss is
    epsilon^2 / 2 times the sum of lambda_i d_i(t).

    Parameters
    ----------
    eigenvalues : array of shape (P,)
        Of the Hessian; zeros may be left out.
    times, rate
        As in `predicted_loss`.
    epsilon : float
        Standard deviation of each parameter's deviation.
    """
    # Rounding leaves zeros on either side of 0.
    values = np.maximum(finite_array("eigenvalues", eigenvalues, (None,)), 0.0)
    scale = positive_number("epsilon", epsilon) ** 2 / 2
    return scale * (_decay(values, checked_times(times), rate) @ values)


def _positive(eigenvalues: Array) -> Array:
    """Return the eigenvalues above 0, of which there must be one."""
    values = finite_array("eigenvalues", eigenvalues, (None,))
    if values.max() <= 0:
        raise ValueError(f"eigenvalues must not all be 0 or below: the largest is {values.max():g}")
    return values[values > 0]


def steps_to(eigenvalues: Array, fractions: Sequence[float]) -> list[float]:
    """Return the steps after which the expected loss is down to each fraction of its start.

    For gradient descent at the rate 1 / lambda_max from isotropic deviations
    (`expected_loss`). The first step removes the steepest mode, and no answer is less than that one
    step; later ones are interpolated.

    Parameters
    ----------
    eigenvalues : array of shape (P,)
        Of the Hessian, as `nearopt.hessian.batch_spectrum` has them; zeros do not matter.
    fractions : sequence of float
        Between 0 and 1.
    """
    fractions = finite_array("fractions", fractions, (None,))
    if not ((fractions > 0) & (fractions < 1)).all():
        raise ValueError(f"fractions must be between 0 and 1, not {fractions.tolist()}")
    values = _positive(eigenvalues)
    rate, start = 1 / values.max(), values.sum() / 2
    top = np.log(40 * values.max() / values.min())

    def excess(log_time: float, fraction: float) -> float:
        loss = expected_loss(values, [np.exp(log_time)], rate=rate)[0]
        return float(np.log(max(loss / start, 1e-300) / fraction))

    return [
        float(np.exp(brentq(excess, 0.0, top, args=(f,)))) if excess(0.0, f) > 0 else 1.0
        for f in fractions
    ]


def summary(name: str, eigenvalues: Array, fraction: float = 0.01) -> str:
    """Say in plain words how long gradient descent takes and what it never learns.

    Parameters
    ----------
    name : str
        What the text begins with.
    eigenvalues : array of shape (P,)
        As for `steps_to`. A positive one counts as a direction that is learned, however small: of
        those that a dense matrix has, pass 0 for what `nonzero` leaves out, which is rounding.
    fraction : float
        Of the loss, between 0 and 1.
    """
    values, count = _positive(eigenvalues), len(eigenvalues)
    (steps,) = steps_to(eigenvalues, [positive_number("fraction", fraction)])
    slowest = values.max() / values.min() / 2
    idle = count - len(values)
    flat = f"{idle} of {count} directions never matter" if idle else "every direction matters"
    return (
        f"{name}: at the rate 1 / lambda_max = {1 / values.max():.1g} the loss is down to "
        f"{100 * fraction:.3g}% after about {steps:.1g} steps; the last direction needs about "
        f"{slowest:.0e} steps for each factor of e; {flat}"
    )
