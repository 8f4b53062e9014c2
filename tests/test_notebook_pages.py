"""The pages that are made from the notebooks are current, and their links lead on."""

from pathlib import Path

import fresh_seeds
import make_pages
import pytest
from make_pages import CHEAT_SHEET, FOLDER, ROOT, split, statement
from rules import formulas, links
from rules.reading import cells, read

SERIES = {path.name: read(path) for path in sorted(FOLDER.glob("[0-9]*.ipynb"))}
INDEX = make_pages.index(SERIES)
PAGES = make_pages.pages()


@pytest.mark.parametrize("file", PAGES)
class TestPage:
    def test_is_current(self, file):
        assert (FOLDER / file).read_text("utf-8") == PAGES[file], "run `make notebooks`"

    def test_links_resolve(self, file):
        made = read(FOLDER / file)
        text = "\n\n".join(cell.source for _, cell in cells(made, "markdown"))
        assert links.problems_links(text, file, FOLDER, SERIES) == []

    def test_katex_reads_all_formulas(self, file):
        found, problems = formulas.formulas(read(FOLDER / file))
        assert problems == []
        refused = formulas.katex(found)
        if refused is None:
            pytest.skip(formulas.NO_KATEX)
        assert refused == []


def test_readme_quotes_the_counts():
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert make_pages.counts(INDEX) in readme


def test_every_check_says_for_what_it_holds():
    unsaid = [e.tag for e in INDEX for _, scope in e.checks if not scope]
    assert unsaid == []


def test_the_cheat_sheet_knows_its_equations():
    assert set(CHEAT_SHEET) <= {e.tag for e in INDEX}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda p: p.stem)
def test_links_of_the_tables_resolve(path: Path):
    text = path.read_text("utf-8")
    assert links.problems_links(text, path.name, FOLDER, SERIES) == []


def test_a_formula_is_split_outside_of_braces_only():
    assert split(r"a & {b & c} & \begin{x} d & e \end{x}", "&") == [
        "a",
        "{b & c}",
        r"\begin{x} d & e \end{x}",
    ]
    assert split(r"a \& b \\ c", "\\\\") == [r"a \& b", "c"]


@pytest.mark.parametrize(
    ("derivation", "shown"),
    [
        (r"a = b \tag{1.1}", "a = b"),
        (r"a &= b && \text{since} \\ &= c && \text{so}", "a = c"),
        (r"a &\ge b \\ &= c", r"a \ge c"),
        (r"a &= b \\ &\qquad + c", "a = b + c"),
        (
            r"a &= b \\ &= c \\ d &= e",
            "\\begin{aligned}\na &= c \\\\\nd &= e\n\\end{aligned}",
        ),
    ],
)
def test_of_a_derivation_beginning_and_end_are_shown(derivation, shown):
    if "&" in derivation:
        derivation = rf"\begin{{aligned}}{derivation}\end{{aligned}} \tag{{1.1}}"
    assert statement(derivation) == shown


def test_all_statistical_checks_together_rarely_raise_a_false_alarm():
    levels = [
        level
        for path in FOLDER.glob("[0-9]*.ipynb")
        for level in fresh_seeds.levels(path)
    ]
    checks = sum(
        kind == "statistical" for e in INDEX for kind, _ in e.checks.elements()
    )
    assert len(levels) == checks
    assert sum(levels) < 1e-4 / 10
