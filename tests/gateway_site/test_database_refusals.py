"""A database that cannot be used is a sentence at the prompt; an error of the program keeps its traceback."""

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection

from gateway_site.ops.database_refusals import sentence


def refused(query: str) -> DatabaseError:
    with connection.cursor() as cursor, pytest.raises((OperationalError, ProgrammingError)) as raised:
        cursor.execute(query)
    return raised.value


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["SELECT 1 FROM nowhere", "SELECT nowhere FROM django_migrations"])
def test_a_missing_table_or_column_leads_to_migrate(query: str) -> None:
    assert sentence(refused(query)).endswith("Bring it up to date: ./gateway manage migrate")


@pytest.mark.django_db
def test_a_mistake_in_a_query_is_not_explained_away() -> None:
    assert sentence(refused("SELEKT 1")) == ""


def test_a_server_that_is_away_is_named_with_its_setting() -> None:
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect("host=127.0.0.1 port=1 user=x connect_timeout=2")

    assert sentence(OperationalError(str(raised.value))).startswith("DATABASE_URL: the database does not answer (conn")
