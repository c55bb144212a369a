import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import flint
import mpmath
import numpy as np
import pytest
from flint import arb_mat

from cases import assert_equal, draw
from nearopt import Erf, Polynomial
from nearopt.hessian.dense import population_hessian
from nearopt.proof.balls import ball_kernels, exact, hessian_blocks, to_matrix
from nearopt.proof.definite import prove_definite
from nearopt.proof.spectrum import graded_spectrum

ERF = Erf()


def ball_hessian(net):
    W1 = exact(net.W1)
    return hessian_blocks(W1, exact(net.W2), ball_kernels(net.activation, W1 @ W1.T))


@pytest.mark.parametrize("activation", [ERF, Polynomial((0.5, -1.0, 0.0, 2.0))])
@pytest.mark.parametrize("shape", [(2, 3, 1), (3, 2, 1), (2, 2, 3)])
def test_ball_hessian_is_the_hessian(activation, shape):
    net = draw(*shape[:2], activation, seed=1, output_dim=shape[2])
    assert_equal(ball_hessian(net).astype(float), population_hessian(net), 1e-13)


def test_balls_hold_what_twice_the_precision_finds():
    net = draw(2, 3, ERF, seed=2)
    with flint.ctx.workprec(53):
        coarse = to_matrix(ball_hessian(net))
    with flint.ctx.workprec(106):
        fine = to_matrix(ball_hessian(net))
        assert coarse.contains(fine)
        assert max(float(entry.rad()) for entry in coarse.entries()) < 1e-12


def test_enclosures_of_the_hilbert_matrix_are_its_known_determinant_and_eigenvalue():
    """The determinant in rationals, the eigenvalue by mpmath at 60 digits."""
    size = 12
    with flint.ctx.workprec(128):
        found = prove_definite(arb_mat.hilbert(size, size))
    rows = [[flint.fmpq(1, i + j + 1) for i in range(size)] for j in range(size)]
    with mpmath.workdps(60), flint.ctx.workprec(256):
        smallest = min(mpmath.eigsy(mpmath.hilbert(size), eigvals_only=True))
        assert found.smallest_eigenvalue.contains(flint.arb(mpmath.nstr(smallest, 40)))
        assert found.determinant.contains(flint.fmpq_mat(rows).det())
    assert found.smallest_eigenvalue.rel_accuracy_bits() > 20


@pytest.mark.parametrize("matrix", [[[1, 1], [1, 1]], [[1, 2], [2, 1]], [[0]], [[2, 0], [0, -1]]])
def test_singular_and_indefinite_matrices_are_never_proved(matrix):
    for precision in (64, 256, 1024):
        with flint.ctx.workprec(precision):
            assert prove_definite(arb_mat(matrix)) is None


def test_a_matrix_known_too_loosely_is_not_proved():
    loose = [[flint.arb(1, 1e-3), flint.arb(0.9995)], [flint.arb(0.9995), flint.arb(1)]]
    assert prove_definite(arb_mat([[1, 0.9995], [0.9995, 1]])) is not None
    assert prove_definite(arb_mat(loose)) is None


def test_enclosures_hold_every_matrix_in_the_balls():
    loose = arb_mat([[flint.arb(1, 1e-10), 0], [0, 2]])
    determinant, smallest = prove_definite(loose)
    for entry in (1 - 1e-10, 1 + 1e-10):
        assert smallest.contains(flint.arb(entry))
        assert determinant.contains(2 * flint.arb(entry))


@pytest.mark.parametrize(
    ("shape", "sigma1", "bits", "message"),
    [((1, 10), 1.0, 64, "at 64 bits"), ((1, 20), 1e-3, 4096, "an eigenvalue underflows")],
)
def test_graded_spectrum_refuses_what_it_cannot_resolve(shape, sigma1, bits, message):
    with pytest.raises(ArithmeticError, match=message):
        graded_spectrum(draw(*shape, ERF, sigma1=sigma1), bits)


def test_threads_do_not_change_each_others_precision():
    """Each as it is alone, and FLINT's precision as it was."""
    nets = [draw(2, width, ERF, seed) for seed, width in enumerate((3, 6, 9) * 4)]
    before, in_turn = flint.ctx.prec, [graded_spectrum(net, 256) for net in nets]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(graded_spectrum, nets, [256] * len(nets)))
    sys.setswitchinterval(interval)
    np.testing.assert_equal(at_once, in_turn)
    assert flint.ctx.prec == before


@pytest.mark.parametrize("text", ["[3.14 +/- 1e-300]", "[0 +/- inf]", "0", "[1e-5000 +/- 1e-5010]"])
def test_a_copied_ball_holds_the_ball_and_hardly_more(text):
    with flint.ctx.workprec(500):
        ball = flint.arb(text)
        for copied in (copy.deepcopy(ball), pickle.loads(pickle.dumps(ball))):
            assert copied.mid() == ball.mid()
            assert copied.contains(ball)
            assert ball.rad() <= copied.rad() <= ball.rad() * (1 + 2.0**-28)
