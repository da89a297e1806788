"""The ways to change one node; each gives replacements of a stretch of the text."""

import ast
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from devtools.mutation.mutants import Kind
from devtools.mutation.source import Source, Span, Token


class Edit(NamedTuple):
    """A replacement of a stretch of bytes."""

    kind: Kind
    span: Span
    text: str


Edits = Iterator[Edit]

_FLIPPED = {
    "==": "!=", "!=": "==", "<": ">=", ">": "<=", "<=": ">", ">=": "<",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is",
}  # fmt: skip
_EDGES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_SIGNS = {"+": "-", "-": "+", "+=": "-=", "-=": "+="}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_REMOVABLE = (
    ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Delete, ast.Continue, ast.Break, ast.Assert,
)  # fmt: skip


def is_in_function(source: Source, node: ast.AST) -> bool:
    """Say whether the node is executed when a function runs, not when the module is imported."""
    while (parent := source.parents.get(node)) is not None:
        if isinstance(parent, _FUNCTIONS):
            inside = parent.body if isinstance(parent.body, list) else [parent.body]
            return node in inside
        if isinstance(parent, ast.ClassDef):
            return False
        node = parent
    return False


def _operator_tokens(source: Source, left: ast.expr, right: ast.expr) -> list[Token]:
    """Return what stands between two operands, without brackets."""
    within = source.between(source.span(left).end, source.span(right).start)
    return [token for token in within if token.text not in "()"]


def _is_whole_test(source: Source, node: ast.expr) -> bool:
    """Say whether the expression is the condition of ``a if condition else b``, whose arms are swapped instead."""
    parent = source.parents.get(node)
    return isinstance(parent, ast.IfExp) and parent.test is node


def compare(source: Source, node: ast.AST) -> Edits:
    """Flip each comparison, and move its boundary by one."""
    if not isinstance(node, ast.Compare):
        return
    operands = [node.left, *node.comparators]
    for left, right in pairwise(operands):
        tokens = _operator_tokens(source, left, right)
        words, span = " ".join(token.text for token in tokens), Span(tokens[0].start, tokens[-1].end)
        if not _is_whole_test(source, node):
            yield Edit(Kind.COMPARISON, span, _FLIPPED[words])
        if words in _EDGES:
            yield Edit(Kind.BOUNDARY, span, _EDGES[words])


def terms(source: Source, node: ast.AST) -> Edits:
    """Drop each term of an ``and`` or ``or``, and exchange the two words."""
    if not isinstance(node, ast.BoolOp):
        return
    whole = source.span(node)
    spans = [source.bracketed(value, whole) for value in node.values]
    yield Edit(Kind.DROPPED_TERM, Span(spans[0].start, spans[1].start), "")
    for before, span in pairwise(spans):
        yield Edit(Kind.DROPPED_TERM, Span(before.end, span.end), "")
    for left, right in pairwise(node.values):
        word = _operator_tokens(source, left, right)[0]
        yield Edit(Kind.AND_OR, Span(word.start, word.end), "or" if word.text == "and" else "and")


def condition(source: Source, node: ast.AST) -> Edits:
    """Negate a condition, unless flipping its comparison or removing its ``not`` says the same."""
    tests: list[ast.expr] = []
    if isinstance(node, ast.If | ast.While):
        tests = [node.test]
    elif isinstance(node, ast.comprehension):
        tests = node.ifs
    elif isinstance(node, ast.match_case) and node.guard is not None:
        tests = [node.guard]
    for test in tests:
        is_single = isinstance(test, ast.Compare) and len(test.ops) == 1
        if not (is_single or isinstance(test, ast.UnaryOp | ast.Constant)):
            span = source.span(test)
            yield Edit(Kind.NEGATED, span, f"not ({source.text(span)})")


