"""Every rule for notebooks can be broken: a good notebook, and what spoils it."""

import ast
import base64
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rules import equations, form, formulas, hosts, links, pictures, shown, sides
from tidy_notebooks import tidy

ROOT = Path(__file__).parents[1]

MARKDOWN = r"""
# How likely is it?

<a id="eq-1-1"></a>**Definition.** What is left over, in `$`, is

$$
q = 1 - p \tag{1.1}
$$

<a id="eq-1-2"></a>
The two $p$ and $q$ have the sum

$$ p + q = 1 \tag{1.2} $$

as [(1.1)](#eq-1-1) says, see [the first notebook](01_first.ipynb#eq-1-1) and
[Kool, van Hoof & Welling (2019)](references.ipynb#kool-van-hoof-welling-2019). Méi et
al. (2020) have more ([Méi et al., 2020](references.ipynb#mei-et-al-2020)).

| symbol | meaning |
|---|---|
| $P(a \mid s)$ | probability, `a|s` |
"""
KOOL = {
    "id": "kool-van-hoof-welling-2019",
    "type": "article-journal",
    "author": [
        {"family": "Kool", "given": "Wouter"},
        {"family": "Hoof", "given": "Herke", "non-dropping-particle": "van"},
        {"family": "Welling", "given": "Max"},
    ],
    "title": "Halves",
    "container-title": "Numbers",
    "volume": "8",
    "page": "1-2",
    "issued": {"date-parts": [[2019]]},
    "DOI": "10.1000/182",
}
MEI = KOOL | {
    "id": "mei-et-al-2020",
    "author": [{"family": name, "given": "Jo"} for name in ("Méi", "Xi", "Yu", "Ze")],
    "issued": {"date-parts": [[2020]]},
}
WORKS = {KOOL["id"], MEI["id"]}
PAGE = "".join(f'<a id="{work}"></a>' for work in WORKS)
CODE = 'def half(x):\n    return x / 2\n\nverify("1.2", half(1) + half(1), 1)'
CAPTION = """The *line* of $x$ rises, see [(1.1)](#eq-1-1), to the top
right. It is blue.

So it goes.
"""
ALT = "The line of x rises, see (1.1), to the top right."


def good():
    """Return a notebook that keeps all rules."""
    line = new_output("stream", name="stdout", text="✓ (1.2) exact\n")
    code = new_code_cell(CODE, execution_count=1, outputs=[line])
    picture = new_output("display_data", data={"image/png": ""})
    figure = new_code_cell("plt.show()", execution_count=2, outputs=[picture])
    caption = new_markdown_cell(CAPTION)
    nb = new_notebook(cells=[new_markdown_cell(MARKDOWN), code, figure, caption])
    tidy(nb)
    return nb


def replace(cell: int, old: str, new: str):
    """Return a change of one cell's source."""

    def change(nb):
        assert old in nb.cells[cell].source
        nb.cells[cell].source = nb.cells[cell].source.replace(old, new)

    return change


def output(kind: str, data: str):
    """Return a change that stores one more output."""
    return lambda nb: nb.cells[1].outputs.append(
        new_output("display_data", data={kind: data})
    )


def update(**changes):
    """Return a change of the code cell's fields."""
    return lambda nb: nb.cells[1].update(changes)


def error(nb):
    nb.cells[1].outputs.append(new_output("error", ename="ValueError", evalue="no"))


def stderr(nb):
    nb.cells[1].outputs.append(new_output("stream", name="stderr", text="beware"))


def same_ids(nb):
    nb.cells[1]["id"] = nb.cells[0]["id"]


def _checks(nb):
    return equations.problems_checks(nb, {"1.1", "1.2"})


def _equations(nb):
    return equations.problems_equations("01_first.ipynb", nb)


def _links(nb):
    text = nb.cells[0].source
    page = new_notebook(cells=[new_markdown_cell(PAGE)])
    pages = {"01_first.ipynb": nb, "references.ipynb": page}
    return links.problems_links(text, "01_first.ipynb", ROOT / "notebooks", pages)


def _citations(nb):
    return links.problems_citations(nb.cells[0].source, WORKS)


def _existing(nb):
    """Follow the links only where the notebook itself would be a file."""
    return [p for p in _links(nb) if p != "there is no 01_first.ipynb"]


def _dollars(nb):
    return formulas.formulas(nb)[1]


