"""Counts, bounds and closed forms of the rank, each against the others and a second count."""

from itertools import product
from math import factorial, prod

import flint
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases import count, draw
from nearopt import Erf, Linear, Polynomial, TwoLayer
from nearopt.rank.bounds import Bound, upper_bound
from nearopt.rank.count import exact_rank, exact_ranks, numerical_rank
from nearopt.rank.theory import lower_bound, theoretical_rank

# (S, inputs, units, outputs) and the rank.
KNOWN = {
    **{((1,), n, h, 1): n for n in (1, 5) for h in (1, 3, 7)},
    **{((2,), 5, h, 1): r for h, r in enumerate((5, 9, 12, 14, 15, 15), start=1)},
    **{((1, 2), 5, h, 1): r for h, r in enumerate((6, 11, 15, 18, 20, 20), start=1)},
    **{((0, 1, 2), 5, h, 1): r for h, r in enumerate((6, 11, 15, 18, 20, 21), start=1)},
    **{((0, 2), 5, h, 1): r for h, r in enumerate((6, 10, 13, 15, 16, 16), start=1)},
    ((3,), 5, 6, 1): 30,
    ((3,), 5, 7, 1): 34,
    ((3,), 5, 8, 1): 35,
    ((4,), 3, 5, 1): 14,
    ((4,), 4, 9, 1): 34,
    ((4,), 5, 14, 1): 69,
    ((0, 1, 2, 3), 4, 7, 1): 34,
    ((1, 2, 3), 4, 7, 1): 34,
    ((2, 3), 4, 6, 1): 29,
    ((0, 3), 5, 7, 1): 35,
    ((1, 3), 5, 7, 1): 39,
    ((2, 4), 3, 5, 1): 19,
    ((2, 5), 1, 1, 1): 2,
    ((2, 5, 7), 1, 2, 1): 3,
    ((1,), 5, 2, 3): 3 * 5 - 1 * 3,
    ((2,), 4, 5, 3): 29,
    ((2,), 4, 6, 5): 47,
    ((0, 1, 2), 3, 6, 5): 47,
    ((1, 2), 3, 5, 4): 34,
    ((3,), 2, 3, 2): 8,
    ((1, 3), 3, 2, 2): 10,
    ((1, 2), 9, 1, 7): 6 * 1 + 10,
    ((1,), 60, 1, 60): 119,
}
SIZES = {"n": st.integers(1, 4), "h": st.integers(1, 7), "outputs": st.integers(1, 3)}
DEGREES = st.frozensets(st.integers(0, 5), min_size=1, max_size=4)


def rng(seed=0):
    return np.random.default_rng(seed)


def integers(seed, *shape, size=50):
    """Random integers that are not zero, as nested lists."""
    source = rng(seed)
    return (source.integers(1, size, size=shape) * source.choice([-1, 1], size=shape)).tolist()


def ones(degrees):
    return [int(d in degrees) for d in range(max(degrees) + 1)]


def coefficient_rank(coefficients, W1, W2):
    """A second count, over the rationals: of the gradient's coefficients at each monomial x^a."""
    W1, W2 = (np.array(W, dtype=object) for W in (W1, W2))
    (outputs, _), n = W2.shape, W1.shape[1]
    rows = []
    for a in product(range(len(coefficients)), repeat=n):
        if sum(a) < len(coefficients):
            weight = coefficients[sum(a)] * factorial(sum(a)) // prod(map(factorial, a))
            value = weight * (W1**a).prod(1)
            less = np.maximum(a - np.eye(n, dtype=int), 0)
            slopes = weight * np.array(a) * (W1[:, None] ** less).prod(2)
            outer = np.kron(np.eye(outputs, dtype=int), value)
            rows.append(np.hstack([outer, (W2[:, :, None] * slopes).reshape(outputs, -1)]))
    return flint.fmpz_mat(np.concatenate(rows).tolist()).rank()


@pytest.mark.parametrize("case", KNOWN, ids=str)
def test_known_values_by_two_counts_and_theory(case):
    degrees, n, h, outputs = case
    exact = count(*case)
    theory = theoretical_rank(Polynomial.of_degrees(degrees), n, h, outputs)
    assert exact.value == theory.value == KNOWN[case]
    assert exact.proved
    assert exact.parameters == theory.parameters == h * (n + outputs)
    if n < 9:
        weights = integers(1, h, n), integers(2, outputs, h)
        assert coefficient_rank(ones(degrees), *weights) == KNOWN[case]


@pytest.mark.parametrize(
    "case", [((1, 2), 2, 3, 1), ((3,), 2, 3, 2), ((0, 1, 3), 2, 4, 1), ((2, 4), 2, 3, 3)], ids=str
)
def test_rational_rank_of_the_networks_own_jacobian(case):
    """Small integers, so that the floats of TwoLayer.jacobian are exact."""
    degrees, n, h, outputs = case
    W1, W2 = integers(3, h, n, size=9), integers(4, outputs, h, size=9)
    net = TwoLayer(W1, W2, Polynomial.of_degrees(degrees))
    inputs = rng(5).integers(-9, 10, size=(net.parameter_count + 10, n))
    jacobian = net.jacobian(inputs).reshape(-1, net.parameter_count)
    assert np.abs(jacobian).max() < 2**53
    rational = flint.fmpz_mat(jacobian.astype(int).tolist()).rank()
    assert rational == count(degrees, n, h, outputs).value


