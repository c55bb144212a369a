"""A valid call of each public function that takes something from its user, small and quick.

Tests put something bad in the place of one argument at a time. What is not here is in `INNER`.
"""

import numpy as np
from sweeps import load_sweep

from nearopt import Erf, Linear, Polynomial, ReLU, TwoLayer
from nearopt.descent import (
    comparison,
    dynamics,
    flow,
    linear_prediction,
    linear_students,
    loss,
    prediction,
)
from nearopt.hessian import dense, eigenvalues, lanczos, null_space, operators
from nearopt.laws import (
    bulk,
    coloured,
    draws,
    linear,
    nonlinear,
    outputs,
    statistics,
    units,
    wishart,
)
from nearopt.network import activations, inputs, smooth
from nearopt.proof import (
    certificate,
    eigenvalue_bound,
    integrals,
    jacobian,
    spectrum,
    survey,
    theorem,
)
from nearopt.rank import bounds, count, recovery, scan, theory
from nearopt.report import files, parameters


def draw(activation, input_dim=2, hidden_dim=3, seed=1):
    rng = np.random.default_rng(seed)
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, rng=rng)


NET, STUDENT, RECTIFIER = draw(Erf()), draw(Erf(), seed=2), draw(ReLU())
LINE, QUADRATIC = draw(smooth.tanh, 1, 1), draw(Polynomial((0.0, 0.0, 1.0)))
NEAR = NET.with_parameters(NET.parameters + 1e-3)
INPUTS = np.random.default_rng(3).standard_normal((12, 2))
SIGMA = np.diag([1.0, 2.0])
EIGENVALUES, TIMES = np.array([0.5, 1.0, 2.0]), np.array([1.0, 2.0])
SPECTRA = np.arange(8.0).reshape(4, 2)
SPREAD = np.random.default_rng(4).uniform(0, 3, (400, 3))
DENSITY = lanczos.spectral_density(NET, steps=3, rng=np.random.default_rng(0))
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
    activations.LeakyReLU: {"slope": np.array(0.5)},
    smooth.Smooth: {
        "g": smooth.sin.g,
        "dg": smooth.sin.dg,
        "d2g": smooth.sin.d2g,
        "d3g": smooth.sin.d3g,
        "tolerance": 1e-9,
    },
    certificate.certify_full_rank: {"net": NET, "max_precision": 256},
    certificate.smallest_eigenvalue: {"net": NET, "max_precision": 256},
    inputs.ColouredInputs: {"input_covariance": SIGMA},
    inputs.ColouredInputs(SIGMA).draw: {"samples": 3, "rng": RNG},
    inputs.ColouredInputs(SIGMA).whitened: {"net": NET},
    comparison.Comparison.near: {"teacher": NET, "rank": 9, "deviation": 0.1 * NET.parameters},
    files.load_inputs: {"path": "inputs.csv", "keep_constant": False},
    files.standardise: {"inputs": INPUTS[1:]},
    count.covariance_rank: {"inputs": np.arange(6.0).reshape(3, 2)},
    eigenvalue_bound.filling_degree: {"parameters": 9, "input_dim": 2, "output_dim": 1},
    eigenvalue_bound.smallest_eigenvalue_bound: {"net": NET},
    dynamics.distance: {"student": STUDENT, "teacher": NET},
    dynamics.critical_rate: {"teacher": NET, "gradient": loss.population_gradient},
    dynamics.gradient_descent: {
        **{"student": NEAR, "teacher": NET, "rate": 0.1, "steps": 3},
        **{"gradient": loss.near_gradient, "records": 2, "progress": False},
    },
    flow.gradient_flow: {
        **{"student": NEAR, "teacher": NET, "times": TIMES, "gradient": loss.near_gradient},
        "hessian": dense.population_hessian,
    },
    draws.draw_linear_spectra: {**SIZES, "teachers": 2, **SCALES, "rng": RNG},
    draws.draw_coloured_spectra: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, "teachers": 2},
        **{**SCALES, "rng": RNG},
    },
    statistics.binned_density: {"spectra": SPECTRA, "edges": EIGENVALUES},
    statistics.empirical_cdf: {"spectra": SPECTRA, "points": EIGENVALUES},
    statistics.cdf_scores: {"spectra": SPREAD, "law": wishart.MarchenkoPastur(0.5)},
    statistics.largest_score: {"count": 99},
    statistics.largest_difference: {"error": EIGENVALUES, "teachers": 20},
    eigenvalues.smallest_batch_eigenvalues: {"net": NET, "rank": 9, "sizes": [2, 12], "rng": RNG},
    spectrum.graded_spectrum: {"net": NET, "precision": 128},
    spectrum.true_and_float_spectrum: {"net": NET},
    dense.population_hessian: {"net": NET, "input_covariance": SIGMA},
    dense.batch_hessian: {"net": NET, "inputs": INPUTS},
    dense.neural_tangent_kernel: {"net": NET, "inputs": INPUTS},
    integrals.integrated_hessian: {"net": LINE},
    theorem.is_irreducible: {"net": NET},
    theorem.odd_activation_rank: {"net": NET},
    theorem.degenerate_teachers: {"net": NET},
    wishart.MarchenkoPastur: {"aspect_ratio": 0.5},
    wishart.singular_value_density: {"t": TIMES, "n": 3, "p": 2},
    statistics.kolmogorov_distance: {
        "law": wishart.MarchenkoPastur(0.5),
        "other": wishart.MarchenkoPastur(0.5),
    },
    linear.LinearHessianLaw: {**SIZES, **SCALES},
    linear.FiniteLinearHessianLaw: {**SIZES, **SCALES},
    nonlinear.NonlinearHessianLaw: {"input_dim": 6, "hidden_dim": 5, "activation": Erf(), **SCALES},
    bulk.leading_count: {"net": NET, "levels": EIGENVALUES},
    units.gaussian_moments: {"activation": Erf(), "variance": 1.0},
    coloured.ColouredHessianLaw: {
        **{"covariance_spectrum": EIGENVALUES, "hidden_dim": 3, **SCALES, "samples": 5}
    },
    outputs.OutputsHessianLaw: {**SIZES, "output_dim": 4, **SCALES},
    linear_students.descend_linear_students: {
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
    count.numerical_rank: {"net": NET},
    count.exact_rank: {**COUNTED, "output_dim": 2, "rng": RNG},
    count.exact_ranks: {**COUNTED, "output_dim": 2, "rng": RNG},
    count.exact_batch_ranks: {**COUNTED, "rng": RNG},
    count.count_batch_ranks: {**BATCHES, "rng": RNG},
    theory.expected_batch_ranks: BATCHES,
    jacobian.certify_batch_ranks: {"net": NET, "inputs": INPUTS[:9], "bits": 128},
    bounds.degrees_and_sizes: {**COUNTED, "output_dim": 2},
    bounds.degrees_of: {"activation": Linear()},
    scan.scan_cases: {**{"max_degree": 2, "max_input_dim": 2, "output_dim": 1, "max_terms": 1}},
    scan.tabulate_ranks: {
        **{"choices": [frozenset({1})], "max_input_dim": 2, "max_hidden_dim": 2, "rng": RNG}
    },
    theory.theoretical_rank: {**COUNTED, "output_dim": 2},
    null_space.quadratic_null_vectors: {"net": QUADRATIC},
    recovery.fit_student: {"student": NEAR, "inputs": INPUTS, "outputs": NET(INPUTS)},
    recovery.relative_errors: {"teacher": NET, "distance": 0.01, "batches": [4], "rng": RNG},
    eigenvalues.spectrum: {"net": NET, "input_covariance": SIGMA},
    eigenvalues.batch_spectrum: {"net": NET, "inputs": INPUTS},
    lanczos.extreme_eigenvalues: {"net": NET, "k": 1, "steps": 5, "rng": RNG},
    lanczos.lanczos: {"operator": operators.HessianOperator(NET), "steps": 2, "rng": RNG},
    lanczos.spectral_density: {"net": NET, "probes": 2, "steps": 3, "rng": RNG},
    DENSITY.pdf: {"points": EIGENVALUES, "width": 0.5},
    DENSITY.cdf: {"points": EIGENVALUES},
    survey.draw_certificates: {"shapes": [(1, 1)], "teachers": 1, **SCALES, "rng": RNG},
    load_sweep: {"name": "rank"},
    eigenvalues.nonzero: {"eigenvalues": EIGENVALUES},
    prediction.steps_to: {"eigenvalues": EIGENVALUES, "fractions": np.array([0.1])},
    prediction.summary: {"name": "net", "eigenvalues": EIGENVALUES, "fraction": 0.5},
    null_space.scaling_directions: {"net": RECTIFIER},
    jacobian.jacobian_rank: {"net": NET, "rng": RNG, "max_precision": 128},
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
    "figures.late_learning": "the same",
    "figures.linear": "the same",
    "figures.nonlinear": "the same",
    "figures.rank": "the same",
    "figures.samples": "the same",
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
    "report.parameters.allowed": "a part of the schema, which is ours",
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
