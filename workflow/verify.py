"""Check an archive that workflow/archive.py made: every checksum and, on request, a rerun.

It is unpacked into a folder of its own, where a rerun executes its sources with the packages of
this checkout.
"""

import argparse
import csv
import hashlib
import json
import lzma
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from archive import MANIFEST, METADATA

# Between processors the last digits differ: 2e-10 of an eigenvalue was seen. However small a number
# is, it has digits that must not: one is proved to be 1.25e-39.
RELATIVE = 1e-6
# Bytes, a hundred times what a build takes: of all files, and of each list of them.
LARGEST, LONGEST = 2**31, 2**24


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive, as it was made or after it was unpacked and zipped again.

    Returns the folder that holds its files.
    """
    if not archive.exists():
        raise ValueError("there is no such file: make archive makes one")
    damage = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
    try:
        with zipfile.ZipFile(archive) as source:
            entries = [entry for entry in source.infolist() if not entry.is_dir()]
            if (size := sum(entry.file_size for entry in entries)) > LARGEST:
                raise ValueError(f"it unpacks to {size / 1e9:.0f} GB, which no build does")
            source.extractall(folder)
    except damage as error:
        raise ValueError(f"it cannot be read as an archive, or is damaged ({error})") from None
    # A name that leads out is another inside.
    if sorted(entry.filename for entry in entries) != sorted(files(folder)):
        raise ValueError("it holds a name twice, or one that leads out of its folder")
    # Other tools put all into one folder.
    tops = list(folder.iterdir())
    return tops[0] if len(tops) == 1 and tops[0].is_dir() else folder


def files(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their names in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def digest(path: Path) -> str:
    """Return the checksum of a file, which is read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check(folder: Path) -> None:
    """Hold every file against both lists of checksums, the manifest's and the description's."""
    try:
        lists = [n for n in (MANIFEST, METADATA) if (folder / n).stat().st_size < LONGEST]
        texts = {name: (folder / name).read_text(encoding="utf-8") for name in lists}
        lines = texts[MANIFEST].splitlines()
        manifest = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        graph = json.loads(texts[METADATA])["@graph"]
        described = {entity["@id"]: entity["sha256"] for entity in graph if "sha256" in entity}
    except (OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{MANIFEST} or {METADATA} is missing or damaged ({error!r})") from None
    found = {name: digest(path) for name, path in files(folder).items() if name != MANIFEST}
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
        if not (floats and np.isclose(first, second, RELATIVE, 0, equal_nan=True)):
            yield f"{where}: {first!r} was packed, {second!r} was made"


def rerun(folder: Path) -> Path:
    """Run the sources in an unpacked archive; return where its own results are put aside."""
    builds = [path.parent.name for path in folder.glob("results/*/claims.json")]
    if len(builds) != 1:
        raise ValueError(f"the archive must hold one build, not {sorted(builds)}")
    if (folder / "requirements.lock").read_bytes() != Path("requirements.lock").read_bytes():
        raise ValueError("the archive was made with other packages: unpack it and run make there")
    packed = (folder / "results").rename(folder / "packed")
    command = [sys.executable, "-m", "snakemake", "--logger=rich"]
    command += ["--profile=workflow/profiles/default", f"--configfile=config/{builds[0]}.yaml"]
    own = {"PYTHONPATH": str(folder / "lib"), "XDG_CACHE_HOME": str(folder / ".cache")}
    if subprocess.run(command, cwd=folder, env=os.environ | own, check=False).returncode:
        raise ValueError("the sources of the archive do not run to their end: see above")
    return packed


def compare(packed: Path, made: Path) -> str:
    """Return in words how well the results of a rerun agree with those that were packed."""
    ours, theirs = ({n: p.read_bytes() for n, p in files(f).items()} for f in (packed, made))
    wrong = [f"{name} was not made" for name in sorted(ours.keys() - theirs.keys())]
    other = [name for name in sorted(ours.keys() & theirs.keys()) if ours[name] != theirs[name]]
    for name in other:
        wrong += differences(content(name, ours[name]), content(name, theirs[name]), name)
    if wrong:
        raise ValueError("\n".join(wrong))
    if other:
        return f"All numbers agree to {RELATIVE:g}; not the same bytes: {', '.join(other)}."
    return f"The rerun made the same bytes: {len(ours)} files."


def main() -> None:
    """Check an archive and, with --rerun, run it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--rerun", action="store_true", help="run its sources, and compare")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="nearopt-") as scratch:
            folder = unpack(arguments.archive, Path(scratch))
            check(folder)
            count = len(files(folder))
            print(f"{arguments.archive}: {count} files, each as it was packed.", flush=True)
            if arguments.rerun:
                print(compare(rerun(folder), folder / "results"))
    except ValueError as error:
        sys.exit(f"{arguments.archive} fails:\n{error}")


if __name__ == "__main__":
    main()
