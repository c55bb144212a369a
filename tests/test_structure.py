"""How the library is built: what its map names, and which way its imports point."""

import ast
import re

import pytest
from checkout import ROOT

import nearopt

FILES = {path.stem: path for path in ROOT.glob("lib/nearopt/*.py") if path.stem != "__init__"}
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
    "timescales",
    "wishart",
]
MEASUREMENT = [
    "certify",
    "descent",
    "ensemble",
    "hessian",
    "linear_descent",
    "loss",
    "operators",
    "partial_spectrum",
    "rank",
    "recovery",
    "spectrum",
    "witness",
]
# What a formula must know nothing of.
SURROUNDINGS = {"exploration", "figures_linear", "parameters", "results", "style", "sweep"}


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


@pytest.mark.parametrize("module", THEORY)
def test_theory_does_not_measure(module):
    assert not reached(module) & {*MEASUREMENT, *SURROUNDINGS}


@pytest.mark.parametrize("module", MEASUREMENT)
def test_measurement_does_not_predict(module):
    """A count is held against proved bounds, which are no prediction."""
    bounds = {"rank_bounds", "double_points"}
    assert not reached(module) & ({*THEORY, *SURROUNDINGS} - bounds)
