"""The journal of a source: appended once, in order, by one leader; leases and ids that were seen."""

import itertools
import re
import time
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_client
from pytest_django import Settings

from cti import api
from cti.bounds import TOKEN_BYTES, TOKEN_EVENTS
from cti.events import Event
from cti.journal.dedup import Arrival, Shortage, append_unique, take_allowance
from cti.journal.lease import Lease, standing
from cti.journal.stream import client, journal_key
from cti.journal.writer import JournalWriter, next_epoch
from devtools.servers import wait_until
from tests.cti.examples import established

pytestmark = pytest.mark.usefixtures("redis")


def events(*numbers: int) -> list[Event]:
    return [established(f"event-{number}") for number in numbers]


def seen_keys() -> list[str]:
    return [key.decode() for key in client().scan_iter("seen:*")]


def test_what_is_appended_is_read_in_order_and_from_any_place() -> None:
    entries = JournalWriter("pbx", 5000).append(events(1, 2, 3))

    assert [one.id for one in entries] == ["5000-1", "5000-2", "5000-3"]
    assert api.read_journal("pbx", "0-0", 10) == entries
    assert api.read_journal("pbx", "5000-1", 1) == entries[1:2]
    assert api.read_journal("pbx", "5000-3", 10) == []


def test_each_source_has_a_journal_of_its_own() -> None:
    JournalWriter("pbx", 5000).append(events(1))

    assert api.read_journal("other", "0-0", 10) == []
    assert api.journal_state("other") == api.JournalState(0, "0-0", "")


def test_the_state_has_length_last_id_and_incarnation() -> None:
    JournalWriter("pbx", 5000).append(events(1, 2))

    state = api.journal_state("pbx")

    assert (state.length, state.last_id) == (2, "5000-2")
    assert state.incarnation


def test_an_append_that_is_repeated_changes_nothing() -> None:
    writer = JournalWriter("pbx", 5000)
    entries = writer.append(events(1, 2))

    writer.put(entries)

    assert api.read_journal("pbx", "0-0", 10) == entries


def test_a_repeat_that_reaches_further_appends_the_rest() -> None:
    writer = JournalWriter("pbx", 5000)
    entries = writer.entries(events(1, 2, 3))
    writer.put(entries[:1])

    writer.put(entries)

    assert api.read_journal("pbx", "0-0", 10) == entries


def test_more_entries_than_one_script_takes_are_all_appended() -> None:
    entries = JournalWriter("pbx", 5000).append(events(*range(1203)))

    assert api.read_journal("pbx", "0-0", 2000) == entries


def test_an_old_leader_is_refused_after_a_take_over() -> None:
    old = JournalWriter("pbx", next_epoch("pbx"))
    old.append(events(1))
    new = JournalWriter("pbx", next_epoch("pbx"))
    new.append(events(2))

    with pytest.raises(api.Fenced) as refusal:
        old.append(events(3))

    assert not refusal.value.retryable
    assert [b"event-3" in one.payload for one in api.read_journal("pbx", "0-0", 10)] == [False, False]


def test_two_writers_that_chose_the_same_epoch_do_not_mix() -> None:
    first, second = JournalWriter("pbx", 5000), JournalWriter("pbx", 5000)
    first.append(events(1))

    with pytest.raises(api.Fenced):
        second.append(events(2))


def test_an_epoch_is_past_the_journal_and_past_what_is_known_elsewhere() -> None:
    far = 99_000_000_000_000
    JournalWriter("pbx", far).append(events(1))

    assert next_epoch("pbx") == far + 1
    assert next_epoch("pbx", above=far + 5) == far + 6


def test_trimming_forgets_whole_nodes_of_older_entries_only() -> None:
    entries = JournalWriter("pbx", 5000).append(events(*range(500)))

    forgotten = api.trim_journal("pbx", "5000-301")

    left = api.read_journal("pbx", "0-0", 1000)
    assert 0 < forgotten <= 300
    assert left == entries[forgotten:]
    state = api.journal_state("pbx")
    assert state.last_id == "5000-500"
    assert state.trimmed_to == state.first_id == left[0].id


