"""What theory says of ranks, and the lemmas that it is made of, against exact counts."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from cases import count, draw
from nearopt import Linear, Polynomial
from nearopt.hessian.null_space import quadratic_null_vectors
from nearopt.rank.bounds import Bound, Rank
from nearopt.rank.double_points import conditions_on_forms, factor_pairs, monomials
from nearopt.rank.theory import theoretical_rank


def test_scales_and_rotations_are_the_null_space_of_a_quadratic_network():
    net = draw(5, 4, Polynomial((0, 0, 0.7)), seed=11)
    null = quadratic_null_vectors(net)
    jacobian = net.jacobian(np.random.default_rng(12).standard_normal((40, 5)))[:, 0]
    assert np.abs(jacobian @ null.T).max() < 1e-12 * np.abs(jacobian).max()
    assert np.linalg.matrix_rank(null) == len(null)
    assert len(null) + count({2}, 5, 4).value == net.parameter_count
    with pytest.raises(ValueError, match="net must have"):
        quadratic_null_vectors(draw(5, 4, Linear()))


def test_a_conjecture_is_never_called_proved():
    theory = theoretical_rank(Polynomial.of_degrees({2, 3, 5}), 3, 9)
    assert not theory.proved
    assert "conjecture" in theory.method
    assert theory.value == theory.upper.value > theory.lower.value
    assert count({2, 3, 5}, 3, 9).proved


@pytest.mark.parametrize("degrees", [*({d} for d in range(8)), {0, 3}, {1, 4}, {1, 2}, {2, 3, 4}])
def test_the_bounds_meet_in_families_of_any_size(degrees):
    """Some of one output, all of one input or of as many outputs as units, and linear ones."""
    sparse, start = {0, 3, *degrees, 7}, {*range(1, max(degrees) + 1), max(degrees)}
    families = product((degrees, start, {0, *start}), product(range(1, 8), range(1, 30), [1]))
    cases = [*families, *((sparse, (1, h, 1)) for h in range(1, 9))]
    for few, many in combinations_with_replacement(range(1, 7), 2):
        cases += [(sparse, (4, few, many)), ({1}, (4, many, few))]
    for S, size in cases:
        assert theoretical_rank(Polynomial.of_degrees(S), *size).proved, (S, size)


@pytest.mark.parametrize("degrees", [{1}, {2}, {1, 2}, {1, 3}], ids=str)
def test_a_unit_at_the_origin_leaves_a_bound_without_the_constant(degrees):
    """With one output more, which this unit alone feeds; the bound is attained."""
    gaps = []
    for n, h, outputs in product((2, 3), range(2, 7), range(1, 5)):
        lifted = count(degrees | {0}, n, h + 1, outputs + 1).value
        own = monomials(frozenset(degrees), n) + outputs + 1
        bound = lifted - own + max(0, monomials(frozenset(degrees - {1}), n) - h)
        gaps.append(bound - count(degrees, n, h, outputs).value)
    assert min(gaps) == 0


def test_a_rank_outside_its_bounds_is_refused():
    with pytest.raises(ValueError, match="a rank of 5 is outside its bounds"):
        Rank(5, 9, "typed", Bound(1, "below"), Bound(4, "above"))


def test_exceptional_forms_are_those_of_alexander_and_hirschowitz():
    for m, n, h in product(range(3, 6), range(1, 6), range(1, 15)):
        assert conditions_on_forms(m, n, h) == count({m}, n, h).value


def test_factor_pairs_are_all_pairs_that_no_larger_ones_contain():
    for degrees in map(frozenset, ({4}, {2, 4}, {0, 3, 6}, {1, 2, 3, 5})):
        subsets = [frozenset(d for d in range(7) if bits >> d & 1) for bits in range(1, 2**7)]
        pairs = product(subsets, repeat=2)
        fits = [(T, U) for T, U in pairs if {t + u for t in T for u in U} <= degrees]
        largest = {p for p in fits if sum(p[0] <= T and p[1] <= U for T, U in fits) == 1}
        assert set(factor_pairs(degrees)) == largest
