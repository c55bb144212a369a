import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from cases import draw
from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU, TwoLayer
from nearopt.hessian.dense import batch_hessian, population_hessian
from nearopt.hessian.null_space import scaling_directions
from nearopt.network import smooth
from nearopt.proof.certificate import certify_full_rank
from nearopt.proof.functions import SMOOTH
from nearopt.proof.jacobian import certify_batch_ranks, jacobian_rank
from nearopt.proof.theorem import is_irreducible, loses_rank, odd_activation_rank

NO_SLOPE = smooth.Smooth(lambda u: u - np.sin(u), lambda u: 1 - np.cos(u), np.sin, np.cos)
FIFTH = Polynomial((0, 0, 0, 0, 0, 1))
KNOWN = [Erf(), Linear(), *(getattr(smooth, name) for name in SMOOTH)]
KNOWN += [Polynomial(c) for c in ((0, 1, 0, 1), (1, 0, 1, 0, 1), (0, 0, 1, 1))]


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


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 2)),
    arrays(float, (4, 2), elements=st.integers(-1, 2)),
    arrays(float, (2, 4), elements=st.integers(-1, 1)),
    st.sampled_from(KNOWN),
)
@example((2, 2), np.kron([[1.0], [-1], [0], [0]], [[1, 1]]), np.eye(2, 4), smooth.softplus)
def test_weights_show_the_rank_that_many_inputs_see(sizes, W1, W2, activation):
    """At these weights singular values at 200 inputs show the gap, and what is left is rounding."""
    units, outputs = sizes
    net = TwoLayer(0.8 * W1[:units], W2[:outputs, :units], activation)
    inputs = 2 * np.random.default_rng(1).standard_normal((200, 2))
    jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
    values = np.linalg.svd(jacobian, compute_uv=False)
    if loses_rank(net):
        assert values[-1] <= 1e-13 * values[0]
    if activation in (Erf(), smooth.tanh, smooth.sin):
        assert (values > 1e-9).sum() == odd_activation_rank(net)
        assert (values[-1] > 1e-9) >= bool(is_irreducible(net))


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


@pytest.mark.parametrize(
    "activation",
    [SoftThreshold(), NO_SLOPE, Polynomial((0, 1, 0, 1)), LeakyReLU(-1), smooth.sigmoid],
    ids=["soft thresholding", "no slope at 0", "polynomial", "rectifier", "sigmoid"],
)
def test_rank_of_odd_activations_is_claimed_for_no_other(activation):
    with pytest.raises(ValueError, match=r"net must have Erf\(\), tanh or sin, not "):
        odd_activation_rank(draw(2, 2, activation))


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(0.1), FIFTH], ids=["relu", "leaky", "u5"])
@pytest.mark.parametrize("output_dim", [1, 2])
def test_homogeneous_activations_lose_one_direction_for_each_unit(activation, output_dim):
    net = draw(3, 4, activation, seed=2, output_dim=output_dim)
    hessian, null = population_hessian(net), scaling_directions(net)
    assert np.abs(hessian @ null.T).max() < 2e-15 * np.abs(hessian).max()
    assert np.linalg.matrix_rank(null) == 4
    assert np.linalg.matrix_rank(hessian, hermitian=True) == net.parameter_count - 4
    assert jacobian_rank(net, rng=np.random.default_rng(3)) == net.parameter_count - 4


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_activations_are_full_at_sizes_beyond_quadrature(name):
    net = draw(2, 6, getattr(smooth, name), seed=4)
    assert jacobian_rank(net, rng=np.random.default_rng(5)) == net.parameter_count


def test_what_is_not_full_is_never_called_so():
    twins = TwoLayer([[1.0, 2.0], [1.0, 2.0]], [[1.0, 1.0]], smooth.tanh)
    parallel = TwoLayer([[1.0, 2.0], [2.0, 4.0]], [[1.0, 1.0]], ReLU())
    quadric = draw(3, 2, Polynomial((0, 0, 1)))  # Loses rotations as well as scales.
    for net in (draw(2, 3, Linear()), quadric, twins, parallel):
        assert jacobian_rank(net, rng=np.random.default_rng(5), max_precision=512) is None
    unknown = TwoLayer([[1.0]], [[1.0]], smooth.Smooth(np.exp, np.exp, np.exp, np.exp))
    with pytest.raises(ValueError, match="activation must be one of Erf"):
        jacobian_rank(unknown, rng=np.random.default_rng(5))


def test_inputs_between_kinks_that_are_almost_the_same_are_found():
    net = TwoLayer([[1.0, 0.0], [1.0, 1e-6], [0.0, 1.0]], [[1.0, -1.0, 2.0]], ReLU())
    assert jacobian_rank(net, rng=np.random.default_rng(8)) == 6
