import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml

from nearopt.report.parameters import SCHEMA
from nearopt.report.results import KEYS, Results, _digest, _sealed, add_file, load

NOTEBOOK = "01_linear_asymptotics"
PARAMETERS = yaml.safe_load(SCHEMA.with_name("paper.yaml").read_text())[NOTEBOOK]


def fill(folder):
    results = Results(NOTEBOOK, PARAMETERS, str(folder))
    results.value("rank", 10, "rank of the Hessian")
    results.value("slope", -1.02, "fitted exponent", error=0.03)
    results.verdict("C3", "rank", measured=10, expected=10, tolerance=0)
    results.table("ranks", pd.DataFrame({"P": [220], "rank": [10]}))
    figure, axes = plt.subplots()
    axes.plot([0, 1], [1, 3], label="a line")
    axes.legend()
    results.figure("line", figure)
    results.save()
    plt.close(figure)


def test_what_is_saved_is_read_back(tmp_path):
    fill(tmp_path)
    content = load(tmp_path)
    assert content["parameters"] == PARAMETERS
    assert content["values"]["slope"] == {
        "value": -1.02,
        "error": 0.03,
        "description": "fitted exponent",
    }
    assert content["verdicts"][0]["passed"]
    assert set(content["files"]) == {"line.pdf", "line.png", "line.svg", "ranks.csv"}
    assert {path.name for path in tmp_path.iterdir()} == {*content["files"], "values.json"}


def test_two_runs_write_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        fill(tmp_path / name)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["values.json", "ranks.csv", "line.pdf", "line.png", "line.svg"])
@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "missing"])
def test_damage_is_found_and_named(tmp_path, name, damage):
    fill(tmp_path)
    path = tmp_path / name
    data = path.read_bytes()
    middle = len(data) // 2
    if damage == "missing":
        path.unlink()
    else:
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        changed = {"emptied": b"", "truncated": data[:middle], "flipped": flipped}
        path.write_bytes(changed[damage])
    with pytest.raises(ValueError, match=f"{name}.*run the notebook again"):
        load(tmp_path)


def test_a_hand_edited_value_is_found(tmp_path):
    fill(tmp_path)
    content = json.loads((tmp_path / "values.json").read_text())
    content["values"]["rank"]["value"] = 11
    (tmp_path / "values.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="was changed after it was saved"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [(": 10,", ": NaN,"), ("{", '{"a": "\\ud800",'), ("{", "{ "), ("-1.02", "-1.020")],
)
def test_no_other_way_to_write_values_passes(tmp_path, old, new):
    fill(tmp_path)
    path = tmp_path / "values.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match="values.json.*run the notebook again"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", '"seal"'])
def test_what_is_no_object_is_refused(tmp_path, text):
    (tmp_path / "values.json").write_text(text)
    with pytest.raises(ValueError, match="values.json cannot be read .*run the notebook again"):
        load(tmp_path)


@pytest.mark.parametrize("key", sorted(KEYS))
@pytest.mark.parametrize("value", [..., None, 3, ["a"], [["a", "b"]], {"a": "b"}])
def test_a_seal_of_ones_own_does_not_bring_other_content_in(tmp_path, key, value):
    """Whatever is loaded has all its parts, and its files are those of the folder."""
    fill(tmp_path)
    path = tmp_path / "values.json"
    content = load(tmp_path)
    content.pop("seal", None)
    content |= {key: value}
    if value is ...:
        del content[key]
    path.write_bytes(_sealed(content))
    if value is ... or key == "files":
        with pytest.raises(ValueError, match="run the notebook again"):
            load(tmp_path)


@pytest.mark.parametrize(
    "place", ["../outside.csv", "{}/outside.csv", "./ranks.csv", "../results/ranks.csv"]
)
def test_files_of_other_folders_are_refused(tmp_path, place):
    fill(tmp_path / "results")
    (tmp_path / "outside.csv").write_text("1")
    content = load(tmp_path / "results")
    name = place.format(tmp_path)
    content["files"] = {name: _digest((tmp_path / "results" / name).read_bytes())}
    (tmp_path / "results/values.json").write_bytes(_sealed(content))
    with pytest.raises(ValueError, match="is missing or was changed"):
        load(tmp_path / "results")


def test_a_file_that_is_added_is_held_against_its_checksum_too(tmp_path):
    fill(tmp_path)
    (tmp_path / "notebook.ipynb").write_text("{}")
    add_file(tmp_path, "notebook.ipynb")
    assert "notebook.ipynb" in load(tmp_path)["files"]
    (tmp_path / "notebook.ipynb").write_text("[]")
    with pytest.raises(ValueError, match="notebook.ipynb is missing or was changed"):
        load(tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), "10", None, True])
def test_a_result_is_a_finite_number(number):
    with pytest.raises(ValueError, match="result 'rank' must be a finite number"):
        Results(NOTEBOOK, PARAMETERS).value("rank", number, "rank")


@pytest.mark.parametrize(("measured", "passed"), [(0.9, True), (1.1, True), (0.8, False)])
def test_a_verdict_compares_with_its_tolerance(measured, passed):
    verdict = Results(NOTEBOOK, PARAMETERS).verdict(
        "C4", "slope", measured=measured, expected=1.0, tolerance=0.11, error=0.05
    )
    assert verdict.passed is passed
    assert ("holds" if passed else "FAILS") in repr(verdict)


def test_each_verdict_is_shown_once_in_a_table():
    results = Results(NOTEBOOK, PARAMETERS)
    results.verdict("C3", "rank", measured=10, expected=10, tolerance=0)
    results.verdict("C4", "mean", measured=2.5, error=0.125, expected=2, tolerance=0.3)
    table = results.settled()
    assert table.loc["rank"].to_list() == ["C3", "10", "10 ± 0", "holds"]
    assert table.loc["mean"].to_list() == ["C4", "2.5 ± 0.12", "2 ± 0.3", "FAILS"]
    results.verdict("C4", "scale", measured=1, expected=1, tolerance=0.1)
    results.verdict("C1", "left", measured=-2e-7, expected=0, tolerance=1e-3)
    assert results.settled(rounding=1e-4)["measured"].to_dict() == {
        "scale": "1",
        "left": "below 0.0001",
    }
    assert results.settled().empty


def test_bad_parameters_stop_a_notebook_and_no_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"teachers = -5 is not allowed"):
        Results(NOTEBOOK, PARAMETERS | {"teachers": -5}, "out")
    Results(NOTEBOOK, PARAMETERS).save()
    assert list(tmp_path.iterdir()) == []


def cells(*sources, **names):
    """The names of a notebook in whose kernel these cells have run, the last one running."""
    return {"__name__": "__main__", "_": 3, "In": ["", *sources], "Out": {}} | PARAMETERS | names


def test_a_notebook_may_run_again_in_a_kernel_full_of_names():
    before = ("teachers = 100", "results = Results(...)", "rank = 10", "teachers = 100")
    namespace = cells(*before, "results = ...", rank=10, slope=-1.02, sizes=[1, 2])
    assert Results(NOTEBOOK, namespace).parameters == PARAMETERS


@pytest.mark.parametrize("name", ["teacher", "_teachers", "In2"])
def test_what_papermill_was_given_by_another_name_is_refused(name):
    injected = f'# Parameters\nteachers = 100\n{name} = 5\nresults_dir = "out"\n'
    namespace = cells("teachers = 100", injected, "results = ...", results_dir="out", **{name: 5})
    with pytest.raises(ValueError, match=f"unknown key '{name}'; known are"):
        Results(NOTEBOOK, namespace)
