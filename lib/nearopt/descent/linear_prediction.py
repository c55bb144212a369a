"""The loss that the Hessian predicts for linear networks, averaged over deviations and teachers.

`nearopt.descent.linear_students` measures it.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammainccinv

from nearopt.checks import Array, positive_integer, positive_number, require_memory
from nearopt.descent.prediction import checked_times
from nearopt.laws.tails import legendre
from nearopt.laws.wishart import MarchenkoPastur, singular_value_density


def linear_expected_loss(
    times: ArrayLike,
    input_dim: int,
    hidden_dim: int,
    sigma1: float = 1.0,
    sigma2: float = 1.0,
    epsilon: float = 1.0,
) -> Array:
    r"""Loss under gradient flow for linear g, averaged over deviations and over teachers, exact.

    Of shape (times,), to about 12 digits, also where it is small.

    Parameters
    ----------
    times : array of shape (times,)
        Times of gradient flow, at least 0.
    input_dim, hidden_dim : int
        Sizes of the network, which has one output.
    sigma1, sigma2, epsilon : float
        Standard deviations of the teacher's weights W1 and W2 and of each parameter's deviation.

    Notes
    -----
    A nonzero eigenvalue is sigma2^2 X + sigma1^2 Y, X chi-square and Y an eigenvalue of a Wishart
    matrix, independent of X. With Z(t) the Laplace transforms, at 2 t, of their laws,

    .. math::

        L = -\frac{\varepsilon^2 N_i}{4} \frac{d}{dt} \bigl[Z_X(t) Z_Y(t)\bigr], \qquad
        Z_X(t) = (1 + 4 \sigma_2^2 t)^{-N_h/2}

    and Z_Y an integral over the exact density. Late, Z_Y tends to a constant if Ni > Nh, for a
    share 1 - Nh/Ni of the Y is zero; else it falls like t^(-(Nh-Ni+1)/2). So L falls like a power
    of t with the exponents of `late_exponent`, though each teacher's loss falls exponentially.
    """
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    n, p = max(hidden_dim, input_dim), min(hidden_dim, input_dim)
    instead = "use asymptotic_linear_expected_loss"
    require_memory(f"an integral over {p} singular values", 160.0 * (128 + 4 * p), instead)

    def spectrum(rate: float) -> tuple[Array, Array]:
        # Larger eigenvalues contribute less than 1e-18 of the transform.
        top = math.sqrt(n) + math.sqrt(p) + 9
        if rate > 0:
            top = min(top, math.sqrt(gammainccinv((n + p) / 2, 1e-18) / rate))
        u, weights = legendre(128 + 4 * p)
        t = top * u
        return t**2, top * weights * singular_value_density(t, n, p) / input_dim

    return _linear_mean(times, spectrum, input_dim, hidden_dim, (sigma1, sigma2, epsilon))


def asymptotic_linear_expected_loss(
    times: ArrayLike,
    input_dim: int,
    hidden_dim: int,
    sigma1: float = 1.0,
    sigma2: float = 1.0,
    epsilon: float = 1.0,
) -> Array:
    """Return what `linear_expected_loss` tends to for large networks: Y is Marchenko-Pastur.

    Parameters, shapes and errors as there. With edges a, b and Y / Nh = a + (b - a) sin^2(angle),
    the density is smooth in the angle. For Nh > Ni nothing lies below the edge a > 0, so this
    falls exponentially in the end, where the exact mean falls like a power.
    """
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    c = input_dim / hidden_dim
    lower, upper = MarchenkoPastur(c).edges
    width = upper - lower

    def spectrum(rate: float) -> tuple[Array, Array]:
        reach = 40 / (rate * hidden_dim * width) if rate > 0 else 1.0
        u, weights = legendre(1000)
        top = math.asin(math.sqrt(min(1.0, reach)))
        angle = top * u
        y = lower + width * np.sin(angle) ** 2
        density = (width * np.sin(2 * angle) / 2) ** 2 / (math.pi * c * y)
        return hidden_dim * y, top * weights * density

    return _linear_mean(times, spectrum, input_dim, hidden_dim, (sigma1, sigma2, epsilon))


def _linear_mean(
    times: ArrayLike,
    spectrum: Callable[[float], tuple[Array, Array]],
    input_dim: int,
    hidden_dim: int,
    scales: tuple[float, float, float],
) -> Array:
    """Return -(epsilon^2 Ni / 4) d/dt [Z_X Z_Y].

    `spectrum(rate)` gives values y of the nonzero Y and their weights, enough of them to
    integrate exp(-rate y).
    """
    times, names = checked_times(times), ("sigma1", "sigma2", "epsilon")
    variance1, variance2, variance = (
        positive_number(name, scale) ** 2 for name, scale in zip(names, scales, strict=True)
    )
    zeros = max(0.0, 1 - hidden_dim / input_dim)
    nonzero, moment = np.empty((2, len(times)))
    for i, rate in enumerate(2 * variance1 * times):
        y, weights = spectrum(rate)
        damped = weights * np.exp(-rate * y)
        nonzero[i], moment[i] = damped.sum(), damped @ y
    growth = 1 + 4 * variance2 * times
    chi = growth ** (-hidden_dim / 2)
    mean_chi = variance2 * hidden_dim * chi / growth
    return variance * input_dim / 2 * (mean_chi * (zeros + nonzero) + variance1 * chi * moment)


def late_exponent(input_dim: int, hidden_dim: int) -> float:
    """Exponent of the late power law of `linear_expected_loss`.

    -(Nh/2 + 1) for Ni > Nh, from the chi-square density near 0, which is a power Nh/2 - 1; for Nh
    >= Ni another (Nh - Ni + 1)/2 less, from the density of the smallest Wishart eigenvalue.
    """
    input_dim = positive_integer("input_dim", input_dim)
    hidden_dim = positive_integer("hidden_dim", hidden_dim)
    return -(hidden_dim / 2 + 1 + max(0, hidden_dim - input_dim + 1) / 2)
