"""The one writer and reader of results: values, verdicts, tables, figures and where they are from.

A notebook collects everything in a `Results` and saves it once. Whatever is read back is held
against the checksums that were written with it, so a damaged file is refused, never typeset.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearopt.report.parameters import check_parameters, parameter_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PACKAGES = ("matplotlib", "nearopt", "numpy", "pandas", "python-flint", "scipy", "seaborn")
JSON: dict[str, Any] = {"indent": 1, "sort_keys": True, "ensure_ascii": False, "allow_nan": False}
KEYS = {"notebook", "parameters", "values", "verdicts", "versions", "threads", "files"}
THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Verdict:
    """What became of a claim: it passes if measured and expected differ by at most tolerance.

    Attributes
    ----------
    claim : str
        The claim's label, such as C3.
    statement : str
        The quantity that was measured, in words.
    measured, error : float
        Its value and standard error (0 if exact).
    expected, tolerance : float
        What theory says, and by how much the measurement may differ.
    """

    claim: str
    statement: str
    measured: float
    error: float
    expected: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the claim holds."""
        return abs(self.measured - self.expected) <= self.tolerance


def _plain(name: str, number: Any) -> int | float:  # noqa: ANN401
    """Return a number as JSON takes it."""
    plain = number.item() if hasattr(number, "item") else number
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not math.isfinite(plain):
        raise ValueError(f"result {name!r} must be a finite number, not {number!r}")
    return plain


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _replace(path: Path, data: bytes) -> None:
    """Write a whole file or nothing."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)


class Results:
    """What one run of a notebook found.

    Parameters
    ----------
    notebook : str
        The notebook's name, a key of the configuration.
    namespace : mapping
        The notebook's parameters; or its `globals()`, of which only the parameters are read, and
        what papermill was given.
    folder : str
        Where to save; nothing is written if it is empty.
    """

    def __init__(self, notebook: str, namespace: Mapping[str, Any], folder: str = "") -> None:
        self.notebook = notebook
        if not isinstance(folder, str) or "\0" in folder:
            raise ValueError(f"results_dir must be the name of a folder, not {folder!r}")
        self.parameters = _given(parameter_names(notebook), namespace)
        check_parameters(notebook, self.parameters)
        self.folder = Path(folder) if folder else None
        self.values: dict[str, dict[str, Any]] = {}
        self.verdicts: list[Verdict] = []
        self._shown = 0
        self.tables: dict[str, pd.DataFrame] = {}
        self.figures: dict[str, Figure] = {}

    def value(self, name: str, value: float, description: str, error: float | None = None) -> None:
        """Record a number with what it is and, if it was measured, its standard error."""
        self.values[name] = {"value": _plain(name, value), "description": description}
        if error is not None:
            self.values[name]["error"] = _plain(name, error)

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Record a table; it is saved as CSV without its index."""
        self.tables[name] = frame

    def figure(self, name: str, figure: Figure) -> None:
        """Record a figure; it is saved as PDF and SVG."""
        self.figures[name] = figure

    def verdict(
        self,
        claim: str,
        statement: str,
        *,
        measured: float,
        expected: float,
        tolerance: float,
        error: float = 0.0,
    ) -> Verdict:
        """Record and return what became of a claim."""
        name, numbers = f"{claim}: {statement}", (measured, error, expected, tolerance)
        self.verdicts.append(Verdict(claim, statement, *(_plain(name, n) for n in numbers)))
        return self.verdicts[-1]

    def settled(self, rounding: float = 0.0) -> pd.DataFrame:
        """Return a table to read in the notebook, of the verdicts since it was last called.

        What was measured below `rounding` is said to be so: its digits are the machine's.
        """
        import pandas as pd

        def measured(verdict: Verdict) -> str:
            if abs(verdict.measured) < rounding:
                return f"below {rounding:g}"
            spread = f" ± {verdict.error:.2g}" if verdict.error else ""
            return f"{verdict.measured:.4g}{spread}"

        new, self._shown = self.verdicts[self._shown :], len(self.verdicts)
        rows = {
            "claim": [verdict.claim for verdict in new],
            "measured": [measured(verdict) for verdict in new],
            "expected": [f"{verdict.expected:.4g} ± {verdict.tolerance:.2g}" for verdict in new],
            "it": ["holds" if verdict.passed else "FAILS" for verdict in new],
        }
        return pd.DataFrame(rows, index=[verdict.statement for verdict in new])

    def save(self) -> None:
        """Write everything; values.json comes last and carries the checksums of all the rest."""
        if self.folder is None:
            return
        # Here, because who only reads results should not wait for matplotlib.
        from nearopt.report import style

        self.folder.mkdir(parents=True, exist_ok=True)
        for name, frame in self.tables.items():
            text = frame.to_csv(index=False, lineterminator="\n")
            _replace(self.folder / f"{name}.csv", text.encode())
        files = [self.folder / f"{name}.csv" for name in self.tables]
        origin = json.dumps({self.notebook: self.parameters}, sort_keys=True)
        for name, figure in self.figures.items():
            files += style.save(figure, self.folder / name, origin)
        content = {
            "notebook": self.notebook,
            "parameters": self.parameters,
            "values": self.values,
            "verdicts": [asdict(v) | {"passed": v.passed} for v in self.verdicts],
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in PACKAGES},
            "threads": {name: os.environ.get(name, "unset") for name in THREADS},
            "files": {path.name: _digest(path.read_bytes()) for path in sorted(files)},
        }
        _replace(self.folder / "values.json", _sealed(content))


def _given(names: list[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters, and what was given beside them."""
    if "__name__" not in namespace:
        return dict(namespace)
    # Papermill puts a cell of assignments between those of the parameters and this one.
    *_, before, _ = "", "", *namespace.get("In", ())
    injected = ast.parse(before).body if before.startswith("# Parameters\n") else []
    given = [node.targets[0].id for node in injected if isinstance(node, ast.Assign)]
    read = dict.fromkeys([*names, *given])
    return {name: namespace[name] for name in read if name in namespace and name != "results_dir"}


def _sealed(content: Mapping[str, Any]) -> bytes:
    """Return values.json as it is written: the content, and the checksum of all of it."""
    seal = _digest(json.dumps(content, **JSON).encode())
    return f"{json.dumps(content | {'seal': seal}, **JSON)}\n".encode()


def add_file(folder: Path, name: str) -> None:
    """List one more file of a results folder with its checksum."""
    content = load(folder)
    content["files"][name] = _digest((folder / name).read_bytes())
    _replace(folder / "values.json", _sealed(content))


def load(folder: Path) -> dict[str, Any]:
    """Read a results folder back: the content of its values.json."""
    remedy = f"delete {folder} and run the notebook again"
    try:
        data = (folder / "values.json").read_bytes()
        content = json.loads(data)
        content.pop("seal")
        intact = _sealed(content) == data and content.keys() == KEYS
        files = content["files"].items()
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(f"{folder / 'values.json'} cannot be read ({error}); {remedy}") from None
    if not intact:
        raise ValueError(f"{folder / 'values.json'} was changed after it was saved; {remedy}")
    for name, digest in files:
        path = folder / name
        if path.name != name or not path.is_file() or _digest(path.read_bytes()) != digest:
            raise ValueError(f"{path} is missing or was changed after it was saved; {remedy}")
    return content
