"""What the journal's Redis may lose is reported before it does."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from cti.journal.checks import JournalSettings, journal_warnings
from devtools.servers import free_port, start_redis, stop

SAFE = {
    "version": "7.2.4",
    "appendonly": "yes",
    "appendfsync": "always",
    "policy": "noeviction",
    "memory_used": 10,
    "memory_limit": 100,
    "is_replica": False,
}


def ids(**members: object) -> list[str | None]:
    return [one.id for one in journal_warnings(JournalSettings(**SAFE | members))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "number"),
    [
        ({"appendonly": "no"}, "cti.W001"),
        ({"appendfsync": "everysec"}, "cti.W002"),
        ({"policy": "allkeys-lru"}, "cti.W003"),
        ({"version": "6.0.16"}, "cti.W004"),
        ({"memory_used": 70}, "cti.W005"),
        ({"is_replica": True}, "cti.W006"),
    ],
)
def test_each_dangerous_setting_has_its_warning(members: dict[str, object], number: str) -> None:
    assert ids() == []
    assert ids(**members) == [number]


def journal_ids(databases: list[str] | None) -> list[str | None]:
    found = run_checks(tags=["database"], databases=databases)
    return [one.id for one in found if one.id and one.id.startswith("cti.")]


def test_the_checks_ask_the_server_only_where_the_network_may_be_used(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    assert journal_ids(["default"]) == ["cti.W007"]
    assert journal_ids(None) == []
    server = start_redis(tmp_path, port, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru")
    try:
        assert journal_ids(["default"]) == ["cti.W002", "cti.W003"]
    finally:
        stop(server)
