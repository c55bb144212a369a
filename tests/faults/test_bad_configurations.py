"""Bad configurations and parameters of papermill: named, and nothing run or touched.

Bad values are generated from each key of the schema.
"""

import itertools
import re
import shutil

import pytest
import yaml
from bad_values import INJECTIONS, NAN, NO_NUMBERS, SHELL, TEXTS
from checkout import ROOT, copy_checkout, refused

from nearopt.report.parameters import check_config, load_schema
from nearopt.report.results import Results

pytestmark = pytest.mark.usefixtures("untouched_checkout", "untouched_folder")

PAPER = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
SCHEMA = load_schema()
NOTEBOOKS = {name: ROOT / f"notebooks/{name}.py" for name in PAPER if name != "results_dir"}
OUTSIDE = ("/tmp", "~", "../b", "results/../b", "results/../../b", "results", "build", "$HOME")
OUTSIDE += ("build/results", "lib", "lib/nearopt")
WRONG = itertools.cycle([value for value in NO_NUMBERS if value != 0] + INJECTIONS)


def not_allowed(schema):
    """Return values that a key of the schema must not take: its bounds', and one of all others."""
    if schema["type"] == "boolean":
        return [None, "false", 0, 1, [True], SHELL]
    if schema["type"] == "string":
        return [None, True, 3, NAN, ["a"], {"a": "b"}]
    beyond = [schema["maximum"] + 1] if "maximum" in schema else []
    return [schema["minimum"] - 1, *beyond, next(WRONG)]


PARAMETER_CASES = [
    pytest.param(notebook, key, value, id=f"{notebook}-{key}-{i}")
    for notebook in NOTEBOOKS
    for key, schema in SCHEMA["properties"][notebook]["properties"].items()
    for i, value in enumerate(not_allowed(schema))
]


@pytest.mark.parametrize(("notebook", "key", "value"), PARAMETER_CASES)
def test_a_bad_configuration_is_named_with_its_value(notebook, key, value):
    with pytest.raises(
        ValueError, match=rf"{notebook}\.{key}.* is not allowed: it must be {{type: "
    ) as e:
        check_config(PAPER | {notebook: PAPER[notebook] | {key: value}})
    assert repr(value) in str(e.value)


@pytest.mark.parametrize("value", [*TEXTS, None, 3, True, ["a"], *OUTSIDE])
def test_results_go_nowhere_but_below_the_checkout(value):
    with pytest.raises(ValueError, match="results_dir = "):
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
def test_make_hands_a_hostile_name_to_no_shell(tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    shutil.copy(ROOT / "Makefile", checkout)
    make = ("make", "sweep", "--assume-old=environment")  # Not to install anything.
    said = refused(checkout, *make, f"SWEEP={SHELL}$$(touch pwned)`touch pwned`")
    assert re.search("no sweep is called .*; touch pwned", said)
    assert not any((checkout / name).exists() for name in ("pwned", ".venv", "results"))


@pytest.mark.parametrize("folder", [3, True, ["a"], 1.5, "no\0name"])
def test_a_results_folder_must_be_text(folder):
    with pytest.raises(ValueError, match="results_dir"):
        Results("exact_rank", {}, folder)
