"""What is never mutated: types, docstrings, logging, and what no test could tell apart."""

import ast
from collections.abc import Iterator

_LOGGERS = {"log", "logger", "logging", "LOG", "LOGGER", "_log", "_logger", "structlog"}
_LOG_WORDS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "bind"}
_TYPE_MAKERS = {"TypeVar", "ParamSpec", "NewType", "TypeVarTuple", "NamedTuple", "overload", "cast", "assert_never"}
_NAMES_OF_TYPING = {"__all__", "__slots__", "__match_args__"}


def _last_name(node: ast.expr) -> str:
    """Return ``c`` of ``a.b.c`` and of ``c``; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_logging(node: ast.AST) -> bool:
    """Say whether the node is a call that only writes a log, or the statement that makes it."""
    node = node.value if isinstance(node, ast.Expr) else node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr in _LOG_WORDS and _last_name(node.func.value) in _LOGGERS


def is_docstring(node: ast.AST) -> bool:
    """Say whether the node is a text, or three dots, that stands as a statement."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_checkers(node: ast.AST) -> bool:
    """Say whether the node is ``if TYPE_CHECKING:`` or ``if __name__ == "__main__":``."""
    if not isinstance(node, ast.If):
        return False
    test = node.test.left if isinstance(node.test, ast.Compare) else node.test
    return _last_name(test) in {"TYPE_CHECKING", "__name__"}


def _is_typing(node: ast.AST) -> bool:
    """Say whether the node only makes a type or a list of public names."""
    if isinstance(node, ast.Call):
        return _last_name(node.func) in _TYPE_MAKERS
    if isinstance(node, ast.Assign):
        is_literal = isinstance(node.value, ast.Subscript) and _last_name(node.value.value) == "Literal"
        return is_literal or any(_last_name(target) in _NAMES_OF_TYPING for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return _last_name(node.annotation) == "TypeAlias"
    return False


def _is_overload(node: ast.AST) -> bool:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, functions) and any(_last_name(one) == "overload" for one in node.decorator_list)


def is_passed_over(node: ast.AST) -> bool:
    """Say whether neither the node nor anything in it is mutated."""
    tests = (is_logging, is_docstring, _is_for_checkers, _is_typing, _is_overload)
    # Python 3.11 does not say where the expressions in an f-string stand.
    return isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr) or any(test(node) for test in tests)


def _unwanted(node: ast.AST) -> set[ast.AST]:
    """Return the children that are annotations, or a decorator that makes a class (all its keywords are shape)."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        return {node.annotation}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        return {node.returns}
    return set(node.decorator_list) if isinstance(node, ast.ClassDef) else set()


def mutable_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Give the node and all below it that may be mutated, in the order of the text as far as the tree has it."""
    if is_passed_over(node):
        return
    yield node
    unwanted = _unwanted(node)
    for child in ast.iter_child_nodes(node):
        if child not in unwanted:
            yield from mutable_nodes(child)
