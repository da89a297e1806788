"""What each role may see of one Recording Service: its searches, and the test of its connection."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db

ALL = {ADMINISTRATOR, OPERATOR, SUPERVISOR, AUDITOR}
MAY_SEE = {
    "admin:qms_recordingservice_change": {ADMINISTRATOR, OPERATOR, AUDITOR},
    "searches-panel": ALL,
    "admin:qms_connection_steps": {ADMINISTRATOR},
    "admin:qms_recordingservice_test_connection_page": {ADMINISTRATOR},
}


@pytest.mark.parametrize("role", sorted(ALL))
def test_a_role_sees_of_a_service_what_is_meant_for_it(role: str) -> None:
    service = RecordingService.objects.create(
        slug="north", data_server=DataServer.objects.create(slug="main"), url="http://127.0.0.1:1/"
    )
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)

    answers = {page: client.get(reverse(page, args=[service.pk])).status_code for page in MAY_SEE}

    assert answers == {page: 200 if role in roles else 403 for page, roles in MAY_SEE.items()}


def test_nobody_sees_a_services_searches_without_a_login(client: Client) -> None:
    assert client.get(reverse("searches-panel", args=[1])).status_code == 302
