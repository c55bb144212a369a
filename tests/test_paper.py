"""The manuscript takes every number, figure and table from the results."""

import re

import pytest
from checkout import ROOT
from sources import saved, words

SECTIONS = sorted(ROOT.glob("paper/sections/*.typ"))
TEXT = {path: path.read_text() for path in SECTIONS}
# What is not a result: comments, maths, names, labels and references, formats and widths.
STRUCTURE = [
    r"//.*",
    r"\$[^$]*\$",
    r"`[^`]*`",
    r'"[\w./-]+"',
    r"@[\w:-]+",
    r"<[\w:-]+>",
    r"\b(?:digits|width|columns|gutter): ?\d+\w*%?",
    r"#v\(\d+em\)",
]
ALLOWED = {"1", "2", "3"}


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: path.stem)
def test_no_result_is_typed_by_hand(path):
    text = TEXT[path]
    for pattern in STRUCTURE:
        text = re.sub(pattern, " ", text)
    numbers = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text))
    assert numbers <= ALLOWED


def test_every_figure_is_used_once_and_every_reference_is_cited(monkeypatch):
    monkeypatch.chdir(ROOT)
    kept = {source.stem: saved(source) for source in ROOT.glob("notebooks/*.py")}
    figures = {(name, figure) for name in kept for kind, figure in kept[name] if kind == "figure"}
    assert words().keys() == figures
    main = (ROOT / "paper/main.typ").read_text()
    included = re.findall(r'^#include "(.*)"', main, re.M)
    assert sorted(ROOT / "paper" / name for name in included) == SECTIONS
    everything = "".join(TEXT.values())
    assert len(re.findall(r"result-figure\(", everything)) == len(figures)
    keys = re.findall(r"^@\w+\{([\w:-]+),", (ROOT / "paper/references.bib").read_text(), re.M)
    assert len(keys) == len(set(keys))
    for key in keys:
        assert re.search(rf"@{key}\b", everything), key


def test_the_claims_table_names_what_is_there():
    table = TEXT[ROOT / "paper/sections/verdicts.typ"]
    named = re.findall(r'"(test_\w+)"', table)
    assert named
    for test in named:
        assert (ROOT / f"tests/{test}.py").is_file(), test
    for notebook in re.findall(r'"(\d\d_\w+)"', table):
        assert (ROOT / f"notebooks/{notebook}.py").is_file(), notebook


def test_every_claim_that_a_notebook_settles_has_its_row_in_paper_and_readme():
    settled = set()
    text = (ROOT / "README.md").read_text()
    for source in ROOT.glob("notebooks/*.py"):
        settled |= set(re.findall(r'results\.verdict\(\s*"(C\d+)"', source.read_text()))
        assert f"notebooks/{source.stem}.ipynb" in text
    rows = re.findall(r'claim\("(C\d+)"', TEXT[ROOT / "paper/sections/verdicts.typ"])
    assert rows == sorted(settled)
    readme = re.findall(r"^\| (C\d+) (.*)", text, re.M)
    assert [claim for claim, _ in readme] == rows
    paper = re.findall(r'claim\("C.*?\),\n', TEXT[ROOT / "paper/sections/verdicts.typ"], re.DOTALL)
    for (claim, ours), theirs in zip(readme, paper, strict=True):
        assert re.findall(r"tests/(\w+)\.py", ours) == re.findall(r'"(test_\w+)"', theirs), claim
