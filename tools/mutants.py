"""Make mutants of a module: copies of its syntax tree with one small mistake each.

What is mutated: comparisons, `and`/`or`, `not`, arithmetic, numbers, flags, short texts, returned values, statements
that can go, conditions, bounds of slices, and the pairs in `_CALLS`; default arguments like any other expression.

What is not: docstrings, annotations and decorators; blocks for the type checker; `__all__`; names given to `TypeVar`
and `Literal`; and the wording of messages, by which is meant every text with a blank in it, every text inside
`raise` or `assert`, and the fixed parts of f-strings. A test that pins those pins prose.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

__all__ = ["Mutant", "functions_of", "mutants_of"]

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_TEXTS: Final = {"left": "right", "right": "left"}
_TYPING: Final = frozenset({"TypeVar", "ParamSpec", "NewType", "cast", "Literal", "getLogger"})
_SIMPLE_NEGATION: Final = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
_LONGEST: Final = 160

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it stands and how it reads before and after.

    `occurrence` counts, from 1, the same change in the same function, so that a mutant keeps its name when lines
    above it come and go. `lines` are those whose tests can see it; none stands for the whole module.
    """

    module: str
    function: str
    operator: str
    before: str
    after: str
    line: int
    lines: frozenset[int]
    occurrence: int = 1
    _slot: _Slot = field(kw_only=True, repr=False, compare=False)
    _new: ast.AST = field(kw_only=True, repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What the mutant is known by, without its line."""
        return self.module, self.function, self.operator, self.change, self.occurrence

    @property
    def change(self) -> str:
        """The change in one line."""
        return f"{self.before} => {self.after}"

    def plant(self) -> None:
        """Change the tree that the mutant was made of, for good."""
        parent, name, index = self._slot
        if index is None:
            setattr(parent, name, self._new)
        else:
            getattr(parent, name)[index] = self._new


class _Slot(NamedTuple):
    """The place of a node in its parent."""

    parent: ast.AST
    name: str
    index: int | None


@dataclass(frozen=True)
class _Place:
    """What surrounds a node: its function, the lines of its statement, and whether it is part of a message."""

    function: str = ""
    lines: frozenset[int] = frozenset()
    rebound: frozenset[str] = frozenset()
    in_function: bool = False
    message: bool = False


def mutants_of(tree: ast.Module, *, module: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its text.

    >>> for one in mutants_of(ast.parse("def f(x):\\n    return x < 10"), module="m"):
    ...     print(one.function, one.operator, one.change)
    f return return x < 10 => return None
    f compare x < 10 => x <= 10
    f number 10 => 11
    f number 10 => 9
    """
    found: list[Mutant] = []
    seen: Counter[tuple[Any, ...]] = Counter()
    for slot, node, place in _walk(tree, _Place()):
        for operator, new in _changes(node, slot, place):
            ast.fix_missing_locations(ast.copy_location(new, node))
            one = Mutant(module, place.function or "<module>", operator, _text(node), _text(new), node.lineno,
                         place.lines, _slot=slot, _new=new)
            if one.before != one.after:
                seen[one.key] += 1
                found.append(replace(one, occurrence=seen[one.key]))
    return found


def functions_of(tree: ast.Module) -> list[str]:
    """Return the qualified names of all functions of a module that have a body to mutate."""
    return [name for name, function in _functions(tree, "") if not _is_stub(function)]


def _functions(node: ast.AST, around: str) -> Iterator[tuple[str, _Function]]:
    for child in ast.iter_child_nodes(node):
        name = around
        if isinstance(child, _Function | ast.ClassDef):
            name = f"{around}.{child.name}" if around else child.name
        if isinstance(child, _Function):
            yield name, child
        yield from _functions(child, name)


def _is_stub(function: _Function) -> bool:
    """Return whether a function has nothing but a docstring, `...` or `pass`."""
    return all(isinstance(one, ast.Pass) or _is_constant_line(one) for one in function.body)


def _is_constant_line(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _text(node: ast.AST) -> str:
    said = " ".join(ast.unparse(node).split())
    return said if len(said) <= _LONGEST else said[:_LONGEST] + " ..."


# --- going through the tree ------------------------------------------------------------------------------------


def _walk(node: ast.AST, place: _Place) -> Iterator[tuple[_Slot, Any, _Place]]:
    """Yield every node that may be mutated, with its slot and what surrounds it."""
    for name, index, child in _children(node):
        inner = _entered(node, name, child, place)
        if inner is None:
            continue
        yield _Slot(node, name, index), child, inner
        yield from _walk(child, inner)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, Any]]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            yield from ((name, index, one) for index, one in enumerate(value) if isinstance(one, ast.AST))
        elif isinstance(value, ast.AST):
            yield name, None, value


