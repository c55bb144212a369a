"""How a build ends: what became of each claim, how long it took, where everything is."""

import os
import pty
import subprocess
import sys

import pytest
import yaml
from checkout import ROOT
from claims import durations, holds

from nearopt.report.parameters import SCHEMA
from nearopt.report.results import Results

NOTEBOOK = "01_linear_asymptotics"
FOLDER = f"results/quick/{NOTEBOOK}"
PARAMETERS = yaml.safe_load(SCHEMA.with_name("paper.yaml").read_text())[NOTEBOOK]


def finish(folder, measured):
    """Save what one notebook found, and collect it."""
    results = Results(NOTEBOOK, PARAMETERS, str(folder / FOLDER))
    results.verdict("C3", "rank", measured=measured, expected=10.0, tolerance=0.5)
    results.save()
    command = [sys.executable, ROOT / "workflow/claims.py", "results/quick/claims.json"]
    subprocess.run([*command, "--collect", FOLDER], cwd=folder, check=True)


@pytest.fixture
def finished(tmp_path):
    """A finished build of one notebook, without pages."""
    for folder in ("notebooks", "logs/quick"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / f"notebooks/{NOTEBOOK}.py").touch()
    finish(tmp_path, 10.0)
    (tmp_path / "logs/quick/01_linear.tsv").write_text("s\th:m:s\tmax_rss\n17.42\t0:00:17\t394.6\n")
    (tmp_path / "logs/quick/paper.tsv").write_text("s\th:m:s\n0.34\t0:00:00\n")
    return tmp_path


def script(folder, name, *arguments, stdout=subprocess.PIPE):
    command = [sys.executable, ROOT / "workflow" / name, *arguments]
    return subprocess.run(
        command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


def summary(folder, stdout=subprocess.PIPE):
    return script(folder, "claims.py", "results/quick/claims.json", stdout=stdout)


def test_the_summary_says_what_holds_how_long_it_took_and_where_all_is(finished):
    done = summary(finished)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "C3 holds: rank: 10, expected 10 within 0.5",
        "01_linear: 17 s",
        "Paper: results/quick/paper.pdf",
        "Pages: make site CONFIG=quick",
    ]
    (finished / "results/quick/site").mkdir()
    (finished / "results/quick/site/index.html").touch()
    assert summary(finished).stdout.endswith("Pages: results/quick/site/index.html\n")


@pytest.mark.parametrize("text", ["", "h:m:s\n0:00:17\n", "s\n\xff\n"])
def test_a_duration_that_cannot_be_read_is_not_told(tmp_path, text):
    (tmp_path / "01_linear.tsv").write_bytes(text.encode("latin-1"))
    (tmp_path / "02_other.tsv").write_text("s\n7.4\n")
    assert durations(tmp_path) == ["02_other: 7 s"]


@pytest.mark.parametrize(
    ("manuscript", "lost", "message"),
    [
        ("= A\n#unknown\n", None, "main.typ:2:1"),
        ("= A\n", "claims.json", "results/quick/claims.json is missing or was changed"),
    ],
)
def test_what_cannot_be_typeset_is_told_with_its_place(finished, manuscript, lost, message):
    (finished / "main.typ").write_text(manuscript)
    if lost:
        (finished / "results/quick" / lost).unlink()
    done = script(finished, "typeset.py", "main.typ", "results/quick", "results/quick/paper.pdf")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (finished / "results/quick/paper.pdf").exists()


def test_a_number_is_shown_to_the_digits_that_its_tolerance_tells_apart():
    verdict = {"passed": True, "claim": "C1", "statement": "s", "error": None}
    numbers = {"measured": 1.0000213, "expected": 1.0, "tolerance": 3.6e-5}
    assert holds(verdict | numbers) == "C1 holds: s: 1.00002, expected 1.00000 within 3.6e-05"


def test_a_claim_that_fails_fails_the_build(finished):
    finish(finished, 11.0)
    done = summary(finished)
    assert done.returncode == 1
    assert "C3 FAILS: rank: 11" in done.stdout
    assert "At least one claim fails" in done.stderr


def test_colour_is_for_a_terminal_only(finished):
    assert "\x1b" not in summary(finished).stdout
    ours, theirs = pty.openpty()
    done = summary(finished, stdout=theirs)
    os.close(theirs)
    assert done.returncode == 0
    assert b"\x1b[32mC3 holds" in os.read(ours, 4096)
    os.close(ours)
