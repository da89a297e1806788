"""Functions that were loaded take the code of another text."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from devtools.mutation.swap import LoadedModule, NeedsFreshImport, fingerprint

TEXT = """
import functools

LIMIT = 3

class Shop:
    size = 1
    def is_open(self):
        return self.size == 1

def adder(number):
    def add(other):
        return number + other
    return add

add_two = adder(2)

@functools.lru_cache
def table():
    return 1

def spread(flag):
    return [one + 1 for one in (1, 2) if flag]
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    """Load the text as a module."""
    path = tmp_path / "loaded_for_swap.py"
    path.write_text(TEXT)
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def swap(module: ModuleType, before: str, after: str) -> None:
    """Change the text in one place, in the loaded module only."""
    path = str(module.__file__)
    LoadedModule([path]).swap(path, TEXT.encode(), TEXT.replace(before, after).encode())


class _Lazy:
    """An object that cannot be evaluated now, as a lazy one of a request that has ended."""

    def __init__(self) -> None:
        self.kept: list[object] = []  # A container, so that the garbage collector lists the object.

    @property
    def __class__(self) -> type:  # What isinstance asks for.
        raise RuntimeError("evaluated")

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise RuntimeError("evaluated")


def test_lazy_objects_that_live_in_the_process_are_not_evaluated(module: ModuleType) -> None:
    lazy = _Lazy()
    swap(module, "return 1", "return 2")
    assert lazy.kept == []


def test_a_method_is_changed_for_objects_that_live_already(module: ModuleType) -> None:
    shop = module.Shop()
    swap(module, "self.size == 1", "self.size != 1")

    assert not shop.is_open()


def test_a_closure_that_was_made_before_is_changed(module: ModuleType) -> None:
    swap(module, "number + other", "number - other")

    assert module.add_two(5) == -3
    assert module.adder(1)(5) == -4


def test_what_was_cached_by_the_old_code_is_forgotten(module: ModuleType) -> None:
    assert module.table() == 1
    swap(module, "return 1", "return 2")

    assert module.table() == 2


def test_code_within_a_function_is_changed_with_it(module: ModuleType) -> None:
    swap(module, "one + 1", "one + 2")

    assert module.spread(True) == [3, 4]


@pytest.mark.parametrize(("before", "after"), [("LIMIT = 3", "LIMIT = 4"), ("size = 1", "size = 2")])
def test_what_runs_at_import_needs_another_import(module: ModuleType, before: str, after: str) -> None:
    with pytest.raises(NeedsFreshImport):
        swap(module, before, after)


def test_lines_and_blanks_make_no_difference() -> None:
    assert fingerprint(b"x = 1\n") == fingerprint(b"\n\nx  =  1\n")
    assert fingerprint(b"x = 1\n") != fingerprint(b"x = True\n"), "equal values of two types"
