"""What an attacker with the logs learns, and what a client can write into them."""

import logging

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from gateway_site.middleware import client_address
from gateway_site.ops.logs import NoTracebackOfRefusals, logging_settings
from gateway_site.roles import SUPERVISOR
from gateway_site.settings import LOGGING
from tests.attacks.actors import browser_of

pytestmark = pytest.mark.django_db

NUMBER = "4915112345678"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Give all that is logged from INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.parametrize("path", ["/admin/nowhere/", "/admin/auth/user/", "/api/legs", "/api/events"])
def test_no_answer_of_400_and_above_logs_the_query(path: str, log: pytest.LogCaptureFixture) -> None:
    """Before: ``request=GET /api/legs?token=...`` stood in the log of each refused request."""
    browser_of(SUPERVISOR).get(path, {"q": NUMBER, "token": "qms_secret"})

    text = "\n".join(record.getMessage() for record in log.records)
    assert path in text
    assert NUMBER not in text
    assert "qms_secret" not in text


def test_a_refusal_leaves_no_traceback(log: pytest.LogCaptureFixture) -> None:
    """Before: 40 lines of traceback for each page that a role may not see."""
    assert browser_of(SUPERVISOR).get("/admin/auth/user/").status_code == 403

    refused = [record for record in log.records if getattr(record, "status_code", None) == 403]
    assert refused
    assert [record for record in refused if record.exc_info] == []


def test_messages_that_expired_while_the_worker_was_away_leave_no_lines() -> None:
    """Before: "Discarding revoked task" for each, thousands after an hour."""
    assert not logging.getLogger("celery.worker.request").isEnabledFor(logging.INFO)


def test_the_log_of_an_accident_keeps_its_traceback() -> None:
    """A 500 must stay explicable."""
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "", (), (ValueError, ValueError(), None))
    record.status_code = 500

    assert NoTracebackOfRefusals().filter(record)
    assert record.exc_info
    assert "no_traceback_of_refusals" in LOGGING["loggers"]["django.request"]["filters"]


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "6.6.6.6", "10.0.0.9"),
        (1, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (2, "6.6.6.6, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (2, "203.0.113.7", "10.0.0.9"),
        (1, "", "10.0.0.9"),
    ],
)
def test_a_client_cannot_choose_the_address_that_is_logged_and_throttled(
    proxies: int, header: str, expected: str, settings: Settings
) -> None:
    """Before: the log took whatever X-Forwarded-For began with, and the throttle another address than the log."""
    settings.PROXY_COUNT = proxies
    request = RequestFactory(REMOTE_ADDR="10.0.0.9").get("/", headers={"x-forwarded-for": header} if header else {})

    assert client_address(request) == expected


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_client_writes_no_line_of_its_own_into_the_log(form: str) -> None:
    """Before: who asked for a path with a line feed in it and hung up wrote any line into the log of the web."""
    settings = logging_settings("INFO", form)["formatters"]["data"]
    formatter = settings.pop("()")(**settings)
    said = "Client disconnected while serving /x\n2026-11-29T00:00:00Z [info     ] logged in\x1b[2J\x85"
    record = logging.LogRecord("waitress", logging.INFO, "", 0, said, (), None)

    text = formatter.format(record)

    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "\\n2026-11-29" in text


def test_the_address_in_the_log_is_that_of_the_peer(log: pytest.LogCaptureFixture) -> None:
    """Before: ``ip=6.6.6.6`` was whatever the client wrote into X-Forwarded-For."""
    Client(REMOTE_ADDR="10.0.0.9").get("/admin/nowhere/", headers={"x-forwarded-for": "6.6.6.6"})

    assert "6.6.6.6" not in "".join(record.getMessage() for record in log.records)
