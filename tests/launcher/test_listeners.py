"""The keeper of listeners over a database that comes and goes."""

import pytest
from django.db import connection

from cti.models import CtiSource
from launcher import listeners


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_sources_are_followed_again_after_the_database_was_away() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that goes away")
    CtiSource.objects.create(slug="late", kind="csta_xml")
    connection.ensure_connection()
    connection.connection.close()

    assert listeners._wanted({"early"}) == {"early"}
    assert listeners._wanted({"early"}) == {"late"}
