"""Change the learning code in every small way, and see whether the unit tests notice.

Run by `make mutants`: python tests/tools/mutate_code.py

mutmut copies the project into mutants/, writes a mutant of a function for each small
change (`<` to `<=`, 1 to 2, an argument left out) and runs the tests of the learning
modules against it; pyproject.toml names modules and tests. It leaves out docstrings,
annotations and what stands outside of functions, and most of the validation, by a
pattern. The rest is left out here: mutants whose change lies in a `raise`, or in a
statement that does nothing but call `checks.…`.

Known survivors stand in equal_mutants.toml, each with the reason why it computes the
same. The run fails if fewer than 95% are killed, if another mutant survives, if a known
one does not, or if one runs out of time: a test has to notice an endless loop.
Otherwise it writes notebooks/mutants_of_the_code.md.
"""

import ast
import difflib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pgutils import files

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "notebooks" / "mutants_of_the_code.md"
REQUIRED = 0.95

HEAD = """\
# Mutants of the code

`make mutants` changes the learning modules in every small way that
[mutmut](https://mutmut.readthedocs.io) knows, `<` to `<=`, 1 to 2, an argument left
out, and runs their unit tests after each single change. A test that fails has killed
the mutant. This page was written by such a run.

Not counted are docstrings, annotations, validation with its messages (`checks.…` and
`raise`), and what stands outside of functions.
"""
SURVIVORS = """
## Survivors

They pass all tests because they compute the same.
"""


class Mutant(NamedTuple):
    """One change of one function, "returns.discounted_sum", and what became of it."""

    place: str
    diff: str
    status: str

    @property
    def survived(self) -> bool:
        return self.status in ("survived", "no tests")


