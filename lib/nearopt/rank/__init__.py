"""Ranks of polynomial networks: counted exactly, bounded, and what theory says."""

from nearopt.rank.bounds import Bound, Rank
from nearopt.rank.count import (
    count_batch_ranks,
    covariance_rank,
    exact_batch_ranks,
    exact_rank,
    exact_ranks,
    numerical_rank,
)
from nearopt.rank.recovery import fit_student, relative_errors
from nearopt.rank.scan import scan_cases, scan_ranks, tabulate_ranks
from nearopt.rank.theory import expected_batch_ranks, theoretical_rank

__all__ = [
    "Bound",
    "Rank",
    "count_batch_ranks",
    "covariance_rank",
    "exact_batch_ranks",
    "exact_rank",
    "exact_ranks",
    "expected_batch_ranks",
    "fit_student",
    "numerical_rank",
    "relative_errors",
    "scan_cases",
    "scan_ranks",
    "tabulate_ranks",
    "theoretical_rank",
]
