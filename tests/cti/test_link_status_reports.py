"""A listener's reports save what is new, and all of it where somebody else has written the row."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cti.listener.status import LinkFacts, StatusReporter
from cti.models import CtiSource, LinkState, LinkStatus

pytestmark = [pytest.mark.django_db, pytest.mark.storage]


@pytest.fixture
def source() -> CtiSource:
    return CtiSource.objects.create(slug="pbx", kind="csta_xml", host="pbx.invalid", port=1)


def test_a_report_without_news_saves_its_time_alone(source: CtiSource) -> None:
    reporter, facts = StatusReporter(source.pk, "host:1"), LinkFacts(events=7)
    reporter.report(facts, Counter())
    before = LinkStatus.objects.get()

    with CaptureQueriesContext(connection) as asked:
        reporter.report(facts, Counter())

    assert len(asked) == 1
    assert "events" not in asked[0]["sql"]
    after = LinkStatus.objects.get()
    assert after.reported_at is not None
    assert before.reported_at is not None
    assert after.reported_at > before.reported_at
    assert after.events == 7


def test_a_report_saves_what_has_changed(source: CtiSource) -> None:
    reporter, facts = StatusReporter(source.pk, "host:1"), LinkFacts(events=7)
    reporter.report(facts, Counter())

    facts.events, facts.state = 8, LinkState.UP
    reporter.report(facts, Counter())

    row = LinkStatus.objects.get()
    assert (row.events, row.state) == (8, LinkState.UP)


def test_what_another_listener_wrote_is_replaced_by_the_next_report(source: CtiSource) -> None:
    leader, former = StatusReporter(source.pk, "host:1"), StatusReporter(source.pk, "other:2")
    leader.report(LinkFacts(state=LinkState.UP, events=7), Counter())
    former.report(LinkFacts(state=LinkState.DOWN, events=3), Counter())

    leader.report(LinkFacts(state=LinkState.UP, events=7), Counter())

    row = LinkStatus.objects.get()
    assert (row.leader, row.state, row.events) == ("host:1", LinkState.UP, 7)


def test_settings_that_nobody_changed_are_read_by_one_statement_and_a_change_counts_at_once(
    source: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti.listener.status.close_old_connections", lambda: None)  # It would end the test's own.
    reporter = StatusReporter(source.pk, "host:1")
    first = reporter.settings()

    with CaptureQueriesContext(connection) as asked:
        assert reporter.settings() == first
    assert len(asked) == 1

    CtiSource.objects.update(port=2)
    changed = reporter.settings()
    assert changed is not None
    assert changed.port == 2
    CtiSource.objects.update(enabled=False)
    assert reporter.settings() is None


def test_a_row_that_was_deleted_is_made_again(source: CtiSource) -> None:
    reporter, facts = StatusReporter(source.pk, "host:1"), LinkFacts(events=7)
    reporter.report(facts, Counter())
    LinkStatus.objects.all().delete()

    reporter.report(facts, Counter())

    assert LinkStatus.objects.get().events == 7
