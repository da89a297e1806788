"""No disturbance of the field's cases gives a recording a wrong flag."""

import pytest

from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.port import Stamp
from devtools.disturb.disturbances import disturbed, undisturbed
from devtools.disturb.judge import DisturbanceJudge
from tests.cti.ami.field_table import CaseTable
from tests.cti.ami.test_field_calls import TABLE as CALLS
from tests.cti.ami.test_field_phones import TABLE as PHONES
from tests.cti.ami.traces import source

EVENTS = PbxState(source(), Stamp("pbx", "0")).events
#: What cannot be known, or is not yet: a log-on that is not heard at all, so that the other agent or the phone's user
#: is named; half of a Local pair that is heard late, so that the call is named by the other half; the end of waiting
#: that is not heard at all, so that the queue stays the call's.
NOT_KNOWN = ("two agents", "an agent of another name", "VICIdial's phone: 101, out", "VICIdial's phone: cc101, out")
NOT_KNOWN_YET = ("after the queue's time: ring group",)
CASES = [
    (table, name)
    for table in (CALLS, PHONES)
    for name in table.names
    if not name.startswith((*NOT_KNOWN, *NOT_KNOWN_YET))
]


def wrong(table: CaseTable, name: str, *places: str) -> list[object]:
    """Return the wrong flags; ``places``: the disturbances that are tried, all where none is named."""
    trace = table.trace(name)
    judge = DisturbanceJudge(trace)
    found = [one for one in disturbed(trace, EVENTS) if not places or one.name in places]
    assert len(found) >= len(places)
    return [*judge.learn(undisturbed(trace)), *((one.name, flags) for one in found if (flags := judge.wrong(one)[0]))]


@pytest.mark.nightly
@pytest.mark.parametrize(("table", "name"), CASES)
def test_no_disturbance_of_a_case_gives_a_wrong_flag(table: CaseTable, name: str) -> None:
    assert wrong(table, name) == []


def test_a_caller_who_left_the_queue_while_the_link_was_lost_takes_it_to_nobody() -> None:
    lost = ("cut after 0.9 s for 2.0 s", "cut after 1.0 s for 0.2 s", "QueueCallerLeave at message 16 delayed")

    assert wrong(CALLS, "after the queue's time: ring group", *lost) == []


def test_a_customer_whom_a_local_channel_dials_and_who_is_bridged_with_it_has_a_call() -> None:
    """A snapshot shows the outside party both as dialled by the pair and in its bridge."""
    cuts = [f"cut after {tenths / 10:.1f} s for 0.2 s" for tenths in range(20, 60, 5)]

    assert wrong(PHONES, "a program rings the phone, which dials: Local", *cuts) == []


def test_an_agent_whom_the_queue_knows_by_number_is_not_the_phones_user() -> None:
    late = ("QueueMemberAdded at message 0 delayed", "QueueMemberAdded at message 0 dropped")

    assert wrong(PHONES, "Wazo's member: Agent/1001", *late) == []
