"""A valid call of each public function that takes something from its user, small and quick.

Tests put something bad in the place of one argument at a time. Public is what the face of a room
shows; what is left out of that is in `INNER`.
"""

import inspect
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
from sweeps import load_sweep

import nearopt
from cases import draw
from nearopt import Erf, Polynomial, ReLU, TwoLayer, descent, hessian, laws, proof, rank, sin
from nearopt.network import ColouredInputs
from nearopt.report import files
from nearopt.report.activations import load_activation

NET, SQUARE = draw(2, 3, Erf(), seed=1), Polynomial((0.0, 0.0, 1.0))
INPUTS = np.random.default_rng(3).standard_normal((12, 2))
SIGMA = np.diag([1.0, 2.0])
EIGENVALUES, LAW = np.array([0.5, 1.0, 2.0]), laws.MarchenkoPastur(0.5)
DENSITY = hessian.spectral_density(NET, steps=3, rng=np.random.default_rng(0))
# Replaced by a fresh generator for each call.
RNG = np.random.default_rng(0)

# What an argument of that name is given, where `OTHERS` does not say otherwise.
GOOD = {
    **{"net": NET, "teacher": NET, "student": NET.with_parameters(NET.parameters + 1e-3)},
    **{"W1": NET.W1, "W2": NET.W2, "parameters": NET.parameters, "activation": Erf()},
    **{"input_dim": 2, "hidden_dim": 3, "output_dim": 2, "sigma1": 1.0, "sigma2": 0.5},
    **{"inputs": INPUTS, "outputs": NET(INPUTS), "samples": 3, "input_covariance": SIGMA},
    **{"rng": RNG, "teachers": 2, "shapes": [(1, 1)], "slope": np.array(0.5)},
    **{"coefficients": (0.0, 1.0), "g": sin.g, "dg": sin.dg, "d2g": sin.d2g, "d3g": sin.d3g},
    **{"tolerance": 1e-9, "precision": 128, "max_precision": 256, "bits": 128, "nodes": 2},
    **{"rate": 0.1, "steps": 3, "records": 2, "progress": False, "epsilon": 0.1, "distance": 0.01},
    **{"times": np.array([1.0, 2.0]), "deviation": EIGENVALUES, "batches": [4]},
    **{"gradient": descent.near_gradient, "hessian": hessian.population_hessian},
    **{"eigenpairs": (EIGENVALUES, np.eye(3)), "eigenvalues": EIGENVALUES, "levels": EIGENVALUES},
    **{"fractions": np.array([0.1]), "fraction": 0.5, "rank": 9, "sizes": [2, 12]},
    **{"k": 1, "probes": 2, "points": EIGENVALUES, "width": 0.5, "edges": EIGENVALUES},
    **{"spectra": np.arange(8.0).reshape(4, 2), "law": LAW, "other": LAW, "aspect_ratio": 0.5},
    **{"covariance_spectrum": EIGENVALUES, "variance": 1.0, "count": 99, "error": EIGENVALUES},
    **{"t": np.array([1.0, 2.0]), "n": 3, "p": 2, "choices": [frozenset({1})]},
    **{"max_degree": 2, "max_input_dim": 2, "max_hidden_dim": 2, "max_terms": 1},
    **{"path": "inputs.csv", "keep_constant": False, "name": "rank"},
    "notebook": "01_linear_asymptotics",
}
COUNTED = {"activation": Polynomial((0.0, 1.0, 1.0))}
OTHERS = {
    load_activation: {"activation": "gelu"},
    files.standardise: {"inputs": INPUTS[1:]},
    descent.Comparison.near: {"deviation": 0.1 * NET.parameters},
    descent.descend_linear_students: {"steps": np.array([0, 3])},
    laws.cdf_scores: {"spectra": np.random.default_rng(4).uniform(0, 3, (400, 3))},
    laws.largest_difference: {"teachers": 20},
    laws.NonlinearHessianLaw: {"input_dim": 6, "hidden_dim": 5},
    hessian.quadratic_null_vectors: {"net": draw(2, 3, SQUARE)},
    hessian.scaling_directions: {"net": draw(2, 3, ReLU())},
    proof.certify_batch_ranks: {"inputs": INPUTS[:9]},
    proof.draw_certificates: {"teachers": 1},
    proof.filling_degree: {"parameters": 9},
    rank.covariance_rank: {"inputs": np.arange(6.0).reshape(3, 2)},
    **dict.fromkeys((rank.exact_rank, rank.exact_ranks, rank.exact_batch_ranks), COUNTED),
    **dict.fromkeys((rank.count_batch_ranks, rank.expected_batch_ranks), COUNTED),
    rank.theoretical_rank: COUNTED,
}

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

ROOMS = [import_module(f"nearopt.{room.name}") for room in iter_modules(nearopt.__path__)]
PUBLIC = {name: getattr(room, name) for room in ROOMS for name in getattr(room, "__all__", ())}
TAKING = {
    name: value
    for name, value in PUBLIC.items()
    if inspect.isfunction(value) or (isinstance(value, type) and "Parameters" in str(value.__doc__))
}
FUNCTIONS = [
    *(value for name, value in TAKING.items() if name not in INNER),
    *(TwoLayer.draw, NET.with_parameters, NET.__call__, NET.jacobian, descent.Comparison.near),
    *(ColouredInputs(SIGMA).draw, ColouredInputs(SIGMA).whitened, DENSITY.pdf, DENSITY.cdf),
    *(load_activation, files.load_inputs, files.standardise, load_sweep),
]
CALLS = {
    function: {
        name: (GOOD | OTHERS.get(function, {}))[name]
        for name in inspect.signature(function).parameters
    }
    for function in FUNCTIONS
}
