"""Which tests judge which code: the table is whole."""

from pathlib import Path

from devtools.mutation.tables import read_mapping

ROOT = Path(__file__).parents[3]
MARK = "pytestmark = pytest.mark.core\n"
#: What a test of the core plays its events with.
PLAYED = ("from tests.calls.switchboard import", "from tests.relatives.case import")


def test_every_file_that_plays_calls_to_the_core_judges_changes_of_it() -> None:
    files = sorted((ROOT / "tests/calls").glob("test_*.py"))
    texts = {str(one.relative_to(ROOT)): one.read_text(encoding="utf-8") for one in files}
    playing = [name for name, text in texts.items() if MARK in text and any(one in text for one in PLAYED)]
    named = read_mapping(ROOT / "devtools/mutation/tests.toml").arguments("calls/core/legs.py")

    assert playing
    assert [name for name in playing if name not in named] == []


def test_every_file_that_is_named_is_there() -> None:
    words = [
        word for _, words in read_mapping(ROOT / "devtools/mutation/tests.toml").prefixes for word in words.split()
    ]

    assert [one for one in words if one.startswith("tests/") and not (ROOT / one).exists()] == []
