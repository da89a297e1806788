"""Which tests judge which code: the table names no file that is gone."""

from pathlib import Path

from devtools.mutation.tables import read_mapping

ROOT = Path(__file__).parents[3]


def test_every_file_that_is_named_is_there() -> None:
    prefixes = read_mapping(ROOT / "devtools/mutation/tests.toml").prefixes
    words = [word for _, run in prefixes for word in run.split()]

    assert [one for one in words if one.startswith("tests/") and not (ROOT / one).exists()] == []
