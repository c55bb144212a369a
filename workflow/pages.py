"""Lay out the pages of a finished build, its notebooks as they ran, and turn them into a site.

Everything that a page says of a result is read from the results folder.
"""

import argparse
import html
import json
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2
import jupytext
import typst
import yaml
from claims import check, folders, numbers
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from sources import words
from sphinx.cmd.build import build_main

import nearopt
from nearopt.report.parameters import allowed, load_schema
from nearopt.report.results import load

# What typst says of a page of HTML that has lost nothing.
EXPECTED = (
    "html export is under active development and incomplete",
    "page set rule was ignored during HTML export",
)
# The picture of each claim.
PICTURES = {
    "C1": ("04_gd_dynamics", "curves"),
    "C2": ("04_gd_dynamics", "late"),
    "C3": ("03_erf_full_rank", "activations"),
    "C4": ("01_linear_asymptotics", "spectra"),
    "C5": ("02_polynomial_rank", "samples"),
    "C6": ("03_erf_full_rank", "ranks"),
    "C7": ("08_late_learning", "learning"),
}
# The pages of site/ that show a result, a parameter or a module are templates of Jinja's.
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader("site"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)
# Alternative texts of figures, by notebook and name.
Texts = dict[tuple[str, str], str]


def manuscript(results: Path) -> str:
    """Return the manuscript, typeset as HTML with its figures inside."""
    page, warnings = typst.compile_with_warnings(
        Path("site/paper.typ"),
        root=Path.cwd(),
        ignore_system_fonts=True,
        sys_inputs={"results": f"/{results.as_posix()}"},
        format="html",
    )
    lost = [w.message for w in warnings if w.message not in EXPECTED]
    if lost:
        raise ValueError(f"site/paper.typ must say how to show this as HTML: {'; '.join(lost)}")
    return page.decode()


def paper_page(page: str) -> str:
    """Return the manuscript as a MyST page, its headings in Markdown so that they are navigable."""
    body = page.partition("<body>")[2].partition("</body>")[0]
    style = re.search(r"<style>.*?</style>", page, re.DOTALL)
    # The page has its own title, and Sphinx makes sections of the headings.
    body = re.sub(r"<h1>.*?</h1>|</?section[^>]*>", "", body, flags=re.DOTALL)
    links = r'(Notebook <a href="notebooks/\1.html"><code>\1</code></a>'
    body = re.sub(r"\(Notebook <code>(\w+)</code>", links, body)
    parts = re.split(r"<h([2-5])([^>]*)>(.*?)</h\1>", body, flags=re.DOTALL)
    lines = ["# The paper", "", "As a page, with all derivations and proofs.", ""]
    lines += raw((style.group() if style else "") + parts[0])
    for level, attributes, title, text in zip(*[iter(parts[1:])] * 4, strict=True):
        name = re.search(r'id="([^"]+)"', attributes)
        words = html.unescape(re.sub(r"<[^>]+>", "", title))
        lines += raw(f'<span id="{name.group(1)}"></span>') if name else []
        lines += ["#" * int(level) + " " + words, "", *raw(text)]
    return "\n".join(lines)


def raw(text: str) -> list[str]:
    """Return HTML as a block that Sphinx passes through."""
    return ["`````{raw} html", f'<div class="manuscript">{text}</div>', "`````", ""]


def described(notebook: NotebookNode, name: str, texts: Texts) -> NotebookNode:
    """Give each figure an alternative text: the manuscript's, or the prose that leads to it."""
    prose = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose = " ".join(re.sub(r"[#*`$\\]", "", cell.source.split("\n\n")[-1]).split())
            continue
        recorded = re.search(r'results\.figure\("(\w+)"', cell.source)
        text = texts.get((name, recorded.group(1))) if recorded else None
        cell.metadata["mystnb"] = {"image": {"alt": text or prose}}
    return notebook


def findings(claims: list[dict[str, Any]]) -> list[tuple[str, bool, str]]:
    """Return each claim, whether it holds, and README's words for it."""
    stated = re.findall(r"^\| (C\d) (.*?) \|", Path("README.md").read_text(), re.M)
    failed = {claim["claim"] for claim in claims if not claim["passed"]}
    return [(claim, claim not in failed, sentence) for claim, sentence in stated]


