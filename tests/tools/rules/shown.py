"""Shown once, then imported: a notebook's definition is the one in the package."""

import ast
import difflib

from rules.reading import trees


class _Bare(ast.NodeTransformer):
    """Take out docstrings and annotations, and validation lines if so asked."""

    def __init__(self, *, validated: bool):
        self.validated = validated

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.body, node.returns = _undocumented(node.body), None
        if not self.validated and node.body and _validates(node.body[0]):
            node.body = node.body[1:]
        return node

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        node.body = _undocumented(node.body)
        return node

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_AnnAssign(self, node):
        self.generic_visit(node)
        node.annotation = ast.Name("_")
        return node


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    first = getattr(body[0], "value", None) if body else None
    documented = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return body[1:] if documented else body


def _validates(line: ast.stmt) -> bool:
    if not isinstance(line, ast.Assign | ast.Expr):
        return False
    values = line.value.elts if isinstance(line.value, ast.Tuple) else [line.value]
    return all(
        isinstance(v, ast.Call) and ast.unparse(v.func).startswith("checks.")
        for v in values
    )


def top_level(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return the functions and classes that a module or a cell defines."""
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


def _bare(node: ast.stmt, methods: set[str], *, validated: bool) -> str:
    copy = ast.parse(ast.unparse(node)).body[0]
    if isinstance(copy, ast.ClassDef):
        copy.body = [
            part
            for part in copy.body
            if not isinstance(part, ast.FunctionDef) or part.name in methods
        ]
    return ast.unparse(_Bare(validated=validated).visit(copy))


def difference(shown: ast.stmt, packaged: ast.stmt) -> str:
    """Return how the shown definition differs from the packaged one, "" if it does not.

    Docstrings, annotations, one leading line of `checks.…` calls in the package, and
    methods that only the package has make no difference.
    """
    parts = getattr(shown, "body", [])
    methods = {getattr(part, "name", "") for part in parts} - {"__post_init__"}
    left = _bare(shown, methods, validated=True)
    rights = [_bare(packaged, methods, validated=v) for v in (True, False)]
    if left in rights:
        return ""
    lines = difflib.unified_diff(
        left.splitlines(), rights[1].splitlines(), "shown", "packaged", lineterm=""
    )
    return "\n".join(lines)


def problems_shown(name: str, nb, packaged: dict, places: dict) -> list[str]:
    """Complain about definitions that the package has too, and has otherwise.

    Args:
        name: the notebook's file name.
        nb: the notebook.
        packaged: the package's public functions and classes, by name.
        places: the number of the notebook that shows a name, "04", by name.
    """
    problems = []
    for tree in trees(nb):
        for defined, shown in top_level(tree).items():
            if defined not in packaged:
                continue
            place = places.get(defined, name[:2])
            if place != name[:2]:
                problems.append(f"{defined} is shown in {place}: import it")
            if changed := difference(shown, packaged[defined]):
                problems.append(f"{defined} is not the one in pgutils:\n{changed}")
    return problems
