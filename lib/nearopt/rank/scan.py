"""A scan of small networks for ranks that a count of dimensions does not give.

Each case is independent of the others, so that a larger scan can be split among machines.
"""

from collections.abc import Iterable
from itertools import chain, combinations, count

import numpy as np
import pandas as pd

from nearopt.checks import positive_integer
from nearopt.network.activations import Polynomial
from nearopt.rank.bounds import upper_bound
from nearopt.rank.count import exact_ranks
from nearopt.rank.double_points import Degrees, monomials
from nearopt.rank.theory import theoretical_rank


def scan_cases(
    max_degree: int, max_input_dim: int, output_dim: int, max_terms: int
) -> list[tuple[Degrees, int, int]]:
    """Return (S, input_dim, output_dim) for each S of 1 to `max_terms` degrees to `max_degree`."""
    degrees = range(positive_integer("max_degree", max_degree) + 1)
    inputs = range(1, positive_integer("max_input_dim", max_input_dim) + 1)
    output_dim = positive_integer("output_dim", output_dim)
    lengths = range(1, positive_integer("max_terms", max_terms) + 1)
    chosen = chain.from_iterable(combinations(degrees, length) for length in lengths)
    return [(frozenset(S), n, output_dim) for S in chosen for n in inputs]


def scan_ranks(
    cases: Iterable[tuple[Degrees, int, int]], *, rng: np.random.Generator
) -> pd.DataFrame:
    """Count the rank at every width until it stops growing, one row reduction for each case.

    Parameters
    ----------
    cases : iterable of (degrees, input_dim, output_dim)
        As `scan_cases` returns them.
    rng : Generator
        Source of the weights and the inputs.

    Returns
    -------
    DataFrame
        A row for each width: degrees, outputs, inputs, units, parameters, the exact rank, the
        dimension count, whether the rank is proved, and the reason of its upper bound.
    """
    rows = []
    for degrees, n, outputs in cases:
        activation = Polynomial.of_degrees(degrees)
        widths = saturating_width(degrees, n, outputs)
        for h, rank in enumerate(exact_ranks(activation, n, widths, outputs, rng=rng), start=1):
            naive = dimension_count(degrees, n, h, outputs)
            sizes = (" ".join(map(str, sorted(degrees))), outputs, n, h, rank.parameters)
            rows.append((*sizes, rank.value, naive, rank.proved, rank.upper.reason))
    names = ("degrees", "outputs", "inputs", "units", "parameters", "rank", "dimension_count")
    return pd.DataFrame(rows, columns=[*names, "proved", "reason"])


def saturating_width(degrees: Degrees, input_dim: int, output_dim: int = 1) -> int:
    """Return the least width at which no upper bound is below N_o D_S, the rank's last value."""
    last = output_dim * monomials(degrees, input_dim)
    return next(h for h in count(1) if upper_bound(degrees, input_dim, h, output_dim).value == last)


def dimension_count(degrees: Degrees, n: int, h: int, outputs: int = 1) -> int:
    """Rank that a count of dimensions expects: the least of P, N_o D_S' + top and N_o D_S.

    S' is S without its highest degree m, and top = h (n + N_o - 1) the count for {m} alone. Where
    a whole family is known to have less, its rank is expected: m <= 2 with one output, and as many
    outputs as units or more.
    """
    highest = max(degrees)
    if outputs >= h or (highest <= 2 and outputs == 1):
        return upper_bound(degrees, n, h, outputs).value
    top = h * (n + outputs - 1)
    lower = outputs * monomials(degrees - {highest}, n)
    return min(h * (n + outputs), lower + top, outputs * monomials(degrees, n))


def tabulate_ranks(
    choices: Iterable[Degrees], max_input_dim: int, max_hidden_dim: int, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Count and predict the rank of every network of one output up to these sizes.

    Parameters
    ----------
    choices : iterable of frozenset of int
        Degrees of the monomials of each activation.
    max_input_dim, max_hidden_dim : int
        The largest sizes.
    rng : Generator
        Source of the weights and the inputs.

    Returns
    -------
    DataFrame
        A row for each network: degrees, inputs, units, parameters, the exact rank, theory's rank.
    """
    max_input_dim = positive_integer("max_input_dim", max_input_dim)
    max_hidden_dim = positive_integer("max_hidden_dim", max_hidden_dim)
    rows = []
    for degrees in choices:
        activation = Polynomial.of_degrees(degrees)
        for n in range(1, max_input_dim + 1):
            for h, rank in enumerate(exact_ranks(activation, n, max_hidden_dim, rng=rng), start=1):
                theory = theoretical_rank(activation, n, h).value
                rows.append((degrees, n, h, rank.parameters, rank.value, theory))
    names = ["degrees", "inputs", "units", "parameters", "rank", "theory"]
    return pd.DataFrame(rows, columns=names)
