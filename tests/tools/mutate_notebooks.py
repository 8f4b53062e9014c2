"""Break each check of the notebooks on one side, and see it fail.

    python tests/tools/mutate_notebooks.py [FOLDER]

An edit changes one term (a sign, a factor, an index, an exponent, a constant) in what
only one side of a check is computed from. Before the edited statement a child process
takes over; it runs what the check depends on, and then the check. An edit is *seen to
fail* if that very check says that its sides disagree; any other error does not count.
Where one side is 0, nothing is scaled: a zero stays 0. Exits with 1 if some claim has
no edit that is seen to fail.
"""

import ast
import importlib
import multiprocessing
import os
import re
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pgutils import files
from rules import equations, sides
from rules.reading import read

ROUNDS = slice(0, 8), slice(8, 40)  # the second is for checks that passed the first
PER_UNIT = 3  # edits of one statement, before it is the turn of the next
SECONDS = 30  # of processor time, for one edit
SURVIVED, FAILED, BROKEN = "survived", "seen to fail", "did not run"

FAR = 0, 0, 1, 2, 2, 3  # by rank: how many definitions farther away an edit counts
SCALING = 4  # from this rank on, an edit may change no more than a factor
ZERO = re.compile(r"\(([\[\]0., ]+( \* .+)?|\w+\.zeros\(.*\)),\)")
SWAPS = (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.Eq, ast.NotEq)
SWAPS += (ast.Lt, ast.GtE), (ast.Gt, ast.LtE)
OPPOSITE = {a: b for pair in SWAPS for a, b in (pair, pair[::-1])}
VALUES = "Assign.value Call.args GeneratorExp.elt Lambda.body List.elts ListComp.elt"
VALUES = {*VALUES.split(), "Return.value"}  # places of what is doubled as a whole

INTRO = """\
# Mutants of the checks

Made by `make mutants`: a term of what one side of a check is computed from, and the
other is not, is changed, and the notebook is run again up to that check. *Seen to fail*
means that this very check said so; *did not run*, that another error came first, or
that it took too long. A survivor is not yet an error: an identity may hold with the
changed term, too, as (8.1) holds with any baseline. An error is a check that no edit
makes fail.
"""


class Edit(NamedTuple):
    """A node of a notebook's syntax trees, and what to put in its place."""

    unit: int
    place: dict | list
    key: str | int
    old: ast.AST
    new: ast.AST


@dataclass
class Result:
    """What became of the edits of one check."""

    where: str
    check: sides.Check
    outcomes: Counter = field(default_factory=Counter)
    examples: list[tuple] = field(default_factory=list)  # seen to fail: rank, old, new


