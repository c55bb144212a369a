import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.polynomial import Polynomial as Power

from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, TwoLayer
from nearopt.hessian.dense import batch_hessian, population_hessian
from nearopt.hessian.null_space import scaling_directions
from nearopt.network import smooth
from nearopt.proof.certificate import certify_full_rank
from nearopt.proof.functions import SMOOTH
from nearopt.proof.jacobian import certify_batch_ranks, jacobian_rank
from nearopt.proof.theorem import is_irreducible, loses_rank, odd_activation_rank


def test_each_failing_condition_is_named():
    W1 = [[1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [3.0, 1.0], [3.0, 1.0]]
    found = is_irreducible(TwoLayer(W1, [[1.0, 2.0, 3.0, 0.0, 1.0]], Erf()))
    assert not found
    assert found.failures == (
        "unit 2 has no incoming weight",
        "unit 3 has no outgoing weight",
        "units 0 and 1 have opposite incoming weights",
        "units 3 and 4 have equal incoming weights",
    )


def test_weights_on_one_line_are_irreducible_unless_equal_or_opposite():
    net = TwoLayer([[1.0, 2.0], [2.0, 4.0], [-0.5, -1.0]], [[1.0, 1.0, 1.0]], Erf())
    assert is_irreducible(net)
    assert odd_activation_rank(net) == net.parameter_count
    assert certify_full_rank(net).certified


@pytest.mark.parametrize(
    ("W1", "W2", "rank"),
    [
        ([[1.0, 2.0], [0.5, -1.0]], [[1.0, 2.0]], 6),
        ([[1.0, 2.0], [0.5, -1.0]], [[1.0, 0.0]], 4),
        ([[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0]], 3),
        ([[1.0, 2.0], [-1.0, -2.0]], [[1.0, 2.0]], 3),
        ([[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0]], 5),
        ([[0.0, 0.0], [1.0, 2.0]], [[0.0, 2.0]], 3),
        ([[1.0, 2.0], [-1.0, -2.0]], [[1.0, 2.0], [3.0, 4.0]], 6),
    ],
)
def test_degenerate_teachers_are_left_with_these_ranks(W1, W2, rank):
    net = TwoLayer(W1, W2, Erf())
    assert odd_activation_rank(net) == rank
    assert np.linalg.matrix_rank(population_hessian(net), hermitian=True) == rank


teachers = st.integers(1, 2).flatmap(
    lambda outputs: st.lists(
        st.tuples(
            st.lists(st.integers(-1, 2), min_size=2, max_size=2),
            st.lists(st.integers(-1, 1), min_size=outputs, max_size=outputs),
        ),
        min_size=1,
        max_size=4,
    )
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(teachers)
def test_rank_of_any_teacher_is_what_many_inputs_see(units):
    """Rank of the Jacobian at 200 inputs, whose singular values show the gap at these weights."""
    W1 = 0.8 * np.array([w for w, _ in units], dtype=float)
    W2 = np.array([a for _, a in units], dtype=float).T
    activation = (Erf(), smooth.tanh, smooth.sin)[len(units) % 3]
    net = TwoLayer(W1, W2, activation)
    inputs = 2 * np.random.default_rng(1).standard_normal((200, 2))
    jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
    found = np.linalg.matrix_rank(jacobian, tol=1e-9)
    assert found == odd_activation_rank(net)
    if is_irreducible(net):
        assert found == net.parameter_count


class SoftThreshold:
    """sign(u) max(|u| - 1, 0)."""

    def __call__(self, u):
        return np.sign(u) * np.maximum(np.abs(u) - 1, 0)

    def derivative(self, u):
        return (np.abs(u) > 1).astype(float)

    def kernels(self, gram):
        raise NotImplementedError


def test_not_to_be_a_polynomial_is_not_enough_for_full_rank():
    """Soft thresholding is analytic at 0, where its Taylor series ends; erf's does not."""
    W1, W2 = [[1.0, 2.0], [0.5, -1.0]], [[1.0, 2.0]]
    inputs = np.random.default_rng(6).uniform(-1 / 3, 1 / 3, (6, 2))
    thresholds, smooth_net = TwoLayer(W1, W2, SoftThreshold()), TwoLayer(W1, W2, Erf())
    assert is_irreducible(thresholds)
    assert not batch_hessian(thresholds, inputs).any()
    assert certify_batch_ranks(smooth_net, inputs)


def tanh_and_even_bump(k, tanh_derivative):
    """A derivative of tanh u + (u^2 - 1/4)(u^2 - 4) exp(-u^2), which is odd at 0.5 and 2."""
    factor = Power([1.0, 0, -4.25, 0, 1.0])
    for _ in range(k):
        factor = factor.deriv() - Power([0, 2]) * factor
    return lambda u: tanh_derivative(u) + factor(u) * np.exp(-(u**2))


NO_ODD_SERIES = {
    "soft thresholding": SoftThreshold(),
    "odd where one looks": smooth.Smooth(
        *map(
            tanh_and_even_bump,
            range(4),
            (getattr(smooth.tanh, f"{d}g") for d in ("", "d", "d2", "d3")),
        )
    ),
    "no slope at 0": smooth.Smooth(
        lambda u: u - np.sin(u), lambda u: 1 - np.cos(u), np.sin, np.cos
    ),
    "even": smooth.Smooth(np.cos, lambda u: -np.sin(u), lambda u: -np.cos(u), np.sin),
    "polynomial": Polynomial((0, 1, 0, 1)),
    "rectifier": LeakyReLU(-1),
    "sigmoid": smooth.sigmoid,
}


KNOWN = [
    Erf(),
    Linear(),
    Polynomial((0, 1, 0, 1)),
    Polynomial((1, 0, 1, 0, 1)),
    Polynomial((0, 0, 1, 1)),
]
KNOWN += [getattr(smooth, name) for name in SMOOTH]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(teachers, st.sampled_from(KNOWN))
def test_no_teacher_of_full_rank_is_said_to_lose_rank(units, activation):
    """Many inputs see the rank of these small teachers, and what is left of it is rounding."""
    W1 = 0.8 * np.array([w for w, _ in units], dtype=float)
    net = TwoLayer(W1, np.array([a for _, a in units], dtype=float).T, activation)
    if loses_rank(net):
        inputs = 2 * np.random.default_rng(1).standard_normal((200, 2))
        jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
        values = np.linalg.svd(jacobian, compute_uv=False)
        assert values[-1] <= 1e-13 * values[0]


@pytest.mark.parametrize("activation", NO_ODD_SERIES.values(), ids=NO_ODD_SERIES)
def test_rank_of_odd_activations_is_claimed_for_no_other(activation):
    net = TwoLayer([[1.0, 0.5], [-1.0, -0.5]], [[1.0, 0.7]], activation)
    with pytest.raises(ValueError, match=r"net must have Erf\(\), tanh or sin, not "):
        odd_activation_rank(net)


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(0.1)], ids=["relu", "leaky"])
@pytest.mark.parametrize("output_dim", [1, 2])
def test_rectifiers_lose_one_direction_for_each_unit(activation, output_dim):
    rng = np.random.default_rng(2)
    net = TwoLayer.draw(3, 4, output_dim=output_dim, activation=activation, rng=rng)
    hessian, null = population_hessian(net), scaling_directions(net)
    assert jacobian_rank(net, rng=rng) == net.parameter_count - 4
    assert np.linalg.matrix_rank(null) == 4
    np.testing.assert_allclose(hessian @ null.T, 0, atol=1e-14)
    assert np.linalg.matrix_rank(hessian, tol=1e-10) == net.parameter_count - 4


