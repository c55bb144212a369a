"""The same numbers once more, to many digits and slowly."""

import math
from functools import cache

import mpmath
from flint import arb, ctx

# Of balls whose recurrence for 300 singular values still leaves more digits than a float has.
BITS = 600
POINTS = 64


@cache
def gauss_rule():
    with ctx.workprec(BITS):
        return [arb.legendre_p_root(POINTS, k, weight=True) for k in range(POINTS)]


def integral(function, low, high):
    """By Gauss's rule on eight pieces."""
    half = (high - low) / 16
    middles = [low + half * (2 * i + 1) for i in range(8)]
    return half * sum(w * function(m + half * u) for m in middles for u, w in gauss_rule())


def chi_density(r, h):
    half = arb(h) / 2
    return 2 * r ** (h - 1) * (-r * r / 2).exp() / (2**half * half.gamma())


def asymptotic_reference(law, x):
    """The convolution as the paper writes it, over the Marchenko-Pastur variable."""
    with ctx.workprec(BITS):
        h, s1, s2, x = law.hidden_dim, arb(law.sigma1), arb(law.sigma2), arb(x)
        c = arb(law.input_dim) / h
        lower, upper = (s1**2 * h * (1 + sign * c.sqrt()) ** 2 for sign in (-1, 1))
        half = (upper.min(x) - lower) / 2

        def chi_square(y):
            r = y.sqrt() / s2
            return chi_density(r, h) / (2 * r * s2**2)

        def integrand(angle):
            mu = lower + half * (1 - angle.cos())
            root = ((upper - mu) * (mu - lower)).sqrt()
            density = root / (2 * arb.pi() * c * mu * s1**2 * h)
            return density * chi_square(x - mu) * half * angle.sin()

        area = integral(integrand, arb(0), arb.pi()) if half > 0 else 0
        return rounded(area + max(0, 1 - 1 / c) * chi_square(x))


def finite_reference(law, x, reach=9):
    """The convolution over the angle, the density by its recurrence.

    `reach` is how far a chi variable may be from its bulk: 9 in the bulk of the sum.
    """
    with ctx.workprec(BITS):
        n, p = max(law.input_dim, law.hidden_dim), min(law.input_dim, law.hidden_dim)
        a, h, s1, s2 = n - p, law.hidden_dim, arb(law.sigma1), arb(law.sigma2)
        s, order = [arb(k * (k + a)).sqrt() for k in range(p + 1)], arb(a + 1) / 2
        mean = (2 * order.gamma() * arb.pi().sqrt() / (order + 0.5).gamma()).sqrt()

        def density(t):
            y = t * t
            before, phi = arb(0), (y**a * (-y).exp() / math.factorial(a)).sqrt()
            E_before, E = arb(0), mean * (0.5 - (y / 2).gamma_upper(order, regularized=1))
            squares, total = arb(0), mean
            for k in range(p - 1):
                squares += phi**2
                E_before, E = E, (s[k] * E_before - 2 * t * phi) / s[k + 1]
                before, phi = phi, ((y - (2 * k + 1 + a)) * phi - s[k] * before) / s[k + 1]
                if k % 2 == 0 and k < p - 2:
                    total *= s[k + 1] / s[k + 2]
            return 2 * t * squares + s[p - 1] * phi * E_before + (2 * phi / total if p % 2 else 0)

        def integrand(angle):
            return chi_density(radius * angle.cos() / s2, h) * density(radius * angle.sin() / s1)

        radius, bulk = arb(x).sqrt(), math.sqrt(h)
        # Outside, the chi density is below 1e-30.
        cosines = ((bulk + far) * law.sigma2 / math.sqrt(x) for far in (reach, -reach))
        low, high = (math.acos(min(1, max(0, cosine))) for cosine in cosines)
        area = integral(integrand, arb(low), arb(high)) / (s1 * s2 * law.input_dim)
        area += max(0, 1 - arb(h) / law.input_dim) * chi_density(radius / s2, h) / (radius * s2)
        return rounded(area / 2)


def rounded(ball):
    assert ball.rel_accuracy_bits() > 53
    return float(ball)


def mpmath_erf_hessian(net):
    """The Hessian with one input and one output, E[J^T J] by the trapezoidal rule in 40 digits.

    Its error falls as exp(-(32 pi)^2 / (2 + 4 s^2)), s the largest weight: below 1e-43 to s = 5.
    """
    with mpmath.workdps(40):
        nodes = [mpmath.mpf(k) / 16 for k in range(-14 * 16, 14 * 16 + 1)]
        roots = {x: mpmath.sqrt(mpmath.npdf(x) / 16) for x in nodes}
        pairs = list(zip(net.W1[:, 0].tolist(), net.W2[0].tolist(), strict=True))
        units = [lambda x, w=w: mpmath.erf(w * x / mpmath.sqrt(2)) for w, _ in pairs]
        units += [lambda x, w=w, a=a: 2 * a * x * mpmath.npdf(w * x) for w, a in pairs]
        J = mpmath.matrix([[f(x) * root for x, root in roots.items()] for f in units])
        return J * J.T