def _shown(nb):
    half = ast.parse(
        "def half(x: float) -> float:\n"
        '    """Return a half."""\n'
        '    x = checks.number("x", x)\n'
        "    return x / 2"
    )
    return shown.problems_shown(
        "01_first.ipynb", nb, shown.top_level(half), {"half": "01"}
    )


def _caption(text):
    """Return a change of the words after the picture, tidied."""

    def change(nb):
        nb.cells[3].source = text
        tidy(nb)

    return change


LIVE = "# NBVAL_IGNORE_OUTPUT\ninteract(f, x=(0, 1));"
PICTURE = base64.b64encode(bytes(300_001)).decode()
SPOILT = [
    (form.problems_form, update(id=None), "not a valid notebook"),
    (form.problems_form, same_ids, "unique"),
    (form.problems_form, update(execution_count=None), "execution counts"),
    (form.problems_form, update(execution_count=2), "execution counts"),
    (form.problems_form, lambda nb: nb.metadata.clear(), "python3"),
    (form.problems_form, lambda nb: nb.metadata.update(widgets={}), "widget"),
    (form.problems_form, update(source="1\n" * 26), "26 lines"),
    (form.problems_form, update(source="1" * 89), "89 characters"),
    (form.problems_form, update(source="# NBVAL_IGNORE_OUTPUT"), "interact"),
    (form.problems_form, update(source="# NBVAL_SKIP\ninteract"), "NBVAL_SKIP"),
    (form.problems_form, update(source=LIVE), "interact is stored"),
    (form.problems_form, update(metadata={"tags": ["nbval-skip"]}), "nbval-skip"),
    (form.problems_form, update(source="open('/tmp/x')"), "/tmp/x"),
    (form.problems_form, replace(0, "How", "/home/me/"), "/home/me"),
    (form.problems_form, update(source="import sys\nsys.path += ['..']"), "installed"),
    (form.problems_outputs, error, "ValueError"),
    (form.problems_outputs, stderr, "stderr"),
    (form.problems_outputs, output(form.WIDGET, "{}"), "widget"),
    (form.problems_outputs, output("image/svg+xml", "<svg>"), "svg+xml is stored"),
    (form.problems_outputs, output("text/html", "<b>1</b>"), "text/html is stored"),
    (form.problems_outputs, output("text/markdown", "1"), "markdown is stored"),
    (form.problems_outputs, output("application/javascript", "1"), "javascript is st"),
    (form.problems_outputs, output("image/png", PICTURE), "300 kB"),
    (form.problems_outputs, output("text/plain", "in /home/x/y"), "/home/x/y"),
    (form.problems_outputs, output("text/plain", f"in {ROOT}/x"), str(ROOT)),
    (form.problems_outputs, output("text/plain", "<f at 0x7f3a2b>"), "0x7f3a2b"),
    (hosts.problems_notebook, replace(0, "# How", "![x](https://a.b/c)"), "cell 1: it"),
    (hosts.problems_notebook, replace(3, "It is", "<img src=//a.b/c> is"), "//a.b/c"),
    (_equations, replace(0, "tag{1.1}", "tag{1.3}"), "(1.2) comes after (1.3)"),
    (_equations, replace(0, "tag{1.2}", "tag{1.1}"), "(1.1) comes after (1.1)"),
    (_equations, replace(0, "tag{1.2}", "tag{2.2}"), "does not begin with 1"),
    (_equations, replace(0, "tag{1.2}", "tag{1.2a}"), "must look like"),
    (_equations, replace(0, "eq-1-2", "eq-1-3"), 'needs <a id="eq-1-2">'),
    (_equations, replace(0, '<a id="eq-1-2"></a>', ""), 'needs <a id="eq-1-2">'),
    (_equations, replace(0, "The two", "A\n\nThe two"), "a paragraph stands between"),
    (_equations, replace(0, "\\tag{1.2}", ""), "no equation follows the anchor"),
    (_equations, replace(0, "How", '<a id="eq-1-1"></a>How'), "occurs twice"),
    (_checks, replace(0, "**Definition.**", "Words"), "(1.1) is neither"),
    (_checks, replace(1, "verify", "print"), "(1.2) is neither"),
    (_checks, replace(1, '"1.2"', '"1.3"'), "no equation of the series"),
    (_checks, replace(1, '"1.2"', "number"), "name the tag"),
    (_checks, replace(1, '"1.2"', "tag"), "(1.2) is neither"),
    (_checks, update(outputs=[]), "no output says"),
    (_existing, replace(0, "(#eq-1-1)", "(#eq-1-2)"), "(1.1) links to #eq-1-2"),
    (_existing, replace(0, "(#eq-1-1)", "(#eq-9-9)"), "no anchor #eq-9-9"),
    (_existing, replace(0, "(#eq-1-1)", "(#How-likely)"), "must link to its equation"),
    (_existing, replace(0, "[(1.1)](#", "![x](../figures/none.gif#"), "none.gif"),
    (_existing, replace(0, "# How", '<img src="../none.png">'), "none.png"),
    (_links, lambda nb: None, "there is no 01_first.ipynb"),
    (_existing, replace(0, "#mei-et-al", "#may-et-al"), "no anchor references.ipynb#m"),
    (_existing, replace(0, "[Méi", "[Xi"), "Xi et al., 2020 links to references.ipynb"),
    (_existing, replace(0, "., 2020", "., 2021"), "Méi et al., 2021 links to ref"),
    (_citations, replace(0, "#mei-et-al", "#eq"), "mei-et-al-2020 is cited, but not"),
    (_citations, replace(0, "Méi et\nal. (2020)", "Cox (1958)"), "cox-1958 is no ref"),
    (_citations, replace(0, "How likely", "Le Roux, 2021:"), "le-roux-2021 is no ref"),
    (_citations, replace(0, "How likely", "(Xi & Yu, 1999)"), "xi-yu-1999 is no ref"),
    (_dollars, replace(0, "How", "$"), "without its partner"),
    (_dollars, replace(0, "\\mid", "|"), "in a table"),
    (pictures.problems_pictures, replace(3, "top", "left"), "stored alternative text"),
    (pictures.problems_pictures, update(metadata={"mystnb": {}}), "alternative text"),
    (pictures.problems_pictures, output("image/png", ""), "cell 2: the stored altern"),
    (pictures.problems_pictures, _caption("It rises."), "has 9 characters"),
    (pictures.problems_pictures, _caption("It is " * 42 + "so."), "has 255 char"),
    (pictures.problems_pictures, _caption(CAPTION.replace("x", r"\eta")), "TeX"),
    (pictures.problems_pictures, _caption("## " + CAPTION), "no sentence follows"),
    (pictures.problems_pictures, _caption("It rises:\n\nHere."), "no sentence follows"),
    (pictures.problems_pictures, lambda nb: nb.cells.pop(), "no sentence follows"),
    (pictures.problems_pictures, replace(0, "# How", "![How](a.png)"), "'How' has"),
    (_shown, replace(1, "x / 2", "x / 3"), "half is not the one in pgutils"),
    (_shown, replace(1, "(x)", "(x=1)"), "half is not the one in pgutils"),
    (_shown, replace(1, "def", "@cache\ndef"), "half is not the one in pgutils"),
]


