"""The road from configuration to PDF, driven in a copy of the checkout."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from checkout import (
    NOTEBOOKS,
    QUICK,
    ROOT,
    copy_checkout,
    refused,
    run,
)

from nearopt.report.results import load

LINEAR = "01_linear_asymptotics"
PICTURES = (".pdf", ".svg")


def planned(checkout):
    """Return the rules, and the notebooks, that a build would run now, each with the reason."""
    said = run(checkout, *QUICK, "--dry-run")
    reasons = re.findall(r"rule (\w+):\n(?:    .*\n)*?    reason: (.*)\n", said)
    return {rule: reason for rule, reason in reasons if rule != "all"}


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


def test_a_second_build_finds_nothing_to_do_and_knows_every_table_and_figure(built):
    told = run(built, *QUICK, "--summary")
    rows = [line.split("\t") for line in told.splitlines() if line.startswith("results/")]
    assert {row[-1] for row in rows} == {"no update"}
    files = [path for path in built.glob("results/*/*/*.*") if path.suffix in (".csv", *PICTURES)]
    assert {path.suffix for path in files} == {".csv", *PICTURES}
    assert {path.relative_to(built).as_posix() for path in files} <= {row[0] for row in rows}


@pytest.mark.parametrize(
    ("changed", "then"),
    [
        (
            {
                "paper/sections/linear.typ": {"paper"},
                "paper/references.bib": {"paper"},
                "README.md": set(),
            },
            set(),
        ),
        (
            {
                "lib/nearopt/figures/linear.py": {LINEAR, "07_few_samples"},
                "lib/nearopt/figures/rank.py": {"02_polynomial_rank"},
            },
            {"claims", "paper"},
        ),
        (
            {"lib/nearopt/report/style.py": {*NOTEBOOKS}, "requirements.lock": {*NOTEBOOKS}},
            {"claims", "paper"},
        ),
    ],
)
def test_a_change_reruns_what_depends_on_it_and_nothing_else(copied, changed, then):
    for name in changed:
        with (copied / name).open("a") as stream:
            stream.write("\n")
    reasons = planned(copied)
    assert set(reasons) == then.union(*changed.values())
    for name, rules in changed.items():
        assert {rule for rule, reason in reasons.items() if name in reason} == rules


def test_what_was_deleted_is_made_again(copied):
    for name in (f"{LINEAR}/spectra.svg", "03_erf_full_rank/ranks.pdf", "claims.html"):
        (copied / "results/quick" / name).unlink()
    assert set(planned(copied)) == {LINEAR, "03_erf_full_rank", "claims", "paper"}


@pytest.mark.slow
def test_a_figure_is_a_target_and_a_report_shows_figures_verdicts_and_paper(checkout):
    run(checkout, *QUICK, "results/quick/01_small/line.svg")
    assert not (checkout / "results/quick/paper.pdf").exists()
    run(checkout, *QUICK)
    assert "C1 holds: squares" in (checkout / "results/quick/claims.html").read_text()
    run(checkout, *QUICK, "--report", "report.html")
    report = (checkout / "report.html").read_text()
    for shown in ("01_small/line.svg", "claims.html", "paper.pdf"):
        assert f"results/quick/{shown}" in report
    assert "A falling line." in report


def test_contributing_says_why_lint_is_not_clean():
    """And nothing is that it does not name."""
    found = set(re.findall(r"^    \* (\w+ \w+)", refused(ROOT, "snakemake", "--lint"), re.M))
    assert found == {"No log", "Specify a", "Environment variable"}
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for word in ("snakemake --lint", "log directive", "conda environment", "sets PATH"):
        assert word in text


def test_a_bad_configuration_stops_before_any_notebook(tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "{a}.csv").touch()
    for changes, message in (
        ({"results_dir": "$(touch pwned)"}, "results_dir = "),
        ({"05_real_inputs": {"inputs": "notebooks"}}, "05_real_inputs.inputs = 'notebooks' is not"),
        ({"05_real_inputs": {"inputs": "{a}.csv"}}, "05_real_inputs.inputs = '{a}.csv' is not all"),
    ):
        (checkout / "config/bad.yaml").write_text(yaml.safe_dump(changes))
        bad = ("--configfile", "config/bad.yaml")
        assert message in refused(checkout, "snakemake", "--cores", "2", *bad)
        assert not any((checkout / name).exists() for name in ("logs", "results", "pwned"))


def test_a_failed_notebook_survives_with_its_traceback_and_is_named(checkout):
    source = checkout / "notebooks/01_small.py"
    parameters = 'results_dir: str = ""\n'
    raising = f'{parameters}\n# %%\nraise RuntimeError("deliberate")\n'
    source.write_text(source.read_text().replace(parameters, raising))
    said = refused(checkout, *QUICK)
    assert "RuntimeError: deliberate" in said
    assert "logs/quick/01_small.ipynb" in said
    assert "deliberate" in (checkout / "logs/quick/01_small.ipynb").read_text()
    assert not (checkout / "results/quick/01_small").exists()