def learning_modules() -> list[str]:
    """Return the names of the modules that are mutated, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return [Path(name).stem for name in project["tool"]["mutmut"]["only_mutate"]]


def known_reasons() -> dict[tuple[str, str], str]:
    """Return why the known survivors compute the same, by place and diff."""
    text = (ROOT / "tests/tools/equal_mutants.toml").read_text("utf-8")
    entries = tomllib.loads(text)["equal"]
    return {(e["place"], e["diff"].strip()): e["reason"].strip() for e in entries}


def mutmut(*args: str, **options) -> subprocess.CompletedProcess:
    """Run mutmut in the project's folder; its files are UTF-8 on every machine."""
    env = os.environ | {"PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "mutmut", *args]
    return subprocess.run(command, cwd=ROOT, env=env, encoding="utf-8", **options)


def run() -> dict[str, str]:
    """Mutate and test everything anew; return what became of each mutant, by name."""
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    if mutmut("run").returncode:
        sys.exit("mutmut stopped: what it complained about stands above")
    lines = mutmut("results", "--all", "true", stdout=subprocess.PIPE).stdout
    return dict(line.strip().split(": ") for line in lines.splitlines())


def validates(statement: ast.stmt) -> bool:
    """Tell whether a statement raises, or does nothing but call `checks.…`."""
    if not isinstance(statement, ast.Assign | ast.Expr):
        return isinstance(statement, ast.Raise)
    value = statement.value
    calls = value.elts if isinstance(value, ast.Tuple) else [value]
    return all(
        isinstance(call, ast.Call) and ast.unparse(call.func).startswith("checks.")
        for call in calls
    )


def statement_at(tree: ast.AST, line: int) -> ast.stmt:
    """Return the innermost statement that reaches over a line."""
    statements = (node for node in ast.walk(tree) if isinstance(node, ast.stmt))
    return [s for s in statements if s.lineno <= line <= s.end_lineno][-1]


def changes(before: list[str], after: list[str]) -> tuple[int, str]:
    """Return the first line that differs, from 0 on, and a diff without context."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    edits = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    diff = []
    for i, i_end, j, j_end in edits:
        diff += [f"- {line.strip()}" for line in before[i:i_end]]
        diff += [f"+ {line.strip()}" for line in after[j:j_end]]
    return edits[0][0], "\n".join(diff)


def own_name(name: str) -> str:
    """Return "f" for mutmut's name `x_f__mutmut_1`, and "C.f" for `xǁCǁf__mutmut_1`."""
    name = name.partition("__mutmut_")[0]
    return name.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")


def mutants_of(source: str, statuses: dict[str, str]) -> Iterator[Mutant]:
    """Yield the mutants in a mutated module, but for those of validation.

    Args:
        source: what mutmut made of the module: beside `x_f__mutmut_orig`, which is f
            as it was, stand `x_f__mutmut_1` and so on.
        statuses: what became of them, by their full names `pgutils.….x_f__mutmut_1`.
    """
    nodes = ast.walk(ast.parse(source))
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    lines = source.splitlines()

    def text(node: ast.FunctionDef) -> list[str]:
        head, *rest = lines[node.lineno - 1 : node.end_lineno]
        return [head.replace(node.name, own_name(node.name).split(".")[-1]), *rest]

    for full_name, status in statuses.items():
        _, module, name = full_name.split(".")
        original = functions[name.partition("__mutmut_")[0] + "__mutmut_orig"]
        line, diff = changes(text(original), text(functions[name]))
        if not validates(statement_at(original, original.lineno + line)):
            yield Mutant(f"{module}.{own_name(name)}", diff, status)


def problems(mutants: list[Mutant], known: dict[tuple[str, str], str]) -> list[str]:
    """Complain about mutants that are not what they should be: killed, or known."""
    found = []
    for mutant in mutants:
        what = f"{mutant.place}: {mutant.status}\n{mutant.diff}"
        if mutant.survived and mutant[:2] not in known:
            found.append(f"{what}\nwrite a test that fails, or say why it is equal")
        elif not mutant.survived and mutant.status != "killed":
            found.append(f"{what}\na test must fail, and soon")
    survivors = {mutant[:2] for mutant in mutants if mutant.survived}
    for place, diff in sorted(known.keys() - survivors):
        found.append(f"{place}: listed as equal, but does not survive\n{diff}")
    killed = sum(mutant.status == "killed" for mutant in mutants)
    if killed < REQUIRED * len(mutants):
        found.append(f"{killed} of {len(mutants)} killed, not {REQUIRED:.0%}")
    return found


def row(name: str, mutants: list[Mutant]) -> str:
    """Return a line of the table: how many there are, were killed, and survive."""
    killed = sum(mutant.status == "killed" for mutant in mutants)
    return f"| {name} | {len(mutants)} | {killed} | {len(mutants) - killed} |"


def table(modules: dict[str, list[Mutant]]) -> str:
    """Return the counts of each module and of all together."""
    rows = [
        row(f"[{name}](../pgutils/{name}.py)", mutants)
        for name, mutants in modules.items()
    ]
    everything = row("all", [mutant for part in modules.values() for mutant in part])
    head = ["| module | mutants | killed | survive |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, everything]) + "\n"


def page(modules: dict[str, list[Mutant]], known: dict[tuple[str, str], str]) -> str:
    """Return the page: the table, then each survivor with its reason."""
    survivors = [
        f"\n`{mutant.place}`: {known[mutant[:2]]}\n\n```diff\n{mutant.diff}\n```\n"
        for mutants in modules.values()
        for mutant in mutants
        if mutant.survived
    ]
    return "".join([HEAD, "\n", table(modules), SURVIVORS, *survivors])


def main() -> None:
    """Run mutmut, print the table and the complaints, and write the page."""
    statuses, modules = run(), {}
    for name in learning_modules():
        source = (ROOT / "mutants" / "pgutils" / f"{name}.py").read_text("utf-8")
        own = {k: v for k, v in statuses.items() if k.startswith(f"pgutils.{name}.")}
        modules[name] = list(mutants_of(source, own))
    known = known_reasons()
    print(table(modules))
    if found := problems([m for part in modules.values() for m in part], known):
        sys.exit("\n\n".join(found))
    files.write(PAGE, page(modules, known))
    print(f"Each survivor computes the same: see {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