@pytest.mark.parametrize(("rule", "spoil", "complaint"), SPOILT)
def test_a_rule_is_silent_on_the_good_and_complains_of_the_spoilt(
    rule, spoil, complaint
):
    nb = good()
    if rule is not _links:
        assert rule(nb) == []
    spoil(nb)
    assert complaint in "\n".join(rule(nb))


LOADING = [
    "<script src=http://a.b/c></script>",
    "<SCRIPT SRC='//a.b/c'></SCRIPT>",
    '<img alt=">" src = "https://a.b/c">',
    '<img srcset="x.png 1x, https://a.b/c 2x">',
    '<iframe src="//a.b/c"></iframe>',
    '<link rel="stylesheet" href="https://a.b/c">',
    '<object data="https://a.b/c"></object>',
    '<video poster="https://a.b/c"></video>',
    '<embed src="ftp://a.b/c">',
    '<p style="background: url(https://a.b/c)">',
    "<style>@import 'https://a.b/c';</style>",
    "<style>p { background: URL( '//a.b/c' ) }</style>",
    '<svg><image xlink:href="https://a.b/c"/></svg>',
    '<svg><use href="https://a.b/c#d"/></svg>',
    '<svg><path fill="url(https://a.b/c#d)"/></svg>',
    "![a picture](https://a.b/c)",
    "![a picture](<https://a.b/c> 'title')",
    "![a picture][c]\n\n[c]: https://a.b/c",
]
LEADING = [
    '<a href="https://a.b/c">there</a>',
    "[there](https://a.b/c)",
    "<https://a.b/c>",
    "`<script src=https://a.b/c>`",
    "```html\n<img src=https://a.b/c>\n```",
    "![a picture](../figures/map.svg)",
    '<img src="data:image/png;base64,AAAA">',
    '<svg xmlns="http://www.w3.org/2000/svg"><use xlink:href="#d"/></svg>',
    '<style>p { background: url("here.png") }</style>',
]


