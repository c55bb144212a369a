"""How the library is built: what its map names, and which way its imports point."""

import ast
import re

import pytest
from checkout import ROOT

import nearopt

FILES = {path.stem: path for path in ROOT.glob("lib/nearopt/*.py") if path.stem != "__init__"}
FOUNDATIONS = [
    "activations",
    "ball_functions",
    "ball_integrals",
    "balls",
    "checks",
    "coloured",
    "definite",
    "empirical",
    "hermite",
    "lanczos",
    "network",
    "reference",
    "smooth",
]
THEORY = [
    "deterministic_equivalent",
    "double_points",
    "eigenvalue_bound",
    "irreducible",
    "laws",
    "laws_inputs",
    "laws_outputs",
    "linear_prediction",
    "piecewise",
    "prediction",
    "rank_bounds",
    "rank_theory",
    "sum_law",
    "timescales",
    "wishart",
]
MEASUREMENT = [
    "certificate_file",
    "certify",
    "descent",
    "ensemble",
    "graded",
    "hessian",
    "linear_descent",
    "loss",
    "modular",
    "operators",
    "partial_spectrum",
    "rank",
    "recovery",
    "spectrum",
    "witness",
]
# One against the other.
COMPARISONS = ["comparison", "rank_scan", "survey"]
# What a formula must know nothing of.
SURROUNDINGS = {name for name in FILES if name.startswith("figures_")}
SURROUNDINGS |= {"data", "exploration", "parameters", "results", "style", "sweep"}


def reached(module):
    """Return every module of the library that one imports, through any number of steps."""
    found, left = set(), [module]
    while left:
        for node in ast.walk(ast.parse(FILES[left.pop()].read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "nearopt":
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                new = {name.rpartition(".")[2] for name in names} & FILES.keys() - found
                found |= new
                left += new
    return found


def test_the_map_names_every_module_once():
    assert sorted(re.findall(r"`(\w+)`", nearopt.__doc__)) == sorted(FILES)


def test_every_module_has_its_place():
    assert sorted(FOUNDATIONS + THEORY + MEASUREMENT + COMPARISONS + [*SURROUNDINGS]) == sorted(
        FILES
    )


@pytest.mark.parametrize("module", FOUNDATIONS)
def test_foundations_neither_predict_nor_measure(module):
    assert reached(module) <= {*FOUNDATIONS}


@pytest.mark.parametrize("module", COMPARISONS)
def test_comparisons_draw_and_read_nothing(module):
    assert not reached(module) & SURROUNDINGS


@pytest.mark.parametrize("module", THEORY)
def test_theory_does_not_measure(module):
    assert not reached(module) & {*MEASUREMENT, *SURROUNDINGS}


@pytest.mark.parametrize("module", MEASUREMENT)
def test_measurement_does_not_predict(module):
    """A count is held against proved bounds, which are no prediction."""
    bounds = {"rank_bounds", "double_points"}
    assert not reached(module) & ({*THEORY, *SURROUNDINGS} - bounds)
