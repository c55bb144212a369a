import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import flint
import mpmath
import numpy as np
import pytest
from flint import arb_mat
from many_digits import mpmath_erf_hessian

from nearopt import Erf, Polynomial, TwoLayer
from nearopt.hessian.dense import population_hessian
from nearopt.proof.balls import ball_kernels, exact, hessian_blocks, to_matrix
from nearopt.proof.definite import prove_definite
from nearopt.proof.spectrum import graded_spectrum


def ball_hessian(net):
    W1 = exact(net.W1)
    return hessian_blocks(W1, exact(net.W2), ball_kernels(net.activation, W1 @ W1.T))


@pytest.mark.parametrize("activation", [Erf(), Polynomial((0.5, -1.0, 0.0, 2.0))])
@pytest.mark.parametrize("shape", [(2, 3, 1), (3, 2, 1), (2, 2, 3)])
def test_ball_hessian_is_the_hessian(activation, shape):
    net = TwoLayer.draw(
        *shape[:2], output_dim=shape[2], activation=activation, rng=np.random.default_rng(1)
    )
    expected = population_hessian(net)
    found = ball_hessian(net).astype(float)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def test_balls_hold_what_twice_the_precision_finds():
    net = TwoLayer.draw(2, 3, activation=Erf(), rng=np.random.default_rng(2))
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
    exact_determinant = flint.fmpq_mat(
        size, size, [flint.fmpq(1, i + j + 1) for i in range(size) for j in range(size)]
    ).det()
    with flint.ctx.workprec(256):
        assert found.determinant.contains(exact_determinant)
    with mpmath.workdps(60):
        smallest = min(mpmath.eigsy(mpmath.hilbert(size), eigvals_only=True))
        with flint.ctx.workprec(256):
            assert found.smallest_eigenvalue.contains(flint.arb(mpmath.nstr(smallest, 40)))
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


def test_graded_spectrum_has_ten_digits_over_many_decades():
    net = TwoLayer.draw(1, 3, activation=Erf(), rng=np.random.default_rng(8))
    eigenvalues = graded_spectrum(net, 256)
    hessian = mpmath_erf_hessian(net)
    with mpmath.workdps(40):
        expected = sorted(mpmath.eigsy(hessian, eigvals_only=True))
    assert eigenvalues[0] < 1e-16 * eigenvalues[-1]
    np.testing.assert_allclose(eigenvalues, [float(x) for x in expected], rtol=1e-10)


def test_graded_spectrum_refuses_what_it_cannot_resolve():
    net = TwoLayer.draw(1, 10, activation=Erf(), rng=np.random.default_rng(4))
    with pytest.raises(ArithmeticError, match="at 64 bits"):
        graded_spectrum(net, 64)


def test_graded_spectrum_refuses_what_is_no_float():
    net = TwoLayer.draw(1, 20, activation=Erf(), sigma1=1e-3, rng=np.random.default_rng(0))
    with pytest.raises(ArithmeticError, match="an eigenvalue underflows, below 1e-307"):
        graded_spectrum(net, 4096)


def test_threads_do_not_change_each_others_precision():
    """Each as it is alone, and FLINT's precision as it was."""
    rng = np.random.default_rng(9)
    nets = [TwoLayer.draw(2, width, activation=Erf(), rng=rng) for width in (3, 6, 9) * 4]
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
