"""Many erf teachers: certified ranks, the ranks that floats see, smallest eigenvalues and a fit."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from flint import arb

from nearopt.checks import positive_integer, require_generator
from nearopt.network.activations import Erf
from nearopt.network.two_layer import TwoLayer
from nearopt.proof.balls import working_precision
from nearopt.proof.certificate import FIRST_PRECISION, LARGEST_PRECISION, certify_full_rank
from nearopt.rank.count import numerical_rank


def draw_certificates(
    shapes: Iterable[tuple[int, int]],
    teachers: int,
    *,
    sigma1: float = 1.0,
    sigma2: float = 1.0,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw teachers with `Erf` of each shape and certify them.

    Parameters
    ----------
    shapes : iterable of (input_dim, hidden_dim)
        The sizes.
    teachers : int
        Drawn for each shape.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.
    rng : Generator
        Source of the weights.

    Returns
    -------
    DataFrame
        A row for each teacher: net, input_dim, hidden_dim, parameters, float_rank, certified, and
        smallest, the decimal logarithm of its smallest eigenvalue (NaN if not certified).
    """
    require_generator(rng)
    scales = {"sigma1": sigma1, "sigma2": sigma2, "rng": rng}
    draws = range(positive_integer("teachers", teachers))
    nets = [TwoLayer.draw(*s, activation=Erf(), **scales) for s in shapes for _ in draws]
    return pd.DataFrame([_row(net) for net in nets])


def _row(net: TwoLayer) -> dict[str, object]:
    certificate = certify_full_rank(net, max_precision=LARGEST_PRECISION)
    with working_precision(FIRST_PRECISION):  # The eigenvalue itself may be no float.
        smallest = float(certificate.smallest_eigenvalue.log() / arb(10).log())
    return {
        "net": net,
        "input_dim": net.input_dim,
        "hidden_dim": net.hidden_dim,
        "parameters": net.parameter_count,
        "float_rank": numerical_rank(net).value,
        "certified": certificate.certified,
        "smallest": smallest if certificate.certified else math.nan,
    }


def fit_widths(survey: pd.DataFrame) -> pd.DataFrame:
    """Fit smallest = intercept + slope hidden_dim^(1 / input_dim) to the teachers, by input_dim.

    Beside these two are `error`, the slope's standard error, and `spread`, the standard deviation
    of teachers about the fit, all in decades.
    """
    # Here, because who only certifies should not wait for all of scipy's statistics.
    from scipy.stats import linregress

    fits = {}
    for input_dim, group in survey.groupby("input_dim"):
        width = group.hidden_dim ** (1 / input_dim)
        fit = linregress(width, group.smallest)
        spread = (group.smallest - fit.intercept - fit.slope * width).std(ddof=2)
        fits[input_dim] = [fit.intercept, fit.slope, fit.stderr, spread]
    return pd.DataFrame(fits, index=["intercept", "slope", "error", "spread"]).T
