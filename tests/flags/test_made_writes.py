"""Flag writes as others see them: what was made, what QMS has taken, what was erased, and errors in plain words."""

from datetime import timedelta
from types import ModuleType

import msgspec
import pytest

from flags.models import SETTLED, FlagValue, FlagWrite, WriteState
from flags.outbox import alerts, bulk_insert, claims, queue, state_machine, withheld
from flags.outbox import made_writes as made_writes_module
from flags.outbox.error_texts import REASONS, in_plain_words
from flags.outbox.made_writes import MadeWrite, made_writes
from flags.outbox.state_machine import SHADOW_CODE
from flags.outbox.written_flags import ERASED, WrittenFlag, erase_values, forget_writes, sent_values, written_flags
from qms.port import QmsUnavailable, QmsUnclear
from qms.soap.faults import CODES
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db


@pytest.fixture
def post() -> Post:
    return Post()


def _set(key: int, **values: object) -> None:
    FlagWrite.objects.filter(pk=key).update(**values)


def _leg(key: int) -> int:
    return FlagWrite.objects.get(pk=key).leg_id


def test_a_write_is_shown_as_it_was_made_with_its_values(post: Post) -> None:
    base = post.queues("G1", AgentId="A1", QueueName="Sales")
    guid, ended = FlagWrite.objects.get(pk=base).recording_guid, post.time + timedelta(seconds=5)
    wrapup = post.queues(part="wrapup", guid=guid, CTIWrapup="Sold")
    other = post.queues("G2")
    _set(base, state="refused", settled_at=ended, error_code="UnknownFlag", error="no such flag")

    first, second = made_writes([_leg(wrapup), _leg(base)])
    assert first == MadeWrite(
        leg_id=_leg(base),
        recording_guid=guid,
        part="base",
        state="refused",
        settled_at=ended,
        error_code="UnknownFlag",
        error="no such flag",
        values={"AgentId": "A1", "QueueName": "Sales"},
    )
    assert (second.part, second.state, second.settled_at, second.values) == (
        "wrapup",
        "queued",
        None,
        {"CTIWrapup": "Sold"},
    )
    assert [one.leg_id for one in made_writes([_leg(other)])] == [_leg(other)]
    assert made_writes([]) == []


@pytest.mark.parametrize("state", WriteState.values)
def test_a_write_has_ended_when_it_is_settled_and_is_written_when_qms_has_taken_it(post: Post, state: str) -> None:
    """An end that an earlier version saved without its time counts from when the write was made."""
    key = post.queues()
    FlagValue.objects.all().delete()
    _set(key, state=state)
    (one,) = made_writes([_leg(key)])

    assert one.settled_at == (post.time if state in SETTLED else None)
    assert (one.is_written, one.values) == (state == "written", {})


@pytest.mark.parametrize("state", WriteState.values)
def test_what_qms_has_taken_is_what_is_written(post: Post, state: str) -> None:
    key = post.queues("G1", AgentId="A1", QueueName="Sales")
    post.queues("G2")
    _set(key, state=state)

    taken = [WrittenFlag(_leg(key), "AgentId", "A1"), WrittenFlag(_leg(key), "QueueName", "Sales")]
    assert written_flags([_leg(key)]) == (taken if state == "written" else [])


def test_erasing_blanks_what_qms_has_taken_and_deletes_what_it_has_not(post: Post) -> None:
    written, failed = post.queues("G1", AgentId="A1", QueueName="Sales"), post.queues("G2")
    other = post.queues("G3", AgentId="A3")
    for key in (written, other):
        _set(key, state="written")
    _set(failed, state="refused")
    legs = [_leg(written), _leg(failed)]

    assert (erase_values(legs), erase_values(legs)) == (2, 0)
    assert set(FlagWrite.objects.values_list("pk", flat=True)) == {written, other}
    assert [one.value for one in written_flags([*legs, _leg(other)])] == [ERASED, ERASED, "A3"]
    assert (sent_values(written), sent_values(other)) == ({}, {"AgentId": "A3"})


def test_writes_of_legs_that_are_forgotten_are_deleted_with_their_values(post: Post) -> None:
    first, second = post.queues("G1"), post.queues("G2")
    forget_writes([_leg(first)])

    assert list(FlagWrite.objects.values_list("pk", flat=True)) == [second]
    assert list(FlagValue.objects.values_list("write", flat=True)) == [second]


def test_an_error_is_told_in_plain_words_and_an_unknown_one_by_its_code() -> None:
    assert {code: in_plain_words(code) for code in REASONS} == REASONS
    assert (in_plain_words("Odd"), in_plain_words("")) == ("QMS refused: Odd.", "")


def test_each_error_of_the_contract_and_of_our_own_has_words_of_its_own() -> None:
    ours = {QmsUnavailable.code, QmsUnclear.code, SHADOW_CODE, "GivenUp", "Configuration", "NotOffered"}
    of_no_write = {"FlagAlreadyExists", "AccessDenied"}

    assert set(REASONS) == {*CODES, *ours} - of_no_write


@pytest.mark.parametrize("module", [alerts, bulk_insert, claims, made_writes_module, queue, state_machine, withheld])
def test_what_is_known_of_a_write_is_passed_on_and_never_changed(module: ModuleType) -> None:
    """But for what stands on the recordings of a batch, which grows while the batch is queued."""
    own = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    structs = [one for one in own if issubclass(one, msgspec.Struct)]

    assert structs
    assert [one.__name__ for one in structs if not one.__struct_config__.frozen] == ["_Standing"] * (module is queue)
