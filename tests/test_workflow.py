"""The road from configuration to PDF, driven in a copy of the checkout."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from checkout import (
    NOTEBOOKS,
    ROOT,
    copy_checkout,
    environment,
    quick,
    results_of,
    run,
    small_checkout,
)

from nearopt.report.results import load

LINEAR = "01_linear_asymptotics"


def planned(checkout):
    """Return the rules, and the notebooks, that a build would run now."""
    done = quick(checkout, "--cores", "2", "--dry-run", "--quiet", "rules", "--summary")
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("results/")]
    assert rows
    parts = [Path(row[0]).relative_to("results/quick").parts for row in rows]
    due = zip(parts, rows, strict=True)
    return {first.partition(".")[0] for (first, *_), row in due if row[-1] != "no update"}


@pytest.fixture
def copied(built, tmp_path):
    """A copy of the build that a test may change."""
    return shutil.copytree(built, tmp_path / "copy", symlinks=True)


def test_a_quick_build_makes_a_pdf_and_sound_results(built):
    assert (built / "results/quick/paper.pdf").read_bytes().startswith(b"%PDF")
    for name in NOTEBOOKS:
        content = load(built / "results/quick" / name)
        assert content["threads"] == dict.fromkeys(content["threads"], "1")
        assert content["files"]
    claims = json.loads((built / "results/quick/claims.json").read_text())
    assert {claim["notebook"] for claim in claims} == set(NOTEBOOKS)


def test_nothing_that_is_published_names_this_machine(built):
    """A short host name may occur by chance in what is compressed, so it is sought in text."""
    host = re.compile(rf"\b{re.escape(os.uname().nodename)}\b")
    for path in (built / "results").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for secret in (built, ROOT, Path.home()):
                assert os.fsencode(secret) not in data, path
            if path.suffix in {".json", ".csv", ".svg"}:
                assert not host.search(data.decode()), path


def test_a_second_build_finds_nothing_to_do(built):
    done = quick(built, "--cores", "2")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changed", "rebuilt"),
    [
        ("paper/sections/linear.typ", {"paper"}),
        ("paper/references.bib", {"paper"}),
        ("lib/nearopt/figures/linear.py", {LINEAR, "claims", "paper"}),
        ("lib/nearopt/figures/rank.py", {"02_polynomial_rank", "claims", "paper"}),
        ("lib/nearopt/report/style.py", {*NOTEBOOKS, "claims", "paper"}),
        ("requirements.lock", {*NOTEBOOKS, "claims", "paper"}),
        ("README.md", set()),
    ],
)
def test_a_change_reruns_what_depends_on_it_and_nothing_else(copied, changed, rebuilt):
    path = copied / changed
    text = path.read_text() if path.exists() else ""
    path.write_text(text + "\n")
    assert planned(copied) == rebuilt


def test_what_was_deleted_is_made_again(copied):
    for name in (f"{LINEAR}/spectra.svg", "03_erf_full_rank/ranks.pdf", "claims.html"):
        (copied / "results/quick" / name).unlink()
    assert planned(copied) == {LINEAR, "03_erf_full_rank", "claims", "paper"}


def test_every_table_and_figure_of_a_notebook_is_known_before_it_runs(built):
    told = quick(built, "--cores", "1", "--summary").stdout
    for path in (
        p for end in ("csv", "pdf", "png", "svg") for p in built.glob(f"results/*/*/*.{end}")
    ):
        assert f"{path.relative_to(built)}\t" in told


@pytest.mark.slow
def test_a_figure_is_a_target_and_a_report_shows_figures_verdicts_and_paper(tmp_path):
    checkout = small_checkout(tmp_path / "checkout")
    done = quick(checkout, "--cores", "1", "results/quick/01_small/line.svg")
    assert done.returncode == 0, done.stderr
    assert not (checkout / "results/quick/paper.pdf").exists()
    done = quick(checkout, "--cores", "1")
    assert done.returncode == 0, done.stderr
    assert "C1 holds: squares" in (checkout / "results/quick/claims.html").read_text()
    done = quick(checkout, "--cores", "1", "--report", "report.html")
    assert done.returncode == 0, done.stderr
    report = (checkout / "report.html").read_text()
    for shown in ("01_small/line.svg", "claims.html", "paper.pdf"):
        assert f"results/quick/{shown}" in report
    assert "A falling line." in report


ASLEEP = 'import time; print("asleep", flush=True); time.sleep(50)\n'


@pytest.mark.slow
def test_an_interrupted_build_says_so_without_a_traceback(tmp_path):
    checkout = small_checkout(tmp_path / "checkout")
    source = checkout / "notebooks/01_small.py"
    source.write_text(source.read_text() + ASLEEP)
    command = ["snakemake", "--cores", "1", "--configfile", "config/quick.yaml"]
    building = subprocess.Popen(
        command,
        cwd=checkout,
        env=environment(checkout),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    log = checkout / "logs/quick/01_small.log"
    while not log.exists() or "asleep" not in log.read_text():
        assert building.poll() is None
        time.sleep(0.1)
    os.killpg(building.pid, signal.SIGINT)
    _, said = building.communicate(timeout=60)
    assert building.returncode != 0
    assert "notebooks/01_small.py was stopped; the next run begins it anew." in said
    assert "Traceback" not in said


def test_contributing_says_why_lint_is_not_clean():
    """And nothing is that it does not name."""
    done = run(ROOT, "snakemake", "--lint")
    found = set(re.findall(r"^    \* (\w+ \w+)", done.stdout + done.stderr, re.M))
    assert found == {"No log", "Specify a", "Environment variable"}
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for word in ("snakemake --lint", "log directive", "conda environment", "sets PATH"):
        assert word in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({LINEAR: {"hidden_dim": -3}}, "01_linear_asymptotics.hidden_dim = -3 is not allowed"),
        ({"results_dir": "$(touch pwned)"}, "results_dir = "),
        *(
            ({"05_real_inputs": {"inputs": path}}, f"05_real_inputs.inputs = {path!r} is not all")
            for path in ("notebooks", "{a}.csv")
        ),
    ],
)
def test_a_bad_configuration_stops_before_any_notebook(tmp_path, changes, message):
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "config/bad.yaml").write_text(yaml.safe_dump(changes))
    done = run(checkout, "snakemake", "--cores", "2", "--configfile", "config/bad.yaml")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / "logs").exists()
    assert not (checkout / "results").exists()
    assert not (checkout / "pwned").exists()


def test_a_failed_notebook_survives_with_its_traceback_and_is_named(tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    source = checkout / f"notebooks/{LINEAR}.py"
    source.write_text(source.read_text() + '\n# %%\nraise RuntimeError("deliberate")\n')
    done = quick(checkout, "--cores", "2", f"results/quick/{LINEAR}/values.json")
    assert done.returncode != 0
    assert "RuntimeError: deliberate" in done.stderr
    kept = checkout / f"logs/quick/{LINEAR}.ipynb"
    assert f"logs/quick/{LINEAR}.ipynb" in done.stderr
    assert "deliberate" in kept.read_text()
    assert not (checkout / f"results/quick/{LINEAR}").exists()


@pytest.mark.slow
def test_two_clean_builds_are_the_same_bytes(built, tmp_path):
    again = copy_checkout(tmp_path / "again")
    done = quick(again, "--cores", "1")
    assert done.returncode == 0, done.stderr
    one, other = results_of(built), results_of(again)
    assert len(one) > 10
    assert [name for name in one if one[name] != other[name]] == []
