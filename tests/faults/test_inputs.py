"""Bad input to the library, the configuration, notebooks and sweeps: refused, and nothing done.

Bad values are generated from the kind of each argument, each key of the schema and each place of a
sweep. What is refused must be named, before any random number is drawn or any file is touched.
"""

import importlib
import inspect
import itertools
import os
import pkgutil
import re
import shutil

import numpy as np
import papermill.parameterize
import pytest
import yaml
from calls import CALLS, INNER
from checkout import ROOT, copy_checkout, run

import nearopt
from nearopt import Erf, TwoLayer, sweep
from nearopt.activations import Activation, Polynomial
from nearopt.parameters import check_config, load_schema
from nearopt.results import Results
from nearopt.sweep import fixed_parameters, load_sweep

NAN, INF = float("nan"), float("inf")
SHELL = '"; touch pwned; "'
INJECTIONS = [SHELL, "$(touch pwned)", "`touch pwned`", "__import__('os').mkdir('pwned')"]
TEXTS = [*INJECTIONS, "", "ünïcödé ∞ 名", "../../pwned", "no\0name", "{pwned}", "x\n"]
NO_NUMBERS = [None, True, "3", "1e-3", SHELL, [3], {"a": 1}, 3j, NAN, INF, -INF, -3, 0]


# What git ignores: results, and what tools keep beside the checkout.
IGNORED = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()} | {".git"}


def folder_state():
    """Return what is in the checkout, apart from what is ignored."""
    state = {}
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in IGNORED]
        for path in (os.path.join(folder, file) for file in files):
            status = os.stat(path, follow_symlinks=False)
            state[path] = status.st_size, status.st_mtime_ns
    return state


@pytest.fixture(scope="module", autouse=True)
def untouched_checkout():
    before = folder_state()
    yield
    assert folder_state() == before


@pytest.fixture(autouse=True)
def untouched_folder(tmp_path_factory, monkeypatch):
    """Work in an empty folder, which must stay empty."""
    folder = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(folder)
    yield
    assert not list(folder.iterdir())


# The public API


def name_of(function):
    module = inspect.unwrap(function).__module__.removeprefix("nearopt.")
    return f"{module}.{function.__qualname__}"


def bad_arrays(good):
    """Return arrays like a good one, each wrong in its own way."""
    array = np.asarray(good, dtype=float)
    yield from (None, SHELL, [[1.0], [1.0, 2.0]], [], array[None], array.astype(complex))
    yield from (array.astype(str), np.full(array.shape, None))
    for value in (NAN, INF):
        spoilt = array.copy()
        spoilt.flat[0] = value
        yield spoilt


def bad_values(good):
    """Return what may not stand in the place of a good argument."""
    if isinstance(good, np.random.Generator):
        return [None, 0, SHELL, np.random.RandomState(0)]
    if isinstance(good, TwoLayer):
        return [None, 3, SHELL, TwoLayer, good.W1]
    if isinstance(good, Activation):
        others = [Erf()] if isinstance(good, Polynomial) else []
        return [None, 3, SHELL, Erf, *others]
    if isinstance(good, bool) or callable(good) or hasattr(good, "cdf"):
        return []
    if isinstance(good, int):
        return [*NO_NUMBERS, 1.5, 10**400]
    if isinstance(good, float):
        return [*NO_NUMBERS, 10**400, 1e-200, 1e200]
    if isinstance(good, str):
        return [None, 3, *TEXTS]
    if isinstance(good, list) and isinstance(good[0], int):
        return [None, 3, SHELL, [], [1.5], [0], [-1], [NAN], ["2"]]
    return list(bad_arrays(good)) if isinstance(good, np.ndarray) else []


# What an error calls an argument by another name; what summary calls a spectrum may be any text.
CALLED = {"path": "inputs", "name": "sweep", "fraction": "fractions"}
FREE = {("timescales.summary", "name")}
API_CASES = [
    pytest.param(function, argument, value, id=f"{name_of(function)}-{argument}-{i}")
    for function, arguments in CALLS.items()
    for argument, good in arguments.items()
    if (name_of(function), argument) not in FREE
    for i, value in enumerate(bad_values(good))
    if value is not None or inspect.signature(function).parameters[argument].default is not None
]


