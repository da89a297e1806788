"""What could not be read is kept with its reason, bounded however much comes, and counted truly."""

from datetime import timedelta

import pytest
from django.db.models import Sum

from cti import quarantine
from cti.models import QuarantinedMessage
from cti.quarantine import OVERFLOW, RAW_BYTES, record_quarantine, record_quarantined
from cti.sources.port import Quarantined
from cti.ui.preview import readable
from tests.cti.examples import AT, source

pytestmark = pytest.mark.django_db


def broken(text: str) -> Quarantined:
    return Quarantined(text.encode(), "message", "not readable", "line 1")


def test_equal_messages_of_an_hour_are_one_row_with_a_count() -> None:
    pbx = source()
    for minutes in (0, 10, 20):
        record_quarantine(pbx.pk, broken("a"), AT + timedelta(minutes=minutes))
    record_quarantine(pbx.pk, broken("a"), AT + timedelta(minutes=40))
    record_quarantine(source("other").pk, broken("a"), AT)

    assert sorted(QuarantinedMessage.objects.values_list("source__slug", "count")) == [
        ("other", 1),
        ("web", 1),
        ("web", 3),
    ]


def test_a_flood_of_different_messages_is_bounded_and_its_count_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "KEPT_AN_HOUR", 10)
    pbx = source()

    for start in (0, 20, 40):
        record_quarantined(pbx.pk, [broken(str(number)) for number in range(start, start + 20)], AT)

    rows = QuarantinedMessage.objects.all()
    assert len(rows) == 11
    assert rows.aggregate(Sum("count"))["count__sum"] == 60
    assert rows.get(error=OVERFLOW).count == 50


def test_what_was_ticked_off_comes_up_again_when_it_comes_again() -> None:
    pbx = source()
    record_quarantine(pbx.pk, broken("a"), AT)
    QuarantinedMessage.objects.update(seen_at=AT)

    record_quarantine(pbx.pk, broken("a"), AT)

    assert QuarantinedMessage.objects.filter(seen_at=None).count() == 1


def test_messages_of_any_bytes_and_length_are_kept() -> None:
    raw = bytes(range(256)) * 1000
    record_quarantine(source().pk, Quarantined(raw, "frame", "NUL \0 and \ud800" + "x" * 2000, "y" * 999), AT)

    row = QuarantinedMessage.objects.get()
    assert (bytes(row.raw), row.size) == (raw[:RAW_BYTES], len(raw))
    assert len(row.error) == 1000


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"<a>\xc3\xa4</a>\r\nb", "<a>ä</a>\nb"),
        (b"Event: X\x07 and more", "Event: X\\x07 and more"),
        (b"\x00\x01AB", "000000  00 01 41 42                                      ..AB"),
        (b"", ""),
    ],
)
def test_a_message_is_shown_as_text_or_as_bytes(raw: bytes, shown: str) -> None:
    assert readable(raw, len(raw)) == shown


def test_a_long_message_says_how_much_is_left_out() -> None:
    assert readable(b"x" * 70_000, 90_000).endswith("\n... of 90000 bytes")
