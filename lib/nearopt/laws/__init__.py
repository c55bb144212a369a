"""The laws of eigenvalues over random teachers, and draws to hold against them."""

from nearopt.laws.bulk import leading_count
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.draws import draw_coloured_spectra, draw_linear_spectra
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.nonlinear import NonlinearHessianLaw
from nearopt.laws.statistics import (
    binned_density,
    cdf_scores,
    empirical_cdf,
    kolmogorov_distance,
    largest_chi_square,
    largest_difference,
    largest_score,
)
from nearopt.laws.units import gaussian_moments
from nearopt.laws.wishart import MarchenkoPastur, singular_value_density

__all__ = [
    "ColouredHessianLaw",
    "FiniteLinearHessianLaw",
    "LinearHessianLaw",
    "MarchenkoPastur",
    "NonlinearHessianLaw",
    "OutputsHessianLaw",
    "binned_density",
    "cdf_scores",
    "draw_coloured_spectra",
    "draw_linear_spectra",
    "empirical_cdf",
    "gaussian_moments",
    "kolmogorov_distance",
    "largest_chi_square",
    "largest_difference",
    "largest_score",
    "leading_count",
    "singular_value_density",
]
