"""A valid call of each public function that takes something from its user, small and quick.

Tests put something bad in the place of one argument at a time. What is not here is in `INNER`.
"""

import numpy as np
from sweeps import load_sweep

from nearopt import Erf, Linear, Polynomial, ReLU, TwoLayer
from nearopt.descent.comparison import Comparison
from nearopt.descent.dynamics import critical_rate, distance, gradient_descent
from nearopt.descent.flow import gradient_flow
from nearopt.descent.linear_prediction import (
    asymptotic_linear_expected_loss,
    late_exponent,
    linear_expected_loss,
)
from nearopt.descent.linear_students import descend_linear_students
from nearopt.descent.loss import (
    batch_gradient,
    batch_loss,
    check_pair,
    near_gradient,
    near_loss,
    population_gradient,
    population_loss,
)
from nearopt.descent.prediction import (
    checked_times,
    expected_loss,
    predicted_loss,
    steps_to,
    summary,
)
from nearopt.hessian.dense import batch_hessian, neural_tangent_kernel, population_hessian
from nearopt.hessian.eigenvalues import (
    batch_spectrum,
    nonzero,
    smallest_batch_eigenvalues,
    spectrum,
)
from nearopt.hessian.lanczos import extreme_eigenvalues, spectral_density
from nearopt.hessian.null_space import quadratic_null_vectors, scaling_directions
from nearopt.hessian.operators import BatchHessianOperator, HessianOperator
from nearopt.laws.bulk import leading_count
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.draws import draw_coloured_spectra, draw_linear_spectra
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw
from nearopt.laws.nonlinear import NonlinearHessianLaw
from nearopt.laws.outputs import OutputsHessianLaw
from nearopt.laws.statistics import (
    binned_density,
    cdf_scores,
    empirical_cdf,
    kolmogorov_distance,
    largest_difference,
    largest_score,
)
from nearopt.laws.units import gaussian_moments
from nearopt.laws.wishart import MarchenkoPastur, singular_value_density
from nearopt.network.activations import LeakyReLU
from nearopt.network.inputs import ColouredInputs
from nearopt.network.smooth import Smooth, sin, tanh
from nearopt.proof.certificate import certify_full_rank, smallest_eigenvalue
from nearopt.proof.eigenvalue_bound import filling_degree, smallest_eigenvalue_bound
from nearopt.proof.integrals import integrated_hessian
from nearopt.proof.jacobian import certify_batch_ranks, jacobian_rank
from nearopt.proof.spectrum import graded_spectrum, true_and_float_spectrum
from nearopt.proof.survey import draw_certificates
from nearopt.proof.theorem import degenerate_teachers, is_irreducible, odd_activation_rank
from nearopt.rank.bounds import degrees_and_sizes, degrees_of
from nearopt.rank.count import (
    count_batch_ranks,
    covariance_rank,
    exact_batch_ranks,
    exact_rank,
    exact_ranks,
    numerical_rank,
)
from nearopt.rank.recovery import fit_student, relative_errors
from nearopt.rank.scan import scan_cases, tabulate_ranks
from nearopt.rank.theory import expected_batch_ranks, theoretical_rank
from nearopt.report.files import load_inputs, standardise
from nearopt.report.parameters import parameter_names


def draw(activation, input_dim=2, hidden_dim=3, seed=1):
    rng = np.random.default_rng(seed)
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, rng=rng)


NET, STUDENT, RECTIFIER = draw(Erf()), draw(Erf(), seed=2), draw(ReLU())
LINE, QUADRATIC = draw(tanh, 1, 1), draw(Polynomial((0.0, 0.0, 1.0)))
NEAR = NET.with_parameters(NET.parameters + 1e-3)
INPUTS = np.random.default_rng(3).standard_normal((12, 2))
SIGMA = np.diag([1.0, 2.0])
EIGENVALUES, TIMES = np.array([0.5, 1.0, 2.0]), np.array([1.0, 2.0])
SPECTRA = np.arange(8.0).reshape(4, 2)
SPREAD = np.random.default_rng(4).uniform(0, 3, (400, 3))
DENSITY = spectral_density(NET, steps=3, rng=np.random.default_rng(0))
SIZES = {"input_dim": 2, "hidden_dim": 3}
SCALES = {"sigma1": 1.0, "sigma2": 0.5}
COUNTED = {"activation": Polynomial((0.0, 1.0, 1.0)), **SIZES}
BATCHES = {**COUNTED, "output_dim": 2, "samples": 3}
# Replaced by a fresh generator for each call.
RNG = np.random.default_rng(0)

