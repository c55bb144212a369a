"""How the pages look; workflow/pages.py lays out what they show and then calls Sphinx."""

import re

from sphinx.application import Sphinx
from sphinx.util.inspect import signature, stringify_signature

project = "nearopt"
author = "The nearopt authors"
copyright = author
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx-mathjax-offline"]
exclude_patterns = ["data", "examples.md", "generated", "paper.typ"]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
# The notebooks are shown as the workflow ran them.
nb_execution_mode = "off"

html_theme = "sphinx_book_theme"
html_title = "nearopt"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_theme_options = {
    "home_page_in_toc": True,
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "navbar_start": [],
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
}
html_context = {"default_mode": "auto"}
html_show_copyright = html_show_sphinx = False
# The list of modules is on its own page, and the search finds the rest.
html_domain_indices = html_use_index = False
pygments_style = "a11y-high-contrast-light"

autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
# Types and shapes stand in the docstrings, where they can say more.
autodoc_typehints = "none"
default_role = "code"
napoleon_google_docstring = False
napoleon_use_ivar = True


def escaped(line: str) -> str:
    """Return a line of plain text as reStructuredText that shows it, names in backticks as code."""
    parts = re.split(r"(`+[^`]*`+)", line)
    plain = [re.sub(r"([\\|*]|_\b|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "".join(a + b for a, b in zip(plain, [*parts[1::2], ""], strict=True))


def plain_docstring(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Show a docstring as its author wrote it: prose letter by letter, equations typeset.

    It runs before napoleon, which then finds the sections.
    """
    equation, shown = False, []
    for line in lines:
        inside = equation and (not line or line.startswith("    "))
        equation = inside or line.startswith(".. math::")
        shown.append(line if equation else escaped(line))
    lines[:] = shown


def own_signature(
    app: Sphinx, what: str, name: str, thing: type, options: object, given: str, returns: str
) -> tuple[str, str]:
    """Show what a class takes, where the library that it extends hides it."""
    if what == "class" and given == "(*args, **kwargs)":
        taken = signature(thing.__init__, bound_method=True)
        given = stringify_signature(taken, show_annotation=False, show_return_annotation=False)
    return given, returns


def setup(app: Sphinx) -> None:
    """Connect the docstrings' treatment."""
    # Titles in the navigation hold maths on pages that have none of their own.
    app.set_html_assets_policy("always")
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)
    app.connect("autodoc-process-signature", own_signature)
