"""The rank of a batch, counted, against its formula, floats and a certificate."""

import numpy as np
import pytest

from cases import draw
from nearopt import Erf, Linear, Polynomial, TwoLayer
from nearopt.hessian.dense import batch_hessian
from nearopt.proof.jacobian import certify_batch_ranks
from nearopt.rank.count import count_batch_ranks, exact_batch_ranks
from nearopt.rank.theory import expected_batch_ranks, theoretical_rank

ACTIVATIONS = {
    "u": Linear(),
    "u2": Polynomial((0.0, 0.0, 1.0)),
    "u + u2": Polynomial((0.0, 1.0, 1.0)),
    "u3": Polynomial((0.0, 0.0, 0.0, 1.0)),
}


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 2, 3, 5])
def test_counts_are_what_the_formula_says(activation, outputs):
    rng = np.random.default_rng(0)
    for n, h in ((1, 2), (2, 3), (3, 2), (4, 4), (3, 5)):
        sizes = (n, h, outputs, h * (n + outputs) // outputs + 3)
        counts = count_batch_ranks(activation, *sizes, rng=rng)
        np.testing.assert_array_equal(counts, expected_batch_ranks(activation, *sizes), str(sizes))


def test_one_output_is_the_other_count():
    activation, rng = ACTIVATIONS["u + u2"], np.random.default_rng(1)
    for n, h in ((3, 4), (4, 2)):
        counts = count_batch_ranks(activation, n, h, 1, h * (n + 1), rng=rng)
        np.testing.assert_array_equal(counts, exact_batch_ranks(activation, n, h, rng=rng))


@pytest.mark.parametrize("sizes", [(3, 2, 1), (3, 2, 4), (5, 3, 4), (2, 4, 3)], ids=str)
def test_linear_batches_follow_the_kronecker_sum(sizes):
    """N samples are N inputs at most."""
    n, h, o = sizes
    counts = count_batch_ranks(Linear(), n, h, o, 8, rng=np.random.default_rng(2))
    expected = [theoretical_rank(Linear(), min(N, n), h, o).value for N in range(1, 9)]
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("outputs", [1, 4])
def test_floats_agree(outputs):
    activation, inputs = ACTIVATIONS["u2"], np.random.default_rng(4).standard_normal((6, 3))
    net = draw(3, 2, activation, seed=3, output_dim=outputs)
    ranks = [np.linalg.matrix_rank(batch_hessian(net, inputs[:N])) for N in range(1, 7)]
    np.testing.assert_array_equal(ranks, expected_batch_ranks(activation, 3, 2, outputs, 6))


def test_erf_batches_are_certified():
    net, inputs = draw(2, 4, Erf()), np.random.default_rng(4).standard_normal((12, 2))
    assert certify_batch_ranks(net, inputs)
    # Floats would not have been sure, and balls of few bits are not either.
    assert not certify_batch_ranks(net, inputs, bits=16)
    twins = TwoLayer(net.W1[[0, 0, 1, 2]], net.W2, Erf())
    assert not certify_batch_ranks(twins, inputs, bits=1024)


def test_certificates_need_erf():
    with pytest.raises(ValueError, match="needs Erf and one output"):
        certify_batch_ranks(draw(2, 4, Linear()), np.ones((12, 2)))
