"""Activations and their slopes in complex ball arithmetic, for what has no closed form."""

from collections.abc import Callable

from flint import acb, acb_poly, arb

from nearopt.network import smooth
from nearopt.network.activations import Erf, LeakyReLU, Polynomial
from nearopt.network.kernels import Activation

BallMap = Callable[[acb], acb]
BallFunction = tuple[BallMap, BallMap]  # g and g'.


def _normal_cdf(u: acb) -> acb:
    return (1 + (u / arb(2).sqrt()).erf()) / 2


def _normal_pdf(u: acb) -> acb:
    return (-u * u / 2).exp() / (2 * arb.pi()).sqrt()


def _logistic(u: acb) -> acb:
    if u.real < 0:
        return u.exp() / (1 + u.exp())
    return 1 / (1 + (-u).exp())


def _softplus(u: acb) -> acb:
    """log(1 + e^u), not finite on the logarithm's cut, from which a large e^u is kept away."""
    if u.real > 0:
        return u + _softplus(-u)
    return (1 + u.exp()).log(analytic=True)


ERF = (lambda u: 2 * _normal_cdf(u) - 1, lambda u: 2 * _normal_pdf(u))

# Each obeys |g(u)| <= 1 + |u| and |g'(u)| <= 2 on the real line, and is finite on a ball only if it
# is analytic there.
SMOOTH = {
    "tanh": (acb.tanh, lambda u: u.sech() * u.sech()),
    "sigmoid": (_logistic, lambda u: _logistic(u) * _logistic(-u)),
    "softplus": (_softplus, _logistic),
    "gelu": (lambda u: u * _normal_cdf(u), lambda u: _normal_cdf(u) + u * _normal_pdf(u)),
    "sin": (acb.sin, acb.cos),
}


def smooth_name(activation: Activation) -> str | None:
    """Return the name in `nearopt.network.smooth` of an activation that this module knows."""
    return next((name for name in SMOOTH if getattr(smooth, name) == activation), None)


def ball_function(activation: Activation) -> BallFunction:
    """Return an activation on complex balls."""
    if isinstance(activation, Erf):
        return ERF
    if isinstance(activation, Polynomial):
        g = acb_poly(list(activation.coefficients))
        return g, g.derivative()
    if isinstance(activation, LeakyReLU):
        return _piecewise_linear(activation.slope)
    name = smooth_name(activation)
    if name is None:
        known = "Erf, Polynomial, ReLU, LeakyReLU, " + ", ".join(SMOOTH)
        raise ValueError(f"activation must be one of {known} in ball arithmetic, not {activation}")
    return SMOOTH[name]


def _piecewise_linear(slope: float) -> BallFunction:
    """g(u) = slope u + (1 - slope) max(u, 0)."""
    below, above = arb(slope), 1 - arb(slope)
    return (
        lambda u: below * u + above * u.real_max(acb(0)),
        lambda u: below + above * u.real_heaviside(),
    )
