"""The built site is whole: every link leads somewhere, nothing comes from elsewhere.

Run by `make site`. Reads the pages as they are, without a browser.
"""

import os
import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from rules.formulas import formulas
from rules.hosts import LOADING, from_css, is_elsewhere
from rules.reading import read

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"
START = SITE / "index.html"
SOURCES = sorted([*ROOT.glob("notebooks/**/*.ipynb"), *ROOT.glob("notebooks/*.md")])
WRAPPED = re.compile(r"\\[(\[](.*)\\[)\]]", re.S)  # \(…\) and \[…\]
MODULES = [*ROOT.glob("pgutils/[a-z]*.py"), *ROOT.glob("pgutils/checks/[a-z]*.py")]


def missing() -> str:
    """Return why there is nothing to test, or an empty string."""
    if "JUST_BUILT" in os.environ:  # then nothing is skipped
        return ""
    if not START.exists():
        return "needs the built site: make site"
    built = START.stat().st_mtime
    if any(path.stat().st_mtime > built for path in SOURCES):
        return "build/site is older than the notebooks: make site"
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


class Page(HTMLParser):
    """What one page holds.

    Attributes:
        ids: what a link's fragment can name.
        links: targets of <a>.
        loads: whatever the browser fetches with the page.
        titles: texts of <title>.
        maths: formulas, without the marks that MathJax looks for.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.titles, self.maths = [], []
        self.open = []  # what takes in the text: (list, name of the tag)
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        self.loads += [v for name, v in attributes if name in LOADING and v]
        if tag == "link":
            self.loads.append(values["href"])
        elif values.get("href"):
            self.links.append(values["href"])
        if "style" in values:
            self.loads += from_css(values["style"])
        if tag == "title":
            self.begin(self.titles, tag)
        elif tag == "style":
            self.begin([], tag)
        elif "math" in values.get("class", "").split():
            self.begin(self.maths, tag)

    def begin(self, texts, tag):
        texts.append("")
        self.open.append((texts, tag))

    def handle_data(self, data):
        for texts, _ in self.open:
            texts[-1] += data

    def handle_endtag(self, tag):
        if self.open and self.open[-1][1] == tag:
            texts, _ = self.open.pop()
            if tag == "style":
                self.loads += from_css(texts[-1])
            elif texts is self.maths:
                texts[-1] = plain(WRAPPED.fullmatch(texts[-1].strip())[1])


def plain(tex: str) -> str:
    """Return a formula without the white space, which differs in quotations."""
    return re.sub(r"[\s>]+", "", tex)


def resolve(target: str, home: Path) -> tuple[Path, str]:
    """Return the file and the fragment that a link on the page `home` leads to."""
    parts = urlsplit(target)
    path = (home.parent / unquote(parts.path)).resolve() if parts.path else home
    return path, unquote(parts.fragment)


@cache
def pages() -> dict[Path, Page]:
    """Return all pages of the site."""
    return {path: Page(path) for path in sorted(SITE.rglob("*.html")) if own(path)}


def own(path: Path) -> bool:
    """Tell pages from the theme's templates, which lie among its static files."""
    return "_static" not in path.parts


def report(problems) -> None:
    problems = sorted(set(problems))
    assert not problems, "\n" + "\n".join(problems)


def test_every_link_leads_somewhere():
    problems, followed = [], 0
    for home, page in pages().items():
        for target in page.links:
            if is_elsewhere(target):
                continue
            followed += 1
            path, fragment = resolve(target, home)
            if not path.exists() or path.is_dir():
                problems.append(f"{home.relative_to(SITE)}: no file for {target}")
            elif fragment and path in pages() and fragment not in pages()[path].ids:
                problems.append(f"{home.relative_to(SITE)}: no anchor for {target}")
    report(problems)
    assert followed > 5_000


def test_nothing_is_loaded_from_elsewhere():
    loaded = [(home, target) for home, page in pages().items() for target in page.loads]
    for sheet in SITE.rglob("*.css"):
        loaded += [(sheet, target) for target in from_css(sheet.read_text("utf-8"))]
    problems = []
    for home, target in loaded:
        name = home.relative_to(SITE)
        if is_elsewhere(target):
            problems.append(f"{name} loads {target}")
        elif not target.startswith(("data:", "#")):
            if not resolve(target, home)[0].exists():
                problems.append(f"{name}: there is no {target}")
    report(problems)
    assert len(loaded) > 1_000


def test_every_page_has_a_title():
    titles = {home: page.titles for home, page in pages().items()}
    assert all(len(found) == 1 and found[0].strip() for found in titles.values())


def test_every_page_is_reached_from_the_start():
    reached, ahead = set(), [START]
    while ahead:
        home = ahead.pop()
        if home in pages() and home not in reached:
            reached.add(home)
            targets = [t for t in pages()[home].links if not is_elsewhere(t)]
            ahead += [resolve(target, home)[0] for target in targets]
    alone = pages().keys() - reached
    assert alone <= {SITE / "search.html", SITE / "_modules" / "index.html"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_holds_all_formulas_of_its_source(source):
    if source.suffix == ".ipynb":
        notebook = read(source)
    else:
        notebook = new_notebook(cells=[new_markdown_cell(source.read_text("utf-8"))])
    expected = Counter(plain(formula["tex"]) for formula in formulas(notebook)[0])
    built = SITE / source.relative_to(ROOT).with_suffix(".html")
    lost = expected - Counter(pages()[built].maths)
    report(f"{n} × {tex}" for tex, n in lost.items())


def test_formulas_are_counted():
    assert sum(len(page.maths) for page in pages().values()) > 3_000


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_module_has_a_page_with_what_it_defines(path):
    text = path.read_text("utf-8")
    defined = re.findall(r"^(?:def|class) ([A-Za-z]\w*)", text, re.M)
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    ids = pages()[SITE / "api" / f"{module.split('.')[1]}.html"].ids
    assert {f"{module}.{name}" for name in defined} <= ids


def test_no_page_names_a_folder_of_the_machine():
    for home in pages():
        assert str(ROOT) not in home.read_text("utf-8"), home
