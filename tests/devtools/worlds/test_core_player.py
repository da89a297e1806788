"""The core plays the judge's worlds."""

from devtools.worlds.judge.generate import KINDS, STORIES, generate
from devtools.worlds.judge.runner import Report, joined, run
from devtools.worlds.judge.scenario import Event, Qms, Recording, Scenario, Site
from devtools.worlds.judge.world import scenario_of
from devtools.worlds.players.core import CorePlayer, LateCorePlayer, StampedCorePlayer
from devtools.worlds.players.product_words import partition_of

CALL = {"callId": "100", "deviceId": "2001"}


def plain_call(*more: Event, qms: Qms | None = None) -> Scenario:
    """Return one call from second 0 to 20, recorded as R1."""
    events = (Event(0, "Established", CALL, 0.01, "e1"), *more, Event(20, "ConnectionCleared", CALL, 20.01, "e2"))
    recorded = qms or Qms(recordings=(Recording("R1", "2001", 0, 20),))
    return Scenario("one call", events, Site(devices=("2001",)), (), recorded)


def played(count: int, kinds: tuple[str, ...]) -> Report:
    """Play the first worlds of some kinds."""
    return run(CorePlayer(), seed=0, count=count, kinds=kinds)


def test_a_plain_call_is_flagged_when_it_is_over() -> None:
    observed = CorePlayer().play(plain_call(), None)
    assert [(x.extension, x.start, x.end, x.recording, x.outcome) for x in observed.legs] == [
        ("2001", 0, 20, "R1", "flagged")
    ]
    assert {x.flag: x.value for x in observed.writes}["CTICallRef"] == "100"
    assert all(x.at > 20 for x in observed.writes)


def test_an_event_that_is_sent_again_under_its_id_is_dropped_as_the_intake_does() -> None:
    again = Event(0, "Established", CALL, 90, "e1")
    scenario = plain_call(again)
    assert CorePlayer().play(scenario, None) == CorePlayer().play(plain_call(), None)
    assert partition_of(scenario, (2, 1)) == [1, 1]


def test_a_write_that_qms_finishes_late_is_sent_once() -> None:
    qms = Qms(recordings=(Recording("R1", "2001", 0, 20),), late_writes=((20, 25),), late_seconds=40)
    observed = CorePlayer().play(plain_call(qms=qms), None)
    assert all(60 < x.at < 65 for x in observed.writes)
    assert len({x.flag for x in observed.writes}) == len(observed.writes) > 0


def test_a_leg_whose_every_question_fell_into_an_outage_says_why_it_has_no_flags() -> None:
    qms = Qms(recordings=(Recording("R1", "2001", 0, 20),), away=((-1, 12),))
    (leg,) = CorePlayer().play(plain_call(qms=qms), None).legs
    assert leg.recording is None
    assert leg.outcome != "flagged"
    assert leg.reason


def test_calls_whose_ids_are_all_different_and_where_nothing_fails_keep_their_flags() -> None:
    report = played(400, ("queue", "direct", "outbound", "internal", "hold"))
    assert report.flagged > 1000
    assert (report.double, report.untrue) == (0, 0)


def test_every_kind_of_world_reaches_the_core() -> None:
    report = played(300, tuple(KINDS))
    assert set(report.kinds) == set(KINDS)
    assert report.flagged > 0.6 * report.recordings


def test_every_story_reaches_the_core_and_keeps_its_flags() -> None:
    report = run(CorePlayer(), seed=0, count=60, kinds=STORIES, cut=False)
    assert set(report.kinds) == set(STORIES)
    assert report.flagged > 0.75 * report.recordings
    assert report.failures == []


def test_the_same_world_is_played_the_same_way_twice() -> None:
    for seed in range(20):
        scenario = scenario_of(generate(seed))
        assert CorePlayer().play(scenario, None) == CorePlayer().play(scenario, None)


def test_the_parts_of_a_run_joined_are_the_run() -> None:
    whole, parts = played(60, KINDS), [run(CorePlayer(), seed, 20, kinds=KINDS) for seed in (40, 0, 20)]
    together = joined(parts)
    together.seconds = whole.seconds
    assert together == whole


def test_no_flag_is_wrong_or_written_twice_and_no_cut_into_batches_changes_one() -> None:
    report = run(CorePlayer(), seed=91_000, count=250)  # 90207 is a known difference: docs/worlds.md.
    assert report.recordings > 1000
    assert (report.wrong, report.double, report.unexplained, report.untrue) == (0, 0, 0, 0)
    assert report.partition_differences == 0


def test_no_flag_is_wrong_where_events_are_stamped_as_the_http_intake_does() -> None:
    report = run(StampedCorePlayer(), seed=20_000, count=200, cut=False)
    assert report.recordings > 1000
    assert (report.wrong, report.double, report.unexplained, report.untrue) == (0, 0, 0, 0)


def test_a_consumer_that_is_held_up_asks_qms_late_and_writes_nothing_twice() -> None:
    report = run(LateCorePlayer(), seed=0, count=100, cut=False, excused=("missing",))
    on_time = run(CorePlayer(), seed=0, count=100, cut=False)
    assert 0.2 * on_time.flagged < report.flagged < 0.8 * on_time.flagged
    assert (report.missing, report.double, report.untrue) == (0, 0, 0)
