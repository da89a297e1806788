"""Who changed what: every page that changes the configuration keeps it, and one page shows it all."""

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from agents.models import MappingAct
from cti.http_intake.tokens import mint_token
from cti.models import CtiSource, IntakeToken
from flags.models import FlagSetting, FlagWrite
from gateway_site.config.apply import apply
from gateway_site.config.declaration import read
from history.admin import RecordedAdmin
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db

ARROW = "\N{RIGHTWARDS ARROW}"
#: Kept elsewhere: mappings are rows of acts; flag writes: ``flags.outbox.operator_actions``; axes: by Django.
OTHERWISE = {MappingAct, FlagWrite, AccessAttempt, AccessFailureLog, AccessLog}


@pytest.fixture
def client(admin_client: Client) -> Client:
    """Return a browser in which an administrator is logged in."""
    return admin_client


def reported() -> str:
    """Return what the newest entry says."""
    return LogEntry.objects.latest("pk").get_change_message()


def test_every_page_that_changes_something_keeps_what_was_before(admin_user: User) -> None:
    request = RequestFactory().get("/")
    request.user = admin_user
    changing = [
        model
        for model, page in admin.site._registry.items()
        if page.has_add_permission(request)
        or page.has_change_permission(request)
        or page.has_delete_permission(request)
        if not isinstance(page, RecordedAdmin)
    ]

    assert set(changing) <= OTHERWISE


def test_a_changed_waiting_time_is_reported_with_what_it_was(client: Client) -> None:
    service = RecordingService.objects.create(
        slug="one", data_server=DataServer.objects.create(slug="main"), url="http://q/"
    )
    page = client.get(reverse("admin:qms_recordingservice_change", args=[service.pk]))
    form = page.context["adminform"].form
    sent = {name: "" if (value := form[name].value()) in (None, False) else value for name in form.fields}

    client.post(page.request["PATH_INFO"], sent | {"timeout_seconds": 9, "new_password": "hush"})

    assert f"Timeout seconds: {service.timeout_seconds:g} {ARROW} 9." in reported().replace(".0", "")
    assert "Password: changed (not shown)." in reported()
    assert "hush" not in reported()


def test_a_flag_changed_in_the_list_is_reported(client: Client) -> None:
    page = client.get(reverse("admin:flags_flagsetting_changelist"))
    formset = page.context["cl"].formset
    sent = {name: formset.management_form[name].value() for name in formset.management_form.fields}
    data = {f"form-{name}": value for name, value in sent.items()}
    for at, form in enumerate(formset.forms):
        data |= {f"form-{at}-id": form.instance.pk, f"form-{at}-order": form.instance.order}
        data |= {f"form-{at}-enabled": "on"} if form.instance.enabled and at else {}
    first: FlagSetting = formset.forms[0].instance

    client.post(reverse("admin:flags_flagsetting_changelist"), data | {"_save": "Save"})

    assert reported() == f"Enabled: yes {ARROW} no."
    assert LogEntry.objects.latest("pk").object_repr == str(first)


def test_a_deleted_row_is_reported_with_all_that_it_said(client: Client) -> None:
    source = CtiSource.objects.create(slug="pbx", kind="csta", host="pbx.example.org", port=5222)

    client.post(reverse("admin:cti_ctisource_delete", args=[source.pk]), {"post": "yes"})

    assert "Host: pbx.example.org." in reported()


def test_a_user_who_is_given_a_role_is_reported_by_the_role(client: Client) -> None:
    user = User.objects.create_user("ann", is_staff=True)
    role = Group.objects.get(name="Operator")
    page = client.get(reverse("admin:auth_user_change", args=[user.pk]))
    sent = {"username": "ann", "is_active": "on", "is_staff": "on", "groups": [role.pk]}
    joined = page.context["adminform"].form["date_joined"].value()

    client.post(
        page.request["PATH_INFO"], sent | {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
    )

    assert f"Groups: nothing {ARROW} Operator." in reported()


def test_nobody_deletes_a_user_whose_acts_would_be_forgotten(client: Client, admin_user: User) -> None:
    assert client.get(reverse("admin:auth_user_delete", args=[admin_user.pk])).status_code == 403


def test_a_revoked_token_is_reported_and_its_digest_is_not(client: Client) -> None:
    token = mint_token(CtiSource.objects.create(slug="http", kind="http"), name="ours").row

    client.post(reverse("admin:cti_intaketoken_changelist"), {"action": "revoke", "_selected_action": [token.pk]})

    assert reported().startswith("Revoked.")
    assert IntakeToken.objects.get().digest not in reported()


def test_one_page_says_who_did_what_and_nobody_changes_it(client: Client, admin_user: User) -> None:
    client.post(reverse("admin:qms_dataserver_add"), {"slug": "main"})

    page = client.get(reverse("admin:admin_logentry_changelist"))

    assert "Added. Name: main." in page.content.decode()
    assert admin_user.username in page.content.decode()
    assert client.get(reverse("admin:admin_logentry_add")).status_code == 403


def test_what_a_command_changes_is_reported_as_the_command_lines_act_who_cannot_log_in() -> None:
    declaration = '[[data_servers]]\nslug = "main"\n[[recording_services]]\nslug = "one"\ndata_server = "main"\n'
    apply(read(declaration + 'url = "http://q/"\ntimeout_seconds = 5\n'))
    apply(read(declaration + 'url = "http://q/"\ntimeout_seconds = 9\n'))

    entry = LogEntry.objects.latest("pk")
    assert entry.get_change_message() == f"Timeout seconds: 5.0 {ARROW} 9.0."
    assert (entry.user.username, entry.user.is_active) == ("command-line", False)
    assert not entry.user.has_usable_password()


def test_a_token_that_a_command_makes_is_reported_without_what_opens_anything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    CtiSource.objects.create(slug="http", kind="http")
    call_command("create_token", "http")

    assert reported().startswith("Added. Source: http.")
    assert capsys.readouterr().out.strip() not in reported()
    assert IntakeToken.objects.get().digest not in reported()
