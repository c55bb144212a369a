import mpmath
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermeval

from nearopt import Erf, Polynomial, TwoLayer
from nearopt.hermite import exponents, hermite_factor
from nearopt.hessian import population_hessian


def draw(coefficients, input_dim, hidden_dim, output_dim=1, seed=0):
    source = np.random.default_rng(seed)
    activation = Polynomial(coefficients)
    return TwoLayer.draw(
        input_dim, hidden_dim, output_dim=output_dim, activation=activation, rng=source
    )


@pytest.mark.parametrize("coefficients", [(0, 1), (0.5, 1, -2, 0, 0.3), (0, 0, 0, 0, 0, 1), (2,)])
@pytest.mark.parametrize("sizes", [(3, 4, 1), (2, 3, 2), (1, 1, 1)])
def test_the_hessian_is_the_factor_times_its_transpose(coefficients, sizes):
    net = draw(coefficients, *sizes)
    T, H = hermite_factor(net), population_hessian(net)
    np.testing.assert_allclose(T @ T.T, H, rtol=1e-12, atol=1e-13 * np.abs(H).max())


def test_the_gradient_is_the_factor_times_the_hermite_polynomials():
    net = draw((0.5, 1, -2, 0, 0.3), 2, 3)
    inputs = np.random.default_rng(1).standard_normal((20, 2))
    single = np.stack([hermeval(inputs, row) for row in np.eye(5)])
    scale = np.sqrt([1, 1, 2, 6, 24])
    basis = [
        np.prod([single[a, :, i] / scale[a] for i, a in enumerate(alpha)], axis=0)
        for alpha in exponents(2, 4)
    ]
    expected = net.jacobian(inputs)[:, 0]
    np.testing.assert_allclose(np.transpose(basis) @ hermite_factor(net).T, expected, rtol=1e-9)


def test_small_eigenvalues_survive_in_the_factor():
    """Against T T^T in 60 digits, where those of the Hessian drown in rounding."""
    net = draw((0, 1, 0, 1, 0, 1, 0, 1, 0, 1), 2, 8, seed=2)
    T = hermite_factor(net)
    from_factor = np.linalg.svd(T, compute_uv=False)[::-1] ** 2
    mp = mpmath.mp.clone()
    mp.dps = 60
    precise = mp.matrix(T.tolist())
    smallest = mp.eigsy(precise * precise.T, eigvals_only=True)[0]
    assert from_factor[0] == pytest.approx(float(smallest), rel=1e-3)
    from_hessian = np.linalg.eigvalsh(population_hessian(net))
    assert abs(from_hessian[0] / float(smallest) - 1) > 1


def test_only_polynomials_have_a_finite_factor():
    net = TwoLayer([[1.0]], [[1.0]], Erf())
    with pytest.raises(ValueError, match="activation must be a Polynomial"):
        hermite_factor(net)
