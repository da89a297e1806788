"""What the history shows of a change, and what it never shows."""

import pytest

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
