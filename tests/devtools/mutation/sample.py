"""A tiny project on which the command is tried."""

from dataclasses import dataclass
from pathlib import Path

SHOP = '''"""Prices."""

import functools
import logging

log = logging.getLogger(__name__)
LIMIT = 10


def is_large(amount: int) -> bool:
    """Say whether an order is large."""
    log.info("asked", extra={"amount": amount})
    return amount >= LIMIT


def price(amount: int, is_friend: bool = False) -> int:
    """Return the price; friends pay less."""
    return amount * 2 - 1 if is_friend and amount > 3 else amount * 2


def countdown(number: int) -> int:
    """Count down to zero."""
    while number > 0:
        number -= 1
    return number


@functools.lru_cache
def table() -> dict[str, int]:
    """Return a table that is made once."""
    return {"one": 1}


def greeting(name: str) -> str:
    """Greet; nobody tests it."""
    return name + name
'''

TESTS = '''"""Tests of the prices."""

from shop.prices import countdown, is_large, price, table


def test_ten_is_large():
    assert is_large(10)
    assert not is_large(9)


def test_friends_pay_less():
    assert price(5, is_friend=True) == 9
    assert price(5) == 10


def test_the_countdown_ends():
    assert countdown(3) == 0


def test_the_table_is_known():
    assert table()["one"] == 1
'''

MAPPING = """
[[tests]]
path = "shop"
run = "tests/test_prices.py"
"""


@dataclass(frozen=True)
class Project:
    """The folder of a project, with tables of its own."""

    root: Path

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def content(self) -> dict[str, bytes]:
        """Return every file of the project, caches included."""
        return {str(one.relative_to(self.root)): one.read_bytes() for one in self.root.rglob("*") if one.is_file()}


def make(root: Path) -> Project:
    """Write the project into a folder."""
    project = Project(root)
    project.write("shop/__init__.py", "")
    project.write("shop/prices.py", SHOP)
    project.write("tests/test_prices.py", TESTS)
    project.write("pytest.ini", "[pytest]\n")
    project.write("tests.toml", MAPPING)
    project.write("equivalents.toml", "")
    return project