CALLS = {
    TwoLayer: {"W1": NET.W1, "W2": NET.W2, "activation": NET.activation},
    TwoLayer.draw: {**SIZES, "output_dim": 2, "activation": Erf(), **SCALES, "rng": RNG},
    NET.with_parameters: {"parameters": NET.parameters},
    NET.__call__: {"inputs": INPUTS},
    NET.jacobian: {"inputs": INPUTS},
    Polynomial: {"coefficients": (0.0, 1.0)},
    LeakyReLU: {"slope": np.array(0.5)},
    Smooth: {"g": sin.g, "dg": sin.dg, "d2g": sin.d2g, "d3g": sin.d3g, "tolerance": 1e-9},
    certify_full_rank: {"net": NET, "max_precision": 256},
    smallest_eigenvalue: {"net": NET, "max_precision": 256},
    ColouredInputs: {"input_covariance": SIGMA},
    ColouredInputs(SIGMA).draw: {"samples": 3, "rng": RNG},
    ColouredInputs(SIGMA).whitened: {"net": NET},
    Comparison.near: {"teacher": NET, "rank": 9, "deviation": 0.1 * NET.parameters},
    load_inputs: {"path": "inputs.csv", "keep_constant": False},
    standardise: {"inputs": INPUTS[1:]},
    covariance_rank: {"inputs": np.arange(6.0).reshape(3, 2)},
    filling_degree: {"parameters": 9, "input_dim": 2, "output_dim": 1},
    smallest_eigenvalue_bound: {"net": NET},
    distance: {"student": STUDENT, "teacher": NET},
    critical_rate: {"teacher": NET, "gradient": population_gradient},
    gradient_descent: {
        **{"student": NEAR, "teacher": NET, "rate": 0.1, "steps": 3},
        **{"gradient": near_gradient, "records": 2, "progress": False},
    },
    gradient_flow: {
        **{"student": NEAR, "teacher": NET, "times": TIMES, "gradient": near_gradient},
        "hessian": population_hessian,
    },
    draw_linear_spectra: {**SIZES, "teachers": 2, **SCALES, "rng": RNG},
    draw_coloured_spectra: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, "teachers": 2},
        **{**SCALES, "rng": RNG},
    },
    binned_density: {"spectra": SPECTRA, "edges": EIGENVALUES},
    empirical_cdf: {"spectra": SPECTRA, "points": EIGENVALUES},
    cdf_scores: {"spectra": SPREAD, "law": MarchenkoPastur(0.5)},
    largest_score: {"count": 99},
    largest_difference: {"error": EIGENVALUES, "teachers": 20},
    smallest_batch_eigenvalues: {"net": NET, "rank": 9, "sizes": [2, 12], "rng": RNG},
    graded_spectrum: {"net": NET, "precision": 128},
    true_and_float_spectrum: {"net": NET},
    population_hessian: {"net": NET, "input_covariance": SIGMA},
    batch_hessian: {"net": NET, "inputs": INPUTS},
    neural_tangent_kernel: {"net": NET, "inputs": INPUTS},
    integrated_hessian: {"net": LINE},
    is_irreducible: {"net": NET},
    odd_activation_rank: {"net": NET},
    degenerate_teachers: {"net": NET},
    MarchenkoPastur: {"aspect_ratio": 0.5},
    singular_value_density: {"t": TIMES, "n": 3, "p": 2},
    kolmogorov_distance: {"law": MarchenkoPastur(0.5), "other": MarchenkoPastur(0.5)},
    LinearHessianLaw: {**SIZES, **SCALES},
    FiniteLinearHessianLaw: {**SIZES, **SCALES},
    NonlinearHessianLaw: {"input_dim": 6, "hidden_dim": 5, "activation": Erf(), **SCALES},
    leading_count: {"net": NET, "levels": EIGENVALUES},
    gaussian_moments: {"activation": Erf(), "variance": 1.0},
    ColouredHessianLaw: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, **SCALES, "samples": 5}
    },
    OutputsHessianLaw: {**SIZES, "output_dim": 4, **SCALES},
    descend_linear_students: {
        **{**SIZES, "teachers": 2, "rate": 0.01, "steps": np.array([0, 3]), "epsilon": 1e-3},
        **{**SCALES, "rng": RNG, "progress": False},
    },
    check_pair: {"student": STUDENT, "teacher": NET},
    population_loss: {"student": STUDENT, "teacher": NET, "input_covariance": SIGMA},
    population_gradient: {"student": STUDENT, "teacher": NET, "input_covariance": SIGMA},
    near_loss: {"student": STUDENT, "teacher": NET, "nodes": 2, "input_covariance": SIGMA},
    near_gradient: {"student": STUDENT, "teacher": NET, "nodes": 2, "input_covariance": SIGMA},
    batch_loss: {"student": STUDENT, "teacher": NET, "inputs": INPUTS},
    batch_gradient: {"student": STUDENT, "teacher": NET, "inputs": INPUTS},
    HessianOperator: {"net": NET, "input_covariance": SIGMA},
    BatchHessianOperator: {"net": NET, "inputs": INPUTS},
    parameter_names: {"notebook": "01_linear_asymptotics"},
    predicted_loss: {
        **{"eigenpairs": (EIGENVALUES, np.eye(3)), "deviation": EIGENVALUES},
        **{"times": TIMES, "rate": 0.1},
    },
    checked_times: {"times": TIMES},
    expected_loss: {**{"eigenvalues": EIGENVALUES, "times": TIMES, "epsilon": 0.1, "rate": 0.1}},
    linear_expected_loss: {"times": TIMES, **SIZES, **SCALES, "epsilon": 0.1},
    asymptotic_linear_expected_loss: {**{"times": TIMES, **SIZES, **SCALES, "epsilon": 0.1}},
    late_exponent: SIZES,
    numerical_rank: {"net": NET},
    exact_rank: {**COUNTED, "output_dim": 2, "rng": RNG},
    exact_ranks: {**COUNTED, "output_dim": 2, "rng": RNG},
    exact_batch_ranks: {**COUNTED, "rng": RNG},
    count_batch_ranks: {**BATCHES, "rng": RNG},
    expected_batch_ranks: BATCHES,
    certify_batch_ranks: {"net": NET, "inputs": INPUTS[:9], "bits": 128},
    degrees_and_sizes: {**COUNTED, "output_dim": 2},
    degrees_of: {"activation": Linear()},
    scan_cases: {**{"max_degree": 2, "max_input_dim": 2, "output_dim": 1, "max_terms": 1}},
    tabulate_ranks: {
        **{"choices": [frozenset({1})], "max_input_dim": 2, "max_hidden_dim": 2, "rng": RNG}
    },
    theoretical_rank: {**COUNTED, "output_dim": 2},
    quadratic_null_vectors: {"net": QUADRATIC},
    fit_student: {"student": NEAR, "inputs": INPUTS, "outputs": NET(INPUTS)},
    relative_errors: {"teacher": NET, "distance": 0.01, "batches": [4], "rng": RNG},
    spectrum: {"net": NET, "input_covariance": SIGMA},
    batch_spectrum: {"net": NET, "inputs": INPUTS},
    extreme_eigenvalues: {"net": NET, "k": 1, "steps": 5, "rng": RNG},
    spectral_density: {"net": NET, "probes": 2, "steps": 3, "rng": RNG},
    DENSITY.pdf: {"points": EIGENVALUES, "width": 0.5},
    DENSITY.cdf: {"points": EIGENVALUES},
    draw_certificates: {"shapes": [(1, 1)], "teachers": 1, **SCALES, "rng": RNG},
    load_sweep: {"name": "rank"},
    nonzero: {"eigenvalues": EIGENVALUES},
    steps_to: {"eigenvalues": EIGENVALUES, "fractions": np.array([0.1])},
    summary: {"name": "net", "eigenvalues": EIGENVALUES, "fraction": 0.5},
    scaling_directions: {"net": RECTIFIER},
    jacobian_rank: {"net": NET, "rng": RNG, "max_precision": 128},
}

