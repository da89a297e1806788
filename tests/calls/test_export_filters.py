"""An export takes what the list of legs shows: its filters, read from the list's address."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.export.filters import FilterUnreadable, LegFilter, filtered, in_words, read_filter
from calls.ui.leg_filters import LEG_LOOKUPS
from tests.calls.test_exports import NOON, leg

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("", LegFilter()),
        ("outcome__exact=refused&reason=UnknownFlag", LegFilter(outcome="refused", reason="UnknownFlag")),
        ("q=+2001+&before=1.2&p=3", LegFilter(text="2001")),
        ("source=7&phase=open", LegFilter(source=7, phase="open")),
        ("when=today", LegFilter(since=NOON.replace(hour=0))),
        (
            "when=yesterday",
            LegFilter(since=NOON.replace(day=1, hour=0), until=NOON.replace(hour=0) - timedelta(microseconds=1)),
        ),
        (
            "connected_at_from_0=2026-03-02&connected_at_from_1=09:30&connected_at_to_0=2026-03-03",
            LegFilter(since=NOON.replace(hour=9, minute=30), until=NOON.replace(day=3, hour=0)),
        ),
        (
            "when=today&connected_at_from_0=2026-03-02&connected_at_from_1=09:30",
            LegFilter(since=NOON.replace(hour=9, minute=30)),
        ),
    ],
)
def test_the_lists_address_is_read(address: str, wanted: LegFilter) -> None:
    assert read_filter(address, NOON) == wanted


@pytest.mark.parametrize(
    "address",
    [
        "caller_name=Jo",
        "outcome__exact=lost",
        "phase=gone",
        "source=x",
        "when=ever",
        "q=%00",
        "connected_at_from_0=2026-99-01",
        "connected_at_from_0=soon",
    ],
)
def test_a_filter_that_is_not_known_is_refused_rather_than_left_out(address: str) -> None:
    with pytest.raises(FilterUnreadable):
        read_filter(address, NOON)


@pytest.mark.parametrize(
    "address",
    [
        "outcome__exact=flagged",
        "reason=late",
        "phase=open",
        "q=2002",
        "q=I2",
        "",
        "flagged=no",
        "flagged=yes",
        "flagged=decided",
        "extension=2002",
        "agent=9001",
        "agent=(none)",
        "queue=Sales",
        "team=no+team",
        "service=0",
    ],
)
def test_an_export_takes_what_the_list_shows(admin_client: Client, address: str) -> None:
    leg(1)
    leg(2, device_id="2002", outcome="flagged", interaction_id="I2", reason_code="")
    leg(3, outcome="window_missed", reason_code="late")
    leg(4, phase="open", outcome="waiting", reason_code="")
    page = admin_client.get(f"{reverse('admin:calls_leg_changelist')}?{address}")

    seen = {row.pk for row in page.context["cl"].result_list}
    taken = {row.pk for row in filtered(read_filter(address, timezone.now()), may_see_callers=True)}
    assert taken == seen


@pytest.mark.parametrize("name", sorted(LEG_LOOKUPS))
def test_every_filter_of_the_list_is_known_to_the_export(name: str) -> None:
    known = {"when": "today", "outcome__exact": "flagged", "phase": "open", "source": "1"}
    known |= {"service": "1", "flagged": "no"}
    read_filter(urlencode({name: known.get(name, "2026-03-02" if name.endswith("_0") else "09:00")}), NOON)


def test_the_words_of_a_filter_do_not_say_what_was_searched() -> None:
    assert in_words(LegFilter()) == "all legs"
    assert "Jo" not in in_words(LegFilter(text="Jo Secret", outcome="refused", since=NOON))
