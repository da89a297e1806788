"""The listener keeps what its source says, shows how its link is, and records every gap."""

import asyncio
import re
import threading
import time
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from msgspec.structs import replace
from pytest_django import Settings

from cti import source_bounds
from cti.bounds import JOURNAL
from cti.events import CallData, LinkLost, LinkRestored, encode
from cti.journal.call_requests import ask_to_end_call
from cti.journal.handed_events import hand_to_listener
from cti.journal.refusals import refused_lately
from cti.journal.stream import Entry, client
from cti.journal.writer import JournalWriter
from cti.listener import durable_append, leadership
from cti.listener.listener import Listener
from cti.listener.source_config import source_config
from cti.models import CtiSource, LinkState, LinkStatus, QuarantinedMessage
from cti.source_bounds import bounds_of
from cti.sources.port import CallRequest, LinkError
from devtools.servers import free_port, wait_until
from tests.cti.examples import source
from tests.cti.line_source.session import LineSession
from tests.cti.listening import (
    LIMIT_SECONDS,
    Listening,
    is_reported,
    journalled,
    status,
    wait_for,
    words,
)
from tests.simulators.switch import Switch, switch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis", "line_sources")]


def test_events_are_in_the_journal_in_order(pbx: Switch, listening: Listening) -> None:
    pbx.say("call 1", "call 2", "call 3")

    wait_for("LinkRestored", "1", "2", "3")


def test_events_of_the_gateways_own_go_into_the_journal_beside_those_of_the_link(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "RENEW_SECONDS", 0.05)
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    own = encode(replace(journalled()[-1], id="own", data=CallData(call_id="own", device_id="2999")))
    hand_to_listener("pbx", [b"garbage", own])
    wait_for("LinkRestored", "1", "own")
    pbx.say("call 2")

    wait_for("LinkRestored", "1", "own", "2")
    wait_until(lambda: is_reported(state=LinkState.UP, events=2), "the status without the gateway's own")


