"""Files that are good, and each way in which one can be bad."""

import numpy as np
import pandas as pd
import pytest

from nearopt.rank.count import covariance_rank
from nearopt.report import files as data
from nearopt.report.files import load_digits, load_inputs, standardise

GOOD = np.array([[1.0, 2.5, -3.0], [0.0, 1.0, 4.0], [2.0, 2.0, 1.0], [5.0, -1.0, 0.5]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "cwd").mkdir()
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(data, "CHECKOUT", tmp_path / "checkout")
    return tmp_path


def write(path, table):
    frame = pd.DataFrame(table)
    frame.columns = [f"feature {name}" for name in frame.columns]
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".npy":
        np.save(path, frame.to_numpy())
    else:
        frame.to_parquet(path)


@pytest.mark.parametrize("ending", data.ENDINGS)
@pytest.mark.parametrize("place", ["cwd", "checkout"])
def test_each_format_is_read_from_where_one_runs(folder, ending, place):
    write(folder / place / f"inputs{ending}", GOOD)
    np.testing.assert_array_equal(load_inputs(f"inputs{ending}"), GOOD)
    np.testing.assert_array_equal(load_inputs(str(folder / place / f"inputs{ending}")), GOOD)


def test_a_csv_needs_no_names(folder):
    np.savetxt(folder / "cwd" / "inputs.csv", GOOD, delimiter=",")
    np.testing.assert_array_equal(load_inputs("inputs.csv"), GOOD)


def test_a_missing_file_names_the_places(folder):
    with pytest.raises(
        FileNotFoundError, match="no.csv' is not a file: looked at .*cwd/no.csv and"
    ):
        load_inputs("no.csv")


def test_an_ambiguous_path_is_refused(folder):
    for place in ("cwd", "checkout"):
        write(folder / place / "inputs.csv", GOOD)
    with pytest.raises(ValueError, match="is ambiguous: .*give the absolute path"):
        load_inputs("inputs.csv")


@pytest.mark.parametrize("ending", data.ENDINGS)
@pytest.mark.parametrize("content", [b"", b"\x00\x01not a table\xff"])
def test_a_damaged_file_is_refused(folder, ending, content):
    (folder / "cwd" / f"bad{ending}").write_bytes(content)
    with pytest.raises(ValueError, match=rf"inputs 'bad{ending}' "):
        load_inputs(f"bad{ending}")


def test_a_pickle_is_never_opened(folder):
    np.save(folder / "cwd" / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="cannot be read: .*allow_pickle=False"):
        load_inputs("objects.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", GOOD, r"must end in one of \.csv, \.npy, \.parquet"),
        ("words.csv", [["a", 1.0], ["b", 2.0]], "column 'feature 0' must hold numbers"),
        ("words.parquet", [["a", 1.0], ["b", 2.0]], "column 'feature 0' must hold numbers"),
        ("flags.parquet", [[True, 1.0], [False, 2.0]], "must hold numbers, not bool"),
        ("nan.csv", [[1.0, np.nan], [2.0, 3.0]], "row 0, column 1 .from 0. is nan or missing"),
        ("inf.npy", [[1.0, 2.0], [np.inf, 3.0]], "row 1, column 0 .from 0. is inf"),
        ("one.csv", GOOD[:1], r"shape \(samples, features\) with at least 2 samples, not \(1, 3\)"),
        ("same.npy", np.ones((4, 2)), "do not change"),
        ("constant.csv", [[1.0, 7.0], [2.0, 7.0]], "have constant columns: 1 .*keep_constant"),
    ],
)
def test_bad_content_is_named(folder, name, content, message):
    if not name.endswith(".txt"):
        write(folder / "cwd" / name, content)
    with pytest.raises(ValueError, match=message):
        load_inputs(name)


@pytest.mark.parametrize("array", [np.ones(3), np.ones((2, 2, 2)), np.array([[1j, 2], [3, 4]])])
def test_arrays_of_another_kind_are_refused(folder, array):
    np.save(folder / "cwd" / "bad.npy", array)
    with pytest.raises(ValueError, match=r"must (have shape|hold real numbers)"):
        load_inputs("bad.npy")


def test_constant_columns_may_be_kept(folder):
    table = np.c_[GOOD, np.ones(4)]
    write(folder / "cwd" / "inputs.csv", table)
    np.testing.assert_array_equal(load_inputs("inputs.csv", keep_constant=True), table)


def test_digits_are_whole_and_their_rank_is_exact():
    digits = load_digits()
    assert digits.shape == (1797, 64)
    constant = np.ptp(digits, axis=0) == 0
    assert covariance_rank(digits) == 64 - constant.sum() == 61
    # A sum of features and a constant cost a rank each, which floats only suggest.
    more = np.c_[digits, digits[:, 2] + digits[:, 3], np.full(1797, 5.0)]
    assert covariance_rank(more) == 61
    with pytest.raises(ValueError, match="whole numbers"):
        covariance_rank(digits / 3)


@pytest.mark.parametrize("scale", [1.0, 3.0, 1e-300, 1e-160, 1e160, 2e307])
def test_standardised_inputs_have_one_factor(scale):
    inputs = standardise(scale * GOOD)
    covariance = inputs.T @ inputs / 4
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-15)
    assert np.trace(covariance) == pytest.approx(3)
    expected = np.cov(GOOD.T, bias=True)
    np.testing.assert_allclose(covariance / covariance[0, 0], expected / expected[0, 0])
