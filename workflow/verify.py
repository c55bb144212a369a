"""Check an archive that workflow/archive.py made: every checksum and, on request, a rerun.

A rerun executes the sources in the archive, with the packages of this checkout, in a folder of
its own.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from archive import MANIFEST, METADATA

# Between processors the last digits differ: 2e-10 of an eigenvalue was seen. However small a number
# is, it has digits that must not: one is proved to be 1.25e-39.
RELATIVE = 1e-6


def read(path: Path) -> dict[str, bytes]:
    """Return the archive's files by name.

    Raises
    ------
    ValueError
        If it is no archive, is damaged, or holds a name that leads out of its folder.
    """
    try:
        with zipfile.ZipFile(path) as source:
            names = source.namelist()
            files = {name: source.read(name) for name in names}
    except FileNotFoundError:
        raise ValueError("there is no such file: make archive makes one") from None
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"it cannot be read as an archive, or is damaged ({error})") from None
    if len(names) != len(files):
        raise ValueError("it holds a name twice")
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise ValueError(f"it holds {name!r}, which leads out of its folder")
    return files


def check(files: dict[str, bytes]) -> None:
    """Hold every file against both lists of checksums, the manifest's and the description's.

    Raises
    ------
    ValueError
        With a line for each file that is missing, not listed, or not as it was packed.
    """
    try:
        lines = files[MANIFEST].decode().splitlines()
        manifest = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        graph = json.loads(files[METADATA])["@graph"]
        described = {entity["@id"]: entity["sha256"] for entity in graph if "sha256" in entity}
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{MANIFEST} or {METADATA} is missing or damaged ({error!r})") from None
    found = {n: hashlib.sha256(data).hexdigest() for n, data in files.items() if n != MANIFEST}
    wrong = [f"{name} is missing" for name in sorted(manifest.keys() - found.keys())]
    wrong += [f"{name} is not listed" for name in sorted(found.keys() - manifest.keys())]
    common = sorted(manifest.keys() & found.keys())
    wrong += [f"{n} is not as it was packed" for n in common if manifest[n] != found[n]]
    if described != {name: manifest[name] for name in manifest if name != METADATA}:
        wrong.append(f"{METADATA} describes other files than {MANIFEST} lists")
    if wrong:
        raise ValueError("\n".join(wrong))


def content(name: str, data: bytes) -> Any:  # noqa: ANN401
    """Return what a file of results states in numbers and words; None of a picture or notebook."""
    if name.endswith(".csv"):
        return [list(map(cell, row)) for row in csv.reader(data.decode().splitlines())]
    if name.endswith("/values.json"):
        entries = json.loads(data)
        return {key: entries[key] for key in ("parameters", "values", "verdicts")}
    return json.loads(data) if name.endswith(".json") else None


def cell(text: str) -> int | float | str:
    """Return the number that a cell of a table holds, or its text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def differences(first: Any, second: Any, where: str) -> Iterator[str]:  # noqa: ANN401
    """Yield a line for each piece of two contents that differs by more than last digits."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        for key in first:
            yield from differences(first[key], second[key], f"{where}, {key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for place, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from differences(one, other, f"{where}, {place}")
    elif first != second:
        floats = isinstance(first, float) and isinstance(second, float)
        if not (floats and math.isclose(first, second, rel_tol=RELATIVE)):
            yield f"{where}: {first!r} was packed, {second!r} was made"


def rerun(files: dict[str, bytes], folder: Path) -> dict[str, bytes]:
    """Run the archive's sources in a folder and return what they made, by name.

    Raises
    ------
    ValueError
        If the archive holds no single build, was made with other packages, or the run fails.
    """
    builds = {
        m.group(1) for m in (re.fullmatch(r"results/(\w+)/claims.json", n) for n in files) if m
    }
    if len(builds) != 1:
        raise ValueError(f"the archive must hold one build, not {sorted(builds)}")
    if files.get("requirements.lock") != Path("requirements.lock").read_bytes():
        raise ValueError("the archive was made with other packages: unpack it and run make there")
    (build,) = builds
    for name, data in files.items():
        if not name.startswith("results/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    command = ["snakemake", "--logger", "progress", "--profile", "workflow/profiles/default"]
    command += ["--configfile", f"config/{build}.yaml"]
    paths = os.pathsep.join([str(folder / "lib"), str(Path("workflow/plugins").resolve())])
    own = {"PYTHONPATH": paths, "XDG_CACHE_HOME": str(folder / ".cache")}
    done = subprocess.run(command, cwd=folder, env=os.environ | own, check=False)
    if done.returncode:
        raise ValueError("the sources of the archive do not run to their end: see above")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "results").rglob("*"))
        if path.is_file()
    }


def compare(files: dict[str, bytes], made: dict[str, bytes]) -> str:
    """Return in words how well a rerun agrees with the archive.

    Raises
    ------
    ValueError
        With a line for each file that was not made and each number or word that differs.
    """
    packed = {name: data for name, data in files.items() if name.startswith("results/")}
    wrong = [f"{name} was not made" for name in sorted(packed.keys() - made.keys())]
    other = [name for name in sorted(packed.keys() & made.keys()) if packed[name] != made[name]]
    for name in other:
        wrong += differences(content(name, packed[name]), content(name, made[name]), name)
    if wrong:
        raise ValueError("\n".join(wrong))
    if other:
        return f"All numbers agree to {RELATIVE:g}; not the same bytes: {', '.join(other)}."
    return f"The rerun made the same bytes: {len(packed)} files."


def main() -> None:
    """Check an archive and, with --rerun, run it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--rerun", action="store_true", help="run its sources, and compare")
    arguments = parser.parse_args()
    try:
        files = read(arguments.archive)
        check(files)
        print(f"{arguments.archive}: {len(files)} files, each as it was packed.")
        if arguments.rerun:
            with tempfile.TemporaryDirectory(prefix="nearopt-") as folder:
                print(compare(files, rerun(files, Path(folder))))
    except ValueError as error:
        sys.exit(f"{arguments.archive} fails:\n{error}")


if __name__ == "__main__":
    main()
