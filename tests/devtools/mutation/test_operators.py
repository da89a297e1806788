"""Which mutants a text has, and what they look like."""

from pathlib import Path

import pytest

from devtools.mutation.choice import Novelty, in_chosen_order, mutants, sources
from devtools.mutation.mutants import Kind
from devtools.mutation.source import Source


def changes(text: str, kind: Kind) -> set[str]:
    """Return the changed lines of all mutants of a kind."""
    source = Source("one.py", text.encode())
    return {one.after(source.data) for one in mutants(source) if one.kind is kind}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Kind.COMPARISON, "x = a < b == c", {"x = a >= b == c", "x = a < b != c"}),
        (Kind.COMPARISON, "x = a not  in b", {"x = a in b"}),
        (Kind.COMPARISON, "x = (a) is (b)", {"x = (a) is not (b)"}),
        (Kind.BOUNDARY, "x = a < b == c", {"x = a <= b == c"}),
        (Kind.DROPPED_TERM, "x = a and (b or c)", {"x = (b or c)", "x = a", "x = a and (c)", "x = a and (b)"}),
        (Kind.DROPPED_TERM, "x = (a) and b", {"x = b", "x = (a)"}),
        (Kind.AND_OR, "x = a and b and c", {"x = a or b and c", "x = a and b or c"}),
        (Kind.NEGATED, "if a and b: c()", {"if not (a and b): c()"}),
        (Kind.NEGATED, "x = [a for a in b if a]", {"x = [a for a in b if not (a)]"}),
        (Kind.REMOVED_NOT, "if not a: b()", {"if a: b()"}),
        (Kind.REMOVED_STATEMENT, "def f():\n    g()\n", {"pass"}),
        (Kind.DROPPED_KEYWORD, "f(a, b=1, c=2)", {"f(a, c=2)", "f(a, b=1)"}),
        (Kind.DROPPED_KEYWORD, "f(b=1,)", {"f()"}),
        (Kind.CONSTANT, "x = True", {"x = False"}),
        (Kind.CONSTANT, "x = 0.25", {"x = 1.25"}),
        (Kind.CONSTANT, "x = a['one']", {"x = a['one~']"}),
        (Kind.ARITHMETIC, "x = a + b - c", {"x = a - b - c", "x = a + b + c"}),
        (Kind.ARITHMETIC, "x += 1", {"x -= 1"}),
        (Kind.SWAPPED_ARMS, "x = (a) if b else c", {"x = c if b else (a)"}),
        (Kind.RETURNED_NONE, "def f():\n    return(a)\n", {"return None"}),
        (Kind.RETURNED_NONE, "def f():\n    return 0\n", {"return None"}),
        (Kind.RETURNED_NONE, "def f():\n    return False\n", set()),
        (Kind.RETURNED_NONE, "def f():\n    return None\n", set()),
    ],
)
def test_a_text_has_these_mutants(kind: Kind, text: str, expected: set[str]) -> None:
    assert expected == changes(text, kind)


@pytest.mark.parametrize(
    "text",
    [
        '"""A docstring."""',
        "def f(a: 'x' = ...) -> 'y': ...",
        "log.info('one', extra={'a': 1})",
        "if TYPE_CHECKING:\n    x = 1",
        "T = TypeVar('T', bound=1)",
        "Part = Literal['base', 'wrapup']",
        "__all__ = ['a' if b else 'c']",
        "@dataclass(frozen=True)\nclass A:\n    '''One.'''\n",
        "x = f'{a + 1}'",
    ],
)
def test_what_nobody_could_test_is_left_alone(text: str) -> None:
    source = Source("one.py", text.encode())

    assert list(mutants(source)) == []


def test_text_before_the_change_may_hold_any_letters() -> None:
    """Python counts columns in bytes here and in letters there."""
    assert {"x = 'ä'; y = c != d"} == changes("x = 'ä'; y = c == d", Kind.COMPARISON)


def test_a_mutant_of_several_lines_is_shown_as_a_small_diff() -> None:
    source = Source("one.py", b"def f():\n    g(\n        1,\n    )\n")
    [removed] = [one for one in mutants(source) if one.kind is Kind.REMOVED_STATEMENT]

    assert removed.diff(source.data).splitlines() == [
        "one.py:2 [removed statement] in f", "-     g(", "-         1,", "-     )", "+     pass",
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_sample(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = [a == 1, a == 2, a == 3, a == 4]")
    found = sources(tmp_path, tmp_path)

    assert in_chosen_order(found, 3, seed=7) == in_chosen_order(found, 3, seed=7)
    assert in_chosen_order(found, 3, seed=7) != in_chosen_order(found, 3, seed=8)


def test_a_mutant_that_compiles_to_what_was_seen_is_no_mutant() -> None:
    """``not a or b`` without its ``not`` and with its first term dropped and so on: many ways lead to one code."""
    source = Source("one.py", b"if not a: b()")
    found = list(mutants(source))
    novelty = Novelty([source])

    assert [novelty.is_new(one) for one in found] == [True]
    assert not novelty.is_new(found[0])
