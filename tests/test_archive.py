"""What is taken away is whole, says where it is from, and can be proved and run again."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tracemalloc
import zipfile
from importlib.metadata import version
from pathlib import Path

import archive
import pytest
import verify
from archive import MANIFEST, METADATA
from checkout import NOTEBOOKS, ROOT, leave, refused, run

VALUES = '{"parameters": {"n": 1}, "values": {"x": %s}, "verdicts": [], "files": {}}'
OWN = {"nearopt": version("nearopt")}


def describing(files):
    """Return the files with a description that lists them, as an archive has them."""
    graph = [{"@id": n, "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()]
    return files | {METADATA: json.dumps({"@graph": graph}).encode()}


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.zip"
    archive.write(path, describing({"paper.pdf": b"%PDF", "values.csv": b"1,2\n" * 9}))
    return path


def checked(path):
    """Return what is in an archive, once it is found right."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = verify.unpack(path, Path(scratch))
        verify.check(folder)
        return {name: path.read_bytes() for name, path in verify.files(folder).items()}


def test_an_archive_that_was_not_touched_passes_here_and_with_sha256sum(small, tmp_path):
    assert set(checked(small)) == {"paper.pdf", "values.csv", METADATA, MANIFEST}
    zipfile.ZipFile(small).extractall(tmp_path)
    subprocess.run(["sha256sum", "--check", MANIFEST], cwd=tmp_path, check=True)


def forge(files):
    """Change a file and the manifest together, and leave the description."""
    old, new = (hashlib.sha256(data).hexdigest() for data in (files["paper.pdf"], b"other"))
    files["paper.pdf"] = b"other"
    files[MANIFEST] = files[MANIFEST].replace(old.encode(), new.encode())


def put(name, data=b""):
    return lambda files: files.update({name: data})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("paper.pdf", b"%PDG"), "paper.pdf is not as it was packed"),
        (lambda files: files.pop("paper.pdf"), "paper.pdf is missing"),
        (put("more.py"), "more.py is not listed"),
        (lambda files: files.pop(MANIFEST), "missing or damaged"),
        (put(MANIFEST, b"\xff"), "missing or damaged"),
        *(
            (put(METADATA, text), "missing or damaged")
            for text in (b"{}", b"[]", b'{"@graph": [3]}', b"[" * 200_000)
        ),
        (forge, "describes other files"),
        *(
            (put(name), "leads out of its folder")
            for name in ("../outside", "/etc/outside", "a/../../outside", "../paper.pdf")
        ),
    ],
)
def test_each_change_is_found_and_named(small, change, message):
    files = checked(small)
    change(files)
    with zipfile.ZipFile(small, "w") as target:
        for name, data in files.items():
            target.writestr(name, data)
    with pytest.raises(ValueError, match=message):
        checked(small)


@pytest.mark.parametrize("folder", ["", "nearopt"])
def test_what_was_unpacked_and_zipped_again_passes(small, tmp_path, folder):
    """By tools that compress, list folders, and put all into one."""
    zipfile.ZipFile(small).extractall(tmp_path / "unpacked" / folder)
    checked(Path(shutil.make_archive(small, "zip", tmp_path / "unpacked")))


@pytest.mark.parametrize("name", ["other", MANIFEST])
def test_a_file_that_unpacks_to_much_takes_no_memory(name, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(name, bytes(20 * 2**20))
        target.writestr("paper.pdf", "")
    tracemalloc.start()
    with pytest.raises(ValueError, match="missing or damaged"):
        checked(path)
    verify.digest(verify.unpack(path, tmp_path / "unpacked") / name)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_an_archive_larger_than_any_build_is_refused(small, monkeypatch):
    monkeypatch.setattr(verify, "LARGEST", 100)
    with pytest.raises(ValueError, match="unpacks to 0 GB, which no build does"):
        checked(small)


@pytest.mark.parametrize("cut", [0, 1, 0.5, 0.99])
def test_what_is_no_archive_gets_a_clear_line(small, cut, monkeypatch):
    data = small.read_bytes()
    small.write_bytes(data[: int(len(data) * cut) if cut < 1 else 1])
    monkeypatch.setattr("sys.argv", ["verify.py", str(small)])
    with pytest.raises(SystemExit, match="cannot be read as an archive"):
        verify.main()


def test_a_flipped_bit_is_told_or_changes_no_file(small):
    """In each byte the bit that says of a method of compression: deflate."""
    data, files = small.read_bytes(), checked(small)
    told = []
    for place in range(len(data)):
        small.write_bytes(data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :])
        try:
            assert checked(small) == files
        except ValueError as error:
            told.append(str(error))
    # Times and rights of a file stand in the archive too.
    assert len(told) > len(data) / 2
    assert any("while decompressing" in line for line in told)