@given(degrees=DEGREES, **SIZES)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_count_lies_between_the_proved_bounds_and_agrees_with_theory(degrees, n, h, outputs):
    exact = count(degrees, n, h, outputs)
    theory = theoretical_rank(Polynomial.of_degrees(degrees), n, h, outputs)
    assert lower_bound(degrees, n, h, outputs).value <= exact.value <= exact.upper.value
    assert exact.upper == upper_bound(degrees, n, h, outputs)
    assert theory.lower.value <= exact.value <= theory.upper.value
    if theory.proved:
        assert "theorem" in theory.method
        assert theory.value == exact.value
    else:
        assert "conjecture" in theory.method


@pytest.mark.parametrize(
    ("degrees", "n", "h", "outputs"),
    [({2}, 5, 6, 1), ({1, 3}, 3, 5, 1), ({0, 2}, 2, 4, 3), ({1}, 4, 3, 5), ({0, 1, 4}, 1, 7, 2)],
)
def test_a_row_reduction_gives_the_record_of_every_width(degrees, n, h, outputs):
    sizes = (n, h, outputs) if outputs > 1 else (n, h)
    together = exact_ranks(Polynomial.of_degrees(degrees), *sizes, rng=rng(6))
    assert together == [count(degrees, n, width, outputs) for width in range(1, h + 1)]


def test_a_record_says_how_it_was_found():
    exact = count({1, 3}, 3, 4)
    assert exact.method.startswith("exact: Jacobian")
    assert exact.lower == Bound(
        exact.value, f"a minor of that size that is not zero modulo {2**31 - 1}"
    )
    assert exact.upper == upper_bound(frozenset({1, 3}), 3, 4)
    floats = numerical_rank(draw(3, 4, Erf()))
    assert floats.method.startswith("numerical: eigenvalues")
    assert floats.lower == Bound(0, "floats prove nothing")
    assert floats.upper == Bound(16, "number of parameters")


@pytest.mark.parametrize("degrees", [(2,), (1, 2), (0, 1, 3), (2, 4)])
def test_coefficients_do_not_matter_only_which_are_there(degrees):
    """At one teacher each, generic or not, and so for the generic rank."""
    for W1 in (integers(7, 4, 2), [[1, 0], [2, 0], [0, 1], [0, 1]]):
        ranks = {
            coefficient_rank(
                [int(d in degrees) * c for d, c in enumerate(coefficients)], W1, integers(8, 1, 4)
            )
            for coefficients in ((1, 1, 1, 1, 1), (3, -7, 5, 11, 2), (100, 1, -100, 1, 9))
        }
        assert len(ranks) == 1
    given_coefficients = Polynomial([0.3 * (d in degrees) for d in range(max(degrees) + 1)])
    assert exact_rank(given_coefficients, 3, 4, rng=rng()) == count(degrees, 3, 4)


@pytest.mark.parametrize("h", [2, 3, 4])
def test_thresholds_of_the_degree_are_sharp_at_coplanar_weights(h):
    """Nh Ni from degree 2 Nh - 1 on and one less just below; two degrees from Nh - 1 on: all."""
    weights = [[k, 1, 0] for k in range(1, h + 1)], [[1] * h]
    for degrees, rank in (
        ({2 * h - 1}, 3 * h),
        ({2 * h - 2}, 3 * h - 1),
        ({2 * h - 1, h - 1}, 4 * h),
        ({2 * h - 1, h - 2}, 4 * h - 1),
    ):
        assert coefficient_rank(ones(degrees), *weights) == rank


@pytest.mark.parametrize("degrees", [(1,), (2,), (1, 2), (3,), (0, 2)])
@pytest.mark.parametrize("outputs", [1, 2])
def test_floats_count_well_conditioned_networks_and_prove_nothing(degrees, outputs):
    net = draw(3, 4, Polynomial.of_degrees(degrees), seed=9, output_dim=outputs)
    rank = numerical_rank(net)
    assert rank.value == count(degrees, 3, 4, outputs).value
    assert rank.parameters == net.parameter_count
    assert not rank.proved


def test_floats_fail_where_the_count_does_not():
    even = range(0, 14, 2)
    net = draw(2, 16, Polynomial.of_degrees(even), seed=10)
    assert numerical_rank(net).value < count(even, 2, 16).value


@pytest.mark.parametrize("rows", [[[1, 2], [1, 2], [2, 4]], [[0, 0], [1, 0], [3, 0]], [[1, 1]] * 3])
@pytest.mark.parametrize("degrees", [(1,), (2,), (0, 1, 2), (1, 3), (2, 4), (1, 2, 5)])
@pytest.mark.parametrize("outgoing", [[[1, 1, 1]], [[0, 1, -1]], [[1, 2, 3], [2, 4, 6]]])
def test_no_teacher_is_above_the_bound_however_degenerate(rows, degrees, outgoing):
    bound = upper_bound(frozenset(degrees), 2, 3, len(outgoing))
    assert coefficient_rank(ones(degrees), rows, outgoing) <= bound.value


def test_integers_of_numpy_are_integers():
    exact = exact_rank(Linear(), np.int64(3), np.int32(2), np.uint8(2), rng=rng())
    assert exact.value == theoretical_rank(Linear(), 3, 2, 2).value
