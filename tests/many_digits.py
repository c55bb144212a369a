"""The same numbers once more, to many digits and slowly, by mpmath."""

import mpmath
from scipy.stats import chi2


def asymptotic_reference(law, x):
    """The convolution as the paper writes it, over the Marchenko-Pastur variable, in 30 digits."""
    mp = mpmath.mp.clone()
    mp.dps = 30
    h, s1, s2 = law.hidden_dim, mp.mpf(law.sigma1), mp.mpf(law.sigma2)
    c = mp.mpf(law.input_dim) / h
    lower, upper = (s1**2 * h * (1 + sign * mp.sqrt(c)) ** 2 for sign in (-1, 1))

    def chi_square(y):
        y = y / s2**2
        return (
            y ** (mp.mpf(h) / 2 - 1)
            * mp.exp(-y / 2)
            / 2 ** (mp.mpf(h) / 2)
            / mp.gamma(mp.mpf(h) / 2)
            / s2**2
        )

    def integrand(mu):
        density = mp.sqrt((upper - mu) * (mu - lower)) / (2 * mp.pi * c * mu * s1**2 * h)
        return density * chi_square(x - mu)

    top = min(upper, mp.mpf(x))
    points = [lower + (top - lower) * mp.mpf(i) / 8 for i in range(9)] if top > lower else []
    area = mp.quad(integrand, points) if points else mp.mpf(0)
    return float(area + max(mp.mpf(0), 1 - 1 / c) * chi_square(mp.mpf(x)))


def finite_reference(law, x, reach=9):
    """The convolution over the angle, the density by its recurrence, in 40 digits.

    `reach` is how far a chi variable may be from its bulk: 9 in the bulk of the sum.
    """
    mp = mpmath.mp.clone()
    mp.dps = 40
    n, p = max(law.input_dim, law.hidden_dim), min(law.input_dim, law.hidden_dim)
    a, h, s1, s2 = n - p, law.hidden_dim, mp.mpf(law.sigma1), mp.mpf(law.sigma2)
    s = [mp.sqrt(k * (k + a)) for k in range(p + 1)]
    mean = mp.sqrt(2 * mp.beta(mp.mpf(a + 1) / 2, mp.mpf(1) / 2))

    def density(t):
        y = t * t
        before, phi = mp.mpf(0), mp.sqrt(y**a * mp.exp(-y) / mp.factorial(a))
        E_before, E = (
            mp.mpf(0),
            mean * (mp.mpf(1) / 2 - mp.gammainc(mp.mpf(a + 1) / 2, y / 2, regularized=True)),
        )
        squares, integral = mp.mpf(0), mean
        for k in range(p - 1):
            squares += phi**2
            E_before, E = E, (s[k] * E_before - 2 * t * phi) / s[k + 1]
            before, phi = phi, ((y - (2 * k + 1 + a)) * phi - s[k] * before) / s[k + 1]
            if k % 2 == 0 and k < p - 2:
                integral *= s[k + 1] / s[k + 2]
        return 2 * t * squares + s[p - 1] * phi * E_before + (2 * phi / integral if p % 2 else 0)

    def chi(r):
        return (
            2 * r ** (h - 1) * mp.exp(-(r**2) / 2) / 2 ** (mp.mpf(h) / 2) / mp.gamma(mp.mpf(h) / 2)
        )

    radius, edge = mp.sqrt(mp.mpf(x)), mp.sqrt(h)
    # Outside, the chi density is below 1e-30.
    low, high = (
        mp.acos(min(mp.mpf(1), max(mp.mpf(0), (edge + far) * s2 / radius)))
        for far in (reach, -reach)
    )
    area = mp.quad(
        lambda angle: chi(radius * mp.cos(angle) / s2) * density(radius * mp.sin(angle) / s1),
        mp.linspace(low, high, 9),
        maxdegree=6,
        method="gauss-legendre",
    )
    pure = max(0.0, 1 - h / law.input_dim) * chi2(h, scale=law.sigma2**2).pdf(x)
    return float(area / (2 * s1 * s2 * law.input_dim)) + pure


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
