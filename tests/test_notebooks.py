"""Every notebook of the series keeps the rules in tests/tools/rules."""

import ast
import re
from pathlib import Path

import pytest

from references import REFERENCES
from rules import equations, form, formulas, hosts, links, pictures, shown, sides
from rules.reading import cells, read

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
SERIES = {path.name: read(path) for path in sorted(FOLDER.glob("[0-9]*.ipynb"))}
SOLUTIONS = {p.name: read(p) for p in sorted((FOLDER / "solutions").glob("*.ipynb"))}
PAGES = SERIES | {"references.ipynb": read(FOLDER / "references.ipynb")}
WORKS = {entry["id"] for entry in REFERENCES}
TAGS = {tag for nb in SERIES.values() for tag in equations.tags(nb)}
MODULES = sorted((ROOT / "pgutils").glob("*.py"))
CHECKS = sorted((ROOT / "pgutils/checks").glob("*.py"))
PACKAGED = {
    name: node
    for path in MODULES
    for name, node in shown.top_level(ast.parse(path.read_text("utf-8"))).items()
    if not name.startswith("_")
}
SHOWN = {
    "robot_policy": "01",
    "Trajectory": "01",
    "all_trajectories": "01",
    "probability": "01",
    "draw": "01",
    "sample": "01",
    "discounted_sum": "02",
    "discounted_returns": "02",
    "robot_score": "04",
    "nabla": "04",
    "each_day": "04",
    "weigh": "04",
    "over_all_days": "04",
    "over_sampled_days": "04",
    "central_difference": "04",
    "complex_step": "04",
    "four_witnesses": "04",
    "length": "04",
    "angle": "04",
    "robot_scores": "04",
    "policy_gradient": "04",
    "action_values": "05",
    "values": "05",
    "visitation": "05",
    "expected_return": "05",
    "frozen_return": "05",
    "log_softmax": "06",
    "softmax": "06",
    "score": "06",
    "reinforce_on_corridor": "07",
    "leave_one_out": "09",
    "race": "09",
    "run_episodes": "09",
    "gradient_step": "09",
    "is_solved": "09",
    "zero_theta": "09",
    "extend": "09",
    "train": "09",
    "train_many": "09",
}

each_notebook = pytest.mark.parametrize("name", SERIES)


def report(problems: list[str]) -> None:
    """Fail with all complaints, one a line."""
    assert not problems, "\n" + "\n".join(problems)


@each_notebook
class TestNotebook:
    def test_file_and_sources_are_in_form(self, name):
        assert re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name)
        assert (FOLDER / name).stat().st_size <= 2_000_000, "over 2 MB"
        report(form.problems_form(SERIES[name]))

    def test_stored_outputs_are_clean(self, name):
        report(form.problems_outputs(SERIES[name]))

    def test_nothing_is_loaded_from_another_host(self, name):
        report(hosts.problems_notebook(SERIES[name]))

    def test_words_stand_for_every_picture(self, name):
        report(pictures.problems_pictures(SERIES[name]))

    def test_equations_are_tagged_in_order_with_anchors(self, name):
        report(equations.problems_equations(name, SERIES[name]))

    def test_every_claim_is_verified(self, name):
        report(equations.problems_checks(SERIES[name], TAGS))

    def test_no_check_compares_an_expression_with_itself(self, name):
        report(sides.problems_sides(SERIES[name]))

    def test_links_resolve(self, name):
        text = "\n\n".join(cell.source for _, cell in cells(SERIES[name], "markdown"))
        report(links.problems_links(text, name, FOLDER, PAGES))

    def test_what_it_cites_is_a_reference(self, name):
        text = "\n\n".join(cell.source for _, cell in cells(SERIES[name], "markdown"))
        report(links.problems_citations(text, WORKS))

    def test_dollars_are_paired(self, name):
        report(formulas.formulas(SERIES[name])[1])

    def test_what_it_shows_is_what_the_package_ships(self, name):
        report(shown.problems_shown(name, SERIES[name], PACKAGED, SHOWN))


@pytest.mark.parametrize("name", SOLUTIONS)
class TestSolutions:
    def test_they_belong_to_a_notebook(self, name):
        assert name in SERIES

    def test_file_and_sources_are_in_form(self, name):
        report(form.problems_form(SOLUTIONS[name]))

    def test_stored_outputs_are_clean(self, name):
        report(form.problems_outputs(SOLUTIONS[name]))
        report(pictures.problems_pictures(SOLUTIONS[name]))
        report(hosts.problems_notebook(SOLUTIONS[name]))

    def test_links_resolve(self, name):
        text = "\n\n".join(
            cell.source for _, cell in cells(SOLUTIONS[name], "markdown")
        )
        report(links.problems_links(text, name, FOLDER / "solutions", PAGES))
        report(links.problems_citations(text, WORKS))

    def test_dollars_are_paired(self, name):
        report(formulas.formulas(SOLUTIONS[name])[1])


def test_no_two_notebooks_share_a_number():
    numbers = [name[:2] for name in SERIES]
    assert len(set(numbers)) == len(numbers)


def test_katex_reads_all_formulas():
    found = [
        {**formula, "where": f"{name}, {formula['where']}"}
        for name, nb in [*SERIES.items(), *SOLUTIONS.items()]
        for formula in formulas.formulas(nb)[0]
    ]
    problems = formulas.katex(found)
    if problems is None:
        pytest.skip(formulas.NO_KATEX)
    report(problems)


@pytest.mark.parametrize("name", SHOWN)
def test_is_shown_in_its_notebook(name):
    assert name in PACKAGED
    showing = [
        file[:2]
        for file, nb in SERIES.items()
        if any(name in shown.top_level(tree) for tree in shown.trees(nb))
    ]
    assert showing == [SHOWN[name]]


@pytest.mark.parametrize("path", [*MODULES, *CHECKS], ids=lambda path: path.stem)
def test_docstrings_cite_what_exists(path):
    report(links.problems_docstrings(path.read_text("utf-8"), TAGS, WORKS, ROOT))


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]),
    ids=lambda path: f"{path.parent.stem}-{path.stem}",
)
def test_links_of_the_other_pages_resolve(path):
    text = path.read_text("utf-8")
    report(links.problems_links(text, path.name, path.parent, PAGES))
    report(pictures.problems_linked(text))


FOLDERS = [ROOT / name for name in ("benchmarks", "figures", "notebooks", "site")]
READ_AS = {
    ".md": hosts.from_markdown,
    ".css": hosts.from_css,
    ".svg": lambda text: hosts.Loads(text).found,
}


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path in [*ROOT.glob("*"), *(p for f in FOLDERS for p in f.rglob("*"))]
        if path.suffix in READ_AS
    ),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_nothing_that_a_page_holds_comes_from_another_host(path):
    report(hosts.problems_hosts(READ_AS[path.suffix](path.read_text("utf-8"))))


def test_modules_are_found_by_installing_only():
    folders = ("pgutils", "tests", "figures")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        if path.name == "reply_in_kernel.py":  # students may have their own
            continue
        assert not form.PATH_EDIT.search(path.read_text("utf-8")), path
