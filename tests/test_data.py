"""Files that are good, and each way in which one can be bad."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest
from checkout import copy_checkout, run

from nearopt import checks
from nearopt.rank.count import covariance_rank
from nearopt.report import files as data
from nearopt.report.files import load_digits, load_inputs, standardise
from nearopt.report.results import load

GOOD = np.array([[1.0, 2.5, -3.0], [0.0, 1.0, 4.0], [2.0, 2.0, 1.0], [5.0, -1.0, 0.5]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "cwd").mkdir()
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(data, "CHECKOUT", tmp_path / "checkout")
    return tmp_path


def put(path, content):
    """Write bytes as they are, an array by numpy, and any other table with names by pandas."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".npy":
        np.save(path, content)
    else:
        frame = pd.DataFrame(content).rename(columns=lambda name: f"feature {name}")
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)


@pytest.mark.parametrize("ending", data.READERS)
@pytest.mark.parametrize("place", ["cwd", "checkout"])
def test_each_format_is_read_from_where_one_runs(folder, ending, place):
    put(folder / place / f"inputs{ending}", GOOD)
    np.testing.assert_array_equal(load_inputs(f"inputs{ending}"), GOOD)
    np.testing.assert_array_equal(load_inputs(str(folder / place / f"inputs{ending}")), GOOD)


def test_an_ambiguous_path_is_refused(folder):
    for place in ("cwd", "checkout"):
        put(folder / place / "inputs.csv", GOOD)
    with pytest.raises(ValueError, match="is ambiguous: .*give the absolute path"):
        load_inputs("inputs.csv")


def header(shape):
    """A file of numpy's that says it has a shape, and holds six numbers."""
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x02\x00" + len(head).to_bytes(4, "little") + head + bytes(48)


def archive():
    stream = io.BytesIO()
    np.savez(stream, GOOD)
    return stream.getvalue()


MISSING = pd.DataFrame({"a": [1, None, 3], "b": [1, 2, 3]}, dtype="Int64")
LIES = ("(" * 5000, "(99999999999, 3)", "(-1, 3)", "(2.5,)", "'a'")
BAD = [
    *((ending, b"", "inputs 'bad") for ending in data.READERS),
    *((ending, b"\x00\x01not a table\xff", "inputs 'bad") for ending in data.READERS),
    (".csv", [["a", 1.0], ["b", 2.0]], "column .feature 0. must hold numbers, not a"),
    (".parquet", [["a", 1.0], ["b", 2.0]], "column 'feature 0' must hold numbers"),
    (".parquet", [[True, 1.0], [False, 2.0]], r"must hold numbers, not \[True\]"),
    (".parquet", [["1", 1.0], ["2", 2.0]], r"must hold numbers, not \['1'\]"),
    (".parquet", MISSING, "row 1, column 0 .* or missing"),
    (".csv", [[1.0, np.nan], [2.0, 3.0]], "row 0, column 1 .from 0. is nan or missing"),
    (".npy", [[1.0, 2.0], [np.inf, 3.0]], "row 1, column 0 .from 0. is inf"),
    (".csv", GOOD[:1], r"shape \(1, 3\), columns feature 0, .* at least 2 samples"),
    (".npy", np.ones((4, 2)), "do not change"),
    (".csv", [[1.0, 7.0], [2.0, 7.0]], "have constant columns: 1 .*keep_constant"),
    *((".npy", np.ones(shape), "must have shape") for shape in (3, (2, 2, 2))),
    (".npy", [[1j, 2], [3, 4]], "must hold real numbers"),
    (".npy", np.array([{}, []], dtype=object), "cannot be read: .*Python objects"),
    (".npy", archive(), "it is an archive of arrays: save one of them"),
    *((".npy", header(lie), "cannot be read") for lie in LIES),
]


@pytest.mark.parametrize(("ending", "content", "message"), BAD)
def test_a_bad_file_is_named_and_no_pickle_opened(folder, ending, content, message):
    put(folder / "cwd" / f"bad{ending}", content)
    with pytest.raises(ValueError, match=message):
        load_inputs(f"bad{ending}")


