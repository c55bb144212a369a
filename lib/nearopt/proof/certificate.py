"""Certificates that a Hessian has full rank, from the weights as the rationals that floats are."""

import math
import time
from dataclasses import dataclass, replace
from functools import reduce

from flint import arb, arb_mat

from nearopt.checks import positive_integer, require_memory
from nearopt.network.two_layer import TwoLayer, require_network
from nearopt.proof.balls import (
    ball_kernels,
    cholesky,
    exact,
    has_ball_kernels,
    hessian_blocks,
    to_matrix,
    working_precision,
)
from nearopt.proof.definite import Enclosures, prove_definite
from nearopt.proof.integrals import integrated_hessian
from nearopt.proof.theorem import loses_rank

FIRST_PRECISION, LARGEST_PRECISION = 64, 2**16
# Enclosures are stated a little wider than they were found, so that another machine meets them.
SLACK = 1e-6
# Matrices that are held at once.
COPIES = 12


@dataclass(frozen=True, eq=False)
class Certificate:
    """What ball arithmetic says of the rank of the Hessian at a teacher.

    Attributes
    ----------
    precision : int
        Bits at which it was found, or at which the search ended.
    certified : bool
        Whether full rank is proved; False says nothing of the rank.
    determinant, smallest_eigenvalue : arb
        Balls that hold them, the whole line where nothing is known. If `certified`, they exclude 0
        and have a relative radius near 1e-6.
    seconds : float or None
        Time that it took; None for a certificate that was read from a file.
    """

    net: TwoLayer
    precision: int
    certified: bool
    determinant: arb
    smallest_eigenvalue: arb
    seconds: float | None = None

    def __str__(self) -> str:
        if not self.certified:
            return f"not certified at {self.precision} bits"
        determinant, smallest = (
            ball.str(6, condense=0) for ball in (self.determinant, self.smallest_eigenvalue)
        )
        return (
            f"full rank {self.net.parameter_count}, proved at {self.precision} bits: "
            f"determinant {determinant}, smallest eigenvalue {smallest}"
        )

    def verify(self) -> bool:
        """Compute everything anew from the weights, a little more precisely, and compare.

        What is found must lie within what is stated, whose slack is for that.
        """
        fresh = _attempt(self.net, self.precision + 64)
        return (
            fresh.certified >= self.certified
            and self.determinant.contains(fresh.determinant)
            and self.smallest_eigenvalue.contains(fresh.smallest_eigenvalue)
        )


def certify_full_rank(net: TwoLayer, *, max_precision: int | None = None) -> Certificate:
    """Prove that the Hessian at a teacher has full rank, or give up at a stated precision.

    Parameters
    ----------
    net : TwoLayer
        The teacher, with `Erf` or `Polynomial`; or with one input and a smooth activation that
        `nearopt.proof.functions` knows.
    max_precision : int, optional
        Bits at which to give up, from 64 to 65536; they are doubled from 64 on. By default 4096,
        or 512 where integrals are needed, which take some seconds for two units.

    Returns
    -------
    Certificate
        Not certified where the Hessian is singular, and where the precision does not suffice. If
        the weights show that it is singular, that takes no search.
    """
    require_network("net", net)
    if max_precision is None:
        max_precision = 4096 if has_ball_kernels(net.activation) else 512
    max_precision = require_precision("max_precision", max_precision)
    start, precision = time.perf_counter(), FIRST_PRECISION
    certificate = _attempt(net, precision)
    while not loses_rank(net) and not certificate.certified and 2 * precision <= max_precision:
        precision *= 2
        certificate = _attempt(net, precision)
    stated = {k: _widened(getattr(certificate, k)) for k in ("determinant", "smallest_eigenvalue")}
    return replace(certificate, **stated, seconds=time.perf_counter() - start)


