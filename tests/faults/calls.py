"""A valid call of each public function that takes something from its user, small and quick.

Tests put something bad in the place of one argument at a time. What is not here is in `INNER`.
"""

import numpy as np
from sweeps import load_sweep

from nearopt import (
    Erf,
    Polynomial,
    ReLU,
    TwoLayer,
    descent,
    hessian,
    laws,
    network,
    proof,
    rank,
    sin,
    tanh,
)
from nearopt.proof.integrals import integrated_hessian
from nearopt.report import files, parameters
from nearopt.report.activations import load_activation


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
DENSITY = hessian.spectral_density(NET, steps=3, rng=np.random.default_rng(0))
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
    network.LeakyReLU: {"slope": np.array(0.5)},
    network.Smooth: {
        "g": sin.g,
        "dg": sin.dg,
        "d2g": sin.d2g,
        "d3g": sin.d3g,
        "tolerance": 1e-9,
    },
    proof.certify_full_rank: {"net": NET, "max_precision": 256},
    proof.smallest_eigenvalue: {"net": NET, "max_precision": 256},
    network.ColouredInputs: {"input_covariance": SIGMA},
    network.ColouredInputs(SIGMA).draw: {"samples": 3, "rng": RNG},
    network.ColouredInputs(SIGMA).whitened: {"net": NET},
    descent.Comparison.near: {"teacher": NET, "rank": 9, "deviation": 0.1 * NET.parameters},
    load_activation: {"activation": "gelu"},
    files.load_inputs: {"path": "inputs.csv", "keep_constant": False},
    files.standardise: {"inputs": INPUTS[1:]},
    rank.covariance_rank: {"inputs": np.arange(6.0).reshape(3, 2)},
    proof.filling_degree: {"parameters": 9, "input_dim": 2, "output_dim": 1},
    proof.smallest_eigenvalue_bound: {"net": NET},
    descent.distance: {"student": STUDENT, "teacher": NET},
    descent.critical_rate: {"teacher": NET, "gradient": descent.population_gradient},
    descent.gradient_descent: {
        **{"student": NEAR, "teacher": NET, "rate": 0.1, "steps": 3},
        **{"gradient": descent.near_gradient, "records": 2, "progress": False},
    },
    descent.gradient_flow: {
        **{"student": NEAR, "teacher": NET, "times": TIMES, "gradient": descent.near_gradient},
        "hessian": hessian.population_hessian,
    },
    laws.draw_linear_spectra: {**SIZES, "teachers": 2, **SCALES, "rng": RNG},
    laws.draw_coloured_spectra: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, "teachers": 2},
        **{**SCALES, "rng": RNG},
    },
    laws.binned_density: {"spectra": SPECTRA, "edges": EIGENVALUES},
    laws.empirical_cdf: {"spectra": SPECTRA, "points": EIGENVALUES},
    laws.cdf_scores: {"spectra": SPREAD, "law": laws.MarchenkoPastur(0.5)},
    laws.largest_score: {"count": 99},
    laws.largest_difference: {"error": EIGENVALUES, "teachers": 20},
    hessian.smallest_batch_eigenvalues: {"net": NET, "rank": 9, "sizes": [2, 12], "rng": RNG},
    proof.graded_spectrum: {"net": NET, "precision": 128},
    proof.true_and_float_spectrum: {"net": NET},
    hessian.population_hessian: {"net": NET, "input_covariance": SIGMA},
    hessian.batch_hessian: {"net": NET, "inputs": INPUTS},
    hessian.neural_tangent_kernel: {"net": NET, "inputs": INPUTS},
    integrated_hessian: {"net": LINE},
    proof.is_irreducible: {"net": NET},
    proof.odd_activation_rank: {"net": NET},
    proof.degenerate_teachers: {"net": NET},
    laws.MarchenkoPastur: {"aspect_ratio": 0.5},
    laws.singular_value_density: {"t": TIMES, "n": 3, "p": 2},
    laws.kolmogorov_distance: {
        "law": laws.MarchenkoPastur(0.5),
        "other": laws.MarchenkoPastur(0.5),
    },
    laws.LinearHessianLaw: {**SIZES, **SCALES},
    laws.FiniteLinearHessianLaw: {**SIZES, **SCALES},
    laws.NonlinearHessianLaw: {"input_dim": 6, "hidden_dim": 5, "activation": Erf(), **SCALES},
    laws.leading_count: {"net": NET, "levels": EIGENVALUES},
    laws.gaussian_moments: {"activation": Erf(), "variance": 1.0},
    laws.ColouredHessianLaw: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, **SCALES, "samples": 5}
    },
    laws.OutputsHessianLaw: {**SIZES, "output_dim": 4, **SCALES},
    descent.descend_linear_students: {
        **{**SIZES, "teachers": 2, "rate": 0.01, "steps": np.array([0, 3]), "epsilon": 1e-3},
        **{**SCALES, "rng": RNG, "progress": False},
    },
    descent.population_loss: {"student": STUDENT, "teacher": NET, "input_covariance": SIGMA},
    descent.population_gradient: {"student": STUDENT, "teacher": NET, "input_covariance": SIGMA},
    descent.near_loss: {"student": STUDENT, "teacher": NET, "nodes": 2, "input_covariance": SIGMA},
    descent.near_gradient: {
        "student": STUDENT,
        "teacher": NET,
        "nodes": 2,
        "input_covariance": SIGMA,
    },
    descent.batch_loss: {"student": STUDENT, "teacher": NET, "inputs": INPUTS},
    descent.batch_gradient: {"student": STUDENT, "teacher": NET, "inputs": INPUTS},
    hessian.HessianOperator: {"net": NET, "input_covariance": SIGMA},
    hessian.BatchHessianOperator: {"net": NET, "inputs": INPUTS},
    parameters.parameter_names: {"notebook": "01_linear_asymptotics"},
    descent.predicted_loss: {
        **{"eigenpairs": (EIGENVALUES, np.eye(3)), "deviation": EIGENVALUES},
        **{"times": TIMES, "rate": 0.1},
    },
    descent.expected_loss: {
        **{"eigenvalues": EIGENVALUES, "times": TIMES, "epsilon": 0.1, "rate": 0.1}
    },
    descent.linear_expected_loss: {"times": TIMES, **SIZES, **SCALES, "epsilon": 0.1},
    descent.asymptotic_linear_expected_loss: {
        **{"times": TIMES, **SIZES, **SCALES, "epsilon": 0.1}
    },
    descent.late_exponent: SIZES,
    rank.numerical_rank: {"net": NET},
    rank.exact_rank: {**COUNTED, "output_dim": 2, "rng": RNG},
    rank.exact_ranks: {**COUNTED, "output_dim": 2, "rng": RNG},
    rank.exact_batch_ranks: {**COUNTED, "rng": RNG},
    rank.count_batch_ranks: {**BATCHES, "rng": RNG},
    rank.expected_batch_ranks: BATCHES,
    proof.certify_batch_ranks: {"net": NET, "inputs": INPUTS[:9], "bits": 128},
    rank.scan_cases: {**{"max_degree": 2, "max_input_dim": 2, "output_dim": 1, "max_terms": 1}},
    rank.tabulate_ranks: {
        **{"choices": [frozenset({1})], "max_input_dim": 2, "max_hidden_dim": 2, "rng": RNG}
    },
    rank.theoretical_rank: {**COUNTED, "output_dim": 2},
    hessian.quadratic_null_vectors: {"net": QUADRATIC},
    rank.fit_student: {"student": NEAR, "inputs": INPUTS, "outputs": NET(INPUTS)},
    rank.relative_errors: {"teacher": NET, "distance": 0.01, "batches": [4], "rng": RNG},
    hessian.spectrum: {"net": NET, "input_covariance": SIGMA},
    hessian.batch_spectrum: {"net": NET, "inputs": INPUTS},
    hessian.extreme_eigenvalues: {"net": NET, "k": 1, "steps": 5, "rng": RNG},
    hessian.spectral_density: {"net": NET, "probes": 2, "steps": 3, "rng": RNG},
    DENSITY.pdf: {"points": EIGENVALUES, "width": 0.5},
    DENSITY.cdf: {"points": EIGENVALUES},
    proof.draw_certificates: {"shapes": [(1, 1)], "teachers": 1, **SCALES, "rng": RNG},
    load_sweep: {"name": "rank"},
    hessian.nonzero: {"eigenvalues": EIGENVALUES},
    descent.steps_to: {"eigenvalues": EIGENVALUES, "fractions": np.array([0.1])},
    descent.summary: {"name": "net", "eigenvalues": EIGENVALUES, "fraction": 0.5},
    hessian.scaling_directions: {"net": RECTIFIER},
    proof.jacobian_rank: {"net": NET, "rng": RNG, "max_precision": 128},
}

# What is public and takes nothing that a user could give it wrongly, or is tested elsewhere.
INNER = {
    "Results": "what a notebook has made",
    "check_config": "test_bad_configurations.py",
    "check_parameters": "the same",
    "extrapolated": "losses that a notebook has measured",
    "fit_widths": "a table that draw_certificates has made",
    "hermite_factor": "a network with a polynomial, from spectrum",
    "homogeneous_degree": "the activation of a network",
    "largest_chi_square": "weights that a notebook has made",
    "load": "what a build has made",
    "load_certificate": "tests/test_certify.py damages and forges its files",
    "save_certificate": "the same",
    "scan_ranks": "cases from scan_cases",
}