def call(function, arguments):
    """Call with a generator of its own; return the result and whether it drew from it."""
    rng = np.random.default_rng(5)
    fresh = {
        name: rng if isinstance(value, np.random.Generator) else value
        for name, value in arguments.items()
    }
    before = rng.bit_generator.state
    try:
        result = function(**fresh)
        if inspect.isgenerator(result):
            next(result)
    finally:
        call.drew = rng.bit_generator.state != before


@pytest.mark.parametrize("function", CALLS, ids=name_of)
def test_the_table_names_every_argument_and_each_call_is_valid(function):
    wanted = [name for name in inspect.signature(function).parameters if name != "self"]
    assert sorted(CALLS[function]) == sorted(wanted)
    if name_of(function) != "data.load_inputs":
        call(function, CALLS[function])


def test_every_public_function_is_in_the_table_or_said_not_to_be():
    known = {name_of(function).split(".__")[0] for function in CALLS}
    missing, seen = [], set()
    for module in pkgutil.iter_modules(nearopt.__path__):
        seen.add(module.name)
        if module.name in INNER:
            continue
        content = vars(importlib.import_module(f"nearopt.{module.name}"))
        for name, value in content.items():
            own = getattr(value, "__module__", "") == f"nearopt.{module.name}"
            takes = inspect.isfunction(value) or (
                inspect.isclass(value) and "Raises" in (value.__doc__ or "")
            )
            full = f"{module.name}.{name}"
            seen.add(full)
            if own and takes and not name.startswith("_") and full not in known | INNER.keys():
                missing.append(full)
    assert not missing
    assert INNER.keys() <= seen


def test_there_are_hundreds_of_cases():
    assert len(API_CASES) > 1000
    assert len(PARAMETER_CASES) > 200
    assert len(SWEEP_CASES) > 100


@pytest.mark.parametrize(("function", "argument", "value"), API_CASES)
def test_a_bad_argument_is_named_with_its_value_before_anything_is_drawn(function, argument, value):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(function, CALLS[function] | {argument: value})
    message = str(caught.value)
    assert re.search(rf"\b({argument}|{CALLED.get(argument, argument)})\b", message), message
    if isinstance(value, str | None) and not isinstance(CALLS[function][argument], np.ndarray):
        assert repr(value)[:80] in message
    assert not call.drew


# Configuration


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


@pytest.mark.parametrize(("notebook", "key", "value"), PARAMETER_CASES)
def test_a_bad_configuration_is_named_with_its_value(notebook, key, value):
    with pytest.raises(ValueError, match=rf"{notebook}\.{key}.* is not allowed: it must be") as e:
        check_config(PAPER | {notebook: PAPER[notebook] | {key: value}})
    assert repr(value) in str(e.value)


@pytest.mark.parametrize("value", [*TEXTS, None, 3, True, ["a"], "/tmp", "a/../b", "~"])
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
    with pytest.raises(ValueError, match="must be an object"):
        check_config(config)


YAML_INJECTIONS = [
    '!!python/object/apply:os.mkdir ["pwned"]',
    "!!python/object/new:os.mkdir [pwned]",
    '!!python/object/apply:subprocess.check_call [["touch", "pwned"]]',
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/object:nearopt.network.TwoLayer {}",
    f"'{SHELL}'",
    "*missing",
    "[" * 3000,
    "{",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", [YAML_INJECTIONS[0], YAML_INJECTIONS[2], YAML_INJECTIONS[6]])
def test_snakemake_stops_at_a_hostile_configuration(text, untouched_folder, tmp_path):
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
    injected = papermill.parameterize.translate_parameters("python3", "python", given, "given")
    namespace = {"In": [], "Out": {}, "__name__": "__main__"}
    for cell in (defaults, injected, asking):
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


# Sweeps


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
    monkeypatch.setattr(sweep, "FOLDER", tmp_path)
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
