"""What sources tell before anything runs: whether they are what runs, what they import and save."""

import ast
import functools
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def checksum(cells: Iterable[Mapping[str, Any]]) -> str:
    """Return one of what cells say, which a stored .ipynb keeps of its .py."""
    texts = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def refuse_edited(source: Path) -> None:
    """Refuse to go on where somebody has edited the .ipynb, for only the .py is run."""
    pair = source.with_suffix(".ipynb")
    if not pair.exists():
        return
    try:
        notebook = json.loads(pair.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{pair} is no notebook, {error}: git checkout {pair}") from None
    paired, found = notebook["metadata"].get("sources"), checksum(notebook["cells"])
    if found == paired:
        return
    # Here, because half a second of each start is much where all pairs are as they were.
    import jupytext

    text = checksum(jupytext.read(source).cells)
    if text == paired:
        raise ValueError(
            f"{pair} was edited, and {source} is what runs: touch {pair} && .venv/bin/jupytext"
            f" --sync {pair} takes the changes over, git checkout {pair} drops them."
        )
    if text != found:
        raise ValueError(
            f"{pair} and {source} were both edited, and only the latter is run: .venv/bin/jupytext"
            f" --to py:percent --output - {pair} | diff {source} - shows where they differ. Take"
            f" over into {source} what is to stay; then git checkout {pair} drops the rest."
        )


@functools.cache
def _imported(path: str) -> set[str]:
    """Return the files of lib that a file names in imports, and the faces of their rooms."""
    names = []
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names += [start + alias.name for alias in node.names]
    places = [Path("lib", *name.split(".")) for name in names]
    rooms = {room for place in places for room in (place, *place.parents)}
    files = (f"{room}{ending}" for room in rooms for ending in (".py", "/__init__.py"))
    return set(filter(os.path.isfile, files))


@functools.cache
def modules(source: str) -> set[str]:
    """Return the files of lib that a file imports, through any number of steps."""
    found, new = set(), _imported(source)
    while new:
        found |= new
        new = set().union(*map(_imported, new)) - found
    return found


def saved(source: str) -> list[tuple[str, str]]:
    """Return kind and name of each value, table and figure that a notebook saves."""
    text = Path(source).read_text(encoding="utf-8")
    return re.findall(r'\bresults\.(value|table|figure)\(\s*f?"([^"]+)"', text)


def words() -> dict[tuple[str, str], str]:
    """Return what the manuscript says in words of each figure, by notebook and name."""
    found = {}
    for path in Path("paper").rglob("*.typ"):
        text = path.read_text(encoding="utf-8")
        for short, name in re.findall(r'^#let (\w+) = ("\w+")', text, re.M):
            text = text.replace(f"result-figure({short},", f"result-figure({name},")
        pattern = r'result-figure\("(\w+)", "(\w+)",.*?^ *"([^"]*)",$'
        shown = re.findall(pattern, text, re.M | re.S)
        found |= {(notebook, name): said for notebook, name, said in shown}
    return found


if __name__ == "__main__":
    # JupyterLab takes the text of a pair, and so would drop what was only edited in the .ipynb.
    try:
        for notebook in sys.argv[1:]:
            refuse_edited(Path(notebook))
    except ValueError as error:
        sys.exit(str(error))
