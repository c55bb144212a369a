"""A notebook and its pair: NAME.py is the source, NAME.ipynb holds the outputs that are stored."""

from pathlib import Path

import jupytext
from jupytext.config import load_jupytext_config
from nbformat import NotebookNode
from sources import checksum

# What JupyterLab asks for to fold what a tag hides on the site.
FOLDED = {"hide-input": {"source_hidden": True}}
FOLDED["hide-cell"] = FOLDED["hide-input"] | {"outputs_hidden": True}


def read_notebook(path: Path) -> NotebookNode:
    """Return the text notebook as ipynb, with cell ids that do not change from run to run."""
    notebook = jupytext.read(path)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"
    return notebook


def clean(notebook: NotebookNode) -> NotebookNode:
    """Remove times, paths and versions, so that equal outputs are equal bytes."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("papermill")]
        if "injected-parameters" in tags:  # papermill gives it an id by chance
            cell["id"] = "injected-parameters"
        cell.metadata = {"tags": tags} if tags else {}
        for tag in FOLDED.keys() & tags:
            cell.metadata["jupyter"] = FOLDED[tag]
    return notebook


def to_store(notebook: NotebookNode, source: Path) -> NotebookNode:
    """Return a clean notebook with what tells later that it is as it was paired.

    For jupytext and JupyterLab to keep the pair, and for `sources.refuse_edited`.
    """
    settings = load_jupytext_config(str(source.absolute()))
    names = ("cell_metadata_filter", "notebook_metadata_filter")
    filters = {name: getattr(settings, name) for name in names}
    notebook.metadata["jupytext"] = {"formats": "ipynb,py:percent"} | filters
    notebook.metadata["sources"] = checksum(notebook.cells)
    for cell, text in zip(notebook.cells, jupytext.read(source).cells, strict=True):
        if "lines_to_next_cell" in text.metadata:
            cell.metadata["lines_to_next_cell"] = text.metadata["lines_to_next_cell"]
    return notebook
