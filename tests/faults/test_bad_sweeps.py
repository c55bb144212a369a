"""Bad sweeps: refused with the place that is wrong, and nothing run or touched."""

import pytest
import sweeps
import yaml
from bad_values import NAN, SHELL, YAML_INJECTIONS
from checkout import ROOT
from sweeps import fixed_parameters, load_sweep

pytestmark = pytest.mark.usefixtures("untouched_checkout", "untouched_folder")

SWEEP = {
    "description": "Small.",
    "notebook": "sweeps/exact_rank",
    "fixed": {"seed": 1, "first_hidden_dim": 1, "last_hidden_dim": 3},
    "grid": {"degrees": ["2", "1+3"], "input_dim": [2, 3]},
    "table": "ranks",
    "job": {"memory_mb": 500, "minutes": 10},
    "figure": {"x": "hidden_dim", "y": "rank", "colour": "degrees", "log": ["x"], "labels": {}},
}
PLACES = [
    ((key,), [None, True, 3, NAN, SHELL, [], [[]], {"a": 1}, "../../pwned", 10**30])
    for key in ("notebook", "job", "figure")
] + [
    (("description",), [None, 3, "no stop", [], {}]),
    (("table",), [None, 3, SHELL, "../pwned", "a/b", "ranks\n", "", []]),
    (("fixed",), [None, 3, SHELL, [], [{}], {"seed": SHELL}, {"seed": NAN}, {"sed": 3}, {3: 3}]),
    (("grid",), [None, 3, SHELL, [], {}, {"degrees": []}, {"degrees": "2"}, {"degrees": None}]),
    (("grid", "input_dim"), [None, 3, SHELL, [], [2, 2], [SHELL], [0], [-1], [NAN], [[2]], [1e9]]),
    (("grid", "degrees"), [["2", "2"], ["a/b"], ["$(touch pwned)"], [".."], [2], ["2\n"], [None]]),
    (("grid", "input_dim, seed"), [[[2]], [2], [SHELL], [[2, 1, 3]], [[2, SHELL]], [["a", 1]]]),
    (("grid", SHELL), [[1], [SHELL]]),
    (("grid", ""), [[1]]),
    (("job", "memory_mb"), [None, "500", 1.5, 0, -5, NAN, SHELL, True]),
    (("job", "minutes"), [None, "10", 1.5, 0, -5, NAN, SHELL, True]),
    (("figure", "x"), [None, 3, [], {}]),
    (("figure", "log"), ["x", ["z"], [1], None, ["x", "x"], SHELL]),
    (("figure", "labels"), [None, [], "text", {"x": 3}]),
    (("colour",), ["red"]),
    (("figure", "size"), [3]),
    (("job", "command"), [SHELL]),
]
SWEEP_CASES = [
    pytest.param(place, value, id=f"{'.'.join(place)}-{i}")
    for place, values in PLACES
    for i, value in enumerate(values)
]


def changed(content, place, value):
    first, *rest = place
    return content | {first: changed(content[first], rest, value) if rest else value}


@pytest.fixture
def sweep_folder(tmp_path, monkeypatch):
    (tmp_path / "schema.yaml").write_text((ROOT / "config/sweeps/schema.yaml").read_text())
    monkeypatch.setattr(sweeps, "FOLDER", tmp_path)
    return tmp_path


def plan(folder, text):
    """Do with a sweep what the workflow does before it runs anything."""
    (folder / "bad.yaml").write_text(text, encoding="utf-8")
    content = load_sweep("bad")
    return fixed_parameters(content, {})


def test_the_sweep_that_is_spoilt_below_is_allowed(sweep_folder):
    assert plan(sweep_folder, yaml.safe_dump(SWEEP)) == SWEEP["fixed"]


@pytest.mark.parametrize(("place", "value"), SWEEP_CASES)
def test_a_bad_sweep_is_refused_and_the_place_named(sweep_folder, place, value):
    where = rf"bad\.{place[0]}|bad: unknown|exact_rank|grid, |no notebook|given more than once"
    with pytest.raises(ValueError, match=where):
        plan(sweep_folder, yaml.safe_dump(changed(SWEEP, place, value)))


@pytest.mark.parametrize("text", YAML_INJECTIONS)
def test_a_hostile_sweep_is_refused(sweep_folder, text):
    with pytest.raises(ValueError, match="bad"):
        plan(sweep_folder, f"description: {text}\n")


def test_a_sweep_that_is_no_text_is_refused(sweep_folder):
    (sweep_folder / "bad.yaml").write_bytes(b"description: \xff\xfe")
    with pytest.raises(ValueError, match=r"bad\.yaml is not YAML"):
        load_sweep("bad")
