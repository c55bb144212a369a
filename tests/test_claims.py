"""How a build ends: what became of each claim, how long it took, where everything is."""

import os
import sys
from pathlib import Path

import claims
import pytest
import typeset
import yaml

from nearopt.report.parameters import SCHEMA
from nearopt.report.results import Results

NOTEBOOK = "01_linear_asymptotics"
FOLDER, CLAIMS = f"results/quick/{NOTEBOOK}", "results/quick/claims.json"
PARAMETERS = yaml.safe_load(SCHEMA.with_name("paper.yaml").read_text())[NOTEBOOK]


def call(main, *arguments):
    """Run a script's main function as if it was called with these arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["", *arguments])
        main()


def finish(measured):
    """Save what one notebook found, and collect it."""
    results = Results(NOTEBOOK, PARAMETERS, FOLDER)
    results.verdict("C3", "rank", measured=measured, expected=10.0, tolerance=0.5)
    results.save()
    call(claims.main, CLAIMS, "--collect", FOLDER)


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A finished build of one notebook, without pages, where one is."""
    monkeypatch.chdir(tmp_path)
    for folder in ("notebooks", "logs/quick"):
        Path(folder).mkdir(parents=True)
    Path(f"notebooks/{NOTEBOOK}.py").touch()
    finish(10.0)
    Path("logs/quick/01_linear.tsv").write_text("s\th:m:s\tmax_rss\n17.42\t0:00:17\t394.6\n")
    Path("logs/quick/paper.tsv").write_text("s\th:m:s\n0.34\t0:00:00\n")


@pytest.mark.usefixtures("finished")
def test_the_summary_says_what_holds_how_long_it_took_and_where_all_is(capsys):
    call(claims.main, CLAIMS)
    assert capsys.readouterr().out.splitlines() == [
        "C3 holds: rank: 10, expected 10 within 0.5",
        "01_linear: 17 s",
        "Paper: results/quick/paper.pdf",
        "Pages: make site CONFIG=quick",
    ]
    Path("results/quick/site").mkdir()
    Path("results/quick/site/index.html").touch()
    call(claims.main, CLAIMS)
    assert capsys.readouterr().out.endswith("Pages: results/quick/site/index.html\n")


@pytest.mark.parametrize("text", ["", "h:m:s\n0:00:17\n", "s\n\xff\n"])
def test_a_duration_that_cannot_be_read_is_not_told(tmp_path, text):
    (tmp_path / "01_linear.tsv").write_bytes(text.encode("latin-1"))
    (tmp_path / "02_other.tsv").write_text("s\n7.4\n")
    assert claims.durations(tmp_path) == ["02_other: 7 s"]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("manuscript", "lost", "message"),
    [
        ("= A\n#unknown\n", None, "main.typ:2:1"),
        ("= A\n", CLAIMS, f"{CLAIMS} is missing or was changed"),
    ],
)
def test_what_cannot_be_typeset_is_told_with_its_place(manuscript, lost, message):
    Path("main.typ").write_text(manuscript)
    if lost:
        Path(lost).unlink()
    with pytest.raises(SystemExit, match=message):
        call(typeset.main, "main.typ", "results/quick", "results/quick/paper.pdf")
    assert not Path("results/quick/paper.pdf").exists()


def test_a_number_is_shown_to_the_digits_that_its_tolerance_tells_apart():
    verdict = {"passed": True, "claim": "C1", "statement": "s", "error": None}
    numbers = {"measured": 1.0000213, "expected": 1.0, "tolerance": 3.6e-5}
    assert (
        claims.holds(verdict | numbers) == "C1 holds: s: 1.00002, expected 1.00000 within 3.6e-05"
    )


@pytest.mark.usefixtures("finished")
def test_a_claim_that_fails_fails_the_build(capsys):
    finish(11.0)
    with pytest.raises(SystemExit, match="At least one claim fails"):
        call(claims.main, CLAIMS)
    assert "C3 FAILS: rank: 11" in capsys.readouterr().out


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("colour", [False, True])
def test_colour_is_for_a_terminal_only(monkeypatch, colour):
    ours, theirs = os.openpty() if colour else os.pipe()
    with open(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        call(claims.main, CLAIMS)
    said = os.read(ours, 4096)
    os.close(ours)
    assert (b"\x1b[32mC3 holds" in said) == colour
    assert b"C3 holds" in said
