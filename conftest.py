"""What every test may ask for; servers are started by ``tests.environment`` before this is read."""

from collections.abc import Iterator

import pytest
import redis as redis_client
from django.conf import settings
from django.db import connection
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from agents.api import forget_directories
from calls.search.kept_answers import forget as forget_slugs
from cti.api import forget_bounds
from qms.health import forget as forget_health
from tests.kept_rows import keep_rows

# An example of hypothesis may take as long as a busy machine needs: the default of 0.2 s is a race.
hypothesis_settings.register_profile("gateway", deadline=None)
hypothesis_settings.load_profile("gateway")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that touches the database as a test of storage: it runs on SQLite and on PostgreSQL.

    Not those that drive a browser: they are slow, and what the pages ask of the database is tested without one. Nor
    those that are marked as of one database: each asks nothing of it that other tests do not ask of both.
    """
    for item in items:
        needs = set(getattr(item, "fixturenames", ()))
        mark = item.get_closest_marker("django_db")
        touches = mark or needs & {"db", "transactional_db", "live_server"}
        if touches and not any(map(item.get_closest_marker, ("browser", "one_database"))):
            item.add_marker("storage")
        if (mark and mark.kwargs.get("transaction")) or needs & {"transactional_db", "live_server"}:
            # Such a test empties every table. All of them put the migrations' rows back before they begin: if only
            # some did, Django would fill the tables twice, depending on the order.
            item.add_marker(pytest.mark.django_db(transaction=True, serialized_rollback=True), append=False)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:  # noqa: ARG001
    """Keep the migrations' rows, and let the database go at the end: a live server's thread may have left a session."""
    with django_db_blocker.unblock():
        keep_rows()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def _fresh_directories() -> None:
    """Let no test see another's QMS users: a rolled back database gives the same ids again."""
    forget_directories()


@pytest.fixture(autouse=True)
def _fresh_seals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give each test a machine that has seen no seal yet."""
    path = tmp_path_factory.getbasetemp() / "evidence" / "seals.jsonl"
    path.unlink(missing_ok=True)
    before, settings.EVIDENCE_SEALS = settings.EVIDENCE_SEALS, path
    yield
    settings.EVIDENCE_SEALS = before


@pytest.fixture(autouse=True)
def _fresh_bounds() -> None:
    """Let no test count what another's source opened."""
    forget_bounds()


@pytest.fixture(autouse=True)
def _no_beliefs() -> None:
    """Let no test believe that a Recording Service is well because another's was."""
    forget_health()
    forget_slugs()


@pytest.fixture
def redis() -> Iterator["redis_client.Redis"]:
    """Give a client of the run's real Redis, emptied before and after."""
    client = redis_client.Redis.from_url(settings.REDIS_URL)
    client.flushall()
    yield client
    client.flushall()
    client.close()
