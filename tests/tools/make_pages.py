"""Write four pages: equations with their checks, cheat sheet, exercises, references.

Run by `make notebooks`: python tests/tools/make_pages.py. All is read: formulas,
summaries, the lines that `verify` printed and the table of symbols from the notebooks,
names of functions from the package's docstrings. The pages are notebooks, so that
formulas look as they do there. The page of references is made in references.py.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

import references
from pgutils import files
from rules.equations import TAG, definitions
from rules.reading import DISPLAY, cells, prose, read, texts
from tidy_notebooks import tidy

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
KINDS = ("exact", "numerical", "statistical")
CHEAT_SHEET = """1.4 1.5 2.1 2.2 2.4 2.5 3.2 3.3 3.4 4.1 4.2 4.3 4.4 4.6 5.2 5.5 5.6 5.7
    6.1 6.3 6.5 6.6 6.7 6.8 6.9 6.12 7.1 7.2 8.1 8.3 8.5 9.3""".split()

TOKEN = re.compile(r"\\begin|\\end|\\\\|\\.|[{}&]|[^\\{}&]+")
RELATION = re.compile(r"(=|\\ge|\\le|\\approx)(?![a-zA-Z])\s*")
ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}", re.S)
CHECK = re.compile(rf"✓ \((\d+\.\d+)\) ({'|'.join(KINDS)})(?: \((.*?)\))?: ")
SUMMARY = re.compile(r"^\| *(\[\(\d+\.\d+\)\][^|]*)\| *(.+?) *(?<!\\)\|", re.M)
CITED = re.compile(r"\((\d+\.\d+)\)")
IMPLEMENTS = re.compile(r"equations? \(\d+\.\d+\)(?:(?:,| and) \(\d+\.\d+\))*")

EXERCISE = re.compile(r"^### Exercise (\d+\.\d+) · (.+)$", re.M)
MINUTES = re.compile(r"\b(?:(\d+) minutes|[Hh]alf an hour)")
ANSWER = re.compile(r"^(ch\d\d)\.(\w+)\.check\(", re.M)

EXERCISES_INTRO = """\
# All exercises

They stand at the end of their notebooks, each with a folded hint and a cell that
checks the answer. The last column says how many mistakes the check knows: to each
it has a hint of its own.

[Solutions](solutions), with the reasoning, are apart.
"""

INTRO = """\
# Every numbered equation

What each equation says, for what it has been checked, and which function of
`pgutils` is its code. A claim is checked in its notebook on every run: *exact* with
symbols and fractions, *numerical* within a tolerance, *statistical* with samples;
where only an instance is checked, the notebook gives the general argument. Of a
derivation you see the beginning and the end.

On one page, without the checks: the [cheat sheet](cheat_sheet.ipynb).
"""

OUTRO = """\
## The checks, checked

A check that cannot fail is worth nothing. So one side of every claim is edited, a
sign or an index at a time, and its check must fail: [the
table](mutants_of_the_checks.md). The same is done to the package, and its unit
tests must fail: [the table](mutants_of_the_code.md). All statistical checks
together raise a false alarm in fewer than 1 of 10,000 runs, whatever the seeds:
[the runs](fresh_seeds.md).
"""

CHEAT_INTRO = """\
# Cheat sheet

Each number leads to the notebook that derives the formula; the names are those of its
code in `pgutils`. [All equations, and how they are checked](equations.ipynb).

## Symbols
"""

MORE_SYMBOLS = r"""
And those of single notebooks:

