"""Bad configurations and parameters of papermill: named, and nothing run or touched.

Bad values are generated from each key of the schema.
"""

import itertools
import re
import shutil

import papermill.parameterize
import pytest
import yaml
from bad_values import INJECTIONS, NAN, NO_NUMBERS, SHELL, TEXTS, YAML_INJECTIONS
from checkout import ROOT, copy_checkout, run

from nearopt.report.parameters import check_config, load_schema
from nearopt.report.results import Results

pytestmark = pytest.mark.usefixtures("untouched_checkout", "untouched_folder")

PAPER = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
SCHEMA = load_schema()
NOTEBOOKS = {name: ROOT / f"notebooks/{name}.py" for name in PAPER if name != "results_dir"}
WRONG = itertools.cycle([value for value in NO_NUMBERS if value != 0] + INJECTIONS)


def not_allowed(schema):
    """Return values that a key of the schema must not take: its bounds', and some of all others."""
    if schema["type"] == "boolean":
        return [None, "false", 0, 1, [True], SHELL]
    if schema["type"] == "string":
        return [None, True, 3, NAN, ["a"], {"a": "b"}]
    beyond = [schema["minimum"] - 1] if "minimum" in schema else [schema["exclusiveMinimum"]]
    beyond += [schema["maximum"] + 1] if "maximum" in schema else []
    return [*beyond, *itertools.islice(WRONG, 3)]


PARAMETER_CASES = [
    pytest.param(notebook, key, value, id=f"{notebook}-{key}-{i}")
    for notebook in NOTEBOOKS
    for key, schema in SCHEMA["properties"][notebook]["properties"].items()
    for i, value in enumerate(not_allowed(schema))
]
# Through papermill, one of each kind.
PAPERMILL_CASES = PARAMETER_CASES[::2]


def test_there_are_hundreds_of_cases():
    assert len(PARAMETER_CASES) > 200


@pytest.mark.parametrize(("notebook", "key", "value"), PARAMETER_CASES)
def test_a_bad_configuration_is_named_with_its_value(notebook, key, value):
    with pytest.raises(ValueError, match=rf"{notebook}\.{key}.* is not allowed: it must be") as e:
        check_config(PAPER | {notebook: PAPER[notebook] | {key: value}})
    assert repr(value) in str(e.value)


@pytest.mark.parametrize("value", [*TEXTS, None, 3, True, ["a"], "/tmp", "results/../b", "~"])
def test_results_go_nowhere_but_below_the_checkout(value):
    with pytest.raises(ValueError, match="results_dir = "):
        check_config(PAPER | {"results_dir": value})


@pytest.mark.parametrize("value", ["build", "build/results", "results", "lib/nearopt"])
def test_results_go_below_results_and_so_apart_from_logs(value):
    with pytest.raises(ValueError, match=f"results_dir = '{value}' is not allowed"):
        check_config(PAPER | {"results_dir": value})


@pytest.mark.parametrize("key", [*TEXTS, 3, None, True, "hiden_dim", "HIDDEN_DIM"])
@pytest.mark.parametrize("place", [None, "01_linear_asymptotics"])
def test_an_unknown_key_is_named_and_the_known_ones_listed(place, key):
    config = PAPER | {place: PAPER[place] | {key: 1}} if place else PAPER | {key: {}}
    with pytest.raises(ValueError, match=r"unknown key .*; known are ") as caught:
        check_config(config)
    assert repr(key) in str(caught.value)


@pytest.mark.parametrize("config", [None, [], "text", 3, [PAPER], NAN])
def test_what_is_no_mapping_is_no_configuration(config):
    with pytest.raises(ValueError, match="must be {type: object"):
        check_config(config)


@pytest.mark.slow
@pytest.mark.parametrize("text", [YAML_INJECTIONS[0], YAML_INJECTIONS[2], YAML_INJECTIONS[6]])
def test_snakemake_stops_at_a_hostile_configuration(text, tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "config/bad.yaml").write_text(f"01_linear_asymptotics: {{sigma1: {text}}}\n")
    done = run(checkout, "snakemake", "--cores", "1", "--configfile", "config/bad.yaml")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "not valid" in said or "could not determine a constructor" in said
    assert not any((checkout / name).exists() for name in ("pwned", "results", "logs"))


@pytest.mark.slow
def test_make_hands_a_hostile_name_to_no_shell(tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    shutil.copy(ROOT / "Makefile", checkout)
    make = ("make", "sweep", "--assume-old=environment")  # Not to install anything.
    done = run(checkout, *make, f"SWEEP={SHELL}$$(touch pwned)`touch pwned`")
    assert done.returncode != 0
    assert re.search("no sweep is called .*; touch pwned", done.stderr)
    assert not any((checkout / name).exists() for name in ("pwned", ".venv", "results"))


# Parameters of papermill


def parameters_cell(notebook):
    """Return the source of a notebook's parameters and of the cell that asks what they are."""
    source = NOTEBOOKS[notebook].read_text()
    cells = source.split("\n# %%")
    start = next(i for i, cell in enumerate(cells) if cell.startswith(' tags=["parameters"]'))
    return cells[start].partition("\n")[2], cells[start + 1]


def run_with(notebook, given):
    """Run the notebook's first cells with parameters, as papermill puts them in."""
    defaults, asking = parameters_cell(notebook)
    injected = papermill.parameterize.translate_parameters("python3", "python", given, "Parameters")
    namespace = {"In": [""], "Out": {}, "__name__": "__main__"}
    for cell in (defaults, injected, asking):
        namespace["In"].append(cell)
        exec(compile(cell, notebook, "exec"), namespace)
    return namespace["results"]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_notebooks_own_parameters_are_allowed(notebook):
    assert run_with(notebook, PAPER[notebook]).parameters == PAPER[notebook]


@pytest.mark.parametrize(("notebook", "key", "value"), PAPERMILL_CASES)
def test_papermill_brings_no_bad_value_past_the_first_cell(notebook, key, value):
    with pytest.raises(ValueError, match=rf"{notebook}\.{key}.* is not allowed: it must be"):
        run_with(notebook, {key: value})


@pytest.mark.parametrize("notebook", NOTEBOOKS)
@pytest.mark.parametrize("given", [{"hiden_dim": 3}, {"Teachers": SHELL}, {"largest": 2.5}])
def test_papermill_brings_no_unknown_parameter_past_the_first_cell(notebook, given):
    with pytest.raises(ValueError, match=f"{notebook}: unknown key {next(iter(given))!r}"):
        run_with(notebook, given)


@pytest.mark.parametrize("folder", [3, True, ["a"], 1.5, "no\0name"])
def test_a_results_folder_must_be_text(folder):
    with pytest.raises((TypeError, ValueError), match="results_dir"):
        Results("exact_rank", {}, folder)
