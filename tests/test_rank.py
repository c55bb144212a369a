"""Counts, bounds and closed forms of the rank, each against the others and a second count."""

import tracemalloc

import flint
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from second_count import coefficient_rank

from cases import count, draw
from nearopt import Erf, Linear, Polynomial, TwoLayer
from nearopt.rank.bounds import Bound, upper_bound
from nearopt.rank.count import count_batch_ranks, exact_rank, exact_ranks, numerical_rank
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


@pytest.mark.parametrize(
    "job",
    [
        lambda: count({1, 2}, 6, 60),
        lambda: count({1}, 6, 8, 12),
        lambda: count_batch_ranks(Polynomial.of_degrees({1, 2}), 6, 12, 2, 50, rng=rng(7)),
    ],
)
def test_the_memory_of_a_count_is_what_it_asks_for(job, monkeypatch):
    """But for what FLINT holds, two words of the nine in an entry, which Python does not see."""
    asked = []
    monkeypatch.setattr("nearopt.rank.count.require_memory", lambda _, need, __: asked.append(need))
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.65 * asked[0] < peak < 0.95 * asked[0]


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


def test_what_cannot_be_counted_is_refused_before_it_starts():
    with pytest.raises(TypeError, match="^net must be a TwoLayer"):
        numerical_rank(Erf())
    large = TwoLayer(np.ones((1000, 3000)), np.ones((1, 1000)), Linear())
    instead = "use extreme_eigenvalues, or exact_rank for a polynomial$"
    with pytest.raises(MemoryError, match=f"^the rank of a matrix of 3001000 .*; {instead}"):
        numerical_rank(large)
    message = r"^a Jacobian of \d+ rows and \d+ columns needs .*; take a smaller network$"
    with pytest.raises(MemoryError, match=message):
        exact_rank(Polynomial.of_degrees({9}), 1000, 10**6, rng=rng())
    with pytest.raises(
        MemoryError, match=r"^a Jacobian of 3\d* rows and 8 .*; take fewer samples$"
    ):
        count_batch_ranks(Linear(), 1, 2, 3, 10**12, rng=rng())
    with pytest.raises(ValueError, match="^samples must be"):
        count_batch_ranks(Linear(), 1, 2, 1, 0, rng=rng())


@pytest.mark.parametrize("rows", [[[1, 2], [1, 2], [2, 4]], [[0, 0], [1, 0], [3, 0]], [[1, 1]] * 3])
@pytest.mark.parametrize("degrees", [(1,), (2,), (0, 1, 2), (1, 3), (2, 4), (1, 2, 5)])
@pytest.mark.parametrize("outgoing", [[[1, 1, 1]], [[0, 1, -1]], [[1, 2, 3], [2, 4, 6]]])
def test_no_teacher_is_above_the_bound_however_degenerate(rows, degrees, outgoing):
    bound = upper_bound(frozenset(degrees), 2, 3, len(outgoing))
    assert coefficient_rank(ones(degrees), rows, outgoing) <= bound.value


def test_integers_of_numpy_are_integers():
    exact = exact_rank(Linear(), np.int64(3), np.int32(2), np.uint8(2), rng=rng())
    assert exact.value == theoretical_rank(Linear(), 3, 2, 2).value