def test_a_call_that_could_not_be_ended_is_ended_without_being_asked_again(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def end_call(_: LineSession, key: str) -> None:
        ended.append(key)
        if len(ended) == 1:
            raise LinkError("what lasts is not known yet")

    monkeypatch.setattr(leadership, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(LineSession, "make_call", end_call, raising=False)
    monkeypatch.setattr(LineSession, "end_call", end_call, raising=False)
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    ask_to_end_call("pbx", CallRequest("k1", "2999", "4711", 60.0))

    wait_until(lambda: ended == ["k1", "k1"], "the second attempt")


def test_a_link_waits_while_the_journal_is_full_and_loses_nothing(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(leadership, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(source_bounds, "READ_SECONDS", 0.0)
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    settings.SOURCE_MAX_JOURNAL = 2
    wait_until(lambda: bounds_of("pbx").is_journal_full, "the full journal")
    pbx.say("call 2", "call 3")
    wait_until(lambda: [one.bound for one in refused_lately("pbx")] == [JOURNAL], "the link to wait")
    assert words() == ["LinkRestored", "1", "2"]
    settings.SOURCE_MAX_JOURNAL = 100

    wait_for("LinkRestored", "1", "2", "3")
    assert len(pbx.links) == 1


def test_the_status_shows_the_link_its_leader_and_what_was_refused(pbx: Switch, listening: Listening) -> None:
    pbx.say("call 1", "refuse 2001", "refuse 2002")

    wait_until(lambda: is_reported(state=LinkState.UP, events=1), "the status")
    wait_until(lambda: len(status().monitors_refused) == 2, "the refusals")
    assert set(status().monitors_again) == {"2001", "2002"}
    assert status().leader == listening.listener.owner
    assert status().last_event_at
    pbx.cut()
    wait_until(lambda: is_reported(last_error="the line was cut"), "the error")


def test_what_the_source_does_not_say_is_shown_with_when_it_is_asked_again(pbx: Switch, listening: Listening) -> None:
    pbx.say("lack no agents are listed")

    wait_until(lambda: is_reported(last_error__startswith="no agents are listed. It is asked again at"), "the status")
    assert status().state == LinkState.UP


def test_a_broken_message_is_kept_and_counted_and_holds_nothing_up(pbx: Switch, listening: Listening) -> None:
    pbx.say(*["garbage"] * 500, "call 1")

    wait_for("LinkRestored", "1")
    wait_until(lambda: QuarantinedMessage.objects.filter(count=500).exists(), "the quarantine")
    assert [bytes(row.raw) for row in QuarantinedMessage.objects.all()] == [b"garbage"]


def test_a_peer_that_sends_nothing_readable_is_not_shown_as_well(pbx: Switch, listening: Listening) -> None:
    """Before: whoever flooded the link with rubbish was "up", for its socket was."""
    pbx.say(*["garbage"] * leadership.UNREADABLE_LIMIT)
    wait_until(lambda: is_reported(lack=leadership.UNREADABLE_TEXT), "the status")

    pbx.say("call 1")
    wait_until(lambda: is_reported(lack="", events=1), "the status")


@pytest.mark.parametrize("how", ["cut", "bye", "stop", "settings"])
def test_what_waits_for_its_append_is_kept_before_the_end_of_its_link(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(durable_append, "GATHER_SECONDS", 3600.0)
    monkeypatch.setattr(leadership, "SETTINGS_SECONDS", 0.0)
    monkeypatch.setattr(leadership, "REPORT_SECONDS", 0.05)
    wait_for("LinkRestored")
    pbx.say("call 1", "ring 2", "ring 3")
    wait_until(lambda: is_reported(events=3), "the events")
    assert words() == ["LinkRestored", "1"]

    match how:
        case "cut":
            pbx.cut()
        case "bye":
            pbx.say("bye")
        case "stop":
            listening.ask_to_stop()
        case _:
            CtiSource.objects.update(username="other")

    wait_until(lambda: "LinkLost" in words(), "the end of the link")
    assert words()[:5] == ["LinkRestored", "1", "2", "3", "LinkLost"]


@pytest.mark.parametrize("how", ["cut", "bye"])
def test_a_link_that_ends_is_a_gap_and_is_made_again(pbx: Switch, listening: Listening, how: str) -> None:
    pbx.say("call 1")
    wait_for("LinkRestored", "1")

    pbx.cut() if how == "cut" else pbx.say("bye")
    pbx.wait_for_link(2)
    pbx.say("call 2")

    wait_for("LinkRestored", "1", "LinkLost", "LinkRestored", "2")
    (lost,) = [one for one in journalled() if isinstance(one, LinkLost)]
    assert lost.data.reason == ("the line was cut" if how == "cut" else "the source closed the link")


def test_a_source_that_is_not_there_is_tried_again_and_its_error_shown() -> None:
    source("pbx", "line", host="127.0.0.1", port=free_port())
    one = Listening()
    try:
        wait_until(lambda: is_reported(state=LinkState.DOWN, last_error__startswith="no connection"), "the error")
        assert words() == []
    finally:
        one.stop()


def test_a_refused_login_is_shown_with_what_to_do_and_tried_again_at_once_when_the_settings_are_changed(
    pbx: Switch,
) -> None:
    """A PBX bans who tries often: the next try by itself is a minute away, and its time is shown."""
    CtiSource.objects.update(username="stranger")
    one = Listening()
    try:
        wait_until(lambda: "It is tried again at" in status_error(), "the error")
        assert status_error().startswith("the login of stranger is refused. Correct the user name. It is tried again")
        assert timedelta(seconds=50) < next_try(status_error()) - timezone.now() < timedelta(seconds=70)
        assert len(pbx.links) == 1
        CtiSource.objects.update(username="gateway")
        pbx.wait_for_link(2)
        wait_for("LinkRestored")
    finally:
        one.stop()


def status_error() -> str:
    return "".join(LinkStatus.objects.values_list("last_error", flat=True))


def next_try(error: str) -> datetime:
    text = re.search(r"again at (\S+ [\d:]+)", error)
    assert text is not None
    return timezone.make_aware(datetime.fromisoformat(text[1]))


def test_changed_settings_make_a_new_link(pbx: Switch, listening: Listening) -> None:
    with switch() as other:
        CtiSource.objects.update(port=other.port)

        other.wait_for_link()
        wait_for("LinkRestored", "LinkLost", "LinkRestored")


def test_a_disabled_source_ends_its_listener(pbx: Switch, listening: Listening) -> None:
    CtiSource.objects.update(enabled=False)

    wait_until(lambda: listening.is_over, "the end", 10)


def test_a_stop_reports_the_gap_and_lets_another_lead_at_once(pbx: Switch, listening: Listening) -> None:
    wait_for("LinkRestored")
    began = time.monotonic()

    listening.stop()

    assert time.monotonic() - began < LIMIT_SECONDS
    assert words() == ["LinkRestored", "LinkLost"]
    assert client().get("lease:{pbx}") is None
    assert status().state == LinkState.DOWN


def test_a_stop_while_the_new_link_is_being_kept_is_followed_by_its_end(
    pbx: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = JournalWriter.put
    kept, stopped = threading.Event(), threading.Event()

    def kept_and_stopped(writer: JournalWriter, entries: list[Entry]) -> None:
        put(writer, entries)
        if not kept.is_set():
            kept.set()
            assert stopped.wait(10)

    monkeypatch.setattr(JournalWriter, "put", kept_and_stopped)
    one = Listening()
    assert kept.wait(10)
    one.ask_to_stop()
    wait_until(lambda: one.listener._term is not None and one.listener._term.facts.state == LinkState.DOWN, "the stop")
    stopped.set()
    one.stop()

    assert words() == ["LinkRestored", "LinkLost"]


def test_a_start_after_an_earlier_life_reports_the_gap_from_its_last_sign(pbx: Switch, listening: Listening) -> None:
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    listening.stop()
    seen_at = status().reported_at

    again = Listening()
    try:
        wait_for("LinkRestored", "1", "LinkLost", "LinkLost", "LinkRestored")
    finally:
        again.stop()
    lost = [one for one in journalled() if isinstance(one, LinkLost)][1]
    assert (lost.at, lost.data.reason) == (seen_at, "listener restarted")
    assert isinstance(journalled()[-2], LinkRestored)


def test_a_report_is_dated_at_the_first_event_that_is_not_kept_yet_from_which_on_a_death_would_lose_events(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: at its own time, and what gathered then, and was lost, was received before the gap in the ledger."""
    monkeypatch.setattr(durable_append, "GATHER_SECONDS", 3600.0)
    pbx.say("call 1", "ring 2", "ring 3")
    wait_until(lambda: is_reported(events=3), "the events")
    seen_at = status().reported_at

    listening.stop()

    (first,) = [one for one in journalled() if getattr(one.data, "call_id", "") == "2"]
    assert seen_at == first.at


def test_an_end_that_kept_what_gathered_is_no_gap_for_the_next_one(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable_append, "GATHER_SECONDS", 3600.0)
    pbx.say("call 1", "ring 2")
    wait_until(lambda: is_reported(events=2), "the events")
    listening.stop()

    again = Listening()
    try:
        wait_for("LinkRestored", "1", "2", "LinkLost", "LinkLost", "LinkRestored")
    finally:
        again.stop()
    first, second, *_ = [one for one in journalled() if isinstance(one, LinkLost)]
    assert second.at >= first.at


@pytest.mark.parametrize("members", [{"kind": "http"}, {"kind": "csta_xml", "enabled": False}])
def test_a_source_that_needs_no_listener_is_refused_with_status_2(members: dict[str, object]) -> None:
    source("web", **members)  # type: ignore[arg-type]

    with pytest.raises(CommandError) as refusal:
        call_command("listen", "web")
    assert refusal.value.returncode == 2


def test_what_a_listener_has_not_seen_in_its_own_life_stays_as_the_last_one_reported_it(pbx: Switch) -> None:
    first = Listening()
    pbx.wait_for_link()
    pbx.say("call 1")
    wait_until(lambda: is_reported(events=1), "the status")
    pbx.cut()
    wait_until(lambda: is_reported(last_error="the line was cut"), "the error")
    first.stop()
    pbx.close()
    LinkStatus.objects.update(events=77)

    second = Listening()
    wait_until(lambda: is_reported(events=0), "the second one's report")
    second.stop()

    assert status().last_event_at
    assert status().last_error


def test_what_came_too_late_is_shown_though_another_leads_from_then_on(pbx: Switch) -> None:
    row = CtiSource.objects.get(slug="pbx")
    late = Listener(row.pk, source_config(row))
    late._spool.append([Entry("1-1", b"{}")])

    late._retire_spool()
    asyncio.run(late._report_quarantine())
    late._close()

    assert "1 event kept while Redis was away came too late" in QuarantinedMessage.objects.get(source=row).error
