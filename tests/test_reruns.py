"""The small reruns are of every notebook and within the schema, and a part of them ends well."""

from collections import Counter

import pytest
from checkout import NOTEBOOKS, ROOT, copy_checkout, refused, run
from reruns import reruns

from nearopt.report import check_parameters


def test_each_notebook_has_five_seeds_and_five_sets_that_the_schema_allows():
    listed = list(reruns(ROOT / "config", first=False))
    for notebook, _, parameters in listed:
        check_parameters(notebook, parameters)
    assert set(NOTEBOOKS) == {notebook for notebook, _, _ in listed}
    assert min(Counter(notebook for notebook, _, _ in listed).values()) >= 10


@pytest.mark.slow
def test_the_first_seed_and_edge_of_each_notebook_hold(tmp_path):
    said = run(copy_checkout(tmp_path / "checkout"), "python", "workflow/reruns.py", "--first")
    assert said.count("verdicts hold") == 2 * len(NOTEBOOKS)


@pytest.mark.slow
def test_a_verdict_that_fails_is_told(tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    source = checkout / "notebooks/01_linear_asymptotics.py"
    right, one_unit_more = "limit_law(*size, ", "limit_law(size[0], size[1] + 1, "
    source.write_text(source.read_text().replace(f" {right}", f" {one_unit_more}"))
    said = refused(checkout, "python", "workflow/reruns.py", "--first", "--only", "01")
    assert "WRONG 01_linear_asymptotics seed=0: FAILS: most eigenvalues that" in said
