"""A valid call of each public function that takes something from its user, small and quick.

Tests put something bad in the place of one argument at a time. What is not here is in `INNER`.
"""

import numpy as np

from nearopt import (
    Erf,
    Linear,
    Polynomial,
    ReLU,
    TwoLayer,
    activations,
    ball_integrals,
    certify,
    coloured,
    comparison,
    data,
    descent,
    eigenvalue_bound,
    empirical,
    ensemble,
    graded,
    hessian,
    irreducible,
    laws,
    laws_inputs,
    laws_outputs,
    linear_descent,
    linear_prediction,
    loss,
    operators,
    parameters,
    partial_spectrum,
    prediction,
    rank,
    rank_bounds,
    rank_scan,
    rank_theory,
    recovery,
    spectrum,
    survey,
    sweep,
    timescales,
    witness,
)
from nearopt.smooth import Smooth, sin, tanh


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
DENSITY = partial_spectrum.spectral_density(NET, steps=3, rng=np.random.default_rng(0))
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
    activations.Polynomial: {"coefficients": (0.0, 1.0)},
    activations.LeakyReLU: {"slope": np.array(0.5)},
    Smooth: {"g": sin.g, "dg": sin.dg, "d2g": sin.d2g, "d3g": sin.d3g, "tolerance": 1e-9},
    certify.certify_full_rank: {"net": NET, "max_precision": 256},
    certify.smallest_eigenvalue: {"net": NET, "max_precision": 256},
    certify.require_precision: {"max_precision": 256},
    coloured.ColouredInputs: {"input_covariance": SIGMA},
    coloured.ColouredInputs(SIGMA).draw: {"samples": 3, "rng": RNG},
    coloured.ColouredInputs(SIGMA).whitened: {"net": NET},
    comparison.Comparison.near: {"teacher": NET, "rank": 9, "deviation": 0.1 * NET.parameters},
    data.load_inputs: {"path": "inputs.csv", "keep_constant": False},
    data.standardise: {"inputs": INPUTS},
    data.covariance_rank: {"inputs": np.arange(6.0).reshape(3, 2)},
    eigenvalue_bound.filling_degree: {"parameters": 9, "input_dim": 2, "output_dim": 1},
    eigenvalue_bound.smallest_eigenvalue_bound: {"net": NET},
    descent.distance: {"student": STUDENT, "teacher": NET},
    descent.critical_rate: {"teacher": NET, "gradient": loss.population_gradient},
    descent.gradient_descent: {
        **{"student": NEAR, "teacher": NET, "rate": 0.1, "steps": 3},
        **{"gradient": loss.near_gradient, "records": 2, "progress": False},
    },
    descent.gradient_flow: {
        **{"student": NEAR, "teacher": NET, "times": TIMES, "gradient": loss.near_gradient},
        **{"tolerance": 1e-6, "method": "BDF"},
    },
    ensemble.draw_linear_spectra: {**SIZES, "teachers": 2, **SCALES, "rng": RNG},
    ensemble.draw_coloured_spectra: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, "teachers": 2},
        **{**SCALES, "rng": RNG},
    },
    empirical.binned_density: {"spectra": SPECTRA, "edges": EIGENVALUES},
    empirical.empirical_cdf: {"spectra": SPECTRA, "points": EIGENVALUES},
    empirical.cdf_scores: {"spectra": SPREAD, "law": laws.MarchenkoPastur(0.5)},
    empirical.largest_score: {"count": 99},
    empirical.largest_difference: {"error": EIGENVALUES, "teachers": 20},
    ensemble.smallest_batch_eigenvalues: {"net": NET, "rank": 9, "sizes": [2, 12], "rng": RNG},
    graded.graded_spectrum: {"net": NET, "precision": 128},
    graded.true_and_float_spectrum: {"net": NET},
    hessian.population_hessian: {"net": NET, "input_covariance": SIGMA},
    hessian.batch_hessian: {"net": NET, "inputs": INPUTS},
    hessian.neural_tangent_kernel: {"net": NET, "inputs": INPUTS},
    ball_integrals.integrated_hessian: {"net": LINE},
    irreducible.is_irreducible: {"net": NET},
    irreducible.odd_activation_rank: {"net": NET},
    irreducible.degenerate_teachers: {"net": NET},
    laws.MarchenkoPastur: {"aspect_ratio": 0.5},
    laws.LinearHessianLaw: {**SIZES, **SCALES},
    laws.FiniteLinearHessianLaw: {**SIZES, **SCALES},
    laws_inputs.ColouredHessianLaw: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, **SCALES, "samples": 5}
    },
    laws_outputs.linear_rank: {**SIZES, "output_dim": 4},
    laws_outputs.OutputsHessianLaw: {**SIZES, "output_dim": 4, **SCALES},
    linear_descent.descend_linear_students: {
        **{**SIZES, "teachers": 2, "rate": 0.01, "steps": np.array([0, 3]), "epsilon": 1e-3},
        **{**SCALES, "rng": RNG, "progress": False},
    },
    loss.check_pair: {"student": STUDENT, "teacher": NET},
    loss.population_loss: {"student": STUDENT, "teacher": NET, "input_covariance": SIGMA},
    loss.population_gradient: {"student": STUDENT, "teacher": NET, "input_covariance": SIGMA},
    loss.near_loss: {"student": STUDENT, "teacher": NET, "nodes": 2, "input_covariance": SIGMA},
    loss.near_gradient: {"student": STUDENT, "teacher": NET, "nodes": 2, "input_covariance": SIGMA},
    loss.batch_loss: {"student": STUDENT, "teacher": NET, "inputs": INPUTS},
    loss.batch_gradient: {"student": STUDENT, "teacher": NET, "inputs": INPUTS},
    operators.HessianOperator: {"net": NET, "input_covariance": SIGMA},
    operators.BatchHessianOperator: {"net": NET, "inputs": INPUTS},
    parameters.parameter_names: {"notebook": "01_linear_asymptotics"},
    prediction.predicted_loss: {
        **{"eigenpairs": (EIGENVALUES, np.eye(3)), "deviation": EIGENVALUES},
        **{"times": TIMES, "rate": 0.1},
    },
    prediction.checked_times: {"times": TIMES},
    prediction.expected_loss: {
        **{"eigenvalues": EIGENVALUES, "times": TIMES, "epsilon": 0.1, "rate": 0.1}
    },
    linear_prediction.linear_expected_loss: {"times": TIMES, **SIZES, **SCALES, "epsilon": 0.1},
    linear_prediction.asymptotic_linear_expected_loss: {
        **{"times": TIMES, **SIZES, **SCALES, "epsilon": 0.1}
    },
    linear_prediction.late_exponent: SIZES,
    rank.numerical_rank: {"net": NET},
    rank.exact_rank: {**COUNTED, "output_dim": 2, "rng": RNG},
    rank.exact_ranks: {**COUNTED, "output_dim": 2, "rng": RNG},
    rank.exact_batch_ranks: {**COUNTED, "rng": RNG},
    rank.count_batch_ranks: {**BATCHES, "rng": RNG},
    rank_theory.expected_batch_ranks: BATCHES,
    witness.certify_batch_ranks: {"net": NET, "inputs": INPUTS[:9], "bits": 128},
    rank_bounds.degrees_and_sizes: {**COUNTED, "output_dim": 2},
    rank_bounds.degrees_of: {"activation": Linear()},
    rank_scan.scan_cases: {
        **{"max_degree": 2, "max_input_dim": 2, "output_dim": 1, "max_terms": 1}
    },
    rank_scan.tabulate_ranks: {
        **{"choices": [frozenset({1})], "max_input_dim": 2, "max_hidden_dim": 2, "rng": RNG}
    },
    rank_theory.theoretical_rank: {**COUNTED, "output_dim": 2},
    rank_theory.quadratic_null_vectors: {"net": QUADRATIC},
    recovery.fit_student: {"student": NEAR, "inputs": INPUTS, "outputs": NET(INPUTS)},
    recovery.relative_errors: {"teacher": NET, "distance": 0.01, "batches": [4], "rng": RNG},
    spectrum.spectrum: {"net": NET, "input_covariance": SIGMA},
    spectrum.batch_spectrum: {"net": NET, "inputs": INPUTS},
    partial_spectrum.extreme_eigenvalues: {"net": NET, "k": 1, "steps": 5, "rng": RNG},
    partial_spectrum.spectral_density: {"net": NET, "probes": 2, "steps": 3, "rng": RNG},
    DENSITY.pdf: {"points": EIGENVALUES, "width": 0.5},
    DENSITY.cdf: {"points": EIGENVALUES},
    survey.draw_certificates: {"shapes": [(1, 1)], "teachers": 1, **SCALES, "rng": RNG},
    sweep.load_sweep: {"name": "rank"},
    timescales.nonzero: {"eigenvalues": EIGENVALUES},
    timescales.steps_to: {"eigenvalues": EIGENVALUES, "fractions": np.array([0.1])},
    timescales.summary: {"name": "net", "eigenvalues": EIGENVALUES, "fraction": 0.5},
    witness.scaling_directions: {"net": RECTIFIER},
    witness.jacobian_rank: {"net": NET, "rng": RNG, "max_precision": 128},
}

