"""Settings of Sphinx: notebooks and docstrings become pages, nothing is run."""

import re
from pathlib import Path

from docutils import nodes

project = "Policy gradients, by hand and checked"
author = "The pgutils authors"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
smartquotes_action = "D"  # dashes only: quotation marks stay as they were written

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "dollarmath", "html_image"]
myst_heading_anchors = 3
# Anchors of equations and references are HTML, which MyST does not look for:
# tests/test_site.py follows every link instead.
# Solutions leave out the second level of headings on purpose.
suppress_warnings = ["myst.xref_missing", "myst.header"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
autodoc_preserve_defaults = True
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_title = "Policy gradients"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_theme = "sphinx_book_theme"
html_theme_options = {
    "logo": {"text": project},
    "navbar_persistent": [],
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
# `make site` puts MathJax there.
html_static_path = ["static", "../.venv-site/static"]
html_css_files = ["site.css"]
html_favicon = "static/favicon.svg"
html_sidebars = {
    "**": ["navbar-logo.html", "search-button-field.html", "sbt-sidebar-nav.html"]
}
html_copy_source = False
html_domain_indices = False
html_use_index = False
html_show_copyright = False
html_show_sphinx = False
html_use_opensearch = ""

mathjax_path = "mathjax/es5/tex-chtml-full.js"
# The menu would load speech and other extras, which the site does not carry.
mathjax3_config = {
    "chtml": {"matchFontHeight": False},
    "options": {"enableMenu": False},
}

EQUATION = re.compile(r"\((\d+)\.(\d+)\)")
NOTEBOOK = re.compile(r"notebooks/(\w+)\.ipynb")
WORD_JOINER = "\u2060"
SECTION = re.compile(r"[A-Z][a-z]+:$")


def write_docstring(app, what, name, obj, options, lines):
    """Give a docstring's equations and notebooks links, and set its formulas as typed.

    A formula is an indented block that stands under no section such as `Args:`.
    """
    found = map(Path, app.env.found_docs)
    pages = {p.name[:2]: p for p in found if p.parent.name == "notebooks"}

    def link(match):
        chapter, number = match.groups()
        page = pages[f"{int(chapter):02}"]
        return f"`{match[0]} <../{page.as_posix()}.html#eq-{chapter}-{number}>`__"

    section, written = False, []
    for line in lines:
        indented = line.startswith(" ")
        section = bool(SECTION.match(line)) or (section and (indented or not line))
        if indented and not section:
            written += [] if written[-1] else ["::", ""]
        else:
            line = NOTEBOOK.sub(r":doc:`/notebooks/\1`", line.replace("|", r"\|"))
            if "Sutton" not in line:  # (13.2) is an equation of their book
                line = EQUATION.sub(link, line)
        written.append(line)
    lines[:] = written


def set_formulas(app, doctree):
    """Hand formulas to MathJax as they are, and keep the punctuation after them near.

    Sphinx would wrap several lines into an environment in which no tag is allowed.
    """
    for formula in doctree.findall(nodes.math_block):
        formula["no-wrap"] = True
        formula[:] = [nodes.Text(rf"\[{formula.astext()}\]")]
    for formula in list(doctree.findall(nodes.math)):
        siblings, after = formula.parent, formula.parent.index(formula) + 1
        text = siblings[after] if after < len(siblings) else None
        if isinstance(text, nodes.Text) and text[0] in ".,;:)?!":
            siblings[after] = nodes.Text(WORD_JOINER + text)


def setup(app):
    """Connect the above; docstrings before napoleon (priority 500) reads sections."""
    app.connect("autodoc-process-docstring", write_docstring, priority=400)
    app.connect("doctree-read", set_formulas)
