"""Inputs of one's own: a file of numbers, or the digits that scikit-learn ships.

Nothing from a file is run as code: CSV is read as text, NPY without pickles, Parquet as columns.
A file is read whole or refused.
"""

import os
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearopt.checks import Array, finite_array, require_instance, require_memory
from nearopt.report.parameters import CHECKOUT

CSV_RULE = (
    "; a CSV file is UTF-8 text with commas between its columns, decimal points, and at most one "
    "line of names, one for each column and none of them a number"
)


def load_digits() -> Array:
    """Return scikit-learn's 1797 images of handwritten digits, shape (1797, 64), whole numbers.

    They are part of the installed package, so that nothing is downloaded. Three of the pixels
    never change.
    """
    from sklearn.datasets import load_digits as shipped

    return shipped().data.astype(np.float64)


def load_inputs(path: str, *, keep_constant: bool = False) -> Array:
    """Return the inputs in a file, and print how they were understood.

    Parameters
    ----------
    path : str
        A CSV, NPY or Parquet file of shape (samples, features), a row for each sample. CSV may
        have one line of column names, and lines before it that begin with #. A relative path is
        looked for in the working directory and in the checkout, if there is one.
    keep_constant : bool
        Take features that never change instead of refusing them.

    Returns
    -------
    array of shape (samples, features)
        As float64.
    """
    require_instance("path", path, str, "'inputs.csv'")
    read = READERS.get(Path(path).suffix.lower())
    if read is None:
        raise ValueError(
            f"inputs {path!r} must end in one of {', '.join(READERS)}: unpack an archive, or save "
            "its array in one of these formats"
        )
    file = find_file("inputs", path)
    try:
        raw, names = read(file)
    except MemoryError:
        raise
    except Exception as error:  # On damaged files readers raise errors of every kind.
        said = " ".join(str(error).split())
        rule = CSV_RULE if read is _csv else ""
        raise ValueError(f"inputs {path!r} cannot be read: {said}{rule}") from None
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    understood = f"shape {raw.shape}" + (f", columns {shown}" if names else "")
    inputs = _checked(f"inputs {path!r} ({understood})", raw, keep_constant)
    print(f"{file.name}: {understood}; first sample {inputs[0, :5].tolist()}")
    for index, column in enumerate(inputs.T):
        if (np.diff(column) == 1).all():
            print(f"column {index} (from 0) counts the samples: if it is an index, drop it")
    return inputs


def find_file(what: str, path: str) -> Path:
    """Return the one file that a path can mean; `what` is what the error calls it."""
    bases = [Path.cwd(), *([CHECKOUT] if CHECKOUT else [])]
    places = dict.fromkeys(base / os.path.expanduser(path) for base in bases)
    found = [place for place in places if os.path.isfile(place)]
    looked = " and ".join(map(str, places))
    if not found:
        raise FileNotFoundError(
            f"{what} {path!r} is not a file: looked at {looked}; give the absolute path"
        )
    if len(found) > 1 and not found[0].samefile(found[1]):
        raise ValueError(
            f"{what} {path!r} is ambiguous: there are {looked}; give the absolute path"
        )
    return found[0]


def _require_bytes(file: Path, needed: float) -> None:
    """Refuse what does not fit as it is read, and again as floats."""
    require_memory(f"reading {file}", needed, "use fewer samples")


def _csv(file: Path) -> tuple[NDArray[np.generic], list[str]]:
    """Read the first line, which may be of names, and then all others as samples."""
    with file.open("rb") as stream:
        blocks = iter(lambda: stream.read(2**20), b"")
        fields = sum(block.count(b",") + block.count(b"\n") for block in blocks)
    # pandas holds the text in a buffer that grows by doubling, and where each field begins.
    _require_bytes(file, 2.0 * file.stat().st_size + 32.0 * fields)
    with file.open(encoding="utf-8-sig") as stream:
        comments = sum(1 for _ in takewhile(lambda line: line.startswith("#"), stream))
    text = {"header": None, "encoding": "utf-8-sig", "low_memory": False}
    one = {"skiprows": comments, "nrows": 1, "dtype": str, "keep_default_na": False}
    first = [field.strip() for field in pd.read_csv(file, **text, **one).iloc[0]]
    numbers = [_is_number(field) for field in first]
    if "" in first or any(numbers) != all(numbers):
        unnamed = {0: " (save it without its index)", -1: " (drop the comma at its end)"}
        hint = next((words for i, words in unnamed.items() if first[i] == ""), "")
        raise ValueError(f"its first line is {first}{hint}")
    rest = pd.read_csv(
        file, **text, skiprows=comments + (not all(numbers)), skip_blank_lines=len(first) > 1
    )
    if rest.shape[1] != len(first):
        raise ValueError(f"it has {rest.shape[1]} columns below the line {first}")
    if all(numbers) and _may_be_names(first, rest):
        raise ValueError(
            f"its first line, {', '.join(first[:5])}, may be of names or a sample: put a line of "
            "names that are no numbers above the samples"
        )
    names = [] if all(numbers) else first
    return _columns(names or list(rest), [rest[i].to_numpy() for i in rest]), names


