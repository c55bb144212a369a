"""What every notebook must be; that its outputs are right is for nbval to say."""

import copy
import re
import statistics
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
import yaml
from checkout import ROOT
from nbclient import NotebookClient
from pair import clean, read_notebook, to_store

from nearopt.report.parameters import SCHEMA, check_parameters, load_schema, parameter_names

SOURCES = sorted(ROOT.glob("notebooks/*.py"))
PAPER = yaml.safe_load(SCHEMA.with_name("paper.yaml").read_text())
UNSTABLE = re.compile(r"0x[0-9a-f]{6,}|(?<![\w.])/(home|root|tmp|work|usr)/|\d\d:\d\d:\d\d")


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def source(request):
    return request.param


@pytest.fixture
def stored(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_notebook_is_configured_and_paired():
    names = [path.stem for path in SOURCES]
    assert names == [path.stem for path in sorted(ROOT.glob("notebooks/*.ipynb"))]
    assert names == [key for key in PAPER if key != "results_dir"]


def test_pair_is_in_sync(source, stored):
    """The stored notebook is what its text gives, but for the outputs."""
    for cell in code_cells(stored):
        cell.outputs, cell.execution_count = [], None
    assert stored == to_store(clean(read_notebook(source)), source)


def help_of(entry):
    """What papermill tells of a parameter: its meaning and range, as the schema has them."""
    end = f" to {entry['maximum']}" if "maximum" in entry else " or more"
    span = f", {entry['minimum']}{end}" if "minimum" in entry else ""
    return f"{entry['description'][:-1]}{span}."


def test_one_annotated_parameters_cell_names_what_the_configuration_does(source, stored):
    tagged = [c for c in stored.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    lines = tagged[0].source.splitlines()
    assert all(re.fullmatch(r"\w+: (int|float|str|bool) = \S+  # .+", line) for line in lines)
    found = papermill.inspect_notebook(str(source.with_suffix(".ipynb")))
    for name, entry in load_schema()["properties"][source.stem]["properties"].items():
        assert found[name]["help"] == help_of(entry)
    assert [*PAPER[source.stem], "results_dir"] == list(found)
    assert [*parameter_names(source.stem), "results_dir"] == list(found)
    defaults = {n: yaml.safe_load(p["default"]) for n, p in found.items() if n != "results_dir"}
    check_parameters(source.stem, defaults)


def test_parameters_are_checked_in_the_first_cell(stored):
    cells = code_cells(stored)
    first = next(i for i, c in enumerate(cells) if "parameters" in c.metadata.get("tags", []))
    assert "Results(" in cells[first + 1].source
    assert all("import" not in cell.source for cell in cells[:first])


def test_every_code_cell_has_run_in_order(stored):
    counts = [cell.execution_count for cell in code_cells(stored)]
    assert counts == list(range(1, len(counts) + 1))
    shown = [cell for cell in code_cells(stored) if cell.outputs]
    assert len(shown) >= 3
    for cell in shown:
        assert all(output.output_type != "error" for output in cell.outputs)


def test_every_checked_cell_that_ends_in_an_expression_has_stored_output(stored):
    """A cell without stored output would never be compared."""
    import ast

    for cell in code_cells(stored):
        last = ast.parse(cell.source).body[-1]
        shows = isinstance(last, ast.Expr) and not cell.source.rstrip().endswith(";")
        call = last.value if shows else None
        silent = isinstance(call, ast.Call) and ast.unparse(call.func).startswith(
            ("results.", "style.", "axes", "plt.")
        )
        verdict = isinstance(call, ast.Call) and ast.unparse(call.func) == "results.verdict"
        if shows and (verdict or not silent):
            assert cell.outputs, cell.source


def test_what_a_tag_hides_is_folded_in_jupyterlab(stored):
    for cell in code_cells(stored):
        tags, folded = cell.metadata.get("tags", []), cell.metadata.get("jupyter", {})
        hidden = "hide-input" in tags or "hide-cell" in tags
        assert folded.get("source_hidden", False) is hidden
        assert folded.get("outputs_hidden", False) is ("hide-cell" in tags)


def test_outputs_hold_nothing_that_changes(source):
    texts = [source.read_text()]
    for cell in code_cells(nbformat.read(source.with_suffix(".ipynb"), as_version=4)):
        for output in cell.outputs:
            texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    for text in texts:
        assert not UNSTABLE.search(text)


def test_cells_are_short_and_the_prose_leads(source):
    notebook = jupytext.read(source)
    code = code_cells(notebook)
    sizes = [len(cell.source.splitlines()) for cell in code]
    assert statistics.median(sizes) <= 3
    # A list of parameters is as long as it is.
    listed = ["parameters" in cell.metadata.get("tags", []) for cell in code]
    assert max(size for size, is_list in zip(sizes, listed, strict=True) if not is_list) <= 15
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    assert len(prose) >= len(sizes) / 3
    assert prose[0].source.startswith("# ")
    assert "**What you will see.**" in prose[0].source
    assert "**What you need.**" in prose[0].source
    assert prose[-1].source.startswith("## Limits")


def test_notebooks_import_from_rooms(source):
    assert not re.search(
        r"^import nearopt|^from nearopt\.\w+\.(?!files |activations )", source.read_text(), re.M
    )


def test_papermill_by_hand_meets_the_same_error(tmp_path):
    given = {"hidden_dim": -40, "_seed": 40}
    source = ROOT / "notebooks/01_linear_asymptotics.ipynb"
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        papermill.execute_notebook(source, tmp_path / "out.ipynb", given, progress_bar=False)
    assert "unknown key '_seed'" in caught.value.evalue
    assert caught.value.exec_count <= 3
    assert not Path(tmp_path / "results").exists()


def test_all_runs_twice_in_one_kernel_whatever_names_there_are():
    notebook = jupytext.read(ROOT / "notebooks/01_linear_asymptotics.py")
    first = code_cells(notebook)[:2]
    between = nbformat.v4.new_code_cell("width, sizes, other = 3, [1, 2], 'text'")
    notebook.cells = [copy.deepcopy(cell) for cell in (*first, between, *first)]
    NotebookClient(notebook, kernel_name="python3").execute()
