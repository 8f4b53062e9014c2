"""The pages that are made from the notebooks are current, and their links lead on."""

from pathlib import Path

import pytest

import fresh_seeds
import make_pages
import references
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
    pages = SERIES | {"references.ipynb": read(FOLDER / "references.ipynb")}
    assert links.problems_links(text, path.name, FOLDER, pages) == []


def test_references_are_in_form_and_each_is_cited():
    cited = set(references.cited(SERIES))
    assert links.problems_references(references.REFERENCES, cited) == []


def test_a_reference_says_who_what_where_and_who_cites_it():
    entry = {
        "id": "le-grand-van-eck-1992",
        "author": [
            {"family": "Le Grand", "given": "Ada Maria"},
            {"family": "Eck", "given": "Bo", "non-dropping-particle": "van"},
        ],
        "title": "A* in depth",
        "container-title": "Paths",
        "volume": "8",
        "issue": "3-4",
        "page": "229-256",
        "issued": {"date-parts": [[1992]]},
        "DOI": "10.1000/182",
    }
    assert references.paragraph(entry, ["[01](a.ipynb)", "[02](b.ipynb)"]) == (
        '<a id="le-grand-van-eck-1992"></a>**Le Grand & van Eck 1992.** '
        "A. M. Le Grand and B. van Eck, *A\\* in depth*, Paths 8 (3–4), 229–256, 1992. "
        "[doi:10.1000/182](https://doi.org/10.1000/182) "
        "· cited in [01](a.ipynb), [02](b.ipynb)"
    )
    del entry["volume"], entry["issue"], entry["DOI"]
    entry |= {"edition": "2nd", "publisher": "Sea", "note": "Twice printed."}
    entry |= {"collection-title": "Maps", "number": "7/4", "URL": "https://www.a.b/c"}
    assert references.paragraph(entry, ["[01](a.ipynb)"]).partition("*, ")[2] == (
        "Paths, Maps 7/4, 2nd edition, Sea, 229–256, 1992. "
        "[a.b](https://www.a.b/c). Twice printed. · cited in [01](a.ipynb)"
    )


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
    runs = (FOLDER / "fresh_seeds.md").read_text("utf-8")
    assert f"**{checks} statistical checks, " in runs, "it is older: make seeds"
