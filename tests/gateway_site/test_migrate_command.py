"""A migration of a large table takes as long as it needs; other statements end after 30 s."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

pytestmark = pytest.mark.django_db


def _limit() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no such limit")
@pytest.mark.parametrize(("pooler", "during"), [("", "0"), ("transaction", "30s")])
def test_statements_of_migrations_have_no_limit_but_behind_a_pooler(
    pooler: str, during: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DATABASE_POOLER = pooler
    seen = []
    monkeypatch.setattr(migrate.Command, "handle", lambda *_, **__: seen.append(_limit()))
    call_command("migrate")
    assert (seen, _limit()) == ([during], "30s")
