"""The Hessian of a network with one input, by integrals over the line with rigorous bounds.

It needs no closed form of the kernels, so it serves every smooth activation.
"""

import math
from collections.abc import Callable
from itertools import count

import flint
import numpy as np
from flint import acb, arb

from nearopt.network.two_layer import TwoLayer
from nearopt.proof.balls import Balls, exact
from nearopt.proof.functions import SMOOTH, smooth_name

# Evaluations of an integrand before it is given up, in seconds: some, and more for each bit.
EVALUATIONS, FOR_EACH_BIT = 20_000, 40


def integrated_hessian(net: TwoLayer) -> Balls:
    r"""Return the Hessian, shape (P, P), of a network with one input and an activation of `SMOOTH`.

    With w_k the only weight of unit k,

    .. math::

        H[W_{2,ok}, W_{2,o'l}] &= \delta_{oo'} \, E[g(w_k x) g(w_l x)] \\
        H[W_{2,ok}, w_l] &= W_{2,ol} \, E[g(w_k x) \, x g'(w_l x)] \\
        H[w_k, w_l] &= M_{kl} \, E[x^2 g'(w_k x) g'(w_l x)]
    """
    name = smooth_name(net.activation)
    if name is None or net.input_dim != 1:
        raise ValueError(
            f"integrals need one input and one of {', '.join(SMOOTH)}, not {net.input_dim} inputs "
            f"and {net.activation}; jacobian_rank proves ranks of other networks"
        )
    value, slope = SMOOTH[name]
    weights, W2 = exact(net.W1[:, 0]), exact(net.W2)
    units = [(lambda x, w=w: value(w * x), lambda x, w=w: x * slope(w * x)) for w in weights]
    scale = max(1.0, float(np.abs(net.W1).max()))

    def table(i: int, j: int) -> Balls:
        return np.array([[_expectation(f[i], h[j], scale) for h in units] for f in units])

    G01 = table(0, 1)
    H22 = np.kron(exact(np.eye(net.output_dim)), table(0, 0))
    H21 = (W2[:, None, :] * G01).reshape(-1, net.hidden_dim)
    return np.block([[H22, H21], [H21.T, W2.T @ W2 * table(1, 1)]])


def _expectation(f: Callable[..., acb], h: Callable[..., acb], scale: float) -> arb:
    """Enclose E[f(x) h(x)], x standard normal.

    Outside [-R, R], |f h| <= 4 s^2 (1 + |x|)^2 <= 16 s^2 x^2 with s the largest weight or 1, and
    there E[x^2] <= 4 R phi(R) with phi the normal density.
    """
    R = math.ceil(math.sqrt(2 * math.log(2) * flint.ctx.prec)) + 1
    density = 1 / (2 * arb.pi()).sqrt()
    evaluations = count(1)
    most = EVALUATIONS + FOR_EACH_BIT * flint.ctx.prec

    def integrand(x: acb, _: bool) -> acb:
        if next(evaluations) > most:
            raise ValueError(f"the activation varies too fast for weights up to {scale:.3g}")
        return f(x) * h(x) * (-x * x / 2).exp()

    inside = acb.integral(integrand, -R, R)
    tail = 64 * arb(scale) * scale * R * density * arb(-R * R / 2).exp()
    return density * inside.real + arb(0, tail.upper())
