"""Single mutations of a function: one condition, comparison or call changed.

Problem: a test that never fails proves nothing, and reading it does not show that. Decision: change the program in one place
at a time and see whether any test fails. The changes are those that people make by mistake: a condition dropped, a comparison
turned or off by one, an operand or a call left out. Texts and module-level tables are not changed.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Step = tuple[str, int | None]
"""A field of a node, and the index if the field is a list."""

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_DROPPABLE = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.BitOr, ast.BitAnd)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SKIPPED = {"annotation", "returns", "decorator_list", "args", "type_params"}
"""Fields of functions and assignments that hold no behaviour."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One change of one function, as text and as a syntax tree."""

    module: Path
    function: str
    """Qualified name of the outermost function."""
    line: int
    before: str
    after: str
    path: tuple[Step, ...]
    replacement: ast.AST

    @property
    def rank(self) -> str:
        """Place in a sample, independent of all other code."""
        text = f"{self.module.name} {self.function} {self.before} {self.after}"
        return hashlib.sha256(text.encode()).hexdigest()

    def tree(self) -> ast.Module:
        """The module with this change."""
        tree = ast.parse(self.module.read_text())
        *parents, (field, index) = self.path
        node: ast.AST = tree
        for name, position in parents:
            value = getattr(node, name)
            node = value if position is None else value[position]
        old = getattr(node, field) if index is None else getattr(node, field)[index]
        new = ast.copy_location(copy.deepcopy(self.replacement), old)
        if index is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[index] = new
        return ast.fix_missing_locations(tree)


def mutations(module: Path) -> list[Mutation]:
    """All single changes of the functions of a module, in order."""
    changes: list[Mutation] = []
    for function, path, node in _functions(ast.parse(module.read_text())):
        changes += _of_function(module, function, path, node)
    return changes


def _functions(tree: ast.Module) -> Iterator[tuple[str, tuple[Step, ...], ast.AST]]:
    """Outermost functions and methods, with the way to them."""
    open_nodes: list[tuple[str, tuple[Step, ...], ast.AST]] = [("", (), tree)]
    while open_nodes:
        prefix, path, node = open_nodes.pop()
        for index, child in enumerate(getattr(node, "body", [])):
            name = f"{prefix}{getattr(child, 'name', '')}"
            if isinstance(child, _FUNCTIONS):
                yield name, (*path, ("body", index)), child
            elif isinstance(child, ast.ClassDef):
                open_nodes.append((f"{name}.", (*path, ("body", index)), child))


def _of_function(module: Path, function: str, path: tuple[Step, ...], node: ast.AST) -> Iterator[Mutation]:
    for place, statement, child in _nodes(path, node):
        for replacement in _replacements(child):
            yield Mutation(
                module=module,
                function=function,
                line=getattr(child, "lineno", getattr(statement, "lineno", 0)),
                before=ast.unparse(child),
                after=ast.unparse(replacement),
                path=place,
                replacement=replacement,
            )


def _nodes(path: tuple[Step, ...], node: ast.AST) -> Iterator[tuple[tuple[Step, ...], ast.AST, ast.AST]]:
    """Nodes below, each with its way from the module and its statement."""
    statement = node
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED or isinstance(node, ast.Raise | ast.JoinedStr):
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                step = (field, index if isinstance(value, list) else None)
                yield (*path, step), statement, child
                yield from _nodes((*path, step), child)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    yield from _conditions(node)
    yield from _values(node)
    yield from _effects(node)


def _conditions(node: ast.AST) -> Iterator[ast.AST]:
    """Turned, off by one, dropped or without a part."""
    match node:
        case ast.Compare(ops=[single]) if type(single) in _TURNED:
            yield ast.Compare(left=node.left, ops=[_TURNED[type(single)]()], comparators=node.comparators)
        case ast.BoolOp():
            for index in range(len(node.values)):
                rest = node.values[:index] + node.values[index + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.If():
            yield ast.If(test=ast.Constant(value=False), body=node.body, orelse=node.orelse)
        case ast.comprehension(ifs=[_, *_]):
            yield ast.comprehension(target=node.target, iter=node.iter, ifs=[], is_async=node.is_async)
        case _:
            return


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """Another number, truth value, operand or choice."""
    match node:
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.BinOp() if isinstance(node.op, _DROPPABLE):
            yield node.left
        case ast.Constant(value=bool() as value):
            yield ast.Constant(value=not value)
        case ast.Constant(value=int() as number):
            yield ast.Constant(value=number + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPPED:
            yield ast.Call(func=ast.Name(id=_SWAPPED[name], ctx=ast.Load()), args=node.args, keywords=node.keywords)
        case _:
            return


def _effects(node: ast.AST) -> Iterator[ast.AST]:
    """A call, an assignment or a changed field left out."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign():
            yield ast.Pass()
        case ast.Call(func=ast.Name(id="replace"), keywords=[_, _, *_]):
            for index in range(len(node.keywords)):
                yield ast.Call(func=node.func, args=node.args, keywords=node.keywords[:index] + node.keywords[index + 1 :])
        case _:
            return