| symbol | meaning |
|---|---|
| $N, \hat g$ | episodes in a batch, their estimate of $\nabla J$ |
| $R, V_t, Q_t$ | reward of a transition, value of a state, of an action at step $t$ |
| $P_\pi$ | from state to state, the actions averaged with $\pi_\theta$ |
| $h_t, U$ | history $s_0, a_0, \dots, s_t$; all that comes from outside the episode |
| $L, \Sigma$ | bound on $\nabla^2 J$, covariance of one episode's estimate |
| $X, S$ in (8.3) | $\sum_t \gamma^t \psi_t G_t$ and $\sum_t \gamma^t \psi_t$ |
| $m$ in (6.5), $S$ in (6.7), $H$ | largest logit, $\sum_b e^{z_b}$, entropy of $p$ |
"""


class Equation(NamedTuple):
    """One tagged equation; `checks` counts (kind, scope), `code` names functions."""

    tag: str
    notebook: str
    formula: str
    summary: str
    is_definition: bool
    checks: Counter
    code: list[str]


def split(tex: str, mark: str) -> list[str]:
    """Split at a mark that stands in no braces and in no inner environment."""
    parts, depth = [""], 0
    for token in TOKEN.findall(tex):
        depth += token in ("{", "\\begin")
        depth -= token in ("}", "\\end")
        if token == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts]


def statement(tex: str) -> str:
    """Return what a derivation shows: each chain's first left and last right side."""
    tex = TAG.sub("", tex).strip()
    derivation = ALIGNED.fullmatch(tex)
    if not derivation:
        return tex
    chains = []
    for row in split(derivation[1], "\\\\"):
        left, right, *_ = [*split(row, "&"), ""]
        relation = RELATION.match(right)
        if left:
            sign = relation[1] if relation else ""
            chains.append([left, sign, right[len(relation[0]) if relation else 0 :]])
        elif relation:
            chains[-1][1] = relation[1] if chains[-1][1] == "=" else chains[-1][1]
            chains[-1][2] = right[len(relation[0]) :]
        else:
            chains[-1][2] += " " + re.sub(r"^(\\qquad\s*)+", "", right)
    if len(chains) == 1:
        return " ".join(chains[0])
    rows = [f"{left} &{sign} {right}" for left, sign, right in chains]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def formulas(nb) -> Iterator[tuple[str, str]]:
    """Yield (tag, statement) for each tagged formula."""
    for _, cell in cells(nb, "markdown"):
        for formula in DISPLAY.findall(prose(cell.source)):
            for tag in TAG.findall(formula):
                yield tag, statement(formula)


def summary_of(tag: str, name: str, nb) -> str:
    """Return what the notebook's summary table says of an equation."""
    text = "\n".join(cell.source for _, cell in cells(nb, "markdown"))
    for cited, says in SUMMARY.findall(text):
        if tag in CITED.findall(cited):
            return says
    raise ValueError(f"{name}: the summary table has no row for ({tag})")


def checks(nb) -> Iterator[tuple[str, str, str]]:
    """Yield (tag, kind, scope) for each line that `verify` printed."""
    for _, cell in cells(nb, "code"):
        for text in (text for output in cell.outputs for text in texts(output)):
            yield from CHECK.findall(text)


