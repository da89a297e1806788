"""Loads of users: what they change, what they refuse to believe, and that one runs at a time."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from msgspec.structs import replace

import clock
from agents.models import QmsUser, RefreshState, Trigger, UserChange, UserRefresh
from agents.users.refresh import STALE_AFTER, RefreshRunning, begin_refresh, load
from devtools.servers import wait_until
from qms.models import RecordingService
from qms.port import Licence, ListedUser
from simulators.qms.envelopes import Credentials
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.people import person
from simulators.qms.records import SimulatedService, SimulatedUser, Troubles
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from tests.agents.conftest import make_service

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)


class Site(SimpleNamespace):
    """A simulated QMS with the row of its one service."""

    qms: SimulatedQms
    service: RecordingService

    def load(self, *people: SimulatedUser, accepts_down_to: int | None = None) -> UserRefresh:
        """Let QMS have these users and load them."""
        self.qms.set_users(people)
        refresh = begin_refresh(self.service.pk, Trigger.COMMAND, accepts_down_to=accepts_down_to)
        return load(refresh.pk, self.port())

    def port(self) -> InProcessRecordingService:
        return InProcessRecordingService(self.qms, "north", lambda: NOW)


@pytest.fixture
def site(north: RecordingService) -> Site:
    qms = SimulatedQms([SimulatedService(slug="north", data_server="main", identifiers=("10.0.0.1",))])
    return Site(qms=qms, service=north)


def people(count: int) -> list[SimulatedUser]:
    return [person(index) for index in range(count)]


def counts(refresh: UserRefresh) -> tuple[str, int, int, int, int, int]:
    return refresh.state, refresh.loaded, refresh.added, refresh.changed, refresh.gone, refresh.unchanged


def test_a_first_load_takes_every_user_with_all_fields(site: Site) -> None:
    refresh = site.load(*people(3))

    assert counts(refresh) == ("done", 3, 3, 0, 0, 0)
    assert refresh.finished_at is not None
    alice = QmsUser.objects.get(user_id="1001")
    assert (alice.extension, alice.agent_id, alice.first_name, alice.last_name, alice.licence, alice.active) == (
        "2001",
        "9101",
        "Alice",
        "Archer",
        "Unlimited",
        True,
    )


def test_the_difference_says_who_came_changed_and_went(site: Site) -> None:
    alice, bob, carol, david, erin = people(5)
    site.load(alice, bob, carol, david)

    refresh = site.load(alice, replace(bob, extension="2999", active=False), carol, erin)

    assert counts(refresh) == ("done", 4, 1, 1, 1, 2)
    changes = refresh.changes.values_list("user_id", "kind", "field", "before", "after")
    assert list(changes) == [
        ("1005", "added", "", "", ""),
        ("1002", "changed", "extension", "2002", "2999"),
        ("1002", "changed", "active", "yes", "no"),
        ("1004", "gone", "", "", ""),
    ]
    assert QmsUser.objects.get(user_id="1002").extension == "2999"
    assert QmsUser.objects.get(user_id="1004").gone_at is not None


def test_the_same_list_again_changes_nothing(site: Site) -> None:
    site.load(*people(4))

    assert counts(site.load(*people(4))) == ("done", 4, 0, 0, 0, 4)


def test_a_user_who_comes_back_is_the_same_row(site: Site) -> None:
    site.load(*people(4))
    site.load(*people(3))

    assert counts(site.load(*people(4))) == ("done", 4, 1, 0, 0, 3)
    assert QmsUser.objects.filter(gone_at=None).count() == QmsUser.objects.count() == 4


def test_a_failed_load_keeps_the_last_good_list_and_says_why(site: Site) -> None:
    site.load(*people(4))
    site.qms.troubles["north"] = Troubles(down=True)

    refresh = site.load()

    assert (refresh.state, refresh.error) == ("failed", "The service is down.")
    assert QmsUser.objects.filter(gone_at=None).count() == 4


@pytest.mark.parametrize("left", [0, 1, 4])
def test_an_empty_or_a_third_smaller_list_keeps_the_last_good_one(site: Site, left: int) -> None:
    site.load(*people(6))

    refresh = site.load(*people(left))

    assert (refresh.state, refresh.loaded) == ("suspicious", left)
    assert "6" in refresh.error
    assert QmsUser.objects.filter(gone_at=None).count() == 6


def test_a_list_that_is_smaller_by_less_than_a_third_is_taken(site: Site) -> None:
    site.load(*people(6))

    assert counts(site.load(*people(5))) == ("done", 5, 0, 0, 1, 5)


def test_a_smaller_list_that_someone_confirmed_is_taken_but_none_smaller_still(site: Site) -> None:
    site.load(*people(6))

    assert site.load(*people(1), accepts_down_to=2).state == RefreshState.SUSPICIOUS
    assert counts(site.load(*people(2), accepts_down_to=2)) == ("done", 2, 0, 0, 4, 2)
    assert counts(site.load(accepts_down_to=0)) == ("done", 0, 0, 0, 2, 0)


def test_a_first_list_that_is_empty_is_reported_as_a_failure(site: Site) -> None:
    assert "QMS listed no users" in site.load().error


def test_one_load_runs_at_a_time_for_each_service(site: Site) -> None:
    first = begin_refresh(site.service.pk, Trigger.COMMAND)

    with pytest.raises(RefreshRunning) as running:
        begin_refresh(site.service.pk, Trigger.BUTTON)

    assert running.value.refresh == first
    assert begin_refresh(make_service("south").pk, Trigger.BUTTON).pk != first.pk


def test_a_load_is_carried_out_by_one_process_only(site: Site) -> None:
    class Twice(InProcessRecordingService):
        """While it lists, another worker gets the same load from the broker."""

        def users(self) -> Iterator[ListedUser]:
            assert load(refresh.pk, Twice(site.qms, "north", lambda: NOW)).state == RefreshState.RUNNING
            yield person(0).as_user()

    refresh = begin_refresh(site.service.pk, Trigger.COMMAND)

    assert load(refresh.pk, Twice(site.qms, "north", lambda: NOW)).state == RefreshState.DONE
    assert load(refresh.pk, site.port()).loaded == 1


def test_a_load_without_a_sign_of_life_is_taken_over_and_changes_nothing_afterwards(site: Site) -> None:
    class Slow(InProcessRecordingService):
        """Falls asleep between two users; meanwhile another load takes over and ends."""

        def users(self) -> Iterator[ListedUser]:
            yield person(0).as_user()
            with pytest.MonkeyPatch.context() as patch:
                later = clock.now() + STALE_AFTER + timedelta(seconds=1)
                patch.setattr("clock.now", lambda: later)
                site.load(*people(3))
            yield person(7).as_user()

    slow = begin_refresh(site.service.pk, Trigger.COMMAND)
    ended = load(slow.pk, Slow(site.qms, "north", lambda: NOW))

    assert ended.state == RefreshState.FAILED
    assert "gave no sign of life" in ended.error
    assert sorted(QmsUser.objects.values_list("user_id", flat=True)) == ["1001", "1002", "1003"]


def test_progress_can_be_seen_while_a_load_runs(site: Site) -> None:
    seen: list[int] = []

    class Watched(InProcessRecordingService):
        def users(self) -> Iterator[ListedUser]:
            for index in range(1200):
                yield person(index).as_user()
                seen.append(UserRefresh.objects.values_list("loaded", flat=True).get())

    load(begin_refresh(site.service.pk, Trigger.COMMAND).pk, Watched(site.qms, "north", lambda: NOW))

    assert sorted(set(seen)) == [0, 500, 1000]


def test_a_list_that_never_ends_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.users.refresh.MAXIMUM_USERS", 10)

    assert "does not seem to end" in site.load(*people(11)).error


def test_a_fault_of_ours_is_noted_and_raised(site: Site) -> None:
    class Broken(InProcessRecordingService):
        def users(self) -> Iterator[ListedUser]:
            raise ZeroDivisionError

    refresh = begin_refresh(site.service.pk, Trigger.COMMAND)
    with pytest.raises(ZeroDivisionError):
        load(refresh.pk, Broken(site.qms, "north", lambda: NOW))

    refresh.refresh_from_db()
    assert (refresh.state, "ZeroDivisionError" in refresh.error) == (RefreshState.FAILED, True)


def test_texts_that_do_not_fit_are_cut_and_a_user_without_id_goes_by_the_user_name(site: Site) -> None:
    class Odd(InProcessRecordingService):
        def users(self) -> Iterator[ListedUser]:
            yield ListedUser(
                user_id="",
                user_name="alice",
                first_name="A" * 300,
                last_name="x\0y",
                extension="2001",
                recording_service="Any",
                active=True,
                licence=Licence.NONE,
            )

    assert load(begin_refresh(site.service.pk, Trigger.COMMAND).pk, Odd(site.qms, "n", lambda: NOW)).state == "done"
    stored = QmsUser.objects.get()
    assert (stored.user_id, len(stored.first_name), stored.last_name) == ("alice", 255, "xy")


def test_sync_users_loads_over_soap_and_prints_what_changed(site: Site) -> None:
    site.qms.set_users([person(0), person(1, "10.0.0.1"), person(2, "10.9.9.9")])
    dead = make_service("dead", timeout_seconds=0.5)
    out = StringIO()
    with in_thread(SimulatedServer(site.qms, Credentials("gateway", "secret"))) as server:
        site.service.url = f"http://127.0.0.1:{server.port}/north"
        site.service.username, site.service.password = "gateway", "secret"
        site.service.save()
        call_command("sync_users", "north", stdout=out)
        with pytest.raises(CommandError, match="Not loaded: dead"):
            call_command("sync_users", stdout=out)

    first, failure, second = out.getvalue().splitlines()
    assert first == "north: 2 loaded: 2 added, 0 changed, 0 gone, 0 unchanged"
    assert failure.startswith("dead: failed; the last good list is kept.")
    assert second == "north: 2 loaded: 0 added, 0 changed, 0 gone, 2 unchanged"
    assert UserRefresh.objects.filter(service=dead).get().trigger == Trigger.COMMAND


def test_sync_users_knows_which_services_there_are(north: RecordingService) -> None:
    with pytest.raises(CommandError, match="Known: north"):
        call_command("sync_users", "south")


@pytest.mark.django_db(transaction=True)
def test_sync_users_waits_for_a_load_that_runs(site: Site) -> None:
    site.qms.set_users(people(2))
    running = begin_refresh(site.service.pk, Trigger.BUTTON)

    out = StringIO()

    def other_process() -> None:
        wait_until(lambda: "Waiting" in out.getvalue(), "the command's word")
        load(running.pk, site.port())
        connection.close()

    other = threading.Thread(target=other_process)
    other.start()
    call_command("sync_users", "north", stdout=out)
    other.join()

    assert out.getvalue().splitlines()[1] == "north: 2 loaded: 2 added, 0 changed, 0 gone, 0 unchanged"
    assert UserRefresh.objects.count() == 1
    assert UserChange.objects.count() == 2