@pytest.mark.parametrize("text", LOADING)
def test_what_loads_from_another_host_is_found(text):
    (problem,) = hosts.problems_hosts(hosts.from_markdown(f"So:\n\n{text}\n"))
    assert "//a.b/c" in problem


@pytest.mark.parametrize("text", LEADING)
def test_links_and_what_is_here_are_left_alone(text):
    assert not hosts.problems_hosts(hosts.from_markdown(f"So:\n\n{text}\n"))


REFERENCES = [
    (
        {"id": "kool-2019"},
        "the key of Kool, van Hoof & Welling 2019 is",
    ),
    ({"id": "z-2019"}, "keys are not unique and sorted"),
    ({"id": MEI["id"]}, "keys are not unique and sorted"),
    ({"issued": {"date-parts": [[2018]]}}, "the key of Kool, van Hoof & Welling 2018"),
    ({"author": [{"family": "Kool"}]}, "an author needs family and given"),
    ({"type": "song"}, "known type is missing"),
    ({"type": "report"}, "collection-title is missing"),
    ({"volume": None}, "volume is missing"),
    ({"title": None}, "title is missing"),
    ({"DOI": "doi:10.1000/182"}, "doi:10.1000/182 is no DOI"),
    ({"DOI": "10.1000/18 2"}, "10.1000/18 2 is no DOI"),
    ({"DOI": None}, "give the DOI, or a URL"),
    ({"URL": "https://a.b/c"}, "give the DOI, or a URL"),
    ({"URL": "http://a.b/c", "DOI": None}, "http://a.b/c is no https address"),
    ({"page": "1–2"}, "write the pages as 229-256, not 1–2"),
]


@pytest.mark.parametrize(("change", "complaint"), REFERENCES)
def test_a_reference_that_is_not_in_form_is_complained_of(change, complaint):
    assert links.problems_references([KOOL, MEI], WORKS) == []
    spoilt = {field: value for field, value in (KOOL | change).items() if value}
    problems = links.problems_references([spoilt, MEI], WORKS)
    assert complaint in "\n".join(problems)


def test_a_reference_that_nobody_cites_is_complained_of():
    problems = links.problems_references([KOOL, MEI], {KOOL["id"]})
    assert problems == ["mei-et-al-2020 is cited nowhere"]


def test_tidying_drops_what_differs_between_machines():
    nb = good()
    nb.metadata = {"widgets": {}, "language_info": {"name": "python", "version": "3"}}
    nb.cells[1].metadata = {"execution": {}, "tags": ["x"]}
    printed = nb.cells[1].outputs[0]
    printed.text, rest = "✓ (1.2)", " exact\n"
    nb.cells[1].outputs.append(new_output("stream", name="stdout", text=rest))
    output(form.WIDGET, "{}")(nb)
    tidy(nb)
    expected = good()
    assert nb.metadata == expected.metadata
    assert nb.cells[1].metadata == {"tags": ["x"]}
    assert nb.cells[1].outputs == expected.cells[1].outputs


def test_tidying_keeps_the_count_but_no_output_of_a_cell_with_interact():
    nb = good()
    nb.cells[1].source = LIVE
    tidy(nb)
    assert form.problems_form(nb) == []
    assert (nb.cells[1].outputs, nb.cells[1].execution_count) == ([], 1)


def test_tidying_stores_the_sentence_after_a_picture():
    nb = good()
    assert nb.cells[2].metadata == {"mystnb": {"image": {"alt": ALT}}}
    nb.cells[2].outputs = []
    tidy(nb)
    assert nb.cells[2].metadata == {}


def test_katex_refuses_a_broken_formula():
    found = formulas.formulas(good())[0]
    assert [f["tex"].strip() for f in found][1:4] == [
        r"p + q = 1 \tag{1.2}",
        "p",
        "q",
    ]
    problems = formulas.katex([*found, {"where": "x", "tex": r"\frac{1}"}])
    if problems is None:
        pytest.skip(formulas.NO_KATEX)
    assert len(problems) == 1
    assert problems[0].startswith("x: ")


