"""How long learning takes near the optimum, from the Hessian's eigenvalues alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from nearopt.checks import finite_array, positive_number
from nearopt.prediction import expected_loss

Array = NDArray[np.float64]


def nonzero(eigenvalues: Array) -> Array:
    """Return the eigenvalues of a dense matrix that are above its rounding error.

    That is P times the rounding unit times the largest.
    """
    values = finite_array("eigenvalues", eigenvalues, (None,))
    return values[values > len(values) * np.finfo(np.float64).eps * values.max()]


def _positive(eigenvalues: Array) -> Array:
    """Return the eigenvalues above 0, of which there must be one."""
    values = finite_array("eigenvalues", eigenvalues, (None,))
    if values.max() <= 0:
        raise ValueError(f"eigenvalues must not all be 0 or below: the largest is {values.max():g}")
    return values[values > 0]


def steps_to(eigenvalues: Array, fractions: Sequence[float]) -> list[float]:
    """Return the steps after which the expected loss is down to each fraction of its start.

    For gradient descent at the rate 1 / lambda_max from isotropic deviations
    (`nearopt.prediction.expected_loss`). The first step removes the steepest mode, and no answer
    is less than that one step; later ones are interpolated.

    Parameters
    ----------
    eigenvalues : array of shape (P,)
        Of the Hessian, as `nearopt.spectrum.batch_spectrum` has them; zeros do not matter.
    fractions : sequence of float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a fraction is not between 0 and 1, or no eigenvalue is positive.
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

    Raises
    ------
    ValueError
        If the fraction is not between 0 and 1, or no eigenvalue is positive.
    """
    values, count = _positive(eigenvalues), len(eigenvalues)
    (steps,) = steps_to(eigenvalues, [positive_number("fraction", fraction)])
    slowest = values.max() / values.min() / 2
    idle = count - len(values)
    flat = f"{idle} of {count} directions never matter" if idle else "every direction matters"
    return (
        f"{name}: at the rate 1 / lambda_max = {1 / values.max():.1g} the loss is down to "
        f"{fraction:.0%} after about {steps:.1g} steps; the last direction needs about "
        f"{slowest:.0e} steps for each factor of e; {flat}"
    )
