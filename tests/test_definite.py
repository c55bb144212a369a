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