@pytest.mark.parametrize("degree", [2, 5])
def test_monomials_lose_their_scaling_directions(degree):
    rng = np.random.default_rng(3)
    net = TwoLayer.draw(3, 2, activation=Polynomial(degree * (0,) + (1,)), rng=rng)
    # Quadrics lose rotations as well.
    assert jacobian_rank(net, rng=rng) == (6 if degree == 5 else None)
    hessian, null = population_hessian(net), scaling_directions(net)
    np.testing.assert_allclose(hessian @ null.T, 0, atol=1e-12 * np.abs(hessian).max())


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_activations_are_full_at_sizes_beyond_quadrature(name):
    rng = np.random.default_rng(4)
    net = TwoLayer.draw(2, 6, activation=getattr(smooth, name), rng=rng)
    assert jacobian_rank(net, rng=rng) == net.parameter_count


def test_what_is_not_full_is_never_called_so():
    rng = np.random.default_rng(5)
    assert jacobian_rank(TwoLayer.draw(2, 3, activation=Linear(), rng=rng), rng=rng) is None
    twins = TwoLayer([[1.0, 2.0], [1.0, 2.0]], [[1.0, 1.0]], smooth.tanh)
    assert jacobian_rank(twins, rng=rng, max_precision=512) is None
    parallel = TwoLayer([[1.0, 2.0], [2.0, 4.0]], [[1.0, 1.0]], ReLU())
    assert jacobian_rank(parallel, rng=rng, max_precision=512) is None
    with pytest.raises(ValueError, match="activation must be one of Erf"):
        jacobian_rank(
            TwoLayer([[1.0]], [[1.0]], smooth.Smooth(np.exp, np.exp, np.exp, np.exp)), rng=rng
        )


def test_inputs_between_kinks_that_are_almost_the_same_are_found():
    net = TwoLayer([[1.0, 0.0], [1.0, 1e-6], [0.0, 1.0]], [[1.0, -1.0, 2.0]], ReLU())
    assert jacobian_rank(net, rng=np.random.default_rng(8)) == 6