@pytest.mark.parametrize(
    ("second", "where"),
    [
        ({"a": [1.0 + 1e-9, 2], "b": 1.25e-39}, None),
        ({"a": [1.0 + 1e-4, 2], "b": 1.25e-39}, "n, a, 0: 1.0 was packed, 1.0001 was made"),
        ({"a": [1.0, 2], "b": 0.0}, "n, b: 1.25e-39 was packed, 0.0 was made"),
        ({"a": [1.0, 3], "b": 1.25e-39}, "n, a, 1: 2 was packed, 3 was made"),
        ({"a": [1.0], "b": 1.25e-39}, "n, a: [1.0, 2] was packed, [1.0] was made"),
        ({"a": [1.0, 2]}, "n: "),
    ],
)
def test_numbers_agree_but_for_the_last_digits(second, where):
    found = list(verify.differences({"a": [1.0, 2], "b": 1.25e-39}, second, "n"))
    assert len(found) == (where is not None)
    assert not found or found[0].startswith(where)


@pytest.mark.parametrize(
    ("name", "text", "packed", "close", "other", "where"),
    [
        ("n/values.json", VALUES, "1.0", "1.00000001", "1.1", "values, x"),
        ("claims.json", '[{"measured": %s}]', "2e-40", "2.00000001e-40", "0.0", "0, measured"),
        ("n/table.csv", "size,u²\n1,%s\n", "2e-40", "2.00000001e-40", "0.0", "1, 1"),
        ("n/table.csv", "a,b\nnan,%s\n", "1.0", "1.00000001", "nan", "1, 1"),
        ("n/table.csv", "a,b\n1,2\n7,%s", "x", "x\n", "y", "2, 1"),
        ("n/table.csv", "a\n%s\n", "1234567", '"1234567"', "1234568", "1, 0"),
    ],
)
def test_a_rerun_that_differs_is_told(name, text, packed, close, other, where, tmp_path):
    packed, close, other = ((text % word).encode() for word in (packed, close, other))
    files = {name: packed, "n/a.svg": b"1", "n/notebook.ipynb": b"1"}
    pictures = {"n/a.svg": b"2", "n/notebook.ipynb": b"2"}

    def compared(number, made):
        for folder, contents in (("packed", files), (f"made {number}", made)):
            (tmp_path / folder / "n").mkdir(parents=True, exist_ok=True)
            for file, data in contents.items():
                (tmp_path / folder / file).write_bytes(data)
        return verify.compare(tmp_path / "packed", tmp_path / f"made {number}")

    assert "made the same bytes: 3 files" in compared(0, files)
    told = compared(1, pictures | {name: close})
    assert f"agree to 1e-06; not the same bytes: {', '.join(sorted([name, *pictures]))}" in told
    with pytest.raises(ValueError, match=f"{name}, {where}: .* was packed, .* was made"):
        compared(2, files | {name: other})
    with pytest.raises(ValueError, match=f"{name} was not made"):
        compared(3, pictures)


def commit(checkout):
    """Commit what a clone would hold."""
    shutil.copy(ROOT / ".gitignore", checkout)
    names = ["-c", "user.name=nearopt", "-c", "user.email=nearopt@localhost"]
    for command in (["init", "-q"], ["add", "."], [*names, "commit", "-qm", "A build"]):
        subprocess.run(["git", *command], cwd=checkout, check=True)


