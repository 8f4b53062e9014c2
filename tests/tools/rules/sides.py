"""Rule for the two sides of a check: they are not one expression.

What a side is computed from is found by reading the code: the latest definitions of
the names in it, of the names in those, and so on, within the notebook.
"""

import ast
import copy
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from rules.reading import cells, trees

SIDES = {"verify": ([1], [2]), "four_witnesses": ([2], [3, 4])}  # which arguments
INSIDE = ("body", "handlers", "orelse", "finalbody")  # where statements have others


@dataclass(frozen=True)
class Unit:
    """A statement, without the statements inside it unless it defines a function."""

    node: ast.stmt
    cell: str  # "cell 3"
    path: tuple[ast.stmt, ...]  # the statements around it
    reads: set[str]
    binds: set[str]
    changes: set[str]  # what it changes in place

    @property
    def root(self) -> ast.stmt:
        """The statement of the cell that it belongs to."""
        return (*self.path, self.node)[0]


@dataclass(frozen=True)
class Check:
    """A call that compares two sides, and where it stands: in units[position]."""

    tag: str
    position: int
    call: ast.Call

    @property
    def sides(self) -> list[ast.Tuple]:
        """Left and right, each a tuple of its arguments."""
        groups = SIDES[self.call.func.id]
        return [ast.Tuple([self.call.args[i] for i in group]) for group in groups]


def units(nb) -> list[Unit]:
    """Return all statements of a notebook in the order in which they are written."""
    pairs = zip(cells(nb, "code"), trees(nb))
    return [unit for (cell, _), tree in pairs for unit in _flat(tree.body, cell, ())]


def _flat(body: list, cell: str, path: tuple) -> Iterator[Unit]:
    for node in body:
        yield Unit(node, cell, path, *_names(head(node)))
        if head(node) is not node:
            for part in (part for field in INSIDE for part in getattr(node, field, [])):
                handler = isinstance(part, ast.ExceptHandler)
                inside = part.body if handler else [part]
                yield from _flat(inside, cell, (*path, node))


def head(node: ast.stmt) -> ast.stmt:
    """Return a loop, a condition, … without the statements inside it."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef) or not hasattr(node, "body"):
        return node
    bare = copy.copy(node)
    bare.body, bare.handlers, bare.orelse, bare.finalbody = [ast.Pass()], [], [], []
    return ast.Pass() if isinstance(node, ast.Try) else bare


def _names(node: ast.stmt) -> tuple[set[str], set[str], set[str]]:
    """Return the global names that a statement reads, binds and changes in place."""
    source = ast.unparse(ast.fix_missing_locations(node))
    tables = [symtable.symtable(source, "cell", "exec")]
    top = tables[0].get_symbols()
    for table in tables:  # grows on the way
        tables += table.get_children()
    inner = [s for table in tables[1:] for s in table.get_symbols() if s.is_global()]
    reads = {s.get_name() for s in [*top, *inner] if s.is_referenced()}
    binds = {s.get_name() for s in top if s.is_assigned() or s.is_imported()}
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    if isinstance(node, ast.AugAssign):
        reads.add(_base(node.target))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]  # found.append(…)
    return reads, binds, {_base(t) for t in targets if not isinstance(t, ast.Name)}


def _base(target) -> str:
    """Return x for x[i], x.y and x.y[i]."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return getattr(target, "id", "")


def checks(parts: list[Unit]) -> Iterator[Check]:
    """Yield the checks.

    Left out are those in a `try`, which are meant to fail, and those with a tag from
    elsewhere: there the caller is the check.
    """
    for position, unit in enumerate(parts):
        if any(isinstance(node, ast.Try) for node in unit.path):
            continue
        for call in ast.walk(head(unit.node)):
            name = getattr(getattr(call, "func", None), "id", "")
            if name in SIDES and len(call.args) > SIDES[name][-1][-1]:
                if isinstance(call.args[0], ast.Constant):
                    yield Check(call.args[0].value, position, call)


def definitions(parts: list[Unit], name: str, position: int) -> Iterator[int]:
    """Yield what gave a name the value that it has at a position, the latest first."""
    path = parts[position].path
    for i in reversed(range(position)):
        around = parts[i].path
        if name in parts[i].binds | parts[i].changes:
            yield i
        if name in parts[i].binds and around == path[: len(around)]:
            return


def closure(parts: list[Unit], names: set[str], position: int) -> dict[int, int]:
    """Return the units that names have their values from, with distances from 1."""
    distances, seen = {}, set()
    todo = [(name, position, 1) for name in sorted(names)]
    for name, at, distance in todo:  # grows on the way
        if (name, at) in seen:
            continue
        seen.add((name, at))
        for i in definitions(parts, name, at):
            distances.setdefault(i, distance)
            called = isinstance(parts[i].node, ast.FunctionDef)  # reads when called
            where = at if called else i
            todo += [(n, where, distance + 1) for n in sorted(parts[i].reads)]
    return distances


def sources(parts: list[Unit], check: Check) -> list[dict[int, int]]:
    """Return, for every side of a check, the units that it is computed from."""
    names = [_names(ast.Expr(side))[0] for side in check.sides]
    return [closure(parts, read, check.position) for read in names]


class _Inline(ast.NodeTransformer):
    """Put what a name stands for in its place; number the expression's own names."""

    def __init__(self, parts: list[Unit], position: int, own: tuple[str, ...]):
        self.parts, self.position, self.own = parts, position, own

    def visit_arg(self, node):
        return ast.arg(f"_{self.own.index(node.arg)}")

    def visit_Name(self, node):
        if node.id in self.own:
            return ast.Name(f"_{self.own.index(node.id)}")
        found = list(definitions(self.parts, node.id, self.position))
        match [self.parts[i].node for i in found]:
            case [ast.FunctionDef(body=[*_, ast.Return(ast.expr() as value)]) as unit]:
                if len(unit.body) == 1 + (ast.get_docstring(unit) is not None):
                    function = ast.Lambda(unit.args, value)
                    return _inlined(self.parts, function, self.position, node.id)
            case [ast.Assign([ast.Name()], value)]:
                return _inlined(self.parts, value, found[0])
            case [ast.Assign([ast.Tuple(names)], ast.Tuple(values))]:
                for name, value in zip(names, values):
                    if getattr(name, "id", "") == node.id:
                        return _inlined(self.parts, value, found[0])
        return node


def _inlined(parts: list[Unit], side: ast.expr, position: int, *own: str) -> ast.expr:
    for node in ast.walk(side):
        if isinstance(node, ast.arg):
            own += (node.arg,)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own += (node.id,)
    return _Inline(parts, position, own).visit(copy.deepcopy(side))


def written_out(parts: list[Unit], check: Check) -> list[str]:
    """Return the two sides of a check, all names inlined that stand for expressions."""
    sides = (_inlined(parts, side, check.position) for side in check.sides)
    return [ast.unparse(side) for side in sides]


def problems_sides(nb) -> list[str]:
    """Complain about checks that compare an expression with itself."""
    problems, parts = [], units(nb)
    for check in checks(parts):
        left, right = written_out(parts, check)
        if left == right:
            cell, what = (
                parts[check.position].cell,
                "compares an expression with itself",
            )
            problems.append(f"{cell}: ({check.tag}) {what}")
    return problems