# What the user gives is checked before it gets to these.
INNER = {
    "proof.functions": "the certificate knows the activation",
    "proof.balls": "exact arithmetic on the weights of a network",
    "proof.files": "tests/test_certify.py damages and forges its files",
    "checks": "the checks themselves",
    "proof.definite": "a matrix of balls from a network",
    "rank.double_points": "degrees and sizes from exact_rank and theoretical_rank",
    "laws.deterministic_equivalent": "a spectrum and sizes from ColouredHessianLaw",
    "figures.full_rank": "tables and arrays that a notebook has made",
    "figures.descent": "the same",
    "figures.inputs": "the same",
    "figures.linear": "the same",
    "figures.nonlinear": "the same",
    "figures.rank": "the same",
    "hessian.lanczos.lanczos": "an operator, steps and a generator from spectral_density",
    "hessian.hermite": "a network with a polynomial, from spectrum",
    "laws.units.norm_rule": "sizes and scales from NonlinearHessianLaw",
    "laws.units.inverse_mean": "the same",
    "laws.units.mean_angle": "the same",
    "laws.units.positive_angle": "the same",
    "laws.units.below": "the same",
    "laws.bulk.Bulk": "the same",
    "laws.statistics.largest_chi_square": "weights that a notebook has made",
    "descent.comparison.extrapolated": "losses that a notebook has measured",
    "network.two_layer.require_activation": "a check itself",
    "laws.piecewise": "a function and breaks from a law",
    "laws.squares": "sizes from a law",
    "laws.sums": "squares from a law",
    "laws.tails": "an integrand from a law",
    "report.results": "what a notebook has made; its parameters are checked below",
    "report.style": "how a figure looks",
    "hessian.operators.multiply": "a network and vector from an operator",
    "hessian.operators.hessian_product": "a network and vector from near_loss",
    "hessian.operators.transposed_jacobian_product": "a network and inputs that are checked",
    "hessian.operators.row_parts": "a shape",
    "hessian.operators.weighted_blocks": "a checked network",
    "network.kernels": "a checked network's weights",
    "network.mehler": "an activation's coefficients",
    "network.two_layer.assemble_jacobian": "a checked network's weights and inputs",
    "laws.wishart.log_singular_value_density": "from a law",
    "laws.wishart.spectral_cumulants": "sizes from a law",
    "network.two_layer.require_network": "a check itself",
    "report.parameters.load_schema": "no argument",
    "report.parameters.check_against": "configurations are tested below",
    "report.parameters.check_config": "the same",
    "report.parameters.check_parameters": "the same",
    "rank.bounds.Rank": "a result",
    "rank.bounds.upper_bound": "degrees and sizes from exact_rank and theoretical_rank",
    "rank.scan.scan_ranks": "cases from scan_cases",
    "rank.scan.saturating_width": "degrees and sizes from scan_cases",
    "rank.scan.dimension_count": "the same",
    "rank.theory.closed_form": "degrees and sizes from theoretical_rank",
    "rank.theory.lower_bound": "the same",
    "report.files.load_digits": "no argument",
    "hessian.eigenvalues.inner_network": "a network that spectrum has checked",
    "hessian.eigenvalues.outside_matrix": "the same",
    "proof.certificate.require_precision": "a check itself",
    "proof.theorem.loses_rank": "a network from certify_full_rank",
    "proof.survey.fit_widths": "a table that draw_certificates has made",
    "hessian.null_space.homogeneous_degree": "the activation of a network",
}
