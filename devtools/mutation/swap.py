"""Give functions that were loaded already the code that a mutated text compiles to."""

import functools
import gc
import hashlib
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

_Cache = type(functools.lru_cache(lambda: None))  # The class has no public name.


class NeedsFreshImport(Exception):
    """The change is in what runs at import; swapping the code of functions does not apply it."""


def compiled(data: bytes, path: str) -> CodeType:
    """Compile a module's text as an import does."""
    return compile(data, path, "exec", dont_inherit=True)


def _own(code: CodeType) -> tuple[object, ...]:
    """Return what decides how the code runs, without the code of functions in it and without line numbers."""
    plain = tuple((type(one).__name__, repr(one)) for one in code.co_consts if not isinstance(one, CodeType))
    return (
        code.co_code, plain, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags,
        code.co_argcount, code.co_kwonlyargcount, code.co_exceptiontable,
    )  # fmt: skip


def _inner(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _whole(code: CodeType) -> tuple[object, ...]:
    return (code.co_name, _own(code), tuple(_whole(one) for one in _inner(code)))


def fingerprint(data: bytes) -> bytes:
    """Return what is equal for two texts that compile to the same code, wherever its lines stand."""
    return hashlib.sha256(repr(_whole(compiled(data, "<mutant>"))).encode()).digest()


def _is_class_body(code: CodeType) -> bool:
    return "__qualname__" in code.co_names and "__module__" in code.co_names


def changed(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Give the pairs of functions' code that differ; ``before`` and ``after`` are of modules or class bodies.

    Raises ``NeedsFreshImport`` where the module or a class body itself differs.
    """
    inner = _inner(before), _inner(after)
    if _own(before) != _own(after) or len(inner[0]) != len(inner[1]):
        raise NeedsFreshImport
    for old, new in zip(*inner, strict=True):
        if _is_class_body(old):
            yield from changed(old, new)
        elif _whole(old) != _whole(new):
            yield old, new
            yield from _changed_within(old, new)


def _changed_within(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Give the functions within a function that differ: closures made before the swap hold their own code."""
    for old, new in zip(_inner(before), _inner(after), strict=False):
        if old.co_name == new.co_name and _whole(old) != _whole(new):
            yield old, new
            yield from _changed_within(old, new)


def _place(code: CodeType) -> tuple[str, int, bytes]:
    return code.co_qualname, code.co_firstlineno, code.co_code


class LoadedModule:
    """The functions of this process by the file that they were loaded from."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Look for the functions of the files among all living objects."""
        self._functions: dict[str, list[FunctionType]] = {path: [] for path in paths}
        self._caches: list[Any] = []
        for one in gc.get_objects():
            if type(one) is FunctionType and one.__code__.co_filename in self._functions:
                self._functions[one.__code__.co_filename].append(one)
            elif issubclass(type(one), _Cache):  # Not isinstance: a lazy object would be evaluated by the question.
                self._caches.append(one)

    def swap(self, path: str, before: bytes, after: bytes) -> None:
        """Give the loaded functions of a file the code of another text, and forget what was cached by the old code.

        Raises ``NeedsFreshImport`` where that is not the same as importing the other text.
        """
        pairs = list(changed(compiled(before, path), compiled(after, path)))
        if not pairs or not self._functions.get(path):
            raise NeedsFreshImport
        codes = {_place(old): new for old, new in pairs}
        for function in self._functions[path]:
            if (new := codes.get(_place(function.__code__))) is not None:
                _give(function, new)
        for cache in self._caches:
            cache.cache_clear()


def _give(function: FunctionType, code: CodeType) -> None:
    try:
        function.__code__ = code
    except ValueError as error:
        raise NeedsFreshImport from error  # It closes over other variables than before.