def test_what_trimming_left_for_the_next_time_does_not_count_as_forgotten() -> None:
    JournalWriter("pbx", 5000).append(events(*range(500)))

    forgotten = api.trim_journal("pbx", "5000-500", at_most=200)

    assert 0 < forgotten <= 200
    assert api.journal_state("pbx").trimmed_to == f"5000-{forgotten + 1}"


def test_a_journal_that_was_emptied_has_another_incarnation_and_goes_on_past_the_checkpoint() -> None:
    JournalWriter("pbx", 5000).append(events(1))
    before = api.journal_state("pbx")
    client().flushall()

    assert api.advance_journal("pbx", before.last_id)
    JournalWriter("pbx", next_epoch("pbx")).append(events(2))

    after = api.journal_state("pbx")
    assert after.incarnation != before.incarnation
    assert [b"event-2" in one.payload for one in api.read_journal("pbx", before.last_id, 10)] == [True]


def test_a_journal_that_lost_its_tail_gives_no_id_below_the_checkpoint() -> None:
    JournalWriter("pbx", 5000).append(events(1))

    assert api.advance_journal("pbx", "5000-900")
    assert not api.advance_journal("pbx", "5000-900")
    assert api.journal_state("pbx").last_id == "5000-900"
    with pytest.raises(api.Fenced):
        JournalWriter("pbx", 5000).put([api.Entry("5000-2", b"{}")])


@pytest.mark.parametrize("persistence", ["none", "an old copy"])
def test_what_redis_lost_is_given_again_before_anything_newer(persistence: str) -> None:
    writer = JournalWriter("pbx", 5000)
    first = writer.append(events(1, 2))
    copy: Any = client().dump(journal_key("pbx"))
    life: Any = client().get("incarnation:{pbx}")
    second = writer.append(events(3, 4))
    client().flushall()
    if persistence == "an old copy":
        client().restore(journal_key("pbx"), 0, copy)
        client().set("incarnation:{pbx}", life)

    third = writer.append(events(5))

    assert api.read_journal("pbx", "0-0", 9) == first + second + third
    assert writer.losses == 1


def test_a_redis_that_is_emptied_by_an_old_leaders_time_does_not_let_it_in() -> None:
    old = JournalWriter("pbx", 5000)
    old.append(events(1))
    client().flushall()
    new = JournalWriter("pbx", 6000)
    new.append(events(2))

    with pytest.raises(api.Fenced):
        old.append(events(3))
    assert len(api.read_journal("pbx", "0-0", 9)) == 1


def test_a_lease_has_one_holder_until_it_is_released_or_lapses() -> None:
    mine, other = Lease("pbx", "a", 60_000), Lease("pbx", "b", 60_000)

    assert mine.hold()
    assert mine.hold()
    assert not other.hold()
    assert other.holder() == "a"
    assert 0 < client().pttl("lease:{pbx}") <= 60_000
    client().pexpire("lease:{pbx}", 1)  # As if its time were over: on a busy machine a short one is, too soon.
    wait_until(other.hold, "the lease")
    mine.release()
    assert other.holder() == "b"
    other.release()
    assert mine.hold()


def test_who_stands_by_is_known_until_it_leads() -> None:
    mine, other = Lease("pbx", "a"), Lease("pbx", "b")
    assert mine.stand_by()
    mine.hold()
    assert not other.stand_by()
    now = standing("pbx")
    mine.release()

    assert (now.leader, [one.owner for one in now.standbys]) == ("a", ["b"])
    assert now.standbys[0].is_present
    assert other.stand_by()
    assert [one.owner for one in standing("pbx").standbys] == ["b"]