TABLE = "0.5,1.25,-3.0\n1.5,0.125,4.0\n-2.0,2.0,1.0\n"
READ = {
    "no names": TABLE,
    "names": "a,b,c\n" + TABLE,
    "names in quotes": '"a, in m","b\nsecond line",c\n' + TABLE,
    "a mark of the byte order": "\ufeffa,b,c\n" + TABLE,
    "comments before it": "# made by hand\n#a,b,c\n" + TABLE,
    "comments and names": "# made by hand\na,b,c\n" + TABLE,
    "blank lines and spaces": "a, b ,c\n\n" + TABLE.replace(",", " , ") + "\n\n",
    "lines as Windows ends them": ("a,b,c\n" + TABLE).replace("\n", "\r\n"),
    "numbers in quotes": TABLE.replace("1.5", '"1.5"'),
    "numbers in other ways": TABLE.replace("1.5", "+15e-1").replace("0.5", ".5"),
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_a_csv_file_is_read_whole(folder, text, capsys):
    (folder / "cwd" / "inputs.csv").write_bytes(text.encode())
    expected = [[0.5, 1.25, -3], [1.5, 0.125, 4], [-2, 2, 1]]
    np.testing.assert_array_equal(load_inputs("inputs.csv"), expected)
    assert "inputs.csv: shape (3, 3)" in capsys.readouterr().out


def test_a_column_that_counts_the_samples_is_told(folder, capsys):
    (folder / "cwd" / "inputs.csv").write_text("id,a,b\n7,0.5,1\n8,1.5,2\n9,-2,4\n")
    assert load_inputs("inputs.csv").shape == (3, 3)
    assert "\ncolumn 0 (from 0) counts the samples" in capsys.readouterr().out


FIELDS = data.CSV_RULE
REFUSED = {
    "semicolons": (TABLE.replace(",", ";"), "must hold numbers, not 1.5;0.125;4.0"),
    "semicolons and names": ("a;b;c\n" + TABLE.replace(",", ";"), "not 0.5;1.25;-3.0"),
    "decimal commas": ("a;b;c\n" + TABLE.replace(",", ";").replace(".", ","), FIELDS),
    "decimal commas in quotes": ('"0,5","1,25"\n"1,5","0,125"\n"2,5","3,5"\n', "not 1,5"),
    "tabs": (TABLE.replace(",", "\t"), "must hold numbers"),
    "spaces": ("a b c\n" + TABLE.replace(",", " "), "must hold numbers"),
    "an index of pandas": (pd.DataFrame(GOOD).to_csv(), "save it without its index"),
    "an index beside names": (pd.DataFrame(GOOD, columns=[*"abc"]).to_csv(), FIELDS),
    "row names of R": ("a,b\n" + TABLE, FIELDS),
    "two names too few": ("a\n" + TABLE, FIELDS),
    "a name too many": ("a,b,c,d\n" + TABLE, FIELDS),
    "a name missing": ("a,,c\n" + TABLE, FIELDS),
    "names and numbers": ("a,b,3\n" + TABLE, FIELDS),
    "names 0, 1, 2 of pandas": ("0,1,2\n" + TABLE, "may be of names or a sample"),
    "the same with whole numbers": ("0,1,2\n3,1,4\n1,5,9\n", "may be of names or a sample"),
    "years for names": ("1990,2000,2015\n" + TABLE, "may be of names or a sample"),
    "wave lengths for names": ("400.5,401.0,401.5\n" + TABLE, "may be of names or a sample"),
    "one column called 0": ("0\n0.5\n1.5\n", "may be of names or a sample"),
    "a line longer than the first": (TABLE + "1,2,3,4\n", "Expected 3 fields in line 4, saw 4"),
    "a line shorter than the first": (TABLE + "1,2\n", "row 3, column 2 .* or missing"),
    "commas at the end": (TABLE.replace("\n", ",\n"), "drop the comma at its end.; a CSV file"),
    "one comma at the end": (TABLE + "1,2,3,\n", "Expected 3 fields"),
    "a blank line in one column": ("a\n0.5\n\n1.5\n", "row 1, column 0 .* or missing"),
    "a comment within": (TABLE + "# end\n", "must hold numbers, not # end"),
    "two lines of names": ("a,b,c\nm,s,kg\n" + TABLE, "column 'a' must hold numbers, not m"),
    "words for missing numbers": (TABLE + "1,NA,3\n", "row 3, column 1 .* or missing"),
    "thousands": ('a,b\n"1,000",2\n"2,000",3\n', "column 'a' must hold numbers, not 1,000"),
    "UTF-16": (TABLE.encode("utf-16"), "cannot be read"),
    "gzip": (gzip.compress(TABLE.encode()), "cannot be read"),
    "names alone": ("a,b,c\n", "cannot be read"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_csv_file_that_would_lose_columns_or_gain_rows_is_refused(folder, text, message):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "cwd" / "inputs.csv").write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        load_inputs("inputs.csv")
    # What was read whole is told by its row and column, anything else with what to change.
    said = str(caught.value)
    assert "\n" not in said
    assert FIELDS in said or "drop or fill such entries" in said


@pytest.mark.parametrize(
    "name", ["inputs.npz", "a.txt", "inputs.csv.gz", "inputs.xlsx", "inputs", ""]
)
def test_files_of_other_formats_are_refused_with_the_remedy(folder, name):
    remedy = r"must end in one of \.csv, \.npy, \.parquet: unpack an archive, or save"
    with pytest.raises(ValueError, match=remedy):
        load_inputs(name)


@pytest.mark.parametrize("name", ["no.csv", "~nobodyhere/x.csv", "x" * 300 + ".csv", "a\0.csv"])
def test_a_missing_file_names_the_places(folder, name):
    """Of paths that no system takes too."""
    with pytest.raises(FileNotFoundError, match="is not a file: looked at .*cwd/.*csv and"):
        load_inputs(name)


@pytest.mark.parametrize("kind", ["Int64", "Float64", "UInt8", "int8", "float32", "float16"])
def test_columns_of_every_kind_of_number_are_read(folder, kind):
    table = pd.DataFrame(abs(np.round(GOOD))).astype(kind)
    table.columns = [*"abc"]
    table.to_parquet("inputs.parquet")
    np.testing.assert_array_equal(load_inputs("inputs.parquet"), abs(np.round(GOOD)))


@pytest.mark.parametrize("column", ["b", None])
def test_a_column_that_pandas_sets_aside_is_not_lost(folder, column):
    table = pd.DataFrame(GOOD, columns=[*"abc"])
    table = table.set_index(column) if column else table[table.a > 0]
    table.to_parquet("inputs.parquet")
    with pytest.raises(ValueError, match="its column .* is an index: save it with index=False"):
        load_inputs("inputs.parquet")
    table.to_parquet("inputs.parquet", index=False)
    np.testing.assert_array_equal(load_inputs("inputs.parquet"), table.to_numpy())


@pytest.mark.parametrize("ending", data.READERS)
def test_memory_is_asked_for_before_it_is_taken(folder, ending, monkeypatch):
    put(folder / "cwd" / f"inputs{ending}", np.tile(GOOD, (100_000, 1)).round().astype("int8"))
    monkeypatch.setattr(checks, "ALWAYS_THERE", 0)
    monkeypatch.setattr(checks, "_available", lambda: 4_000_000)
    with pytest.raises(MemoryError, match="reading .* needs .* use fewer samples"):
        load_inputs(f"inputs{ending}")


def test_constant_columns_may_be_kept(folder):
    table = np.c_[GOOD, np.ones(4)]
    put(folder / "cwd" / "inputs.csv", table)
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


def data_of_all_kinds():
    rng = np.random.default_rng(20251220)
    mixed = rng.standard_normal((178, 5)) @ rng.standard_normal((5, 13))
    scales = np.geomspace(0.1, 300, 13)
    return {
        "scales as of wines": (mixed + rng.standard_normal(mixed.shape)) * scales,
        "few samples": rng.standard_normal((8, 5)),
        "more features than samples": rng.standard_normal((12, 40)),
        "two samples": rng.standard_normal((2, 3)),
        "long tails": np.exp(1.5 * rng.standard_normal((300, 6))),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "table"), data_of_all_kinds().items())
def test_verdicts_hold_on_data_of_all_kinds(kind, table, tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    np.savetxt(checkout / "my.csv", table, delimiter=",")
    (checkout / "config/own.yaml").write_text('05_real_inputs: {inputs: "my.csv"}\n')
    run(
        *(checkout, "snakemake", "--cores", "1", "results/quick/05_real_inputs/values.json"),
        *("--configfile", "config/quick.yaml", "config/own.yaml"),
    )
    content = load(checkout / "results/quick/05_real_inputs")
    assert [v for v in content["verdicts"] if not v["passed"]] == []
    told = (checkout / "logs/quick/05_real_inputs.log").read_text()
    assert f"my.csv: shape {table.shape}" in told
    assert "Warning" not in told
