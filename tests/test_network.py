import numpy as np
import pytest

from nearopt import Erf, Linear, TwoLayer


@pytest.fixture
def network():
    rng = np.random.default_rng(3)
    return TwoLayer.draw(4, 3, output_dim=2, activation=Erf(), sigma1=0.5, sigma2=2.0, rng=rng)


def test_shapes_and_parameter_order(network):
    assert (network.input_dim, network.hidden_dim, network.output_dim) == (4, 3, 2)
    assert network.parameter_count == 3 * (2 + 4)
    expected = [*network.W2[0], *network.W2[1], *network.W1[0], *network.W1[1], *network.W1[2]]
    np.testing.assert_array_equal(network.parameters, expected)
    moved = network.with_parameters(network.parameters + 1)
    np.testing.assert_array_equal(moved.W1, network.W1 + 1)
    np.testing.assert_array_equal(moved.W2, network.W2 + 1)


def test_forward_is_the_formula(network):
    x = np.array([0.3, -1.0, 2.0, 0.1])
    expected = [
        sum(network.W2[o, k] * Erf()(network.W1[k] @ x) for k in range(3)) for o in range(2)
    ]
    np.testing.assert_allclose(network(x[None])[0], expected, rtol=1e-14)


def test_jacobian_against_finite_differences(network):
    inputs = np.random.default_rng(4).standard_normal((5, 4))
    steps = 1e-5 * np.eye(network.parameter_count)

    def outputs(step):
        return network.with_parameters(network.parameters + step)(inputs)

    slopes = np.stack([(outputs(step) - outputs(-step)) / 2e-5 for step in steps], axis=-1)
    np.testing.assert_allclose(network.jacobian(inputs), slopes, atol=1e-9)


def test_draw_has_the_asked_scales():
    rng = np.random.default_rng(5)
    net = TwoLayer.draw(200, 300, output_dim=50, activation=Linear(), sigma1=0.5, sigma2=2, rng=rng)
    for weights, sigma in ((net.W1, 0.5), (net.W2, 2.0)):
        error = sigma / np.sqrt(2 * weights.size)
        assert abs(weights.std() - sigma) < 4 * error
        assert abs(weights.mean()) < 4 * sigma / np.sqrt(weights.size)


class Tensor:
    """What torch does where a tensor needs a gradient."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach()")


GOOD = {"W1": np.ones((3, 2)), "W2": np.ones((1, 3)), "activation": Erf()}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"W2": np.ones((1, 2))}, r"W2 must have shape \(any, 3\), not \(1, 2\)"),
        ({"W1": np.ones((0, 2))}, "W1 must have shape"),
        ({"W1": np.ma.array(np.ones((3, 2)), mask=np.eye(3, 2))}, "W1 must not be .*: fill it"),
        ({"W1": Tensor()}, r"W1 must be a rectangular array .*\(.*detach"),
        ({"activation": np.tanh}, r"activation must have .* such as Erf\(\), not"),
    ],
)
def test_bad_weights_and_activations_are_named(bad, words):
    with pytest.raises(ValueError, match=words):
        TwoLayer(**GOOD | bad)


def test_a_network_keeps_its_weights_when_those_given_change():
    W1, W2, theta = np.ones((3, 2)), np.ones((1, 3)), np.ones(9)
    networks = TwoLayer(W1, W2, Linear()), TwoLayer(W1, W2, Linear()).with_parameters(theta)
    for given in (W1, W2, theta):
        given[...] = 7
    for net in networks:
        np.testing.assert_array_equal(net.parameters, 1)
