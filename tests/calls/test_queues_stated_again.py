"""A queue that is stated again is later than another one of before that, though that is heard after it."""

import pytest

from tests.relatives.case import Case, Event, cleared, established, heard, information, played, queued

pytestmark = pytest.mark.core

SALES = queued(10, "C1", "5000", queue="Sales", number="+49307")
END = cleared(50, "C1", "2001")
BILLING = heard(20.9, queued(20, "C1", "5002", queue="Billing"))


@pytest.mark.parametrize(
    ("events", "name"),
    [
        ([SALES, established(20.5, "C1", "2001", queue="Sales"), BILLING], "Sales"),  # The answer states it.
        ([SALES, established(20.5, "C1", "2001"), BILLING], "Billing"),  # Nothing is known of after 20.0.
        ([SALES, queued(20.4, "C1", "5000", queue="Sales"), established(20.6, "C1", "2001"), BILLING], "Sales"),
        ([SALES, queued(19.6, "C1", "5000", queue="Sales"), established(20.6, "C1", "2001"), BILLING], "Billing"),
        (
            [
                SALES,
                established(20.5, "C1", "2001", queue="Sales"),
                BILLING,
                heard(20.95, queued(19.97, "C1", "5003", queue="Support")),
            ],
            "Sales",
        ),
        ([SALES, established(20.5, "C1", "2001", queue="Billing"), BILLING], "Billing"),
        (
            [
                SALES,
                established(20.5, "C1", "2001", queue="Sales"),
                information(20.8, "C1", "2001", queue="Sales"),
                BILLING,
            ],
            "Sales",
        ),
    ],
)
def test_a_queue_of_before_the_statement_of_the_same_one_again_is_not_the_latest(
    events: list[Event], name: str
) -> None:
    replay = played(Case("", [*events, END], [], [("R1", "2001", 20.65, 50.0)]))
    (leg,) = [leg for leg in replay.legs if leg.guid]

    assert replay.flags[leg.number].get("QueueName") == name


def test_a_call_that_is_queued_in_order_has_the_queue_of_last() -> None:
    later = queued(21, "C1", "5002", queue="Billing")
    events = [SALES, queued(20.4, "C1", "5000", queue="Sales"), later, established(25, "C1", "2001"), END]
    replay = played(Case("", events, [], [("R1", "2001", 25.1, 50.0)]))

    assert [replay.flags[leg.number]["QueueName"] for leg in replay.legs if leg.guid] == ["Billing"]
