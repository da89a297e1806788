"""The page "Replays": ask for one, see how far it is, cancel it, and read what would be different."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_client
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from pytest_django import Settings

import clock
from calls.api import ReplaySettings, todays_settings
from clock.stopping import stop
from clock.text import site_time
from cti.api import oldest_event
from cti.journal.stream import JournalUnavailable
from cti.models import CtiSource
from flags.models import FlagSetting
from gateway_site.replays import runs, source_field
from gateway_site.replays.models import ReplayRun
from gateway_site.replays.results import ResultGroup
from gateway_site.replays.texts import group_title
from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR
from tests.attacks.actors import browser_of
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

LIST = "/admin/replays/replayrun/"
BEGIN = datetime(2026, 3, 2, tzinfo=clock.now().tzinfo)
#: How the panel asks for itself while a run is under way.
PANEL = '/panel/" hx-trigger="every 2s"'
SWITCHED_OFF = '[[flags]]\nname = "QueueName"\nenabled = false\n'


_DAY = timedelta(days=1)


def _moment(name: str, moment: datetime) -> dict[str, str]:
    return {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M}"}


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    """Give a gateway that labelled one call."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    settings.RETENTION_DAYS = 10_000
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    one.connects("C1", "2001", queueName="Sales")
    one.passes(1)
    one.clears("C1", "2001")
    one.passes(3)
    return one


def asked(client: Client, **further: object) -> ReplayRun:
    """Fill in the form, and return the run that it made."""
    fields = {"sources": [CtiSource.objects.get().pk], **_moment("begin", BEGIN), **_moment("end", BEGIN + 2 * _DAY)}
    answer = client.post(f"{LIST}add/", {**fields, **further})
    assert answer.status_code == 302, answer.context["errors"]
    return ReplayRun.objects.latest("id")