def require_precision(name: str, bits: object) -> int:
    """Return a number of bits from 64 to 65536."""
    bits = positive_integer(name, bits)
    if not FIRST_PRECISION <= bits <= LARGEST_PRECISION:
        limits = f"from {FIRST_PRECISION} to {LARGEST_PRECISION}"
        raise ValueError(f"{name} must be a number of bits {limits}, not {bits}")
    return bits


def smallest_eigenvalue(net: TwoLayer, *, max_precision: int | None = None) -> tuple[float, float]:
    """Return rigorous lower and upper bounds of the Hessian's smallest eigenvalue.

    They agree to 5 digits where floats have as many. Where `certify_full_rank`, which takes the
    same arguments, does not certify, the lower one is 0 and the upper may be infinite.
    """
    ball = certify_full_rank(net, max_precision=max_precision).smallest_eigenvalue
    with working_precision(FIRST_PRECISION):
        lower, upper = (float(bound) for bound in (ball.lower(), ball.upper()))
    # A float may have been rounded the wrong way, and to 0, by less than the next float.
    return max(math.nextafter(lower, -math.inf), 0.0), math.nextafter(upper, math.inf)


def _attempt(net: TwoLayer, precision: int) -> Certificate:
    """Look for a proof at one precision."""
    parameters = net.parameter_count
    needed = COPIES * parameters**2 * (64.0 + precision / 8)
    require_memory(f"a certificate of {parameters} parameters", needed, "use fewer units")
    with working_precision(precision):
        factors = _hessian_factors(net)
        proofs = [(prove_definite(matrix), count) for matrix, count in factors]
        certified = all(proof for proof, _ in proofs)
        if not certified:
            proofs = [(_trivial(matrix), count) for matrix, count in factors]
        return Certificate(net, precision, certified, *_bounds(proofs))


def _hessian_factors(net: TwoLayer) -> list[tuple[arb_mat, int]]:
    """Return matrices of which the Hessian is, in some orthonormal basis, the direct sum.

    If there are more inputs than units, let W1 W1^T = L L^T. An orthogonal change of inputs turns
    W1 into (L, 0). The directions of w_k along the zeros contribute M o K11 each.
    """
    if not has_ball_kernels(net.activation):
        return [(to_matrix(integrated_hessian(net)), 1)]
    W1, W2 = exact(net.W1), exact(net.W2)
    gram = W1 @ W1.T
    kernels = ball_kernels(net.activation, gram)
    surplus = net.input_dim - net.hidden_dim
    L = cholesky(gram) if surplus > 0 else None
    if L is None:
        return [(to_matrix(hessian_blocks(W1, W2, kernels)), 1)]
    outside = to_matrix(W2.T @ W2 * kernels.K11)
    return [(to_matrix(hessian_blocks(L, W2, kernels)), 1), (outside, surplus)]


def _trivial(A: arb_mat) -> Enclosures:
    """Enclose what holds of every semidefinite matrix, by Hadamard's inequality."""
    diagonal = [_known(A[i, i]).upper() for i in range(A.nrows())]
    product = _known(math.prod(diagonal, start=arb(1)))
    return Enclosures(arb(0).union(product), arb(0).union(min(diagonal, key=float)))


def _known(ball: arb) -> arb:
    """Return the whole line in place of NaN: nothing is known of such a number."""
    return arb(0, math.inf) if ball.is_nan() else ball


def _bounds(factors: list[tuple[Enclosures, int]]) -> Enclosures:
    """Return the determinant and the smallest eigenvalue of a direct sum."""
    # FLINT's own power of a ball that holds 0 is NaN.
    powers = [math.prod([part.determinant] * count, start=arb(1)) for part, count in factors]
    smallest = reduce(arb.min, [part.smallest_eigenvalue for part, _ in factors])
    return Enclosures(_known(math.prod(powers, start=arb(1))), smallest)


def _widened(ball: arb) -> arb:
    """Return a ball with a midpoint of 64 bits that holds the given one with some slack."""
    with working_precision(64):
        short = ball * 1
        return _known(short + arb(0, SLACK) * short.abs_upper())
