"""The filters in use are named above a list."""

import pytest
from django.test import Client
from django.utils import timezone

from agents.models import QmsUser
from qms.models import DataServer, RecordingService


@pytest.mark.django_db
def test_a_list_that_is_filtered_by_a_columns_own_value_names_it(admin_client: Client) -> None:
    server = DataServer.objects.create(slug="ds")
    service = RecordingService.objects.create(slug="north", data_server=server, url="http://localhost")
    QmsUser.objects.create(service=service, user_id="1", recording_service="node-7", loaded_at=timezone.now())
    page = admin_client.get("/admin/agents/qmsuser/", {"recording_service": "node-7"})

    assert page.status_code == 200
    assert "node-7" in page.content.decode()
