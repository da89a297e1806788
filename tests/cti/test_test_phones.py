"""The test extensions of real canary calls are monitored, though the source does not list them."""

import pytest

from cti.listener.source_config import source_config
from cti.models import CtiSource

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("way", "devices"), [("originate", ("2001", "2999")), ("events", ("2001",))])
def test_a_test_phone_is_monitored_where_its_calls_are_real(way: str, devices: tuple[str, ...]) -> None:
    source = CtiSource(slug="pbx", kind="csta_xml", devices=["2001"], canary_extensions=["2999"], canary_way=way)

    assert source_config(source).devices == devices
