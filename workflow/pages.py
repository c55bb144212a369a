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
from importlib import import_module
from pathlib import Path
from typing import Any

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
# What closes the page of a notebook.
RUN = """## Run it

The button above gives this notebook as a file. In a checkout `make lab` opens it in JupyterLab, and
after `make environment` it runs with other values of [its parameters](../parameters.md):

    .venv/bin/papermill notebooks/{name}.ipynb out.ipynb -p KEY VALUE
"""
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


def table(kind: str, columns: str, alignment: str, rows: list[list[str]]) -> list[str]:
    """Return a MyST table in a container, which has a style for its kind."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"```{{container}} {kind}", columns, alignment, *lines, "```", ""]


def claims_table(claims: list[dict[str, Any]]) -> str:
    """Return the claims with their verdicts as a MyST table."""
    rows = []
    for claim in claims:
        verdict = "holds" if claim["passed"] else "**fails**"
        link = f"[{claim['claim']}](notebooks/{claim['notebook']}.ipynb)"
        within = f"{claim['tolerance']:.2g}" if claim["tolerance"] else "exact"
        rows.append([link, claim["statement"], *numbers(claim), within, verdict])
    head = "| claim | what was measured | measured | expected | tolerance | verdict |"
    return "\n".join(table("claims", head, "|---|---|--:|--:|--:|---|", rows))


def pictures(captions: Texts, texts: Texts) -> str:
    """Return figures side by side, each with its caption, which lead to their notebooks."""
    lines = ["````{container} gallery"]
    for (notebook, name), caption in captions.items():
        lines += [f"```{{figure}} data/{notebook}/{name}.svg", f":alt: {texts[notebook, name]}"]
        lines += [f":target: notebooks/{notebook}.html", ""]
        lines += [f"{caption} ([{notebook}](notebooks/{notebook}.ipynb))", "```", ""]
    return "\n".join([*lines, "````", ""])


def findings(claims: list[dict[str, Any]], texts: Texts) -> str:
    """Return each claim in README's words, with its verdict and a picture."""
    captions = {}
    for claim, sentence in re.findall(r"^\| (C\d) (.*?) \|", Path("README.md").read_text(), re.M):
        holds = all(c["passed"] for c in claims if c["claim"] == claim)
        verdict = f"[{'holds' if holds else 'fails'}](verdicts.md)"
        captions[PICTURES[claim]] = f"**{claim} {verdict}.** {sentence}."
    return pictures(captions, texts)


def gallery(texts: Texts) -> str:
    """Return the page of all figures."""
    head = "# Figures\n\nEach leads to the notebook that draws it.\n\n"
    return head + pictures(dict(sorted(texts.items())), texts)


def data_page(contents: list[dict[str, Any]]) -> str:
    """Return the page of downloads: tables, figures and values of each notebook."""
    lines = ["# Tables, figures and values", ""]
    lines += ["{download}`The paper <generated/paper.pdf>` (PDF) and "]
    lines += ["{download}`all verdicts <generated/claims.json>` (JSON).", ""]
    for content in contents:
        name = content["notebook"]
        rows = []
        for key, entry in content["values"].items():
            error = f" ± {entry['error']:.2g}" if "error" in entry else ""
            rows.append([f"`{key}`", f"{entry['value']:.6g}{error}", entry["description"]])
        lines += [f"## {name}", ""]
        lines += table("values", "| quantity | value | what it is |", "|---|--:|---|", rows)
        files = [*sorted(content["files"]), "values.json"]
        links = ", ".join(f"{{download}}`{file} <data/{name}/{file}>`" for file in files)
        lines += [f"Files: {links}.", ""]
    return "\n".join(lines)


def parameters_page() -> str:
    """Return the page of all parameters: meaning, range, published and quick value."""
    files = (Path(f"config/{build}.yaml") for build in ("paper", "quick"))
    paper, quick = (yaml.safe_load(file.read_text()) for file in files)
    lines = ["# Parameters", "", "Where the quick run has a value of its own, it is given.", ""]
    for name, schema in load_schema()["properties"].items():
        if "properties" not in schema:
            continue
        rows = []
        for key, entry in schema["properties"].items():
            range_ = allowed(entry).strip("{}").replace("|", r"\|")
            values = f"{paper[name][key]}", f"{quick.get(name, {}).get(key, '')}"
            rows.append([f"`{key}`", entry["description"], f"`{range_}`", *values])
        head = "| parameter | what it is | it must be | paper | quick |"
        lines += [f"## {name}", "", schema["description"], ""]
        lines += table("values", head, "|---|---|---|--:|--:|", rows)
    return "\n".join(lines)


def write_api(folder: Path) -> None:
    """Write a page for each room of the library, with a section for each file, and their index."""
    folder.mkdir()
    index = ["# Library", "", "| room | what it is for |", "|---|---|"]
    names = [module.name for module in pkgutil.iter_modules(nearopt.__path__)]
    for name in names:
        room = import_module(f"nearopt.{name}")
        files = [file.name for file in pkgutil.iter_modules(getattr(room, "__path__", ()))]
        first = (room.__doc__ or "").strip().partition("\n")[0].replace("|", r"\|")
        index.append(f"| [nearopt.{name}](api/{name}.md) | {first} |")
        page = [f"# nearopt.{name}", ""]
        page += [first, *example(name)] if files else automodule(room.__name__)
        for file in files:
            page += ["", f"## {file}", *automodule(f"{room.__name__}.{file}")]
        (folder / f"{name}.md").write_text("\n".join([*page, ""]))
    index += ["", "```{toctree}", ":hidden:", "", *(f"api/{name}" for name in names), "```", ""]
    folder.with_suffix(".md").write_text("\n".join(index))


def example(room: str) -> list[str]:
    """Return the lines that show a room's example."""
    marks = [f':start-after: "<!-- {room} -->"', ':end-before: "<!--"']
    return ["", "```{include} ../examples.md", *marks, "```"]


def automodule(name: str) -> list[str]:
    """Return the lines that show a module's docstrings."""
    return ["", "```{eval-rst}", f".. automodule:: {name}", "```"]


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
    notebook.cells.append(new_markdown_cell(RUN.format(name=name), id="run"))
    jupytext.write(notebook, sources / "notebooks" / f"{name}.ipynb")


def lay_out(results: Path, sources: Path) -> None:
    """Write all that Sphinx reads: the pages of site/ and those made from results."""
    if not (results / "paper.pdf").is_file():
        raise ValueError(
            f"{results / 'paper.pdf'} is missing; make it first, with make {results.name}"
        )
    check(results)
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree("site", sources)
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
    (generated / "claims.md").write_text(claims_table(claims))
    (generated / "findings.md").write_text(findings(claims, texts))
    (sources / "gallery.md").write_text(gallery(texts))
    (sources / "data.md").write_text(data_page(contents))
    (sources / "parameters.md").write_text(parameters_page())
    (sources / "paper.md").write_text(paper_page(manuscript(results)))
    write_api(sources / "api")


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
