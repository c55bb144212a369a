import json
import shutil

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
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("saved"))


@pytest.fixture
def filled(saved, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(saved, tmp_path / "results")


def test_what_is_saved_is_read_back(saved):
    content = load(saved)
    assert content["parameters"] == PARAMETERS
    slope = {"value": -1.02, "error": 0.03, "description": "fitted exponent"}
    assert content["values"]["slope"] == slope
    assert content["verdicts"][0]["passed"]
    assert set(content["files"]) == {"line.pdf", "line.svg", "ranks.csv"}
    assert {path.name for path in saved.iterdir()} == {*content["files"], "values.json"}


def test_two_runs_write_the_same_bytes(saved, tmp_path):
    for path in fill(tmp_path).iterdir():
        assert path.read_bytes() == (saved / path.name).read_bytes()


@pytest.mark.parametrize("name", ["values.json", "ranks.csv", "line.pdf", "line.svg"])
def test_damage_is_found_and_named(filled, name):
    path = filled / name
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    for damaged in (b"", data[:middle], flipped, None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{name}.*run the notebook again"):
            load(filled)


def swapped(old, new):
    return lambda data: data.replace(old, new, 1)


def resealed(key, value=...):
    """What a change leaves that was sealed again."""

    def change(data):
        content = json.loads(data) | {key: value}
        content.pop("seal", None)
        return _sealed({key: value for key, value in content.items() if value is not ...})

    return change


@pytest.mark.parametrize(
    "change",
    [
        swapped(b'"value": 10', b'"value": 11'),
        swapped(b": 10,", b": NaN,"),
        swapped(b"{", b'{"a": "\\ud800",'),
        swapped(b"{", b"{ "),
        swapped(b"-1.02", b"-1.020"),
        *(lambda _, text=text: text for text in (b"[" * 100_000, b"[]", b"null", b'"seal"')),
        *map(resealed, sorted(KEYS)),
        *(resealed("files", other) for other in (None, 3, ["a"], [["a", "b"]], {"a": "b"})),
    ],
)
def test_whatever_else_values_json_holds_is_refused(filled, change):
    """Other values, other ways to write them, and what has not all its parts."""
    path = filled / "values.json"
    changed = change(path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with pytest.raises(ValueError, match="run the notebook again"):
        load(filled)


@pytest.mark.parametrize(
    "place", ["../outside.csv", "{}/outside.csv", "./ranks.csv", "../results/ranks.csv"]
)
def test_files_of_other_folders_are_refused(filled, tmp_path, place):
    (tmp_path / "outside.csv").write_text("1")
    name = place.format(tmp_path)
    files = {name: _digest((filled / name).read_bytes())}
    (filled / "values.json").write_bytes(resealed("files", files)(json.dumps(load(filled))))
    with pytest.raises(ValueError, match="is missing or was changed"):
        load(filled)


def test_a_file_that_is_added_is_held_against_its_checksum_too(filled):
    (filled / "notebook.ipynb").write_text("{}")
    add_file(filled, "notebook.ipynb")
    assert "notebook.ipynb" in load(filled)["files"]
    (filled / "notebook.ipynb").write_text("[]")
    with pytest.raises(ValueError, match="notebook.ipynb is missing or was changed"):
        load(filled)


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
