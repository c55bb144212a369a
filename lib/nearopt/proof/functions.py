"""Activations and their slopes in complex ball arithmetic, for what has no closed form."""

from collections.abc import Callable

from flint import acb, acb_poly, arb

from nearopt.network import smooth
from nearopt.network.activations import Erf, LeakyReLU, Polynomial
from nearopt.network.kernels import Activation

# The second argument asks for a non-finite ball wherever the function is not analytic.
BallMap = Callable[[acb, bool], acb]
BallFunction = tuple[BallMap, BallMap]  # g and g'.


def _normal_cdf(u: acb) -> acb:
    return (1 + (u / arb(2).sqrt()).erf()) / 2


def _normal_pdf(u: acb) -> acb:
    return (-u * u / 2).exp() / (2 * arb.pi()).sqrt()


def _logistic(u: acb) -> acb:
    if u.real < 0:
        return u.exp() / (1 + u.exp())
    return 1 / (1 + (-u).exp())


def _softplus(u: acb, analytic: bool) -> acb:
    """log(1 + e^u); where e^u is large the same far from the logarithm's cut."""
    if u.real > 0:
        return u + (1 + (-u).exp()).log(analytic=analytic)
    return (1 + u.exp()).log(analytic=analytic)


ERF = (lambda u, _: 2 * _normal_cdf(u) - 1, lambda u, _: 2 * _normal_pdf(u))

# Each obeys |g(u)| <= 1 + |u| and |g'(u)| <= 2 on the real line.
SMOOTH = {
    "tanh": (lambda u, _: u.tanh(), lambda u, _: u.sech() * u.sech()),
    "sigmoid": (lambda u, _: _logistic(u), lambda u, _: _logistic(u) * _logistic(-u)),
    "softplus": (_softplus, lambda u, _: _logistic(u)),
    "gelu": (lambda u, _: u * _normal_cdf(u), lambda u, _: _normal_cdf(u) + u * _normal_pdf(u)),
    "sin": (lambda u, _: u.sin(), lambda u, _: u.cos()),
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
        return (lambda u, _: g(u), lambda u, _: g.derivative()(u))
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
        lambda u, analytic: below * u + above * u.real_max(acb(0), analytic=analytic),
        lambda u, analytic: below + above * u.real_heaviside(analytic=analytic),
    )
