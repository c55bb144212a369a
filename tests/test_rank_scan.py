"""The scan for ranks that a count of dimensions does not give."""

import numpy as np
import pytest

from nearopt import Polynomial
from nearopt.rank.count import exact_ranks
from nearopt.rank.double_points import monomials
from nearopt.rank.scan import dimension_count, saturating_width, scan_cases, scan_ranks
from nearopt.rank.theory import theoretical_rank

# Highest degree, inputs, outputs and terms; long is the range where the conjecture is said to be
# checked.
SHORT = [(4, 3, 1, 5), (4, 2, 2, 2), (3, 4, 3, 2), (2, 3, 4, 3), (2, 3, 5, 3)]
LONG = [(6, 5, 1, 7), *((6, 5, outputs, 2) for outputs in range(2, 6))]
LONG += [(8, 3, 1, 9), *((6, 3, outputs, 7) for outputs in range(2, 7))]
LONG += [(4, 4, outputs, 2) for outputs in range(6, 13)]


@pytest.mark.parametrize(
    "most", [*SHORT, *(pytest.param(most, marks=pytest.mark.slow) for most in LONG)], ids=str
)
def test_scan_proves_every_rank_and_explains_every_defect(most):
    ranks = scan_ranks(scan_cases(*most), rng=np.random.default_rng(0))
    assert ranks.proved.all()
    assert (ranks["rank"] <= ranks.dimension_count).all()
    exceptions = ranks[ranks["rank"] < ranks.dimension_count]
    assert exceptions.reason.str.contains("products|double points|Segre").all()
    sizes = zip(ranks.inputs, ranks.units, ranks.outputs, strict=True)
    for text, size, rank in zip(ranks.degrees, sizes, ranks["rank"], strict=True):
        activation = Polynomial.of_degrees(set(map(int, text.split())))
        assert theoretical_rank(activation, *size).value == rank
    for (text, n), rank in ranks.groupby(["degrees", "inputs"])["rank"].max().items():
        assert rank == most[2] * monomials(frozenset(map(int, text.split())), n)


@pytest.mark.parametrize(
    ("degrees", "outputs", "n", "h", "missing"),
    [
        ({0, 4, 8}, 1, 2, 5, 1),
        ({2, 5, 8}, 1, 2, 6, 1),
        ({4, 6, 8}, 1, 2, 7, 1),
        ({6, 7, 8}, 1, 2, 8, 1),
        ({0, 1, 2, 3}, 2, 2, 5, 1),
        ({2, 6}, 6, 2, 7, 1),
        ({3, 5}, 6, 2, 7, 1),
        ({3, 6}, 6, 2, 8, 2),
        ({4, 5}, 6, 2, 8, 2),
        ({4, 6}, 6, 2, 9, 3),
        ({5, 6}, 6, 2, 10, 2),
        ({0, 1, 2}, 3, 3, 5, 1),
        ({0, 1, 2}, 5, 3, 6, 1),
    ],
)
def test_the_exceptions_that_the_manuscript_adds_to_its_table(degrees, outputs, n, h, missing):
    activation, rng = Polynomial.of_degrees(degrees), np.random.default_rng(0)
    *_, rank = exact_ranks(activation, n, h, outputs, rng=rng)
    assert rank.proved
    assert rank.value == dimension_count(frozenset(degrees), n, h, outputs) - missing


def test_a_scan_ends_where_the_rank_does():
    assert saturating_width(frozenset({1, 3}), 5) == 8
    assert saturating_width(frozenset({2}), 5, 3) == 7
    assert dimension_count(frozenset({2, 4}), 3, 5) == 20
    assert dimension_count(frozenset({1, 3}), 5, 7) == 40