def test_one_that_stood_by_is_remembered_for_an_hour(redis: "redis_client.Redis") -> None:
    for seconds in (60, 4000):
        redis.zadd("standby:{pbx}", {f"gone {seconds}": (time.time() - seconds) * 1000})
    Lease("pbx", "here").stand_by()

    here, gone = standing("pbx").standbys

    assert (here.owner, here.is_present, gone.owner, gone.is_present) == ("here", True, "gone 60", False)
    assert timedelta(seconds=55) < gone.silent_for < timedelta(seconds=70)


def test_the_intake_appends_each_event_id_once() -> None:
    first = append_unique("web", [Arrival("a", b"1"), Arrival("b", b"2"), Arrival("a", b"3")])
    second = append_unique("web", [Arrival("b", b"4"), Arrival("c", b"5")])

    assert (first.accepted, first.duplicates) == (2, 1)
    assert (second.accepted, second.duplicates) == (1, 1)
    assert [one.payload for one in api.read_journal("web", "0-0", 10)] == [b"1", b"2", b"5"]


def test_an_event_id_is_known_in_the_next_hours_and_forgotten_after_the_time_to_remember(settings: Settings) -> None:
    settings.INTAKE_REMEMBER_SECONDS = 4
    append_unique("web", [Arrival("a", b"1")])
    (key,) = seen_keys()
    prefix, part = key.rsplit(":", 1)

    client().rename(key, f"{prefix}:{int(part) - 2}")
    assert append_unique("web", [Arrival("a", b"1")]).duplicates == 1
    wait_until(lambda: append_unique("web", [Arrival("a", b"1")]).accepted == 1, "the end of the memory", 8)


def test_ids_seen_do_not_stay_permanently() -> None:
    append_unique("web", [Arrival("a", b"1")])

    assert 0 < client().ttl(seen_keys()[0]) <= 86_400 * 1.5


def test_an_allowance_is_given_until_it_is_used_up(settings: Settings) -> None:
    # It is full by itself only after a hundred seconds, when Redis forgets it.
    settings.INTAKE_EVENTS_PER_SECOND, settings.INTAKE_MAX_EVENTS = 10, 1000
    tokens = itertools.count(1)

    def found() -> tuple[Shortage | None, ...]:
        token = next(tokens)
        return take_allowance(token, 1000, 1), take_allowance(token, 5, 1), take_allowance(-token, 1000, 1)

    # With another token where the machine let it wait between the two: an allowance grows with time.
    wait_until(lambda: found() == (None, Shortage(TOKEN_EVENTS, 1), None), "an allowance that is used up")
    token = next(tokens) - 1
    wait_until(lambda: take_allowance(token, 5, 1) is None, "the allowance")


def test_bytes_have_an_allowance_too_and_who_lacks_one_loses_nothing_of_the_other(settings: Settings) -> None:
    settings.INTAKE_BYTES_PER_SECOND, settings.INTAKE_MAX_BYTES = 100, 1_000
    settings.INTAKE_EVENTS_PER_SECOND = settings.INTAKE_MAX_EVENTS = 10

    tokens = itertools.count(1)

    def found() -> list[Shortage | None]:
        token = next(tokens)
        first, refused = take_allowance(token, 1, 1_000), [take_allowance(token, 9, 500) for _ in range(3)]
        return [first, *refused, take_allowance(token, 9, 0)]

    # With another token where the machine let it wait meanwhile: an allowance grows with time.
    wait_until(lambda: found() == [None, *[Shortage(TOKEN_BYTES, 5)] * 3, None], "bytes that are used up")


def test_of_which_calls_events_were_erased_is_forgotten_after_the_archive(settings: Settings) -> None:
    """Before: these ids stayed in Redis for good."""
    settings.ARCHIVE_DAYS = 30
    JournalWriter("pbx", 5000).append(events(1))
    api.erase_from_journal("pbx", "5000-1", re.compile(b"event-1"))

    assert len(api.erased_in_journal("pbx")) == 1
    assert 31 * 86_400 < client().ttl("erased:{pbx}") <= 32 * 86_400