def _page(client: Client, run: ReplayRun) -> str:
    answer = client.get(f"{LIST}{run.pk}/change/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_replay_that_finds_nothing_says_so_plainly(gateway: GatewayStack) -> None:
    client = browser_of(OPERATOR)
    run = asked(client)
    assert "It waits for a worker." in _page(client, run)
    assert PANEL in _page(client, run)

    runs.carry_on(clock.now)

    page = _page(client, run)
    assert "Nothing would be different: 1 leg was compared." in page
    assert PANEL not in page
    (entry,) = LogEntry.objects.all()
    assert entry.change_message.startswith("Asked for a replay of pbx from 2026-03-02 ")
    assert entry.change_message.endswith(" by today's settings.")


def test_tried_settings_are_applied_to_the_replay_alone_and_shown_with_the_legs(gateway: GatewayStack) -> None:
    client = browser_of(ADMINISTRATOR)
    run = asked(client, file=SimpleUploadedFile("tried.toml", SWITCHED_OFF.encode()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT settings_text FROM replays_replayrun")
        assert "QueueName" not in cursor.fetchone()[0]

    runs.carry_on(clock.now)

    page, leg = _page(client, run), gateway.legs()[0]
    assert "1 leg would be different; 1 leg was compared." in page
    assert "flags &quot;queue_name&quot;: enabled: True -&gt; False" in page
    assert "The flag QueueName would not be written: 1" in page
    assert f'href="/admin/calls/leg/{leg.pk}/change/"' in page
    run.refresh_from_db()
    assert (run.settings_name, run.settings_text, run.asked_by) == ("tried.toml", "", run.asked_by)
    assert FlagSetting.objects.get(name="QueueName").enabled


def test_the_button_says_what_it_does(gateway: GatewayStack) -> None:
    page = browser_of(OPERATOR).get("/admin/replays/replayrun/add/").content.decode()
    assert "Begin the replay" in page
    assert 'name="_save"' in page
    assert "> Save" not in " ".join(page.split())


WRONG: list[tuple[str, Mapping[str, object]]] = [
    ("colour", {"text": '[[flags]]\nname = "QueueName"\ncolour = "red"\n'}),
    ("Expected `str`", {"text": "[[flags]]\nname = 3\n"}),
    ("unknown table [[flagz]]", {"text": "[[flagz]]\n"}),
    ("not TOML", {"text": "[[["}),
    ("UTF-8", {"file": SimpleUploadedFile("a.toml", b"\xff\xfe")}),
    ("not both", {"text": SWITCHED_OFF, "file": SimpleUploadedFile("a.toml", b"x")}),
    ("nothing to replay", _moment("end", BEGIN)),
]


def test_what_cannot_be_replayed_is_refused_with_the_reason(gateway: GatewayStack) -> None:
    client = browser_of(ADMINISTRATOR)
    fields = {"sources": [gateway.source.pk], **_moment("begin", BEGIN), **_moment("end", BEGIN + _DAY)}
    for said, further in WRONG:
        answer = client.post(f"{LIST}add/", {**fields, **further})

        assert answer.status_code == 200
        assert said in answer.content.decode()
    assert not ReplayRun.objects.exists()
    assert FlagSetting.objects.get(name="QueueName").enabled


def test_the_form_says_how_far_back_events_are_kept_and_refuses_a_period_before_it(gateway: GatewayStack) -> None:
    """Before: the replay began, and said at its end that there was nothing to compare."""
    client = browser_of(OPERATOR)
    oldest = oldest_event()
    assert oldest is not None
    said = f"{site_time(oldest):%Y-%m-%d %H:%M:%S %Z}"
    assert f"The oldest event that is kept is of {said}." in client.get(f"{LIST}add/").content.decode()

    before = {**_moment("begin", oldest - 2 * _DAY), **_moment("end", oldest - _DAY)}
    refused = client.post(f"{LIST}add/", before)
    assert f"No event of this period is kept any more: the oldest one is of {said}." in refused.content.decode()
    assert not ReplayRun.objects.exists()

    partly = {**_moment("begin", oldest - _DAY), **_moment("end", oldest + _DAY)}
    page = client.post(f"{LIST}add/", partly, follow=True).content.decode()
    assert f"Nothing before {said} can be compared" in page


def test_no_source_ticked_means_all_and_many_sources_are_named_instead(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(OPERATOR)
    of_all = asked(client, sources=[])
    monkeypatch.setattr(source_field, "MAXIMUM_BOXES", 0)
    form = client.get(f"{LIST}add/").content.decode()
    fields = {**_moment("begin", BEGIN), **_moment("end", BEGIN + _DAY)}
    refused = client.post(f"{LIST}add/", {"sources": "pbx, pbx2\n pbx3", **fields}).content.decode()
    of_one = asked(client, sources=" pbx,")

    runs.carry_on(clock.now)

    assert "Empty: all of them." in form
    assert "There is no CTI source pbx2, pbx3." in refused
    assert ">all<" in client.get(LIST).content.decode()
    for run, names in ((of_all, []), (of_one, ["pbx"])):
        run.refresh_from_db()
        assert (run.compared, run.all_sources, [one.slug for one in run.sources.all()]) == (1, not names, names)
    first = LogEntry.objects.earliest("pk").change_message
    assert first.startswith("Asked for a replay of all sources from ")


def test_only_an_administrator_may_try_settings_and_an_auditor_only_looks(gateway: GatewayStack) -> None:
    operator, auditor = browser_of(OPERATOR), browser_of(AUDITOR)

    run = asked(operator, text=SWITCHED_OFF)

    assert (run.settings_name, run.settings_text, run.changes) == ("", "", [])
    assert 'name="text"' not in operator.get(f"{LIST}add/").content.decode()
    assert "Cancel the replay" in _page(operator, run)
    assert "Cancel the replay" not in _page(auditor, run)
    assert auditor.get(f"{LIST}{run.pk}/panel/").status_code == 200
    assert auditor.post(f"{LIST}{run.pk}/cancel/").status_code == 403
    assert auditor.get(f"{LIST}add/").status_code == 403


@pytest.mark.nightly
def test_a_run_is_cancelled_while_it_waits_and_while_it_is_under_way(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(OPERATOR)
    waiting = asked(client)
    client.post(f"{LIST}{waiting.pk}/cancel/")
    under_way = asked(client)
    monkeypatch.setattr(runs, "NOTE_INTERVAL", timedelta(0))
    told = ReplayRun.objects.filter(pk=under_way.pk)
    monkeypatch.setattr(runs, "todays_settings", _before(lambda: client.post(f"{LIST}{under_way.pk}/cancel/")))

    runs.carry_on(clock.now)

    for run in (waiting, under_way):
        assert "cancelled it at 0 %" in _page(client, run)
    assert told.get().result == []
    assert LogEntry.objects.filter(change_message="Cancelled the replay.").count() == 2


def _before(act: Callable[[], object]) -> Callable[[CtiSource], ReplaySettings]:

    def acting(source: CtiSource) -> ReplaySettings:
        act()
        return todays_settings(source)

    return acting


@pytest.mark.nightly
def test_a_run_whose_worker_died_begins_again_three_times_at_most(gateway: GatewayStack) -> None:
    client = browser_of(OPERATOR)
    run = asked(client)
    now = clock.now()
    assert runs._claimed(now) is not None
    assert runs._claimed(now) is None, "another worker leaves it alone while the claim lasts"
    runs.carry_on(lambda: now + runs.CLAIM + timedelta(seconds=1))

    run.refresh_from_db()
    assert (run.attempts, run.percent, run.compared) == (2, 100, 1)

    ReplayRun.objects.update(done_at=None, attempts=runs.MAXIMUM_ATTEMPTS, claimed_until=now)
    runs.carry_on(lambda: now + timedelta(hours=1))
    assert "The worker died 3 times at it" in _page(client, run)


@pytest.mark.nightly
def test_a_worker_that_is_asked_to_stop_leaves_the_run_to_another(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(browser_of(OPERATOR))
    monkeypatch.setattr(runs, "todays_settings", _before(stop.ask))
    try:
        runs.carry_on(clock.now)
    finally:
        stop.forget()

    run.refresh_from_db()
    assert (run.done_at, run.attempts, run.claimed_until) == (None, 0, None)


@pytest.mark.nightly
def test_a_run_that_fails_says_why(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser_of(OPERATOR)
    run = asked(client)

    def fails(_source: CtiSource) -> object:
        raise JournalUnavailable("Redis does not answer", retryable=True)

    monkeypatch.setattr(runs, "todays_settings", fails)

    runs.carry_on(clock.now)

    assert "It failed. The journal could not be read: Redis does not answer" in _page(client, run)


def test_a_run_names_the_source_that_was_deleted_before_its_turn(gateway: GatewayStack) -> None:
    """Before: the page showed the other source alone, as if it had been all."""
    other = CtiSource.objects.create(slug="other", kind="http")
    run = ReplayRun(begin=gateway.begin, end=gateway.begin + timedelta(hours=1), asked_at=gateway.time, asked_by="ada")
    runs.ask(run, list(CtiSource.objects.all()))
    other.delete()
    runs.carry_on(clock.now)

    page = _page(browser_of(ADMINISTRATOR), run)

    assert "Deleted since it was asked for, and not replayed: other." in page


def test_a_run_whose_sources_were_all_deleted_says_so(gateway: GatewayStack) -> None:
    """Before: "See below why", and nothing was below."""
    other = CtiSource.objects.create(slug="other", kind="http")
    run = ReplayRun(begin=gateway.begin, end=gateway.begin + timedelta(hours=1), asked_at=gateway.time, asked_by="ada")
    runs.ask(run, [other])
    other.delete()
    runs.carry_on(clock.now)

    page = _page(browser_of(ADMINISTRATOR), run)

    assert "Nothing was replayed: none of its CTI sources exists any more." in page
    assert "Begin another, of sources that exist." in page


@pytest.mark.nightly
def test_runs_are_forgotten_with_the_legs_of_their_time_and_no_more_than_some_wait(
    gateway: GatewayStack, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(OPERATOR)
    old = asked(client)
    monkeypatch.setattr(runs, "MAXIMUM_WAITING", 1)

    assert "1 replays wait or run" in client.post(f"{LIST}add/", _again(old), follow=True).content.decode()

    runs.forget_old(clock.now())
    assert ReplayRun.objects.count() == 1
    runs.carry_on(clock.now)
    settings.RETENTION_DAYS = 1
    runs.forget_old(clock.now())
    assert not ReplayRun.objects.exists()


def _again(run: ReplayRun) -> dict[str, object]:
    return {"sources": [CtiSource.objects.get().pk], **_moment("begin", run.begin), **_moment("end", run.end)}


def test_groups_of_missing_legs_say_by_what_they_differ() -> None:
    titles = [
        group_title(ResultGroup("missing_leg", "extensions", "", was, "", 1, []))
        for was in ("flagged", "window_missed", "")
    ]

    assert titles == [
        "A leg would be missing that came to: flagged",
        "A leg would be missing that came to: window missed",
        "A leg would be missing",
    ]