def negation(source: Source, node: ast.AST) -> Edits:
    """Remove a ``not``, unless it decides between two arms, which are swapped instead."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and not _is_whole_test(source, node):
        span = source.span(node)
        operand = source.bracketed(node.operand, span)
        yield Edit(Kind.REMOVED_NOT, Span(span.start, operand.start), "")


def statement(source: Source, node: ast.AST) -> Edits:
    """Put ``pass`` in the place of a statement of a function."""
    if not isinstance(node, _REMOVABLE) or not is_in_function(source, node):
        return
    has_value = not isinstance(node, ast.AnnAssign) or node.value is not None
    has_effect = not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom))
    if has_value and has_effect:
        yield Edit(Kind.REMOVED_STATEMENT, source.span(node), "pass")


def keywords(source: Source, node: ast.AST) -> Edits:
    """Drop each keyword argument of a call."""
    for one in node.keywords if isinstance(node, ast.Call) else []:
        span = source.span(one)
        before, after = source.before(span.start), source.after(span.end)
        if after is not None and after.text == ",":
            rest = source.after(after.end)
            assert rest is not None
            yield Edit(Kind.DROPPED_KEYWORD, Span(span.start, rest.start), "")
        elif before is not None and before.text == ",":
            yield Edit(Kind.DROPPED_KEYWORD, Span(before.start, span.end), "")
        else:
            yield Edit(Kind.DROPPED_KEYWORD, span, "")


def _is_compared(source: Source, node: ast.Constant) -> bool:
    """Say whether a text decides something: it is compared, looked up, matched, or a key.

    Other texts are words for people, and a change of them is of no interest.
    """
    parent = source.parents.get(node)
    if isinstance(parent, ast.Tuple | ast.Set | ast.List):
        parent = source.parents.get(parent)
    if isinstance(parent, ast.Dict):
        return node in parent.keys
    return isinstance(parent, ast.Compare | ast.Subscript | ast.MatchValue)


def _other_constant(source: Source, node: ast.Constant) -> str | None:
    if isinstance(node.value, bool):
        return str(not node.value)
    if isinstance(node.value, int | float):
        return repr(node.value + 1)
    if isinstance(node.value, str) and _is_compared(source, node):
        return repr(f"{node.value}~")
    return None


def constant(source: Source, node: ast.AST) -> Edits:
    """Change a truth value, a number, or a text that decides something."""
    if isinstance(node, ast.Constant) and (other := _other_constant(source, node)) is not None:
        yield Edit(Kind.CONSTANT, source.span(node), other)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def arithmetic(source: Source, node: ast.AST) -> Edits:
    """Exchange plus and minus between what are no texts, and drop a sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        span = source.span(node)
        yield Edit(Kind.ARITHMETIC, Span(span.start, span.start + 1), "")
    if isinstance(node, ast.BinOp) and not _is_text(node):
        operands = (node.left, node.right)
    elif isinstance(node, ast.AugAssign) and not _is_text(node.value):
        operands = (node.target, node.value)
    else:
        return
    token = _operator_tokens(source, *operands)[0]
    if token.text in _SIGNS:
        yield Edit(Kind.ARITHMETIC, Span(token.start, token.end), _SIGNS[token.text])


def arms(source: Source, node: ast.AST) -> Edits:
    """Exchange the two arms of ``a if condition else b``."""
    if isinstance(node, ast.IfExp):
        whole = source.span(node)
        body, test, other = (source.bracketed(one, whole) for one in (node.body, node.test, node.orelse))
        middle = source.text(Span(body.end, test.start)), source.text(test), source.text(Span(test.end, other.start))
        yield Edit(Kind.SWAPPED_ARMS, whole, "".join((source.text(other), *middle, source.text(body))))


def returned(source: Source, node: ast.AST) -> Edits:
    """Return None in the place of a value; not of False, which is as false to its caller and becomes True elsewhere."""
    if isinstance(node, ast.Return) and node.value is not None:
        is_false = isinstance(node.value, ast.Constant) and (node.value.value is None or node.value.value is False)
        if not is_false:
            yield Edit(Kind.RETURNED_NONE, source.bracketed(node.value, source.span(node)), "None")


OPERATORS: tuple[Callable[[Source, ast.AST], Edits], ...] = (
    compare, terms, condition, negation, statement, keywords, constant, arithmetic, arms, returned,
)  # fmt: skip
