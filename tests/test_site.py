"""The pages: what they say is from the results, and they work with no network in a real browser."""

import ast
import posixpath
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pages
import pytest
import yaml
from checkout import NOTEBOOKS, ROOT, leave, run
from server import nameless, serious

from nearopt.report.results import load

SOURCES = sorted(ROOT.glob("lib/nearopt/**/*.py"))
ROOMS = sorted(path.parent.name for path in ROOT.glob("lib/nearopt/*/__init__.py"))
# Whether a keyboard comes to all that scrolls sideways.
REACHED = """() => ![...document.querySelectorAll('.equation, .math, pre')].some(
    e => e.scrollWidth > e.clientWidth && e.tabIndex < 0)"""
# What is cut off on paper: Chromium lays A4 out at this width and shrinks it by a quarter.
PAPER_WIDTH = 956
CUT = """() => [...document.querySelectorAll('html, .equation, .math, mjx-container, pre, figure')]
    .filter(e => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX != 'visible')
    .map(e => e.textContent)"""


class Page(HTMLParser):
    """The links, names and pictures of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.resources, self.names, self.pictures = set(), set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.names |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "img":
            self.pictures.append(values)
        if "src" in values:
            self.resources.add(values["src"])
        elif "href" in values:
            (self.links if tag == "a" else self.resources).add(values["href"])


@pytest.fixture(scope="session")
def site(built, tmp_path_factory):
    """The pages of a copy of the quick build; Sphinx takes a warning for an error."""
    copy = shutil.copytree(built, tmp_path_factory.mktemp("pages") / "copy", symlinks=True)
    said = run(copy, "python", "workflow/pages.py", "results/quick")
    assert said == "The pages start at results/quick/site/index.html.\n"
    return copy / "results/quick/site"


@pytest.fixture(scope="session")
def parsed(site):
    files = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return {name: Page((site / name).read_text()) for name in files if "_static/" not in name}


@pytest.fixture
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_missing_results_are_named_with_the_remedy(tmp_path):
    with pytest.raises(ValueError, match=r"paper.pdf is missing; make it first, with make quick"):
        pages.lay_out(tmp_path / "quick", tmp_path / "sources")


def page(name, **facts):
    return pages.TEMPLATES.get_template(name).render(facts)


@pytest.mark.usefixtures("here")
def test_a_failed_claim_is_shown_as_failed():
    claim = {"claim": "C3", "statement": "rank", "notebook": "n", "error": 0.5}
    claim |= {"measured": 11, "expected": 10, "tolerance": 0, "passed": False}
    claims = [claim, claim | {"tolerance": 1.26}]
    told = page("verdicts.md", claims=claims, numbers=pages.numbers)
    assert "| [C3](notebooks/n.ipynb) | rank | 11 ± 0.5 | 10 | exact | **fails** |\n" in told
    assert "| 10 | 1.3 | **fails** |\n" in told


@pytest.mark.usefixtures("here")
def test_the_first_page_says_of_each_claim_whether_it_holds():
    claims = [{"claim": claim, "passed": claim != "C3"} for claim in pages.PICTURES]
    findings, texts = pages.findings(claims), pages.words()
    told = page(
        "index.md", findings=findings, texts=texts, pictures=pages.PICTURES, published=False
    )
    assert re.findall(r"\*\*(C\d) \[(\w+)\]", told) == [
        (claim["claim"], "holds" if claim["passed"] else "fails") for claim in claims
    ]
    assert "This run is of small sizes" in told


@pytest.mark.usefixtures("here")
def test_every_parameter_is_told_with_its_range_and_values():
    told = page("parameters.md", **pages.parameters())
    lines = re.findall(r"^## (\w+)|^\| `(\w+)` \|.*\| (.*) \| .* \|$", told, re.M)
    paper = yaml.safe_load(Path("config/paper.yaml").read_text())
    del paper["results_dir"]
    wanted = []
    for name, values in paper.items():
        wanted += [(name, "", ""), *(("", key, str(value)) for key, value in values.items())]
    assert sorted(lines) == sorted(wanted)
    row = "| `enlargement` | Factor by which both networks are also enlarged. |"
    assert f"{row} `type: integer, minimum: 2, maximum: 100` | 10 | 3 |" in told


def test_headings_of_the_manuscript_become_headings_of_the_page():
    section = '<section><h3 id="b">1.1 <math><mi>N</mi></math> &amp; more</h3><p>x</p></section>'
    section += "(Notebook <code>n</code>.)"
    page = pages.paper_page(f"<style>s</style><body><h1>T</h1><h2>1 A</h2>{section}</body>")
    assert "## 1 A\n" in page
    assert "### 1.1 N & more\n" in page
    assert '<span id="b"></span>' in page
    assert "<h1>" not in page
    assert '(Notebook <a href="notebooks/n.html"><code>n</code></a>.)' in page


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_equations_of_docstrings_are_marked_as_maths(source):
    tree = ast.parse(source.read_text())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    for text in filter(None, texts):
        for before in re.findall(r"([^\n]*)\n\n    +\S", text):
            assert before == ".. math::", text


def test_what_html_cannot_hold_is_refused(tmp_path, monkeypatch):
    lost = type("Warning", (), {"message": "columns was ignored during HTML export"})
    monkeypatch.setattr(pages.typst, "compile_with_warnings", lambda *_, **__: (b"", [lost]))
    with pytest.raises(ValueError, match="columns was ignored"):
        pages.manuscript(tmp_path)


@pytest.mark.slow
def test_every_notebook_and_module_has_its_page(parsed):
    for name in NOTEBOOKS:
        page = parsed[f"notebooks/{name}.html"]
        assert f"notebooks/{name}.html" in parsed["index.html"].links
        assert {"run-it", "../parameters.html"} <= page.names | page.links
    for name in ROOMS:
        assert f"api/{name}.html" in parsed


@pytest.mark.slow
def test_only_notebooks_of_this_checkout_have_a_page(copied, tmp_path, monkeypatch):
    leave(copied / "results/quick", NOTEBOOKS[0])
    monkeypatch.chdir(copied)
    pages.lay_out(Path("results/quick"), tmp_path / "sources")
    for folder in ("notebooks", "data"):
        names = {path.stem for path in (tmp_path / "sources" / folder).iterdir()}
        assert names == set(NOTEBOOKS)


@pytest.mark.slow
def test_no_link_is_broken(site, parsed):
    for name, page in parsed.items():
        for link in page.links | page.resources:
            parts = urlsplit(link)
            if parts.scheme in {"https", "data"}:
                continue
            assert not parts.scheme, (name, link)
            target = posixpath.normpath(
                posixpath.join(posixpath.dirname(name), unquote(parts.path))
            )
            target = target if parts.path else name
            assert (site / target).is_file(), (name, link)
            if parts.fragment and target in parsed:
                assert unquote(parts.fragment) in parsed[target].names | {"top"}, (name, link)


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(parsed):
    for name, page in parsed.items():
        outside = {link for link in page.resources if re.match(r"(https?:)?//", link)}
        assert not outside, name


@pytest.mark.slow
def test_every_picture_says_in_words_what_it_shows(parsed):
    pictures = [(name, picture) for name, page in parsed.items() for picture in page.pictures]
    assert len(pictures) > 2 * len(NOTEBOOKS)
    for name, picture in pictures:
        words = picture.get("alt", "")
        assert len(words.split()) > 3, (name, picture.get("src", "")[:80])


@pytest.mark.slow
def test_the_files_to_download_are_those_of_the_run(site, parsed, built):
    links = parsed["data.html"].links
    downloads = {Path(link).name: site / link for link in links if link.startswith("_downloads/")}
    assert {"paper.pdf", "claims.json", "values.json"} <= set(downloads)
    assert downloads["paper.pdf"].read_bytes() == (built / "results/quick/paper.pdf").read_bytes()


@pytest.mark.slow
def test_a_notebook_to_download_runs_elsewhere_and_writes_beside_itself(site, alone, tmp_path):
    """With the library alone, and the packages that the page says."""
    name = NOTEBOOKS[0]
    shutil.copy(site / f"_sources/notebooks/{name}.ipynb", tmp_path)
    said = re.search(r'pip install "\.(.*?)" (.*)', (ROOT / "site/rerun.md").read_text())
    python = alone(said[1], *said[2].split())
    python("-m", "papermill", f"{name}.ipynb", "out.ipynb")
    assert load(tmp_path / name)["verdicts"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [name, f"{name}.ipynb", "out.ipynb"]
    )


@pytest.mark.slow
def test_pages_render_in_a_browser_without_a_network(site, parsed, chromium):
    context = chromium.new_context(offline=True)
    page, trouble = context.new_page(), []
    page.on("requestfailed", lambda request: trouble.append(request.url))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    # The theme itself notes which mode it took.
    page.on("console", lambda m: "[PST]" in m.text or trouble.append(m.text))
    for name in sorted(set(parsed) - {"search.html"}):
        page.emulate_media(color_scheme="light", media="screen")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto((site / name).as_uri())
        page.wait_for_function("window.MathJax?.startup?.promise?.then(() => true)")
        assert not nameless(page), name
        for scheme, width in (("light", 1280), ("light", 390), ("dark", 390)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(f"document.documentElement.dataset.theme == '{scheme}'")
            page.wait_for_function(REACHED)
            state = page.evaluate(
                """() => ({
                    wide: document.documentElement.scrollWidth - window.innerWidth,
                    raw: document.querySelectorAll('.math').length,
                    set: document.querySelectorAll('.math mjx-container').length,
                    wrong: document.querySelectorAll('mjx-merror, merror').length,
                    unseen: [...document.images].filter(i => i.complete && !i.naturalWidth).length,
                    background: getComputedStyle(document.body).backgroundColor})"""
            )
            assert state["set"] >= state["raw"], name
            assert state["wrong"] == state["unseen"] == 0, name
            assert state["wide"] <= 0, name
            light = sum(map(int, re.findall(r"\d+", state["background"])[:3])) > 3 * 128
            assert light is (scheme == "light"), name
        page.emulate_media(media="print")
        page.set_viewport_size({"width": PAPER_WIDTH, "height": 900})
        page.wait_for_function(f"innerWidth == {PAPER_WIDTH}")
        assert not page.evaluate(CUT), name
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER_WIDTH, name
    assert not trouble
    context.close()


@pytest.mark.slow
def test_the_pages_answer_to_the_keyboard_and_to_a_search(site, chromium):
    page = chromium.new_page()
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert "Skip to main content" in page.evaluate("document.activeElement.innerText")
    page.goto((site / "search.html").as_uri() + "?q=chi-square")
    page.wait_for_selector("#search-results li a")
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", f"notebooks/{NOTEBOOKS[0]}"])
def test_nothing_keeps_a_reader_out(site, chromium, name, scheme):
    page = chromium.new_page(color_scheme=scheme, reduced_motion="reduce")
    page.goto((site / f"{name}.html").as_uri())
    page.wait_for_function("window.MathJax?.startup?.promise?.then(() => true)")
    assert not serious(page)
    page.close()


@pytest.mark.slow
def test_code_is_copied_by_a_button(site, chromium):
    page = chromium.new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto((site / "rerun.html").as_uri())
    code = page.locator("div.highlight").first
    code.hover()
    code.get_by_role("button", name="copy").click()
    page.wait_for_selector("text=copied")
    assert page.evaluate("navigator.clipboard.readText()") == code.locator("pre").text_content()
    page.close()
