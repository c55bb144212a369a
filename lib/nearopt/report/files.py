"""Inputs of one's own: a file of numbers, or the digits that scikit-learn ships.

Nothing from a file is run as code: CSV is read as text, NPY without pickles, Parquet as columns.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray
from pandas.errors import EmptyDataError, ParserError
from sklearn.datasets import load_digits as _sklearn_digits

from nearopt.checks import Array, finite_array, require_instance, require_memory
from nearopt.report.parameters import SCHEMA

CHECKOUT = SCHEMA.parents[1]
ENDINGS = (".csv", ".npy", ".parquet")


def load_digits() -> Array:
    """Return scikit-learn's 1797 images of handwritten digits, shape (1797, 64), whole numbers.

    They are part of the installed package, so that nothing is downloaded. Three of the pixels
    never change.
    """
    return _sklearn_digits().data.astype(np.float64)


def load_inputs(path: str, *, keep_constant: bool = False) -> Array:
    """Return the inputs in a file.

    Parameters
    ----------
    path : str
        A CSV, NPY or Parquet file of shape (samples, features), a row for each sample; CSV may
        have one line of column names. A relative path is looked for in the working directory and
        in this checkout.
    keep_constant : bool
        Take features that never change instead of refusing them.

    Returns
    -------
    array of shape (samples, features)
        As float64.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the error names the places that were looked at.
    ValueError
        If the path is ambiguous, the ending is another, the file is damaged, its shape is not
        (samples, features) with at least two samples, it holds anything but finite real numbers,
        or features are constant.
    MemoryError
        If the file is too large.
    """
    require_instance("path", path, str, "'inputs.csv'")
    file = _find(path)
    require_memory(f"reading {path}", 8.0 * file.stat().st_size, "use fewer samples")
    try:
        raw = {".csv": _csv, ".npy": _npy, ".parquet": _parquet}[file.suffix.lower()](file)
    except (
        OSError,
        ValueError,
        EOFError,
        ParserError,
        EmptyDataError,
        pyarrow.ArrowException,
    ) as error:
        raise ValueError(f"inputs {path!r} cannot be read: {error}") from None
    return _check(path, raw, keep_constant)


def _find(path: str) -> Path:
    """Return the one file that a path can mean."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise ValueError(f"inputs {path!r} must end in one of {', '.join(ENDINGS)}")
    given = Path(path).expanduser()
    places = dict.fromkeys([Path.cwd() / given, CHECKOUT / given])
    found = [place for place in places if place.is_file()]
    looked = " and ".join(str(place) for place in places)
    if not found:
        raise FileNotFoundError(
            f"inputs {path!r} is not a file: looked at {looked} (the notebook's working directory "
            "and this checkout); give the absolute path"
        )
    if len(found) > 1 and not found[0].samefile(found[1]):
        raise ValueError(
            f"inputs {path!r} is ambiguous: there are {looked}; give the absolute path"
        )
    return found[0]


def _csv(file: Path) -> NDArray[np.generic]:
    """Read with a line of names if the first line is not of numbers."""
    first = pd.read_csv(file, header=None, nrows=1, dtype=str)
    names = pd.to_numeric(first.iloc[0], errors="coerce").isna() & first.iloc[0].notna()
    return _columns(pd.read_csv(file, header=0 if names.all() else None))


def _npy(file: Path) -> NDArray[np.generic]:
    return np.load(file, allow_pickle=False)


def _parquet(file: Path) -> NDArray[np.generic]:
    return _columns(pd.read_parquet(file, engine="pyarrow"))


def _columns(frame: pd.DataFrame) -> NDArray[np.generic]:
    """Return the table as an array if each column holds numbers."""
    for name, column in frame.items():
        if column.dtype.kind not in "iuf":
            raise ValueError(f"column {name!r} must hold numbers, not {column.dtype}")
    return frame.to_numpy()


def _check(path: str, raw: NDArray[np.generic], keep_constant: bool) -> Array:
    """Refuse what is no table of finite numbers that change."""
    if raw.dtype.kind not in "iuf":
        raise ValueError(f"inputs {path!r} must hold real numbers, not {raw.dtype}")
    if raw.ndim != 2 or len(raw) < 2 or raw.shape[1] < 1:
        raise ValueError(
            f"inputs {path!r} must have shape (samples, features) with at least 2 samples, "
            f"not {raw.shape}"
        )
    inputs = raw.astype(np.float64)
    if not np.isfinite(inputs).all():
        row, column = np.argwhere(~np.isfinite(inputs))[0]
        raise ValueError(
            f"inputs {path!r} must be finite: row {row}, column {column} (from 0) is "
            f"{inputs[row, column]} or missing; drop or fill such entries"
        )
    constant = np.flatnonzero(np.ptp(inputs, axis=0) == 0)
    if len(constant) == inputs.shape[1]:
        raise ValueError(f"inputs {path!r} do not change: all samples are the same")
    if len(constant) and not keep_constant:
        listed = ", ".join(map(str, constant[:10])) + (", ..." if len(constant) > 10 else "")
        raise ValueError(
            f"inputs {path!r} have constant columns: {listed} (from 0); they carry no information "
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

    Raises
    ------
    ValueError
        If they are not finite, of another shape, or never change.
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
