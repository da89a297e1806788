"""While Redis hangs, each page waits for it once, says what it lacks for it, and goes on."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from kombu.exceptions import KombuError
from pytest_django import Settings
from redis import RedisError

from cti.models import CtiSource
from devtools.servers import free_port, start_redis, stop
from gateway_site.broker.brief_wait import wait_briefly_for_broker
from gateway_site.celery import app
from qms.models import DataServer, RecordingService
from redis_address.failure_counts import FailureCounts
from redis_address.request_wait import one_wait
from tests.agents.test_user_file_page import FILE

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
#: What a page may take longer than with a Redis that answers, in seconds; one wait takes half of it.
MAXIMUM_SECONDS = 3.0
Hang = Callable[[], None]


@pytest.fixture
def hang(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    """Give a Redis of the test's own, which hangs from the call on."""
    port = free_port()
    server, url = start_redis(tmp_path, port), f"redis://127.0.0.1:{port}/0"
    settings.JOURNAL_URL = url
    settings.CACHES = {name: {**one, "LOCATION": [url]} for name, one in settings.CACHES.items()}
    monkeypatch.setattr(FailureCounts, "away_until", 0.0)
    try:
        yield lambda: server.send_signal(signal.SIGSTOP)
    finally:
        server.send_signal(signal.SIGCONT)
        stop(server)


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="secret"))
    return client


@pytest.fixture
def service() -> RecordingService:
    return RecordingService.objects.create(
        slug="north", url="http://127.0.0.1:9/", data_server=DataServer.objects.create(slug="central")
    )


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def opened(ask: Callable[[], Any], hang: Hang) -> Any:
    """Ask once before Redis hangs, which takes what the page takes, and once while it does."""
    began = time.monotonic()
    ask()
    usual = time.monotonic() - began
    hang()
    with at_most(usual + MAXIMUM_SECONDS):
        return ask()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/admin/", "Redis does not answer"),
        ("/admin/dashboard/fragment/", "Redis does not answer"),
        ("/admin/installation/", "the last test cannot be shown"),
        ("/admin/installation/steps/", "the last test cannot be shown"),
        ("/admin/objectives/", "Objectives"),
        ("/metrics", 'gateway_part_ok{part="redis"} 0.0'),
    ],
)
def test_a_page_goes_on_without_a_redis_that_hangs(root: Client, hang: Hang, address: str, said: str) -> None:
    answer = opened(lambda: root.get(address), hang)

    assert answer.status_code == 200
    assert said in answer.content.decode()


@pytest.mark.parametrize("kind", ["http", "asterisk_ami"])
def test_the_page_of_a_source_goes_on(root: Client, hang: Hang, kind: str) -> None:
    source = CtiSource.objects.create(slug="pbx", kind=kind, host="127.0.0.1", port=5038)

    answer = opened(lambda: root.get(f"/admin/cti/ctisource/{source.pk}/change/"), hang)

    assert answer.status_code == 200


def test_monitoring_learns_what_does_not_work(client: Client, hang: Hang, service: RecordingService) -> None:
    CtiSource.objects.create(slug="pbx", kind="csta_xml", host="127.0.0.1", port=1)
    answer = opened(lambda: client.get("/health/ready"), hang)

    assert answer.status_code == 503
    said = answer.json()["degraded"]
    assert said[:2] == [
        "Redis: Redis does not answer: TimeoutError.",
        "Journal: cannot be read: TimeoutError: It did not answer earlier in this request.",
    ]
    assert "CTI source pbx: No listener has reported yet; is ./gateway up running?" in said


@pytest.mark.parametrize(("password", "status"), [("secret", 302), ("wrong", 200)])
def test_somebody_can_log_in_and_see_it(client: Client, hang: Hang, password: str, status: int) -> None:
    User.objects.create_superuser("root", password="secret")
    data = {"username": "root", "password": password}

    assert opened(lambda: client.post("/admin/login/", data), hang).status_code == status


def test_a_file_of_users_that_cannot_be_kept_is_refused_in_a_sentence(
    root: Client, hang: Hang, service: RecordingService
) -> None:
    def upload() -> Any:
        file = SimpleUploadedFile("users.csv", FILE.encode())
        return root.post("/admin/agents/qmsuser/file/", {"service": service.pk, "file": file}, follow=True)

    answer = opened(upload, hang)

    assert "Redis does not answer, so the file cannot be kept" in answer.content.decode()


def test_the_web_server_waits_briefly_for_a_broker_that_hangs(
    hang: Hang, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.conf, "broker_transport_options", app.conf.broker_transport_options)
    wait_briefly_for_broker()
    hang()

    # Tried twice.
    with (
        app.connection_for_write(settings.JOURNAL_URL) as link,
        at_most(MAXIMUM_SECONDS + 1),
        pytest.raises(KombuError),
    ):
        app.send_task("qms.tasks.test", args=[1, 1], queue="default", connection=link)


def test_outside_a_request_each_question_waits_anew(hang: Hang) -> None:
    """A worker that gave up for good would miss that Redis answers again."""
    cache.set("a", 1)
    hang()
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(RedisError):
            cache.get("a")
        assert time.monotonic() - began > 1
    with one_wait():
        with pytest.raises(RedisError):
            cache.get("a")
        began = time.monotonic()
        with pytest.raises(RedisError, match="earlier in this request"):
            cache.get("a")
        assert time.monotonic() - began < 1
