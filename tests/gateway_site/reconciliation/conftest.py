"""What several tests of the comparison need."""

import pytest

from qms.models import DataServer, RecordingService


@pytest.fixture
def service() -> RecordingService:
    server = DataServer.objects.create(slug="ds")
    return RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1/")