# What the user gives is checked before it gets to these.
INNER = {
    "ball_functions": "the certificate knows the activation",
    "balls": "exact arithmetic on the weights of a network",
    "certificate_file": "tests/test_certify.py damages and forges its files",
    "checks": "the checks themselves",
    "definite": "a matrix of balls from a network",
    "double_points": "degrees and sizes from rank and rank_theory",
    "deterministic_equivalent": "a spectrum and sizes from laws_inputs",
    "exploration": "the sliders of the app end where it does",
    "figures_certify": "tables and arrays that a notebook has made",
    "figures_descent": "the same",
    "figures_inputs": "the same",
    "figures_linear": "the same",
    "figures_rank": "the same",
    "figures_sweep": "the same",
    "hermite": "a network with a polynomial, from spectrum",
    "lanczos": "an operator and steps from partial_spectrum",
    "modular": "degrees and residues from rank",
    "piecewise": "a function and breaks from a law",
    "reference": "slow second ways, for tests and for reading",
    "results": "what a notebook has made; its parameters are checked below",
    "style": "how a figure looks",
    "wishart": "sizes from laws and prediction",
    "empirical.kolmogorov_distance": "two laws, no numbers",
    "network.require_network": "a check itself",
    "parameters.load_schema": "no argument",
    "parameters.check_against": "configurations are tested below",
    "parameters.check_config": "the same",
    "parameters.check_parameters": "the same",
    "rank_bounds.Rank": "a result",
    "rank_bounds.upper_bound": "degrees and sizes from rank and rank_theory",
    "rank_scan.scan_ranks": "cases from scan_cases",
    "rank_scan.monomial_sum": "degrees from scan_cases",
    "rank_scan.saturating_width": "degrees and sizes from scan_cases",
    "rank_scan.dimension_count": "the same",
    "rank_theory.closed_form": "degrees and sizes from theoretical_rank",
    "rank_theory.lower_bound": "the same",
    "data.load_digits": "no argument",
    "spectrum.inner_network": "a network that spectrum has checked",
    "spectrum.outside_matrix": "the same",
    "survey.fit_widths": "a table that draw_certificates has made",
    "sweep.fixed_parameters": "sweeps are tested below",
    "sweep.points": "the same",
    "sweep.rows_of_point": "what a notebook has made",
    "sweep.tidy": "the same",
    "witness.homogeneous_degree": "the activation of a network",
}