def test_a_notebook_shows_only_what_is_its_own():
    packaged = shown.top_level(ast.parse("def half(x):\n    return x / 2"))
    assert shown.problems_shown("01_first.ipynb", good(), packaged, {}) == []
    problems = shown.problems_shown("01_first.ipynb", good(), packaged, {"half": "02"})
    assert problems == ["half is shown in 02: import it"]


CLASS = '''
@dataclass(frozen=True)
class Run:
    """A run."""

    steps: Integer[np.ndarray, " n"]
    solved: bool = False

    def __post_init__(self):
        checks.count("steps", self.steps)

    def total(self):
        """Return all steps."""
        checks.count("steps", self.steps), checks.positive("x", 1)
        return self.steps.sum()
'''
FIELDS = "@dataclass(frozen=True)\nclass Run:\n    steps: object\n    solved: bool = "


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        (FIELDS + "False", True),
        (
            FIELDS + "False\n\n    def total(self):\n        return self.steps.sum()",
            True,
        ),
        (FIELDS + "False\n\n    def total(self):\n        return self.steps", False),
        (FIELDS + "False\n\n    def mean(self):\n        return self.steps", False),
        (FIELDS + "True", False),
        (FIELDS.replace("steps", "length") + "False", False),
        (FIELDS.replace("(frozen=True)", "") + "False", False),
        ("@dataclass(frozen=True)\nclass Run:\n    steps: object", False),
    ],
)
def test_of_a_class_fields_and_shown_methods_are_compared(cell, same):
    left, right = ast.parse(cell).body[0], ast.parse(CLASS).body[0]
    assert (shown.difference(left, right) == "") is same


def test_a_second_validation_line_is_not_left_out():
    one, two = 'checks.a("x", x)', 'checks.b("x", x), checks.c("x", x)'
    packaged = ast.parse(f"def f(x):\n    {one}\n    {two}\n    return x").body[0]
    assert shown.difference(ast.parse("def f(x):\n    return x").body[0], packaged)


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        ("verify('1.2', half(1), half(1))", True),
        ("a = half(1)\nb = a\nverify('1.2', a, b)", True),
        ("a, b = half(1), half(1)\nverify('1.2', a, b, tol=1e-9)", True),
        ("a = half(1)\nif a:\n    verify('1.2', 2 * a, 2 * half(1))", True),
        ("def other(y):\n    return y / 2\n\nverify('1.2', half(1), other(1))", True),
        ("verify('1.2', [half(x) for x in (1, 2)], [half(y) for y in (1, 2)])", True),
        ("four_witnesses('1.2', robot, half, *several)", False),
        ("verify('1.2', half(1), half(2))", False),
        ("a = half(1)\nb = a\na = 1 - a\nverify('1.2', a, b)", False),
        ("a = 0\nfor i in (1, 2):\n    a += i\nverify('1.2', a, 0)", False),
        ("a, b = [1], [1]\nb.append(2)\nverify('1.2', a, b)", False),
        ("a, b = {}, {}\nb[1] = 2\nverify('1.2', a, b)", False),
        ("try:\n    verify('1.2', 1, 1)\nexcept ValueError:\n    pass", False),
    ],
)
def test_a_check_must_not_compare_an_expression_with_itself(cell, same):
    nb = good()
    nb.cells[1].source = CODE.partition("verify")[0] + cell
    problems = ["compares an expression with itself"] if same else []
    assert [p.partition("(1.2) ")[2] for p in sides.problems_sides(nb)] == problems


def test_docstrings_may_cite_a_book():
    module = (
        '"""As (1.2). By Sutton (2018), eq. (3.8).\nDerived in notebooks/9.ipynb."""'
    )
    problems, works = links.problems_docstrings, {"sutton-2018"}
    assert problems(module.replace("(1.2). ", ""), set(), works, ROOT) == [
        "module: there is no notebooks/9.ipynb"
    ]
    split = module.replace(". By", ".\nBy")
    found = problems(split, {"1.1"}, works, ROOT)
    assert "module: no equation has the tag 1.2" in found


def test_works_that_docstrings_cite_are_references():
    module = 'def half(x):\n    """See Kool, van Hoof &\n    Welling (2019), p. 1."""'
    assert links.problems_docstrings(module, set(), WORKS, ROOT) == []
    assert links.problems_docstrings(module, set(), {MEI["id"]}, ROOT) == [
        "half: kool-van-hoof-welling-2019 is no reference"
    ]
