"""A Flag gets another name: the consequences are shown first, and the names that it had are kept and shown."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client

from flags.catalogue.renames import after_rename
from flags.models import EarlierName, FlagOnServer, FlagSetting
from flags.provisioning.create import ServerFlagState
from qms.models import DataServer

pytestmark = pytest.mark.django_db
FLAGS = "/admin/flags/flagsetting/"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def page_of(flag: str) -> str:
    return f"{FLAGS}{FlagSetting.objects.get(name=flag).pk}/change/"


def save(client: Client, flag: str, **values: Any) -> HttpResponse:
    row = FlagSetting.objects.get(name=flag)
    fields = ("name", "field", "max_length", "privacy", "order")
    data = {field: getattr(row, field) for field in fields} | {"enabled": "on"} | values
    return client.post(page_of(flag), data)  # type: ignore[return-value]  # the client's answer is more than one


def rename(client: Client, old: str, new: str) -> HttpResponse:
    """Give a Flag a name and confirm it as the page does."""
    asked = save(client, old, name=new, _save="Save")
    typed = dict(asked.context["typed"])  # type: ignore[attr-defined]  # the client adds it
    return client.post(  # type: ignore[return-value]
        page_of(old), typed | {"confirmed_old": old, "confirmed_name": new}
    )


def names() -> set[str]:
    return set(FlagSetting.objects.values_list("name", flat=True))


def test_a_new_name_is_not_taken_before_its_meaning_is_shown(admin_client: Client) -> None:
    DataServer.objects.create(slug="main")

    page = save(admin_client, "QueueName", name="Queue", max_length=64).content.decode()

    assert "Recordings that are flagged already keep <b>QueueName</b>" in page
    assert "search in QMS for both names" in page
    assert "Queue is not known to exist on main." in page
    assert "Create in QMS" in page
    assert FlagSetting.objects.get(name="QueueName").max_length == 255
    assert not EarlierName.objects.exists()


def test_a_confirmed_name_is_taken_with_all_that_was_typed_and_what_is_to_be_done_is_reported(
    admin_client: Client,
) -> None:
    asked = save(admin_client, "QueueName", name="Queue", max_length=64, _continue="1")
    typed = dict(asked.context["typed"])  # type: ignore[attr-defined]

    answer = admin_client.post(
        page_of("QueueName"), typed | {"confirmed_old": "QueueName", "confirmed_name": "Queue"}, follow=True
    )

    assert FlagSetting.objects.get(name="Queue").max_length == 64
    assert answer.redirect_chain[-1][0].endswith("/change/")
    assert "QueueName is now Queue. Recordings flagged before keep QueueName" in answer.content.decode()


def test_a_name_that_was_changed_again_after_the_page_was_shown_is_asked_for_again(admin_client: Client) -> None:
    asked = save(admin_client, "QueueName", name="Queue")
    typed = dict(asked.context["typed"])  # type: ignore[attr-defined]
    page = page_of("QueueName")
    FlagSetting.objects.filter(name="QueueName").update(name="Line")

    answer = admin_client.post(page, typed | {"confirmed_old": "QueueName", "confirmed_name": "Queue"})

    assert "Rename Line to Queue?" in answer.content.decode()
    assert "Line" in names()


def test_the_names_that_a_flag_had_stand_on_its_page_and_in_the_list(admin_client: Client) -> None:
    assert "Earlier names" not in admin_client.get(page_of("QueueName")).content.decode()
    rename(admin_client, "QueueName", "Queue")
    rename(admin_client, "Queue", "Line")

    page = admin_client.get(page_of("Line")).content.decode()

    assert "Earlier names" in page
    assert page.index(">Queue</td>") < page.index(">QueueName</td>"), "The newest comes first."
    assert "admin</td>" in page
    assert list(EarlierName.objects.values_list("name", "renamed_to", "field", "by")) == [
        ("Queue", "Line", "queue_name", "admin"),
        ("QueueName", "Queue", "queue_name", "admin"),
    ]
    assert "Queue, QueueName" in admin_client.get(FLAGS).content.decode()


def test_who_changes_something_else_is_not_asked(admin_client: Client) -> None:
    assert save(admin_client, "QueueName", max_length=64).status_code == 302
    assert not EarlierName.objects.exists()


def test_a_form_with_faults_is_shown_before_anything_is_asked(admin_client: Client) -> None:
    assert "already exists" in save(admin_client, "QueueName", name="AgentId").content.decode()
    assert "Give a length" in save(admin_client, "QueueName", name="Queue", max_length=0).content.decode()


def test_a_name_that_another_flag_had_is_warned_of(admin_client: Client) -> None:
    rename(admin_client, "QueueName", "Queue")

    page = save(admin_client, "CallerName", name="QueueName").content.decode()

    assert "QueueName was a name of the Flag that is called Queue now, which carried queue_name" in page


def test_a_return_to_an_earlier_name_is_reported(admin_client: Client) -> None:
    rename(admin_client, "QueueName", "Queue")

    assert "was a name of this Flag before" in save(admin_client, "Queue", name="QueueName").content.decode()


def test_a_name_that_exists_in_qms_need_not_be_created(admin_client: Client) -> None:
    main = DataServer.objects.create(slug="main")
    FlagOnServer.objects.create(data_server=main, name="Queue", state=ServerFlagState.EXISTS, at=NOW)

    assert "exists on every Data Server already" in save(admin_client, "QueueName", name="Queue").content.decode()


def test_who_may_only_look_renames_nothing(client: Client) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)

    answer = save(client, "QueueName", name="Queue", confirmed_old="QueueName", confirmed_name="Queue")

    assert answer.status_code == 403
    assert "QueueName" in names()


def test_what_is_to_be_done_after_a_rename_names_the_data_servers_that_lack_the_flag() -> None:
    """Before: "Create the Flags in QMS now", also where the name was put back and QMS had it."""
    north, south = (DataServer.objects.create(slug=slug) for slug in ("north", "south"))
    FlagOnServer.objects.create(data_server=north, name="Queue", state=FlagOnServer.State.EXISTS, at=NOW)

    assert "until Queue exists on Data Server south, QMS refuses" in after_rename("QueueName", "Queue")
    FlagOnServer.objects.create(data_server=south, name="Queue", state=FlagOnServer.State.CREATED, at=NOW)
    assert "Create the Flags" not in after_rename("QueueName", "Queue")