def slots(holder: ast.AST, skip: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Yield (holder, field, place, key) for every node that could be replaced."""
    for name, value in ast.iter_fields(holder):
        pairs = enumerate(value) if isinstance(value, list) else [(name, value)]
        for key, node in pairs:
            if isinstance(node, ast.AST) and name not in ("annotation", *skip):
                yield holder, name, value if key != name else vars(holder), key
                yield from slots(node)


def binary(left, op: type, right) -> ast.BinOp:
    """Return the node of `left op right`, where a side may be a number."""
    left, right = (ast.Constant(x) if isinstance(x, int) else x for x in (left, right))
    return ast.BinOp(left, op(), right)


def rewrites(holder: ast.AST, name: str, node: ast.AST) -> Iterator[tuple]:
    """Yield (rank, new), plain slips first."""
    lists = ast.List | ast.ListComp | ast.Tuple | ast.JoinedStr
    match node:
        case ast.BinOp(a, _, b) if isinstance(a, lists) or isinstance(b, lists):
            return
        case ast.BinOp(a, ast.Add() | ast.Sub() as op, b):
            yield 0, binary(a, OPPOSITE[type(op)], b)
            yield 1, binary(a, type(op), binary(2, ast.Mult, b))
            if isinstance(op, ast.Sub):
                yield 4, binary(b, ast.Sub, a)
        case ast.BinOp(a, ast.Mult() | ast.Div() as op, b):
            factor = isinstance(a, ast.Constant) or isinstance(b, ast.Constant)
            yield 4 if factor else 3, binary(a, OPPOSITE[type(op)], b)
        case ast.BinOp(a, ast.Pow(), b):
            yield 0, binary(a, ast.Pow, binary(b, ast.Add, 1))
        case ast.UnaryOp(ast.USub(), a) if not isinstance(holder, ast.keyword):
            yield 4, a
        case ast.AugAssign(a, ast.Add() | ast.Sub() as op, b):
            yield 4, ast.AugAssign(a, OPPOSITE[type(op)](), b)
        case ast.Compare(a, [op], [b]) if type(op) in OPPOSITE:
            yield 1, ast.Compare(a, [OPPOSITE[type(op)]()], [b])
        case ast.Subscript(ast.Attribute(_, "shape")):
            return
        case ast.Subscript(a, ast.Slice(lower, upper, step), ast.Load() as load):
            later = binary(lower, ast.Add, 1) if lower else ast.Constant(1)
            yield 0, ast.Subscript(a, ast.Slice(later, upper, step), load)
        case ast.Subscript(a, ast.Name() | ast.BinOp() | ast.Constant(int()) as i):
            yield 2, ast.Subscript(a, binary(i, ast.Sub, 1), node.ctx)
        case ast.Call(ast.Name("sum"), [ast.GeneratorExp(term, [loop, *loops])]):
            rest = ast.parse(f"list({ast.unparse(loop.iter)})[1:]", mode="eval").body
            loops = [ast.comprehension(loop.target, rest, loop.ifs, 0), *loops]
            yield 1, ast.Call(node.func, [ast.GeneratorExp(term, loops)], [])
        case ast.Constant(int() | float() as c) if is_term(holder, name, c):
            factor = isinstance(getattr(holder, "op", None), ast.Mult | ast.Div)
            yield 4 if factor else 2, ast.Constant(c + 1 if c == int(c) else 2 * c)
    whole = isinstance(node, ast.BinOp | ast.Call | ast.Name | ast.Subscript)
    if whole and f"{type(holder).__name__}.{name}" in VALUES:
        yield 5, binary(2, ast.Mult, node)


def is_term(holder: ast.AST, name: str, value: float) -> bool:
    """Say whether a number is part of a formula, not a size, a seed or an axis."""
    if isinstance(value, bool) or not 0 < abs(value) < 1000:
        return False
    if isinstance(holder, ast.Call):
        return getattr(holder.func, "id", "") in {"F", *sides.SIDES}
    exponent = isinstance(getattr(holder, "op", None), ast.Pow) and name == "right"
    elsewhere = ast.keyword | ast.Tuple | ast.Subscript | ast.Slice
    return not exponent and not isinstance(holder, elsewhere)


def one_sided(parts: list[sides.Unit], check: sides.Check) -> Iterator[tuple]:
    """Yield (distance, unit, slot) for all that only one side is computed from.

    A side of zeros is computed from nothing. If both sides are one expression, then
    nothing is on one side only.
    """
    written, used = sides.written_out(parts, check), sides.sources(parts, check)
    if written[0] == written[1]:
        return
    used = [{} if ZERO.fullmatch(w) else own for w, own in zip(written, used)]
    for group, own, other in zip(sides.SIDES[check.call.func.id], used, used[::-1]):
        for k in group:
            arguments = check.call.args
            for slot in [(check.call, "args", arguments, k), *slots(arguments[k])]:
                yield 0, check.position, slot
        for i in sorted(own.keys() - other.keys()):
            node = parts[i].node
            for slot in slots(node, () if sides.head(node) is node else sides.INSIDE):
                yield own[i], i, slot


def edits(parts: list[sides.Unit], check: sides.Check) -> list[Edit]:
    """Return all edits on one side of a check, the nearest and plainest first."""
    zero = any(map(ZERO.fullmatch, sides.written_out(parts, check)))
    found = [
        (distance + FAR[rank], rank, Edit(i, place, key, place[key], new))
        for distance, i, (holder, name, place, key) in one_sided(parts, check)
        for rank, new in rewrites(holder, name, place[key])
        if not (zero and rank >= SCALING)
    ]
    seen, turns = Counter(), []
    for *_, edit in sorted(found, key=lambda one: one[:2]):
        turns.append((seen[edit.unit] // PER_UNIT, edit))
        seen[edit.unit] += 1
    return [edit for _, edit in sorted(turns, key=lambda one: one[0])]


class Listener:
    """Stands in for `verify`; once it has a target, it is deaf to other checks."""

    def __init__(self, verify: Callable):
        self.verify, self.target, self.heard = verify, None, False

    def __call__(self, *args, **kwargs):
        frame = sys._getframe(1)
        while frame and self.target:
            if self.target == (frame.f_code.co_filename, frame.f_lineno):
                break
            frame = frame.f_back
        if frame:
            self.heard = True
            self.verify(*args, **kwargs)


def fate(run_on: Callable, module) -> str:
    """Call a function in a child process, and say how that ended."""
    pid = os.fork()
    if pid:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return {0: SURVIVED, 1: FAILED}.get(code, BROKEN)
    code = 2
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        module.verify.heard = False
        run_on()
        code = 0 if module.verify.heard else 2
    except module.VerificationError:
        code = 1
    finally:
        os._exit(code)


def needed(parts: list[sides.Unit], check: sides.Check) -> set[ast.stmt]:
    """Return the statements, with all that is in them, that a check depends on."""
    todo, found = [check.position], set()
    for position in todo:  # grows on the way
        root = parts[position].root
        if root not in found:
            found.add(root)
            for i, unit in enumerate(parts):
                if unit.root is root:
                    todo += sides.closure(parts, unit.reads, max(i, position))
    return found


def run(parts: list[sides.Unit], plan: dict, results: dict) -> None:
    """Run a notebook; before each statement, child processes try its edits.

    Before the first edit of a check, one runs without: then the check must pass.
    """
    module = importlib.import_module("pgutils.verify")
    cell_of = {unit.root: unit.cell for unit in parts}
    roots, variables, needs = list(cell_of), {"__name__": "notebook"}, {}

    def execute(root: ast.stmt) -> None:
        exec(compile(ast.Module([root], []), cell_of[root], "exec"), variables)

    def run_on(check: sides.Check, first: ast.stmt, edit: Edit | None = None) -> None:
        if edit:
            new = ast.copy_location(edit.new, edit.old)
            edit.place[edit.key] = ast.fix_missing_locations(new)
        last = parts[check.position].root
        module.verify.target = cell_of[last], check.call.lineno
        for root in roots[roots.index(first) : roots.index(last) + 1]:
            if root in needs[check]:
                execute(root)

    for root in roots:
        for check, todo in plan.items():
            here = [one for one in enumerate(todo) if parts[one[1].unit].root is root]
            for rank, edit in here:
                if check not in needs:
                    needs[check] = needed(parts, check)
                    if fate(partial(run_on, check, root), module) != SURVIVED:
                        raise RuntimeError(f"{results[check].where} fails unedited")
                ending = fate(partial(run_on, check, root, edit), module)
                results[check].outcomes[ending] += 1
                if ending == FAILED:
                    example = rank, ast.unparse(edit.old), ast.unparse(edit.new)
                    results[check].examples.append(example)
        execute(root)


def examine(path: Path) -> list[Result]:
    """Try the edits of one notebook's checks."""
    import matplotlib.pyplot as plt

    plt.show = lambda: plt.close("all")
    module = importlib.import_module("pgutils.verify")
    module.verify = Listener(module.verify)
    os.chdir(path.parent)
    parts, results = sides.units(read(path)), {}
    for check in sides.checks(parts):
        where = f"{path.name}, {parts[check.position].cell}"
        results[check] = Result(f"{where}: ({check.tag})", check)
    possible = {check: edits(parts, check) for check in results}
    for some in ROUNDS:
        plan = {c: possible[c][some] for c in results if not results[c].examples}
        with open(os.devnull, "w") as nowhere:
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                run(parts, plan, results)
    return list(results.values())


def code(text: str) -> str:
    """Return code as it is written in a table."""
    return f"`{' '.join(text.split())}`".replace("|", "\\|")


def page(results: list[Result], claims: dict[str, str]) -> str:
    """Return the page about the results; claims gives every tag's notebook."""
    total = sum((result.outcomes for result in results), Counter())
    lines = [
        f"{len(results)} checks of {len(claims)} claims, {total.total()} edits: "
        f"{total[FAILED]} seen to fail, {total[SURVIVED]} survived, "
        f"{total[BROKEN]} did not run.",
        "",
        "| claim | checks | edits | seen to fail | survived | did not run | such as |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for tag, notebook in claims.items():
        own = [result for result in results if result.check.tag == tag]
        found = sum((result.outcomes for result in own), Counter())
        seen = [texts for result in own for _, *texts in sorted(result.examples)]
        short = [texts for texts in seen if " " in texts[0][:45] == texts[0]] or seen
        example = " → ".join(map(code, short[0])) if seen else "**none**"
        link = f"[({tag})]({notebook}#eq-{tag.replace('.', '-')})"
        numbers = len(own), found.total(), found[FAILED], found[SURVIVED], found[BROKEN]
        lines.append(f"| {link} | {' | '.join(map(str, numbers))} | {example} |")
    lines += ["", "## Checks that no edit makes fail", ""]
    unmoved = [result for result in results if not result.examples]
    for result in unmoved:
        counts = ", ".join(f"{n} {how}" for how, n in sorted(result.outcomes.items()))
        source = code(ast.unparse(result.check.call))
        why = counts or "no term is on one side only"
        lines.append(f"- {result.where}: {source}: {why}")
    return "\n".join([INTRO, *lines, *([] if unmoved else ["None."]), ""])


def main(folder: Path) -> int:
    """Examine the notebooks, two at a time, write the page, and complain."""
    paths = sorted(folder.glob("[0-9]*.ipynb"))
    claims, results = {}, []
    for path in paths:
        nb = read(path)
        own = [t for t in equations.tags(nb) if t not in equations.definitions(nb)]
        claims |= dict.fromkeys(own, path.name)
    spawn, workers = multiprocessing.get_context("spawn"), min(2, len(paths))
    with spawn.Pool(workers, maxtasksperchild=1) as pool:
        for path, part in zip(paths, pool.imap(examine, paths)):
            results += part
            seen = sum(bool(result.examples) for result in part)
            print(f"{path.name}: {seen} of {len(part)} checks seen to fail", flush=True)
    files.write(folder / "mutants_of_the_checks.md", page(results, claims))
    silent = claims.keys() - {result.check.tag for result in results if result.examples}
    for tag in sorted(silent):
        print(f"({tag}): no edit makes a check fail")
    return bool(silent)


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[2] / "notebooks"
    folder = Path(sys.argv[1]).resolve() if sys.argv[1:] else here
    if not list(folder.glob("[0-9]*.ipynb")):
        sys.exit(f"{folder} holds no notebooks: expected a folder like {here}")
    sys.exit(main(folder))
