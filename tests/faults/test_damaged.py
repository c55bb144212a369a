"""Results that are not as they were saved are found by their checksums and never typeset."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from builds import copy_of
from checkout import ROOT, leave, results_of, run

sys.path.append(str(ROOT / "workflow"))
import archive
import claims

pytestmark = pytest.mark.slow

RESULTS = "results/quick"
FOLDER = f"{RESULTS}/01_small"
ENDINGS = ("line.pdf", "line.png", "line.svg", "notebook.ipynb", "squares.csv", "values.json")
FILES = [f"{RESULTS}/claims.json", *(f"{FOLDER}/{name}" for name in ENDINGS)]
DAMAGES = {
    "emptied": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "bit flipped": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "hand-edited": lambda data: re.sub(rb"[1-9]", lambda m: b"%d" % (int(m[0]) - 1), data, count=1),
}


@pytest.fixture
def finished(undisturbed, tmp_path):
    return copy_of(undisturbed.checkout, tmp_path / "copy")


def damage(path, how):
    """Change a file but not its date, as a failing disk does."""
    status = path.stat()
    data = path.read_bytes()
    path.write_bytes(DAMAGES[how](data))
    assert path.read_bytes() != data
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_every_damage_is_found_and_named(name, how, finished, monkeypatch):
    monkeypatch.chdir(finished)
    damage(finished / name, how)
    with pytest.raises(ValueError, match=rf"{name} .*; delete {RESULTS}.* again"):
        claims.check(Path(RESULTS))


def test_what_is_not_damaged_passes(finished, monkeypatch):
    """And folders that are of no notebook here are none of this checkout's business."""
    monkeypatch.chdir(finished)
    leave(finished / RESULTS, "01_small")
    claims.check(Path(RESULTS))
    assert claims.folders(Path(RESULTS)) == [Path(FOLDER)]
    assert set(archive.outcomes(Path(RESULTS))) == {
        Path(n) for n in (*FILES, f"{RESULTS}/paper.pdf")
    }


@pytest.mark.parametrize("name", [FILES[0], f"{FOLDER}/line.svg", f"{FOLDER}/values.json"])
def test_no_damage_is_typeset_and_what_the_message_says_mends_it(name, finished, undisturbed):
    paper = finished / RESULTS / "paper.pdf"
    damage(finished / name, "hand-edited")
    # The manuscript is edited, so that it must be typeset again; and then as it was.
    with (finished / "paper/main.typ").open("a") as stream:
        stream.write("// A comment.\n")
    done = run(finished, "make", "quick")
    assert done.returncode != 0
    assert f"{name} " in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not paper.exists()
    told = re.search(rf"delete ({RESULTS}\S*?) and", done.stdout + done.stderr)[1]
    target = finished / told
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    done = run(finished, "make", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert results_of(finished) == undisturbed.results


def test_a_finished_build_that_was_damaged_is_told_so_and_mended(finished, undisturbed):
    damage(finished / FOLDER / "line.png", "truncated")
    done = run(finished, "make", "quick")
    assert done.returncode != 0
    told = f"{FOLDER}/line.png is missing or was changed after it was saved"
    assert f"{told}; delete {FOLDER} and run" in done.stderr
    shutil.rmtree(finished / FOLDER)
    (finished / RESULTS / "claims.json").unlink()
    done = run(finished, "make", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert results_of(finished) == undisturbed.results


def test_what_was_made_but_not_yet_typeset_is_typeset(finished):
    """A value changes, the verdicts do not, and the build ends before the paper."""
    paper = finished / RESULTS / "paper.pdf"
    before = paper.read_bytes()
    notebook = finished / "notebooks/01_small.py"
    text = notebook.read_text()
    notebook.write_text(text.replace("squares[-1]", "squares[-1] + 70"))
    made = f"{RESULTS}/claims.json"
    done = run(finished, "snakemake", "--cores", "1", made, "--configfile", "config/quick.yaml")
    assert done.returncode == 0, done.stderr
    assert paper.read_bytes() == before
    done = run(finished, "make", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert paper.read_bytes() != before