def implementations() -> dict[str, list[str]]:
    """Return, for each tag, the functions whose docstring says *equation (tag)*."""
    found = {}
    for path in sorted((ROOT / "pgutils").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            documented = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            own = (ast.get_docstring(node) or "") if documented else ""
            for said in IMPLEMENTS.findall(own.partition("Derived in")[0]):
                for tag in CITED.findall(said):
                    name = f"{path.stem}.{node.name}"
                    found.setdefault(tag, [])
                    found[tag] += [name] if name not in found[tag] else []
    return found


def index(series: dict) -> list[Equation]:
    """Return all equations of the series, in order."""
    done, code = {}, implementations()
    for nb in series.values():
        for tag, kind, scope in checks(nb):
            done.setdefault(tag, Counter())[kind, scope] += 1
    return [
        Equation(
            tag,
            name,
            formula,
            summary_of(tag, name, nb),
            tag in definitions(nb),
            done.get(tag, Counter()),
            code.get(tag, []),
        )
        for name, nb in series.items()
        for tag, formula in formulas(nb)
    ]


def counts(equations: list[Equation]) -> str:
    """Return the sentence about the numbers that README quotes."""
    claims = [e for e in equations if not e.is_definition]
    exact = sum(any(kind == "exact" for kind, _ in e.checks) for e in claims)
    made = Counter()
    for e in equations:
        for (kind, _), n in e.checks.items():
            made[kind] += n
    kinds = ", ".join(f"{made[kind]} {kind}" for kind in KINDS)
    return (
        f"{len(equations)} numbered equations: {len(equations) - len(claims)} are "
        f"definitions and {len(claims)} are claims, {exact} of them checked exactly; "
        f"{made.total()} checks in all ({kinds})."
    )


def link(e: Equation) -> str:
    """Return a link to the equation."""
    return f"[({e.tag})]({e.notebook}#eq-{e.tag.replace('.', '-')})"


def code(e: Equation) -> str:
    """Return links to the functions that are the equation's code."""
    files = {name: f"../pgutils/{name.split('.')[0]}.py" for name in e.code}
    return ", ".join(f"[`{name}`]({file})" for name, file in files.items())


def entry(e: Equation) -> str:
    """Return one equation of the index."""
    notes = ["*definition*"] if e.is_definition else []
    for kind in KINDS:
        scopes = [scope for checked, scope in e.checks if checked == kind]
        notes += [f"*{kind}*: {'; '.join(scopes)}"] if scopes else []
    notes += [f"code: {code(e)}"] if e.code else []
    return f"**{link(e)}** {e.summary}\n\n$$\n{e.formula}\n$$\n\n{' · '.join(notes)}"


def index_page(series: dict, equations: list[Equation]) -> list[str]:
    """Return the index, a cell per notebook."""
    parts = [f"{INTRO}\n**{counts(equations)}**"]
    for name, nb in series.items():
        own = [entry(e) for e in equations if e.notebook == name]
        title = re.match(r"# (.*)", nb.cells[0].source)[1]
        parts += ["\n\n".join([f"## [{title}]({name})", *own])] if own else []
    return [*parts, OUTRO]


def cheat_sheet(series: dict, equations: list[Equation]) -> list[str]:
    """Return the cheat sheet: the symbols of notebook 00, and the chosen formulas."""
    start = "\n".join(
        cell.source for _, cell in cells(series["00_start_here.ipynb"], "markdown")
    )
    symbols = re.search(r"^\| symbol \|.*?(?=\n\n|\Z)", start, re.M | re.S)[0]
    rows = ["| | |", "|---|---|"]
    for e in equations:
        if e.tag in CHEAT_SHEET:
            formula = " ".join(e.formula.split())
            says = " · ".join([e.summary, *([code(e)] if e.code else [])])
            rows.append(f"| {link(e)} | {says}<br>${formula}$ |")
    symbols = f"{CHEAT_INTRO}\n{symbols}\n{MORE_SYMBOLS.rstrip()}"
    return [symbols, "## Formulas\n\n" + "\n".join(rows)]


def exercises(series: dict, _) -> list[str]:
    """Return the page of exercises: what is asked, how long it takes, what is known."""
    rows = [
        "| exercise | | minutes | answer | known mistakes |",
        "|---|---|---|---|---|",
    ]
    for file, nb in series.items():
        found = []  # [number, title, minutes, checks]
        for cell in nb.cells:
            if heading := EXERCISE.search(cell.source):
                found.append([*heading.groups(), 0, []])
            if cell.source.startswith("Solutions, with"):
                break
            if found and cell.cell_type == "markdown":
                found[-1][2] += sum(int(n or 30) for n in MINUTES.findall(cell.source))
            elif found:
                found[-1][3] += ANSWER.findall(cell.source)
        for number, title, minutes, checks in found:
            asked = [
                getattr(import_module(f"pgutils.exercises.{module}"), name)
                for module, name in checks
            ]
            kinds = dict.fromkeys("code" if e.inputs else "value" for e in asked)
            known = " + ".join(str(len(exercise.mistakes)) for exercise in asked)
            rows.append(
                f"| [{number}]({file}) | {title} | {minutes} | {', '.join(kinds)} "
                f"| {known} |"
            )
    return [EXERCISES_INTRO, "\n".join(rows)]


def notebook(name: str, parts: list[str]) -> nbformat.NotebookNode:
    """Return a notebook of Markdown cells."""
    made = [
        new_markdown_cell(part.strip(), id=f"{name}-{i}")
        for i, part in enumerate(parts)
    ]
    nb = new_notebook(cells=made)
    tidy(nb)
    return nb


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    paths = sorted(FOLDER.glob("[0-9]*.ipynb"))
    series = {path.name: read(path) for path in paths}
    equations = index(series)
    made = {
        "equations": index_page,
        "cheat_sheet": cheat_sheet,
        "exercises": exercises,
        "references": references.page,
    }
    return {
        f"{name}.ipynb": nbformat.writes(notebook(name, make(series, equations))) + "\n"
        for name, make in made.items()
    }


if __name__ == "__main__":
    for name, text in pages().items():
        files.write(FOLDER / name, text)
