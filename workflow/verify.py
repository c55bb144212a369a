"""Check an archive that workflow/archive.py made: every checksum and, on request, a rerun.

A rerun executes the sources in the archive, with the packages of this checkout, in a folder of
its own.
"""

import argparse
import csv
import hashlib
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from archive import MANIFEST, METADATA

# Between processors the last digits differ: 2e-10 of an eigenvalue was seen. However small a number
# is, it has digits that must not: one is proved to be 1.25e-39.
RELATIVE = 1e-6
# Bytes, a hundred times what a build takes: of all files, and of each list of them.
LARGEST, LONGEST = 2**31, 2**24


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn what reading a damaged archive may raise into a ValueError."""
    damage = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
    try:
        yield
    except damage as error:
        raise ValueError(f"it cannot be read as an archive, or is damaged ({error})") from None


class Archive(NamedTuple):
    """An archive that is open, and its files by name."""

    source: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]

    @damage_told()
    def digest(self, name: str) -> str:
        """Return the checksum of a file, which is read in pieces."""
        with self.source.open(self.entries[name]) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @damage_told()
    def data(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return self.source.read(self.entries[name])


def read(path: Path) -> Archive:
    """Open an archive, as it was made or after it was unpacked and zipped again."""
    if not path.exists():
        raise ValueError("there is no such file: make archive makes one")
    with damage_told():
        source = zipfile.ZipFile(path)
    # Other tools list folders too, and some put all into one.
    files = [entry for entry in source.infolist() if not entry.is_dir()]
    tops = {entry.filename.partition("/")[0] for entry in files}
    inside = f"{tops.pop()}/" if len(tops) == 1 else ""
    entries = {entry.filename.removeprefix(inside): entry for entry in files}
    if len(entries) != len(files):
        raise ValueError("it holds a name twice")
    for name in entries:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise ValueError(f"it holds {name!r}, which leads out of its folder")
    if (size := sum(entry.file_size for entry in files)) > LARGEST:
        raise ValueError(f"it unpacks to {size / 1e9:.0f} GB, which no build does")
    return Archive(source, entries)


def check(archive: Archive) -> None:
    """Hold every file against both lists of checksums, the manifest's and the description's."""
    try:
        lists = [n for n in (MANIFEST, METADATA) if archive.entries[n].file_size < LONGEST]
        texts = {name: archive.data(name) for name in lists}
        lines = texts[MANIFEST].decode().splitlines()
        manifest = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        graph = json.loads(texts[METADATA])["@graph"]
        described = {entity["@id"]: entity["sha256"] for entity in graph if "sha256" in entity}
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{MANIFEST} or {METADATA} is missing or damaged ({error!r})") from None
    found = {name: archive.digest(name) for name in archive.entries if name != MANIFEST}
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


def rerun(archive: Archive, folder: Path) -> dict[str, bytes]:
    """Run the archive's sources in a folder and return what they made, by name."""
    found = (re.fullmatch(r"results/(\w+)/claims.json", name) for name in archive.entries)
    builds = [match.group(1) for match in found if match]
    if len(builds) != 1:
        raise ValueError(f"the archive must hold one build, not {sorted(builds)}")
    for name in archive.entries:
        if not name.startswith("results/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(archive.data(name))
    if (folder / "requirements.lock").read_bytes() != Path("requirements.lock").read_bytes():
        raise ValueError("the archive was made with other packages: unpack it and run make there")
    command = [sys.executable, "-m", "snakemake", "--logger=rich"]
    command += ["--profile=workflow/profiles/default", f"--configfile=config/{builds[0]}.yaml"]
    own = {"PYTHONPATH": str(folder / "lib"), "XDG_CACHE_HOME": str(folder / ".cache")}
    if subprocess.run(command, cwd=folder, env=os.environ | own, check=False).returncode:
        raise ValueError("the sources of the archive do not run to their end: see above")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "results").rglob("*"))
        if path.is_file()
    }


def compare(packed: Mapping[str, bytes], made: Mapping[str, bytes]) -> str:
    """Return in words how well the results of a rerun agree with those that were packed."""
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
        archive = read(arguments.archive)
        check(archive)
        print(f"{arguments.archive}: {len(archive.entries)} files, each as it was packed.")
        if arguments.rerun:
            results = [name for name in archive.entries if name.startswith("results/")]
            with tempfile.TemporaryDirectory(prefix="nearopt-") as folder:
                made = rerun(archive, Path(folder))
            print(compare({name: archive.data(name) for name in results}, made))
    except ValueError as error:
        sys.exit(f"{arguments.archive} fails:\n{error}")


if __name__ == "__main__":
    main()
