"""The scan for ranks that a count of dimensions does not give."""

from ast import literal_eval

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

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
# What the long range adds to the manuscript's table.
LONGER = {
    (frozenset(literal_eval(S)), *row[:3]): row
    for row in pd.read_csv(ROOT / "paper/longer_scan.csv").itertuples(index=False)
    for S in row.degrees.split("  ")
}


@pytest.mark.parametrize(
    "most", [*SHORT, *(pytest.param(most, marks=pytest.mark.slow) for most in LONG)], ids=str
)
def test_scan_proves_every_rank_and_explains_every_defect(most):
    ranks = scan_ranks(scan_cases(*most), rng=np.random.default_rng(0))
    assert ranks.proved.all()
    assert (ranks["rank"] <= ranks.dimension_count).all()
    exceptions = ranks[ranks["rank"] < ranks.dimension_count]
    assert exceptions.reason.str.contains("products|double points|Segre").all()
    for text, *sizes in exceptions[["degrees", "outputs", "inputs", "units"]].to_numpy():
        S = frozenset(map(int, text.split()))
        table = max(S) <= 6 and (sizes[0] == 1 or (sizes[0] <= 5 and len(S) <= 2))
        assert table or (S, *sizes) in LONGER
    sizes = zip(ranks.inputs, ranks.units, ranks.outputs, strict=True)
    for text, size, rank in zip(ranks.degrees, sizes, ranks["rank"], strict=True):
        activation = Polynomial.of_degrees(set(map(int, text.split())))
        assert theoretical_rank(activation, *size).value == rank
    for (text, n), rank in ranks.groupby(["degrees", "inputs"])["rank"].max().items():
        assert rank == most[2] * monomials(frozenset(map(int, text.split())), n)


@pytest.mark.parametrize(("case", "row"), LONGER.items(), ids=str)
def test_the_exceptions_that_the_manuscript_adds_to_its_table(case, row):
    degrees, outputs, n, h = case
    activation, rng = Polynomial.of_degrees(degrees), np.random.default_rng(0)
    *_, rank = exact_ranks(activation, n, h, outputs, rng=rng)
    assert rank.proved
    assert {"products": "products", "quadrics": "Segre"}[row.cause] in rank.upper.reason
    assert rank.value == dimension_count(degrees, n, h, outputs) - row.missing


def test_a_scan_ends_where_the_rank_does():
    assert saturating_width(frozenset({1, 3}), 5) == 8
    assert saturating_width(frozenset({2}), 5, 3) == 7
    assert dimension_count(frozenset({2, 4}), 3, 5) == 20
    assert dimension_count(frozenset({1, 3}), 5, 7) == 40