def parameters() -> dict[str, Any]:
    """Return what notebooks take, and the values of the published and the quick run."""
    values = {
        build: yaml.safe_load(Path(f"config/{build}.yaml").read_text())
        for build in ("paper", "quick")
    }
    schemas = load_schema()["properties"]
    taken = {name: schema for name, schema in schemas.items() if "properties" in schema}
    return values | {"parameters": taken, "allowed": allowed}


def rooms() -> Iterator[dict[str, Any]]:
    """Yield each room of the library: its name, what it is for and its files."""
    for module in pkgutil.iter_modules(nearopt.__path__):
        room = import_module(f"nearopt.{module.name}")
        files = [file.name for file in pkgutil.iter_modules(getattr(room, "__path__", ()))]
        purpose = (room.__doc__ or "").strip().partition("\n")[0].replace("|", r"\|")
        yield {"name": module.name, "purpose": purpose, "files": files}


def lay_out_run(content: dict[str, Any], results: Path, sources: Path, texts: Texts) -> None:
    """Copy the files of one notebook's run, and write the notebook as a page."""
    name = content["notebook"]
    data = sources / "data" / name
    data.mkdir(parents=True)
    for file in [*content["files"], "values.json"]:
        shutil.copy(results / name / file, data)
    notebook = described(jupytext.read(results / name / "notebook.ipynb"), name, texts)
    for cell in notebook.cells:
        # Who takes the file elsewhere has no folder of this checkout.
        own = f'results_dir = "{name}"'
        cell.source = re.sub(r'^results_dir = ".*"$', own, cell.source, flags=re.M)
    run_it = TEMPLATES.get_template("templates/run.md").render(name=name)
    notebook.cells.append(new_markdown_cell(run_it, id="run"))
    jupytext.write(notebook, sources / "notebooks" / f"{name}.ipynb")


def lay_out(results: Path, sources: Path) -> None:
    """Write all that Sphinx reads: the pages of site/ and those made from results."""
    if not (results / "paper.pdf").is_file():
        raise ValueError(
            f"{results / 'paper.pdf'} is missing; make it first, with make {results.name}"
        )
    check(results)
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree("site", sources, ignore=shutil.ignore_patterns("templates", "*.md"))
    shutil.copytree("docs", sources / "docs")
    generated = sources / "generated"
    for folder in (generated, sources / "notebooks"):
        folder.mkdir()
    for path in (results / "paper.pdf", results / "claims.json", Path("CITATION.cff")):
        shutil.copy(path, generated)
    texts = words()
    contents = [load(folder) for folder in folders(results)]
    for content in contents:
        lay_out_run(content, results, sources, texts)
    claims = json.loads((results / "claims.json").read_text())
    facts = {"claims": claims, "numbers": numbers, "findings": findings(claims)}
    facts |= {"runs": contents, "texts": texts, "pictures": PICTURES, "rooms": [*rooms()]}
    facts["published"] = results.name == "paper"
    facts |= parameters()
    for path in Path("site").glob("*.md"):
        (sources / path.name).write_text(TEMPLATES.get_template(path.name).render(facts))
    (sources / "api").mkdir()
    for room in facts["rooms"]:
        page = TEMPLATES.get_template("templates/room.md").render(room)
        (sources / f"api/{room['name']}.md").write_text(page)
    (sources / "paper.md").write_text(paper_page(manuscript(results)))


def main() -> None:
    """Build RESULTS/site, with any warning an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a finished build, results/paper")
    results = parser.parse_args().results
    sources, site = results / ".site", results / "site"
    partial = sources / ".html"
    try:
        lay_out(results, sources)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    strict = ["--fresh-env", "--fail-on-warning", "--keep-going"]
    if not sys.stdout.isatty():
        strict.append("--quiet")
    doctrees = ["--doctree-dir", str(sources / ".doctrees")]
    if build_main([*strict, *doctrees, str(sources), str(partial)]):
        sys.exit("The pages have warnings, above; nothing was published.")
    shutil.rmtree(site, ignore_errors=True)
    partial.rename(site)
    print(f"The pages start at {site / 'index.html'}.")


if __name__ == "__main__":
    main()