@pytest.fixture(scope="module")
def packed(built, tmp_path_factory):
    """A committed copy of the quick build, and its archive."""
    checkout = tmp_path_factory.mktemp("archive") / "copy"
    shutil.copytree(built, checkout, ignore=shutil.ignore_patterns(".*", "__pycache__", "site"))
    shutil.copytree(ROOT / "site", checkout / "site")
    shutil.copy(ROOT / "CITATION.cff", checkout)
    commit(checkout)
    run(checkout, "python", "workflow/archive.py", "results/quick")
    return checkout


@pytest.mark.slow
def test_one_commit_gives_the_same_bytes(packed, tmp_path):
    """Whenever the files were written, and whatever else lies beside the results."""
    checkout = shutil.copytree(packed, tmp_path / "copy")
    os.utime(checkout / "CITATION.cff", (0, 0))
    leave(checkout / "results/quick", NOTEBOOKS[0])
    run(checkout, "python", "workflow/archive.py", "results/quick")
    path = "results/quick/nearopt.zip"
    assert (checkout / path).read_bytes() == (packed / path).read_bytes()


@pytest.mark.slow
def test_each_figure_says_what_made_it(packed):
    """As anyone's RO-Crate reader finds it."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(packed / "results/quick/nearopt.zip")
    runs = {entity.id: entity for entity in crate.root_dataset["mentions"]}
    assert set(runs) == {f"#run-{name}" for name in NOTEBOOKS}
    figures = {p.relative_to(packed).as_posix() for p in packed.glob("results/quick/*/*.svg")}
    assert figures
    for name in NOTEBOOKS:
        action = runs[f"#run-{name}"]
        values = json.loads((packed / f"results/quick/{name}/values.json").read_text())
        figures -= {file.id for file in action["result"]}
        assert action["instrument"].id == f"notebooks/{name}.py"
        assert {p["name"]: p["value"] for p in action["object"]} == values["parameters"]
        software = action["instrument"]["softwareRequirements"]
        assert {s["name"]: s["version"] for s in software} | OWN == values["versions"]
    assert not figures


@pytest.mark.slow
def test_a_missing_build_is_refused(packed):
    said = refused(packed, "python", "workflow/archive.py", "results/paper")
    assert "claims.json is missing; make it first, with make paper" in said


@pytest.fixture
def committed(checkout):
    """A commit of the workflow with one small notebook, of which nothing was built."""
    commit(checkout)
    return checkout


def test_sources_that_are_not_committed_are_told_before_the_build(committed, monkeypatch):
    monkeypatch.chdir(committed)
    assert Path("Snakefile") in archive.sources()
    (committed / "Snakefile").write_text("changed")
    for name in ("notes.txt", "lib/nearopt/other.py"):
        (committed / name).touch()
    said = refused(committed, "make", "archive", "CONFIG=quick")
    told = "commit or remove these first, for the archive names its commit: "
    assert told + "M Snakefile, lib/nearopt/other.py\n" in said
    assert not (committed / "results").exists()


def test_without_git_there_is_a_clear_line(committed, monkeypatch):
    monkeypatch.chdir(committed)
    monkeypatch.setenv("PATH", str(committed / ".venv"))
    with pytest.raises(ValueError, match="install git"):
        archive.sources()


@pytest.mark.slow
def test_a_rerun_of_the_archive_makes_the_same_bytes(packed):
    """Whatever profile the user has for other workflows."""
    command = ["python", "workflow/verify.py", "results/quick/nearopt.zip", "--rerun"]
    assert "made the same bytes" in run(packed, *command, SNAKEMAKE_PROFILE="of-the-user")


@pytest.mark.slow
def test_nothing_in_the_archive_names_this_machine(packed):
    with zipfile.ZipFile(packed / "results/quick/nearopt.zip") as source:
        for name in source.namelist():
            for secret in (packed, ROOT, Path.home()):
                assert os.fsencode(secret) not in source.read(name), name
