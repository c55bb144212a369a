"""Pack a finished build into one file: paper, notebooks, figures, tables, values, lock and sources.

What each file is, and which notebook, parameters, seed and versions made it, stands in the
archive as an RO-Crate (https://w3id.org/ro/crate) with the Process Run profile. One commit gives
the same bytes each time: names are sorted, times are fixed, and nothing is compressed, because
two builds of zlib may compress differently.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import metadata as told_by
from pathlib import Path
from typing import Any

import yaml
from claims import check, folders
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from nearopt.report.results import load

MANIFEST, METADATA = "manifest-sha256.txt", "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
BUILT_FROM = ("config", "lib", "notebooks", "paper", "workflow")
# Fixed here, because what the system knows of file endings differs.
FORMATS = {
    ".csv": "text/csv",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def git(*arguments: str) -> str:
    """Return what git says of this checkout."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ValueError("an archive is made of what git tracks: install git") from None
    if done.returncode:
        raise ValueError(
            f"an archive is made in a clone, of what git tracks ({done.stderr.strip()})"
        )
    return done.stdout


def sources() -> list[Path]:
    """Return the files that git tracks, if a build can use no others and none was changed."""
    changed = git("status", "--porcelain", "--untracked-files=no").splitlines()
    # What the user alone ignores may be used all the same.
    others = ("ls-files", "--others", "--exclude-per-directory=.gitignore", "--", *BUILT_FROM)
    untracked = git(*others).splitlines()
    if changed or untracked:
        names = ", ".join([*(line.strip() for line in changed), *untracked])
        raise ValueError(f"commit or remove these first, for the archive names its commit: {names}")
    return [Path(name) for name in git("ls-files", "-z").split("\0") if name]


def outcomes(results: Path) -> list[Path]:
    """Return the files of a finished build, each held against its checksum."""
    files = [results / "claims.json", results / "paper.pdf"]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing; make it first, with make {results.name}")
    check(results)
    for folder in folders(results):
        names = [*load(folder)["files"], "values.json"]
        files += [folder / name for name in names]
    return files


def entity(crate: ROCrate, about: str, kind: str | list[str], /, **what: Any) -> ContextEntity:  # noqa: ANN401
    """Add something that is no file to the description, and return it."""
    return crate.add(ContextEntity(crate, about, {"@type": kind, **what}))


def describe(crate: ROCrate, citation: Mapping[str, Any]) -> None:
    """Say what the archive is, whose, of which commit, and what it reproduces."""
    commit, seconds = git("rev-list", "-1", "--format=%H %ct", "HEAD").split()[2:]
    date = datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
    reference = citation["references"][0]
    names = [author["family-names"] for author in reference["authors"]]
    original = {"name": reference["title"], "author": names}
    profile = {"name": "Process Run Crate", "version": "0.5"}
    # That profile is of the first version, whose words are all in the third.
    versions = [f"https://w3id.org/ro/crate/{version}" for version in ("1.1", crate.version)]
    crate.metadata["conformsTo"] = [{"@id": version} for version in versions]
    root = {
        "name": citation["title"],
        "description": "An executed build: paper, notebooks, figures, tables, values and sources.",
        "datePublished": date,
        "identifier": commit,
        "version": str(citation["version"]),
        "license": f"https://spdx.org/licenses/{citation['license']}",
        "author": entity(crate, "#authors", "Organization", name=citation["authors"][0]["name"]),
        "citation": entity(crate, reference["url"], "ScholarlyArticle", **original),
        "conformsTo": entity(crate, PROFILE, ["CreativeWork", "Profile"], **profile),
    }
    for key, value in root.items():
        crate.root_dataset[key] = value


def add_software(crate: ROCrate, package: str, found: str) -> ContextEntity:
    """Say which version of a package was used, and where it is at home."""
    urls = [] if package == "python" else told_by(package).get_all("Project-URL")
    url = urls[0].partition(", ")[2] if urls else "https://www.python.org"
    what = {"name": package, "version": found, "softwareVersion": found, "url": url}
    return entity(crate, f"#{package}-{found}", "SoftwareApplication", **what)


def add_run(crate: ROCrate, folder: Path) -> None:
    """Say which notebook, with which parameters and versions, made the files of a folder."""
    content = load(folder)
    name = content["notebook"]
    parameters = [
        entity(crate, f"#{name}/{key}", "PropertyValue", name=key, value=value)
        for key, value in content["parameters"].items()
    ]
    # The library itself is in the archive.
    versions = {
        name: content["versions"][name] for name in content["versions"] if name != "nearopt"
    }
    software = [add_software(crate, *package) for package in versions.items()]
    notebook = crate.get(f"notebooks/{name}.py")
    notebook["name"], notebook["softwareRequirements"] = name, software
    names = [*content["files"], "values.json"]
    action = {
        "name": f"Run of {name}",
        "instrument": notebook,
        "object": parameters,
        "result": [crate.get((folder / file).as_posix()) for file in names],
        "agent": crate.get("#authors"),
    }
    run = entity(crate, f"#run-{name}", "CreateAction", **action)
    crate.root_dataset.append_to("mentions", run)


def metadata(files: Mapping[str, bytes], results: Path) -> bytes:
    """Return the RO-Crate description of these files."""
    crate = ROCrate()
    describe(crate, yaml.safe_load(files["CITATION.cff"]))
    for name, data in files.items():
        about = {"contentSize": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()}
        about["encodingFormat"] = FORMATS.get(Path(name).suffix, "text/plain")
        if name.endswith(".py"):
            about |= {"@type": ["File", "SoftwareSourceCode"], "name": name}
        crate.add_file(dest_path=name, properties=about)
    for folder in folders(results):
        add_run(crate, folder)
    described = crate.metadata.generate()
    described["@graph"].sort(key=lambda entity: entity["@id"])
    return (json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write(archive: Path, files: Mapping[str, bytes]) -> None:
    """Write the archive, whole or not at all, with the checksums in sha256sum's format."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    partial = archive.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w") as target:
        for name, data in sorted((files | {MANIFEST: "".join(lines).encode()}).items()):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            target.writestr(entry, data)
    partial.replace(archive)


def main() -> None:
    """Make RESULTS/nearopt.zip, or say beforehand whether there can be one."""
    parser = argparse.ArgumentParser(description=__doc__)
    told = "a finished build, results/paper; without it, only look whether all is committed"
    parser.add_argument("results", type=Path, nargs="?", help=told)
    results = parser.parse_args().results
    try:
        tracked = sources()
        if results is None:
            return
        paths = sorted({*tracked, *outcomes(results)})
        files = {path.as_posix(): path.read_bytes() for path in paths}
        files[METADATA] = metadata(files, results)
    except ValueError as error:
        sys.exit(str(error))
    archive = results / "nearopt.zip"
    write(archive, dict(sorted(files.items())))
    print(f"{archive} holds {len(files) + 1} files; make verify ARCHIVE={archive} checks them.")


if __name__ == "__main__":
    main()
