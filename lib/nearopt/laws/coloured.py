r"""The law of the Hessian's eigenvalues when inputs are correlated, few, or both.

For linear g and one output, the eigenvalues that can differ from 0 are those of

.. math:: S^{1/2} (|W_2|^2 I + W_1^\top W_1) S^{1/2},

with S the covariance Sigma of the inputs or, on a batch of N samples, the sample covariance. For
large networks their distribution depends on the eigenvalues of Sigma only. Prediction alone lives
here; `nearopt.network.inputs` has the Hessian itself.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainccinv, gammaincinv, gammaln
from scipy.stats import rv_continuous

from nearopt.checks import Array, finite_array, positive_integer, positive_number
from nearopt.laws.deterministic_equivalent import REMEDY, ConvergenceError, DeterministicEquivalent
from nearopt.laws.piecewise import DEGREE, tabulate
from nearopt.laws.tails import inverse

Complex = NDArray[np.complex128]

# Of the total probability, which the table is held to.
MASS_TOLERANCE = 1e-5
# Chi-square variables are integrated between the quantiles that leave this much outside.
NEGLIGIBLE = 1e-15
# Below this share of the largest eigenvalue, the law is not resolved.
SMALLEST = 1e-18
# Below this probability, the upper tail is not known.
SMALLEST_TAIL = 1e-10
# Equations that are solved at once: gigabytes are not worth a law that is mostly noise.
MOST_SOLVED = 1_000_000


class ColouredHessianLaw(rv_continuous):
    r"""Law of a Hessian eigenvalue of large linear networks on inputs of any covariance.

    Parameters
    ----------
    covariance_spectrum : array of shape (input_dim,)
        Eigenvalues of the covariance Sigma of the inputs, none negative, not all 0.
    hidden_dim : int
        Hidden units; the network has one output.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.
    samples : int or None
        Size N of the batch of Gaussian inputs; None for their whole population.

    Attributes
    ----------
    atom : float
        Probability of the value 0: 1 - min(rank Sigma, N) / input_dim. `pdf` leaves it out; `cdf`,
        `ppf`, `rvs` and `stats` have it.

    Raises
    ------
    ConvergenceError
        If the equations are not solved, their solution is too noisy for a table, or the total
        probability is not 1 to 1e-5.

    Notes
    -----
    `cdf` and `ppf` are right to 1e-5 of the whole probability. In the upper tail `sf` and `logpdf`
    are right to six digits where `sf` is above 1e-6 and to two where it is above 1e-10; `isf` of
    less than that is not a number.

    Deterministic equivalents of both random matrices (Silverstein and Bai 1995; Hachem, Loubaton
    and Najim 2007) replace the matrix by b Sigma. With w_i the weights of the eigenvalues tau_i
    of Sigma and A = |W2|^2, the scalar b = a rho solves

    .. math::

        T &= \sum_i \frac{w_i \tau_i}{b \tau_i - z} \\
        a &= A + \frac{\sigma_1^2 N_h}{1 + \sigma_1^2 N_i \rho T} \\
        \rho &= \frac{1}{1 + (N_i / N) \, a T}

    for N_i inputs, N_h hidden units and N samples, with a and rho in the lower half plane, where
    the solution is unique, and the density at x is Im m(x) / pi, m = sum_i w_i / (b tau_i - x). It
    is averaged over A, a chi-square variable: m is analytic for A in the lower half plane, so the
    integral is taken there, at a distance from all singularities, by the trapezoidal rule in log A.
    """

    def __init__(
        self,
        covariance_spectrum: ArrayLike,
        hidden_dim: int,
        sigma1: float = 1.0,
        sigma2: float = 1.0,
        samples: int | None = None,
    ) -> None:
        self.covariance_spectrum = finite_array("covariance_spectrum", covariance_spectrum, (None,))
        if self.covariance_spectrum.min() < 0 or self.covariance_spectrum.max() == 0:
            lowest = self.covariance_spectrum.min()
            raise ValueError(
                "covariance_spectrum must hold no negative number and not only zeros; "
                f"its smallest is {lowest:.3g}, clip what is mere rounding"
            )
        self.hidden_dim = positive_integer("hidden_dim", hidden_dim)
        self.sigma1 = positive_number("sigma1", sigma1)
        self.sigma2 = positive_number("sigma2", sigma2)
        self.samples = None if samples is None else positive_integer("samples", samples)
        self.input_dim = len(self.covariance_spectrum)
        rank = np.count_nonzero(self.covariance_spectrum)
        self.atom = 1 - min(rank, self.samples or rank) / self.input_dim
        # scipy takes the cdf to be 0 at the lower end of the support, where the atom is.
        super().__init__(a=math.nextafter(0, -1), name=type(self).__name__)
        self._equivalent = DeterministicEquivalent(
            self.covariance_spectrum, self.hidden_dim, self.sigma1, self.samples
        )
        self._nodes = _chi_square_nodes(self.hidden_dim, self.sigma2)
        self._table()

    def _updated_ctor_param(self) -> dict[str, object]:
        names = ("covariance_spectrum", "hidden_dim", "sigma1", "sigma2", "samples")
        return {name: getattr(self, name) for name in names}

    def _table(self) -> None:
        """Tabulate the density and its integral over log x."""
        outer = 2 * self.sigma2**2 * gammainccinv(self.hidden_dim / 2, NEGLIGIBLE)
        inner = self.sigma1**2 * (math.sqrt(self.hidden_dim) + math.sqrt(self.input_dim)) ** 2
        batch = (1 + math.sqrt(self.input_dim / self.samples)) ** 2 if self.samples else 1.0
        top = math.log(self.covariance_spectrum.max() * batch * (outer + inner))
        breaks = np.linspace(top + math.log(SMALLEST), top, 17)

        def density(t: Array) -> Array:
            order = np.argsort(t)
            return self._resolve(np.exp(t[order]))[np.argsort(order)]

        most_pieces = MOST_SOLVED // (len(self._nodes[0]) * (DEGREE + 1))
        try:
            self._density = tabulate(density, breaks, 1e-10, most_pieces)
        except ConvergenceError:
            raise
        except ArithmeticError as error:
            raise ConvergenceError(f"{self._name()} is not resolved: {error}; {REMEDY}") from None
        self._distribution = self._density.antiderivative()
        mass = self._distribution(top) + self.atom
        if not abs(mass - 1) < MASS_TOLERANCE:
            raise ConvergenceError(
                f"{self._name()} adds up to {mass:.8f}, not to 1: it is not resolved below "
                f"{SMALLEST:.0e} of the largest eigenvalue; {REMEDY}"
            )

    def _name(self) -> str:
        batch = f" on {self.samples} samples" if self.samples else ""
        return f"the law of {self.input_dim} inputs and {self.hidden_dim} hidden units{batch}"

    def _resolve(self, x: Array) -> Array:
        """Return x times the density at each x > 0, ascending."""
        A, weights = self._nodes
        return (self._equivalent.transform(x, A, np.abs(weights)) @ weights).imag / math.pi

    def _pdf(self, x: Array) -> Array:
        t = np.log(np.clip(x, 1e-300, 1e300))
        inside = np.clip(t, *self._density.x[[0, -1]])
        return np.where(inside == t, np.maximum(self._density(inside), 0.0), 0.0) * np.exp(-t)

    def _integral(self, x: Array) -> Array:
        """Return the probability between the least eigenvalue that is resolved and x."""
        t = np.log(np.clip(x, np.finfo(float).tiny, 1e300))
        return self._distribution(np.clip(t, *self._density.x[[0, -1]]))

    def _cdf(self, x: Array) -> Array:
        return np.clip(self.atom + self._integral(x), 0.0, 1.0)

    def _sf(self, x: Array) -> Array:
        """From the top, so that nothing cancels where little is left."""
        above = self._distribution(self._density.x[-1]) - self._integral(x)
        return np.clip(above, 0.0, 1.0)

    def _ppf(self, q: Array) -> Array:
        return np.where(q > self.atom, self._invert(self._cdf, q), 0.0)

    def _isf(self, q: Array) -> Array:
        quantile = np.where(q < 1 - self.atom, self._invert(lambda x: -self._sf(x), -q), 0.0)
        return np.where(q < SMALLEST_TAIL, np.nan, quantile)

    def _invert(self, rising: Callable[[Array], Array], q: Array) -> Array:
        """Return where a function of x is q, or the nearer end of the table."""
        return np.exp(inverse(lambda t: rising(np.exp(t)), self._density.x, q))

    def _stats(self) -> tuple[float, float, None, None]:
        """Return mean and variance from the traces of the matrix and its square."""
        h, s1, s2 = self.hidden_dim, self.sigma1**2, self.sigma2**2
        first, second = (self.covariance_spectrum**k for k in (1, 2))
        first, second = first.mean(), second.mean()
        if self.samples:
            second += self.input_dim / self.samples * first**2
        mean = h * (s1 + s2) * first
        square = h**2 * (s1 + s2) ** 2 * second + 2 * h * s2**2 * second
        return mean, square + s1**2 * h * self.input_dim * first**2 - mean**2, None, None


def _chi_square_nodes(freedom: int, sigma: float) -> tuple[Complex, Complex]:
    """Return nodes A and weights whose sum is E over A ~ sigma^2 chi2, in the lower half plane.

    A = r exp(-i angle). The angle is that of the distribution's own width, so that the weights
    grow by a factor of about e only, and eight nodes lie within it.
    """
    angle = 2 / math.sqrt(freedom + 4)
    half = freedom / 2
    low = math.log(2 * gammaincinv(half, NEGLIGIBLE))
    high = math.log(2 * gammainccinv(half, NEGLIGIBLE) / math.cos(angle))
    count = math.ceil((high - low) / (angle / 6)) + 1
    u, step = np.linspace(low, high, count, retstep=True)
    log_A = u - 1j * angle
    A = np.exp(log_A)
    weights = step * np.exp(half * (log_A - math.log(2)) - A / 2 - gammaln(half))
    return sigma**2 * A, weights
