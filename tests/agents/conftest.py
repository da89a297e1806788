"""A source with two Recording Services, as most of these tests need it."""

import pytest

from agents.models import Allocation
from cti.models import CtiSource
from qms.models import DataServer, RecordingService


@pytest.fixture
def source(db: None) -> CtiSource:
    """Give a CTI source."""
    return CtiSource.objects.create(slug="pbx", kind="http")


def make_service(slug: str, source: CtiSource | None = None, **settings: object) -> RecordingService:
    """Make a Recording Service, allocated to the source where one is given."""
    server, _ = DataServer.objects.get_or_create(slug="main")
    service = RecordingService.objects.create(slug=slug, data_server=server, url="http://127.0.0.1:1/", **settings)
    if source:
        Allocation.objects.create(source=source, service=service, position=source.allocations.count())
    return service


@pytest.fixture
def north(source: CtiSource) -> RecordingService:
    """Give a Recording Service of the source."""
    return make_service("north", source, identifiers=["10.0.0.1"])
