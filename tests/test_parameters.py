import copy

import pytest
import yaml

from nearopt.checks import positive_number
from nearopt.report.parameters import SCHEMA, Validator, check_config, check_parameters, load_schema

PAPER = yaml.safe_load(SCHEMA.with_name("paper.yaml").read_text())
QUICK = yaml.safe_load(SCHEMA.with_name("quick.yaml").read_text())
NAME = "01_linear_asymptotics"
LINEAR = PAPER[NAME]


def merged(base, changes):
    both = copy.deepcopy(base)
    for key, value in changes.items():
        both[key] = merged(base[key], value) if isinstance(value, dict) else value
    return both


def test_schema_is_a_schema():
    Validator.check_schema(load_schema())


@pytest.mark.parametrize("config", [PAPER, merged(PAPER, QUICK)], ids=["paper", "quick"])
def test_shipped_configurations_pass(config):
    check_config(config)


def test_quick_holds_only_what_differs():
    for key, value in QUICK.items():
        assert PAPER[key] != value
        if isinstance(value, dict):
            assert not value.items() & PAPER[key].items()


@pytest.mark.parametrize("entry", load_schema()["properties"].values())
def test_every_key_is_described(entry):
    for described in (entry, *entry.get("properties", {}).values()):
        assert described["description"].endswith(".")
    assert entry.get("additionalProperties", False) is False


RANGE = {"degrees": "2", "input_dim": 2, "first_hidden_dim": 3, "last_hidden_dim": 3, "seed": 0}
LARGE = {"input_dim": 100, "hidden_dim": 51, "enlargement": 2}
REFUSED = [
    (NAME, LINEAR | LARGE, rf"^{NAME}: input_dim \* hidden_dim = 5100 .* at most 5000$"),
    (NAME, {k: v for k, v in LINEAR.items() if k != "seed"}, "'seed' is a required property"),
    ("09_missing", {}, "no notebook of the checkout is called '09_missing'; there are 01_linear"),
    ("exact_rank", RANGE | {"last_hidden_dim": 2}, "first_hidden_dim = 3 .* last_hidden_dim = 2"),
]


@pytest.mark.parametrize(("notebook", "values", "message"), REFUSED)
def test_what_no_notebook_takes_is_named(notebook, values, message):
    check_parameters("exact_rank", RANGE)
    with pytest.raises(ValueError, match=message):
        check_parameters(notebook, values)


@pytest.mark.parametrize("name", load_schema()["properties"])
def test_every_scale_that_is_allowed_is_one_that_networks_take(name):
    for key, entry in load_schema()["properties"][name].get("properties", {}).items():
        if entry["type"] == "number":
            assert positive_number(key, entry["minimum"]) <= positive_number(key, entry["maximum"])