def _entered(node: ast.AST, name: str, child: Any, place: _Place) -> _Place | None:
    """Return what surrounds a child, or None where nothing in it is mutated."""
    if name in {"annotation", "returns", "decorator_list", "type_params", "format_spec", "ctx"} or _is_typing(child):
        return None
    if isinstance(child, _Function | ast.ClassDef):
        function = f"{place.function}.{child.name}" if place.function else child.name
        if isinstance(child, ast.ClassDef):
            return _Place(function=function)
        return _Place(function=function, lines=_body(child), in_function=True, rebound=_rebound(child))
    if isinstance(child, ast.stmt):
        lines = _header(child) if place.in_function else frozenset()
        return replace(place, lines=lines, message=isinstance(child, ast.Raise | ast.Assert))
    return replace(place, message=place.message or (
        isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)))


def _is_typing(child: Any) -> bool:
    if isinstance(child, ast.If):
        return "TYPE_CHECKING" in ast.unparse(child.test) or "__name__" in ast.unparse(child.test)
    if isinstance(child, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in child.targets)
    called = child.func if isinstance(child, ast.Call) else child.value if isinstance(child, ast.Subscript) else None
    return isinstance(called, ast.Name) and called.id in _TYPING


def _body(function: _Function) -> frozenset[int]:
    return frozenset(range(function.body[0].lineno, (function.end_lineno or function.lineno) + 1))


def _header(statement: ast.stmt) -> frozenset[int]:
    """Return the lines of a statement, without the block that it heads."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    last = getattr(body[0], "lineno", body[0].pattern.lineno if hasattr(body[0], "pattern") else 0) - 1 if body else 0
    return frozenset(range(statement.lineno, max(last, statement.lineno if body else statement.end_lineno or 0) + 1))


def _rebound(function: _Function) -> frozenset[str]:
    """Return the names that a function binds more than once: one such assignment may go and the function still run."""
    held = [one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)]
    held += [one.id for one in ast.walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    return frozenset(name for name, n in Counter(held).items() if n > 1)


# --- what is changed -------------------------------------------------------------------------------------------


def _changes(node: Any, slot: _Slot, place: _Place) -> Iterator[tuple[str, Any]]:
    """Yield (operator, new node) for every mistake that one node can hold."""
    if isinstance(node, ast.stmt):
        yield from _of_statement(node, place)
    elif isinstance(node, ast.Compare):
        yield from (("compare", _with(node, "ops", at, _COMPARED[type(op)]())) for at, op in enumerate(node.ops))
    elif isinstance(node, ast.BoolOp):
        yield "logic", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield ("not" if isinstance(node.op, ast.Not) else "arithmetic"), node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED and not _is_text(node):
        yield "arithmetic", ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node, slot, place)
    elif isinstance(node, ast.Name) and node.id in _CALLS and slot.name == "func":
        yield "call", ast.Name(_CALLS[node.id], ast.Load())
    elif isinstance(node, ast.Slice):
        yield from (("slice", ast.Slice(**{"lower": node.lower, "upper": node.upper, "step": node.step, name: None}))
                    for name in ("lower", "upper") if getattr(node, name) is not None)
    if slot.name in {"test", "ifs", "guard"} and isinstance(node, ast.expr) and not _negated_elsewhere(node):
        yield "condition", ast.UnaryOp(ast.Not(), node)


def _with(node: ast.Compare, name: str, at: int, new: ast.cmpop) -> ast.Compare:
    changed = copy.copy(node)
    setattr(changed, name, [new if place == at else old for place, old in enumerate(getattr(node, name))])
    return changed


def _is_text(node: ast.BinOp) -> bool:
    """Return whether a sum plainly joins texts, which can only be broken by an error."""
    return any(isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
               for side in (node.left, node.right))


def _negated_elsewhere(node: ast.expr) -> bool:
    """Return whether another operator makes the same mistake of a condition."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _SIMPLE_NEGATION)


def _of_statement(node: ast.stmt, place: _Place) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.AugAssign) and type(node.op) in _COMPUTED:
        yield "arithmetic", ast.AugAssign(node.target, _COMPUTED[type(node.op)](), node.value)
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "return", ast.Return(ast.Constant(None))
    if place.in_function and _may_go(node, place):
        yield "delete", ast.Pass()


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _may_go(node: ast.stmt, place: _Place) -> bool:
    """Return whether a statement can be left out without a name going missing."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        names = [one for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)
                 and isinstance(one.ctx, ast.Store)]
        return all(name.id in place.rebound for name in names)
    return isinstance(node, ast.AugAssign | ast.Raise | ast.Delete | ast.Continue | ast.Break)


def _of_constant(node: ast.Constant, slot: _Slot, place: _Place) -> Iterator[tuple[str, Any]]:
    value = node.value
    if isinstance(value, bool):
        yield "flag", ast.Constant(not value)
    elif isinstance(value, int):
        yield from (("number", ast.Constant(value + step)) for step in (1, -1))
    elif isinstance(value, float):
        yield "number", ast.Constant(value + 1.0)
    elif isinstance(value, str) and not place.message and " " not in value and not isinstance(slot.parent, ast.Expr):
        yield "text", ast.Constant(_TEXTS.get(value, value + "XX"))
