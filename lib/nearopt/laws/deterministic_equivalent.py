"""The equations of a Hessian's spectrum on inputs of any covariance, solved point by point.

`nearopt.laws.coloured.ColouredHessianLaw` states them and makes a law of what they give.
"""

import numpy as np
from numpy.typing import NDArray

from nearopt.checks import Array

Complex = NDArray[np.complex128]

# Newton's method is done when its last step moves x m(x) by less; the error is the square of it.
LAST_STEP = 1e-11
# A number is in the lower half plane if its phase is, up to rounding.
ROUNDING = 1e-12
# The equations are solved from so many starts, each after so many steps, before they are given up.
ATTEMPTS, STEPS = 48, 6
REMEDY = (
    "leave out covariance eigenvalues that are mere rounding, take scales that are less unequal or "
    "more hidden units and samples, for it is a law of large networks"
)


class ConvergenceError(ArithmeticError):
    """The equations of a law were not solved."""


class DeterministicEquivalent:
    """What replaces the random matrices at large size, as a function of A = |W2|^2.

    Parameters are those of `nearopt.laws.coloured.ColouredHessianLaw`.
    """

    def __init__(
        self, covariance_spectrum: Array, hidden_dim: int, sigma1: float, samples: int | None
    ) -> None:
        self.input_dim, self.hidden_dim = len(covariance_spectrum), hidden_dim
        self.sigma1, self.samples = sigma1, samples
        self._few = samples is not None and samples < np.count_nonzero(covariance_spectrum)
        self._ratio = self.input_dim / samples if samples else 0.0
        self._tau, counts = np.unique(covariance_spectrum, return_counts=True)
        self._weights = counts / self.input_dim

    def transform(self, x: Array, A: Complex, weights: Array) -> Complex:
        """Return x m(x) = sum_i w_i / (beta tau_i - 1), shape (points, nodes).

        At eigenvalues x above 0, ascending, and nodes A in the lower half plane, none of which need
        be solved better than its weight.
        """
        beta = self._solve(x, A, weights)
        return sum(w / (beta * t - 1) for t, w in zip(self._tau, self._weights, strict=True))

    def _solve(self, x: Array, A: Complex, weights: Array) -> Complex:
        """Return beta = b / x, shape (points, nodes).

        The equations are iterated from anywhere, then from the solution at the nearest eigenvalue
        that has one, and finished by Newton's method.
        """
        z, A, weights = np.broadcast_arrays(x[:, None], A, weights)
        a, beta, open_ = np.empty_like(A), np.empty_like(A), np.ones(A.shape, dtype=bool)
        for attempt in range(ATTEMPTS):
            if attempt % 4 == 0:
                # Near x = 0, a and rho may be as small as x itself.
                size = 10.0 ** (-attempt / 2)
                a[open_] = A[open_] + size * self.sigma1**2 * self.hidden_dim * (1 - 1j)
                beta[open_] = a[open_] / z[open_] * (size if self.samples else 1.0)
            else:
                rows, columns = _nearest_solved(open_, direction=attempt % 4)
                a, beta = a[rows, columns], beta[rows, columns]
            start = self._iterate(z[open_], A[open_], a[open_], beta[open_])
            *root, error = self._newton(z[open_], A[open_], *start, steps=7 + attempt)
            solved = error * weights[open_] <= LAST_STEP
            a[open_], beta[open_] = np.where(solved, root, start)
            open_[open_] = ~solved
            if not open_.any():
                return beta
        raise ConvergenceError(
            f"the law of {self.input_dim} inputs and {self.hidden_dim} hidden units was not solved "
            f"at {open_.sum()} of {open_.size} points, the first at the eigenvalue "
            f"{z[open_][0]:.6g}; {REMEDY}"
        )

    def _iterate(self, z: Array, A: Complex, a: Complex, beta: Complex) -> tuple[Complex, Complex]:
        """Return a and beta after some steps of the equations, each damped by half."""
        with np.errstate(all="ignore"):
            rho, s = beta * z / a, self.sigma1**2
            for _ in range(STEPS):
                V, _ = self._sums(a * rho / z)
                rho = (rho + 1 / (1 + self._ratio * V / rho)) / 2
                a = (a + A + s * self.hidden_dim / (1 + s * self.input_dim * V / a)) / 2
            return a, a * rho / z

    def _newton(
        self, z: Array, A: Complex, a: Complex, beta: Complex, steps: int
    ) -> tuple[Complex, Complex, Array]:
        """Return a and beta by Newton's method and the error of V, infinite at any other root.

        In this form nothing cancels where b and rho are small:
        a (1 - ratio V) = beta z and (a - A) (a + sigma1^2 input_dim V) = sigma1^2 hidden_dim a.
        """
        inner, outer = self.sigma1**2 * self.input_dim, self.sigma1**2 * self.hidden_dim
        with np.errstate(all="ignore"):
            for _ in range(steps):
                V, slope = self._sums(beta)
                first = a * (1 - self._ratio * V) - beta * z
                second = (a - A) * (a + inner * V) - outer * a
                first_a, first_beta = 1 - self._ratio * V, -a * self._ratio * slope - z
                second_a, second_beta = 2 * a + inner * V - A - outer, (a - A) * inner * slope
                determinant = first_a * second_beta - first_beta * second_a
                step_a = (first * second_beta - first_beta * second) / determinant
                step_beta = (first_a * second - first * second_a) / determinant
                a, beta = a - step_a, beta - step_beta
            # Im a <= Im A < 0 leaves out the root a = 0.
            unique = (a.imag <= A.imag + ROUNDING * np.abs(a)) & (
                np.abs(step_a) <= 1e-6 * np.abs(a)
            )
            # With few samples, the wrong root is almost real where it is negative.
            allowed = np.where(beta.real > 0, ROUNDING, -ROUNDING) if self._few else ROUNDING
            unique &= (beta / a).imag <= allowed * np.abs(beta / a)
            # V is 1 + x m(x), of which the density is made.
            return a, beta, np.where(unique, np.abs(step_beta * slope), np.inf)

    def _sums(self, beta: Complex) -> tuple[Complex, Complex]:
        """Return V = b T = sum_i w_i beta tau_i / (beta tau_i - 1) and its derivative."""
        T, slope = np.zeros_like(beta), np.zeros_like(beta)
        for t, w in zip(self._tau, self._weights, strict=True):
            pole = 1 / (beta * t - 1)
            term = w * t * pole
            T += term
            slope -= term * pole
        return beta * T, slope


def _nearest_solved(open_: NDArray[np.bool_], direction: int) -> tuple[NDArray[np.int_], ...]:
    """Return rows and columns of the nearest solved place, or the place itself if there is none.

    The direction is 1 for larger A, along a row, 2 for larger x and 3 for smaller x.
    """
    rows, columns = np.indices(open_.shape)
    if direction == 1:
        return rows, _next_solved(open_.T).T
    if direction == 2:
        return _next_solved(open_), columns
    return len(open_) - 1 - _next_solved(open_[::-1])[::-1], columns


def _next_solved(open_: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Return the first solved row from each row on, or the row itself if there is none."""
    own = np.broadcast_to(np.arange(len(open_))[:, None], open_.shape)
    found = np.minimum.accumulate(np.where(open_, len(open_), own)[::-1])[::-1]
    return np.where(found == len(open_), own, found)
