"""The code that the pages show does what they say."""

import re

import numpy as np
import pytest
from checkout import ROOT, copy_checkout, link_environment, run as run_in
from reference import sampled_hessian

from nearopt.network.smooth import Smooth
from nearopt.report.results import load

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("site/*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(), re.M))
MODULES = {path.stem for path in ROOT.glob("lib/nearopt/*")}


def run(page):
    """Run a page's Python blocks one after the other and return the names that they define."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(block, names)
    return names


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_page_runs(page):
    run(page)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_every_command_module_and_file_that_a_page_names_is_there(page):
    """Links between the pages of site/ are tests/test_site.py's."""
    text = page.read_text()
    assert set(re.findall(r"(?:`|^ *)make ([a-z-]+)", text, re.M)) <= TARGETS
    assert set(re.findall(r"\bnearopt\.([a-z_]+)", text)) <= MODULES | {"zip"}
    if page.parent.name != "site":
        for link in re.findall(r"\]\(([\w./-]+\.\w+)\)", text):
            assert (page.parent / link).is_file(), link


@pytest.mark.slow
def test_papermill_runs_as_readme_says(tmp_path):
    checkout = copy_checkout(tmp_path / "check out")
    link_environment(checkout)
    np.savetxt(checkout / "my.csv", np.random.default_rng(0).normal(size=(30, 4)), delimiter=",")
    lines = re.findall(r"^ +(\.venv/bin/papermill .*)", (ROOT / "README.md").read_text(), re.M)
    assert len(lines) == 2
    for line in lines:
        run_in(checkout, *line.split())
    assert load(checkout / "mine")["parameters"]["hidden_dim"] == 40
    assert "my.csv: shape (30, 4)" in (checkout / "out.ipynb").read_text()


def test_readme_says_what_comes_out():
    names = run(ROOT / "README.md")
    assert len(names["eigenvalues"]) == names["narrow"].parameter_count == 4020
    assert names["narrow"].hidden_dim * (1 + 20) == 420
    assert names["product"].shape == (1_001_000,)
    values = np.linalg.eigvalsh(names["population_hessian"](names["teacher"]))
    assert len(values) == 220
    assert np.count_nonzero(values > 1e-12 * values[-1]) == 10


def test_activations_of_one_s_own_are_right():
    names = run(ROOT / "docs" / "derivation.md")
    gram = names["nets"][0].W1 @ names["nets"][0].W1.T
    exponential = Smooth(np.exp, np.exp, np.exp, np.exp).kernels(gram)
    for own, kernel in zip(names["Exponential"]().kernels(gram), exponential, strict=True):
        np.testing.assert_allclose(own, kernel, rtol=1e-12)
    for net, smallest in zip(names["nets"], names["smallest"], strict=True):
        assert smallest > 0
        inputs = np.random.default_rng(4).standard_normal((20_000, 4))
        mean, error = sampled_hessian(net, inputs)
        assert np.all(np.abs(names["population_hessian"](net) - mean) < 5 * error + 1e-12)


def test_the_activation_to_copy_is_right():
    names = run(ROOT / "site" / "activation.md")
    assert names["quadrature_error"] < 1e-12
    assert 1 < names["deviations"].max() < 5
