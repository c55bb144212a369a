"""A notebook opened in JupyterLab, in a fresh clone and with no settings, runs by Run All Cells."""

import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
import pytest
from checkout import ROOT, copy_checkout
from install import own_kernel
from server import options, serving
from sources import refuse_edited

# The quickest with its own defaults.
NOTEBOOK = "notebooks/01_linear_asymptotics.ipynb"
KERNEL = ".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status={}]"


@pytest.fixture
def checkout(tmp_path):
    """What a clone holds, with no output in the notebook, which is thus from this run."""
    copy = copy_checkout(tmp_path / "clone")
    notebook = nbformat.read(copy / NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, copy / NOTEBOOK)
    return copy


def run_all(page, path):
    """Run the open notebook by the menu, save it, and return its saved cells of code."""
    page.wait_for_selector(KERNEL.format("idle"), timeout=60_000)
    # The menu is of the part that was touched last.
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.wait_for_selector("text=/Python 3.* Idle/", timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(KERNEL.format("busy"), timeout=60_000)
    page.wait_for_selector(KERNEL.format("idle"), timeout=300_000)
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    deadline = time.monotonic() + 60
    while path.stat().st_mtime_ns == before and time.monotonic() < deadline:
        time.sleep(0.2)
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def edit(page, line):
    """Write a line above the parameters."""
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type(f"{line}\n")


@pytest.mark.slow
def test_a_notebook_runs_twice_and_what_is_edited_there_is_in_both_of_the_pair(
    checkout, tmp_path, chromium
):
    command = ["jupyter", "lab", *options("lab"), "--allow-root"]
    kernels = "share/jupyter/kernels"
    shutil.copytree(Path(sys.prefix, kernels), tmp_path / kernels)
    own_kernel(tmp_path)
    where = {"JUPYTER_PATH": str(tmp_path / "share/jupyter")}
    with serving(tmp_path, command, checkout, **where) as address:
        assert re.match(r"http://(127\.0\.0\.1|localhost):\d+", address)
        page = chromium.new_page()
        page.goto(address.replace("/lab/tree/notebooks", f"/lab/tree/{NOTEBOOK}"))
        first = run_all(page, checkout / NOTEBOOK)
        edit(page, "# edited in JupyterLab")
        second = run_all(page, checkout / NOTEBOOK)
        page.close()
    for code, start in ((first, 1), (second, len(first) + 1)):
        assert [cell.execution_count for cell in code] == [*range(start, start + len(code))]
        kinds = {output.output_type for cell in code for output in cell.outputs}
        assert "display_data" in kinds
        assert "error" not in kinds
    source = (checkout / NOTEBOOK).with_suffix(".py")
    before = (ROOT / NOTEBOOK).with_suffix(".py").read_text()
    cell = '# %% tags=["parameters"]\n'
    assert source.read_text() == before.replace(cell, f"{cell}# edited in JupyterLab\n")
    refuse_edited(source)
