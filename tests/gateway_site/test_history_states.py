"""What the history shows of a change, and what it never shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from cti.models import CtiSource
from history.commands import record_command, stored_state
from history.former_values import former_values
from history.states import differences, state_of, values
from qms.models import DataServer, RecordingService
from vault.fields import Secret

pytestmark = pytest.mark.django_db


def service(**values: object) -> RecordingService:
    """Return a Recording Service that is not saved."""
    server, _ = DataServer.objects.get_or_create(slug="main")
    return RecordingService(slug="one", data_server=server, **values)


def reported(before: RecordingService, after: RecordingService) -> str:
    """Return what the history would say."""
    return differences(state_of(before), state_of(after))


def test_a_change_is_reported_field_by_field_with_what_was_and_what_is() -> None:
    text = reported(service(timeout_seconds=5, enabled=True), service(timeout_seconds=8, enabled=False))

    assert "Enabled: yes \N{RIGHTWARDS ARROW} no." in text
    assert "Timeout seconds: 5 \N{RIGHTWARDS ARROW} 8." in text


def test_what_did_not_change_is_not_reported() -> None:
    assert reported(service(timeout_seconds=5), service(timeout_seconds=5)) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"), [("", "one", "changed"), ("one", "two", "changed"), ("one", "", "deleted")]
)
def test_a_secret_is_reported_as_changed_and_never_shown(old: str, new: str, said: str) -> None:
    text = reported(service(password=Secret(old)), service(password=Secret(new)))

    assert text == f"Password: {said} (not shown)."


def test_a_password_in_an_address_is_not_shown() -> None:
    text = reported(service(url="https://qms/soap"), service(url="https://user:hush@qms/soap"))

    assert "hush" not in text
    assert "@qms/soap" in text


def test_a_long_value_is_cut_visibly() -> None:
    assert "(cut)" in values(state_of(service(identifiers=["node" * 200])))


def test_what_a_list_was_before_each_change_is_read_out_of_the_history() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    source = CtiSource.objects.create(slug="pbx", kind="http", options={"ignored_devices": ["2006. Options: x"]})
    changes: list[dict[str, Any]] = [
        {"devices": ["2001"]},
        {"enabled": False},
        {"options": {}},
        {"devices": ["2" * 400]},
        {"devices": ["3" * 70_000]},
        {"devices": []},
    ]
    for minute, change in enumerate(changes, 1):
        before = stored_state(source)
        for name, value in change.items():
            setattr(source, name, value)
        source.save()
        record_command(source, before)
        latest = LogEntry.objects.latest("id")
        LogEntry.objects.filter(pk=latest.pk).update(action_time=noon + timedelta(minutes=minute))

    found = former_values(source, ["Devices", "Options"], noon + timedelta(seconds=30))
    assert [((one.until - noon).seconds // 60, one.values) for one in found] == [
        (6, {"Devices": None}),
        (5, {"Devices": None}),
        (4, {"Devices": ["2001"]}),
        (3, {"Options": {"ignored_devices": ["2006. Options: x"]}}),
        (1, {"Devices": []}),
    ]
    assert [one.then for one in found] == [
        {"Devices": None},
        {"Devices": None},
        {"Devices": ["2" * 400]},
        {"Options": []},
        {"Devices": ["2001"]},
    ]
    assert former_values(source, ["Devices"], noon + timedelta(minutes=6)) == []
    [switched] = former_values(source, ["Enabled"], noon)
    assert ((switched.until - noon).seconds // 60, switched.values) == (2, {"Enabled": True})


def _changed(source: CtiSource, at: datetime, **members: Any) -> str:
    before = stored_state(source)
    for name, value in members.items():
        setattr(source, name, value)
    source.save()
    record_command(source, before)
    latest = LogEntry.objects.latest("id")
    LogEntry.objects.filter(pk=latest.pk).update(action_time=at)
    return latest.change_message


def test_of_a_long_list_the_history_says_what_went_and_what_came_and_knows_each_former_list() -> None:
    """Before: it showed the same 300 characters twice, and nobody knew which extension was taken out."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    many = [str(number) for number in range(2000, 4000)]
    source = CtiSource.objects.create(slug="pbx", kind="http", devices=many, queues={"5000": "x" * 400})
    one, other = noon + timedelta(minutes=1), noon + timedelta(minutes=2)

    said = _changed(source, one, devices=[*many[1:], "4711"], options={"ignored_devices": many})
    assert 'Devices: 2,000 entries \N{RIGHTWARDS ARROW} 2,000 entries, without ["2000"], with ["4711"].' in said
    _changed(source, other, devices=[*many[1:], "4711", "4712"], queues={"5000": "Sales", "5001": "Help"}, options={})

    [second, first] = former_values(source, ["Devices", "Options", "Queues"], noon)
    assert sorted(first.values["Devices"]) == many
    assert (first.values["Options"], first.then["Options"]) == ({}, {"ignored_devices": many})
    assert sorted(second.values["Devices"]) == sorted([*many[1:], "4711"]) == sorted(first.then["Devices"])
    assert second.values["Options"] == {"ignored_devices": many}
    assert second.values["Queues"] == {"5000": "x" * 400}


def test_where_the_lists_do_not_fit_the_changes_what_was_before_is_not_known() -> None:
    """A change that the history has not, such as one of a restored database."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    many = [str(number) for number in range(2000, 4000)]
    source = CtiSource.objects.create(slug="pbx", kind="http", devices=many)
    _changed(source, noon, devices=many[1:])
    source.devices = many[:5]

    [found] = former_values(source, ["Devices"], noon - timedelta(minutes=1))
    assert (found.values, found.then) == ({"Devices": None}, {"Devices": None})