def _is_number(field: object) -> bool:
    try:
        float(field)
    except (TypeError, ValueError):
        return False
    return True


def _may_be_names(first: list[str], rest: pd.DataFrame) -> bool:
    """Whether numbers count columns, are evenly spaced, or are whole where others are not."""
    values = np.array(first, dtype=float)
    steps = np.diff(values)
    evenly = len(steps) > 1 and steps[0] != 0 and np.allclose(steps, steps[0])
    whole = all(field.lstrip("+-").isdigit() for field in first)
    fractions = any(kind.kind == "f" for kind in rest.iloc[1:].convert_dtypes().dtypes)
    return evenly or np.array_equal(values, np.arange(len(first))) or (whole and fractions)


def _npy(file: Path) -> tuple[NDArray[np.generic], list[str]]:
    """Map the file, which finds a shape that is larger than it, and then take it in."""
    mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    if not isinstance(mapped, np.ndarray):
        raise ValueError("it is an archive of arrays: save one of them with numpy.save")
    _require_bytes(file, 2.0 * mapped.nbytes + 9.0 * mapped.size)
    return np.array(mapped), []


def _parquet(file: Path) -> tuple[NDArray[np.generic], list[str]]:
    """Read every column, also what pandas would set aside as an index."""
    from pyarrow import parquet

    about = parquet.read_metadata(file)
    pages = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    _require_bytes(file, 2.0 * pages + 18.0 * about.num_rows * about.num_columns)
    table = parquet.read_table(file)
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    kept = [name for name in index if isinstance(name, str)]
    if kept:
        raise ValueError(f"its column {kept[0]!r} is an index: save it with index=False")
    return _columns(table.column_names, [c.to_numpy() for c in table.columns]), table.column_names


def _columns(names: list[Any], columns: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Return columns as an array if each holds numbers."""
    for name, column in zip(names, columns, strict=True):
        if column.dtype.kind not in "iuf":
            # What Python takes for a number, such as "1_000", is none for pandas.
            odd = next((x for x in column if not _is_number(x)), column[:1].tolist())
            raise ValueError(f"column {name!r} must hold numbers, not {odd!s:.80}")
    return np.stack(columns, axis=1, dtype=np.float64)


READERS = {".csv": _csv, ".npy": _npy, ".parquet": _parquet}


def _checked(what: str, raw: NDArray[np.generic], keep_constant: bool) -> Array:
    """Refuse what is no table of finite numbers that change."""
    if raw.dtype.kind not in "iuf":
        raise ValueError(f"{what} must hold real numbers, not {raw.dtype}")
    if raw.ndim != 2 or len(raw) < 2 or raw.shape[1] < 1:
        raise ValueError(f"{what} must have shape (samples, features) with at least 2 samples")
    inputs = raw.astype(np.float64, copy=False)
    if not np.isfinite(inputs).all():
        row, column = np.argwhere(~np.isfinite(inputs))[0]
        raise ValueError(
            f"{what} must be finite: row {row}, column {column} (from 0) is "
            f"{inputs[row, column]} or missing; drop or fill such entries"
        )
    constant = np.flatnonzero(np.ptp(inputs, axis=0) == 0)
    if len(constant) == inputs.shape[1]:
        raise ValueError(f"{what} do not change: all samples are the same")
    if len(constant) and not keep_constant:
        listed = ", ".join(map(str, constant[:10])) + (", ..." if len(constant) > 10 else "")
        raise ValueError(
            f"{what} have constant columns: {listed} (from 0); they carry no information "
            "and each costs a rank. Drop them, or set keep_constant to count that cost"
        )
    return inputs


def standardise(inputs: Array) -> Array:
    """Return inputs of mean 0 and of variance 1 on average over features.

    One factor for all features, so that their covariance keeps its shape.

    Parameters
    ----------
    inputs : array of shape (samples, features)
        At least one feature changes.
    """
    inputs = finite_array("inputs", inputs, (None, None))
    inputs = _near_one(inputs)
    if not np.ptp(inputs, axis=0).any():
        raise ValueError("inputs must change: all samples are the same")
    centred = _near_one(inputs - inputs.mean(0))
    return centred / np.sqrt((centred**2).mean())


def _near_one(values: Array) -> Array:
    """Scale by a power of 2, which costs no digit, so that no square leaves the floats."""
    return np.ldexp(values, -np.frexp(np.abs(values).max())[1])
