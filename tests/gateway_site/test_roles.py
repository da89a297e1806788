"""What each role may see and do: every page of the admin, asked for by each."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR

pytestmark = pytest.mark.django_db

ALL, TECHNICAL, ADMINISTRATORS = (
    {ADMINISTRATOR, OPERATOR, SUPERVISOR, AUDITOR},
    {ADMINISTRATOR, OPERATOR, AUDITOR},
    {ADMINISTRATOR},
)

#: Page by page: who may look at it.
MAY_SEE = {
    "admin:index": ALL,
    "live-calls": ALL,
    "why": ALL,
    "exports": ALL,
    "reports": ALL,
    "causes": ALL,
    "find": ALL,
    "test-installation": TECHNICAL,
    "installation-steps": TECHNICAL,
    "trial-call": TECHNICAL,
    "try-trace": ADMINISTRATORS,
    "admin:calls_leg_changelist": ALL,
    "admin:calls_gap_changelist": ALL,
    "admin:calls_queuename_changelist": ALL,
    "admin:calls_recordingsearch_changelist": ALL,
    "admin:calls_checkpoint_changelist": TECHNICAL,
    "admin:agents_agent_changelist": ALL,
    "admin:agents_agentsessionrecord_changelist": ALL,
    "admin:agents_qmsuser_changelist": ALL,
    "admin:agents_mappingact_changelist": ALL,
    "admin:agents_allocation_changelist": TECHNICAL,
    "admin:agents_userrefresh_changelist": TECHNICAL,
    "admin:flags_flagsetting_changelist": TECHNICAL,
    "admin:flags_flagwrite_changelist": TECHNICAL,
    "admin:qms_recordingservice_changelist": TECHNICAL,
    "admin:qms_dataserver_changelist": TECHNICAL,
    "admin:cti_ctisource_changelist": TECHNICAL,
    "admin:cti_quarantinedmessage_changelist": TECHNICAL,
    "admin:cti_intaketoken_changelist": TECHNICAL,
    "admin:admin_logentry_changelist": {ADMINISTRATOR, AUDITOR},
    "admin:auth_user_changelist": ADMINISTRATORS,
    "admin:auth_group_changelist": ADMINISTRATORS,
    "admin:qms_recordingservice_add": ADMINISTRATORS,
    "admin:qms_dataserver_add": ADMINISTRATORS,
    "admin:cti_ctisource_add": ADMINISTRATORS,
    "admin:flags_flagsetting_add": ADMINISTRATORS,
    "admin:agents_mappingact_add": {ADMINISTRATOR, OPERATOR},
}


@pytest.fixture
def client_of() -> Callable[[str], Client]:
    """Return a browser in which somebody of a role is logged in."""

    def logged_in(role: str) -> Client:
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return logged_in


@pytest.mark.parametrize("role", sorted(ALL))
def test_a_role_sees_the_pages_that_are_meant_for_it_and_no_other(
    role: str, client_of: Callable[[str], Client]
) -> None:
    client = client_of(role)
    answers = {page: client.get(reverse(page)).status_code for page in MAY_SEE}

    assert answers == {page: 200 if role in roles else 403 for page, roles in MAY_SEE.items()}


@pytest.mark.parametrize(
    ("role", "may"), [(ADMINISTRATOR, True), (OPERATOR, True), (SUPERVISOR, True), (AUDITOR, False)]
)
def test_only_an_auditor_may_not_see_callers(role: str, may: bool, client_of: Callable[[str], Client]) -> None:
    client_of(role)

    assert User.objects.get(username=role).has_perm("calls.view_caller") is may


@pytest.mark.parametrize(("role", "status"), [(ADMINISTRATOR, 302), (OPERATOR, 302), (SUPERVISOR, 403), (AUDITOR, 403)])
def test_administrators_and_operators_acknowledge_alerts(
    role: str, status: int, client_of: Callable[[str], Client]
) -> None:
    until = {"until": "2026-03-02T09:00:00Z"}
    assert client_of(role).post(reverse("admin:flags_acknowledge_all"), until).status_code == status


@pytest.mark.parametrize("role", [SUPERVISOR, AUDITOR])
def test_who_only_looks_changes_nothing(role: str, client_of: Callable[[str], Client]) -> None:
    client_of(role)
    user = User.objects.get(username=role)

    assert [name for name in user.get_all_permissions() if ".view_" not in name] == []


def test_a_role_that_was_changed_is_set_right_by_the_next_migrate_and_other_groups_are_left_alone() -> None:
    auditor, own = Group.objects.get(name=AUDITOR), Group.objects.create(name="Our own")
    before = set(auditor.permissions.values_list("codename", flat=True))
    auditor.permissions.clear()

    call_command("migrate", verbosity=0)

    assert set(auditor.permissions.values_list("codename", flat=True)) == before
    assert not own.permissions.exists()
    assert not LogEntry.objects.exists()
