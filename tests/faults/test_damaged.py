"""Results that are not as they were saved are found by their checksums and never typeset."""

import os
import re
import shutil
from pathlib import Path

import archive
import claims
import pytest
from builds import copy_of
from checkout import QUICK, leave, refused, results_of, run

pytestmark = pytest.mark.slow

RESULTS = "results/quick"
FOLDER = f"{RESULTS}/01_small"
ENDINGS = ("line.pdf", "line.svg", "notebook.ipynb", "squares.csv", "values.json")
FILES = [f"{RESULTS}/claims.json", *(f"{FOLDER}/{name}" for name in ENDINGS)]


@pytest.fixture
def finished(undisturbed, tmp_path):
    return copy_of(undisturbed.checkout, tmp_path / "copy")


def damage(path):
    """Change a digit, or a byte of a picture, but not the date, as a failing disk may."""
    status = path.stat()
    data = path.read_bytes()
    path.write_bytes(re.sub(rb"[1-9]", lambda m: b"%d" % (int(m[0]) - 1), data, count=1))
    assert path.read_bytes() != data
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_every_damage_is_found_and_named(finished, monkeypatch):
    monkeypatch.chdir(finished)
    for name in FILES:
        sound = (finished / name).read_bytes()
        damage(finished / name)
        with pytest.raises(ValueError, match=rf"{name} .*; delete {RESULTS}.* again"):
            claims.check(Path(RESULTS))
        (finished / name).write_bytes(sound)


def test_what_is_not_damaged_passes(finished, monkeypatch):
    """And folders that are of no notebook here are none of this checkout's business."""
    monkeypatch.chdir(finished)
    leave(finished / RESULTS, "01_small")
    claims.check(Path(RESULTS))
    assert claims.folders(Path(RESULTS)) == [Path(FOLDER)]
    assert set(archive.outcomes(Path(RESULTS))) == {
        Path(n) for n in (*FILES, f"{RESULTS}/paper.pdf")
    }


@pytest.mark.parametrize("name", [FILES[0], f"{FOLDER}/line.svg"])
def test_no_damage_is_typeset_and_what_the_message_says_mends_it(name, finished, undisturbed):
    paper = finished / RESULTS / "paper.pdf"
    damage(finished / name)
    # The manuscript is edited, so that it must be typeset again; and then as it was.
    with (finished / "paper/main.typ").open("a") as stream:
        stream.write("// A comment.\n")
    said = refused(finished, "make", "quick")
    assert f"{name} " in said
    assert not paper.exists()
    told = re.search(rf"delete ({RESULTS}\S*?) and", said)[1]
    target = finished / told
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    run(finished, "make", "quick")
    assert results_of(finished) == undisturbed.results


def test_a_finished_build_that_was_damaged_is_told_so_and_mended(finished, undisturbed):
    damage(finished / FOLDER / "line.pdf")
    said = refused(finished, "make", "quick")
    told = f"{FOLDER}/line.pdf is missing or was changed after it was saved"
    assert f"{told}; delete {FOLDER} and run" in said
    shutil.rmtree(finished / FOLDER)
    (finished / RESULTS / "claims.json").unlink()
    run(finished, "make", "quick")
    assert results_of(finished) == undisturbed.results


def test_what_was_made_but_not_yet_typeset_is_typeset(finished):
    """A value changes, the verdicts do not, and the build ends before the paper."""
    paper = finished / RESULTS / "paper.pdf"
    before = paper.read_bytes()
    notebook = finished / "notebooks/01_small.py"
    text = notebook.read_text()
    notebook.write_text(text.replace("squares[-1]", "squares[-1] + 70"))
    run(finished, *QUICK, f"{RESULTS}/claims.json")
    assert paper.read_bytes() == before
    run(finished, "make", "quick")
    assert paper.read_bytes() != before
