"""The page "Try a trace": for those who may change sources and see callers; bounded, and nothing is stored."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import StopFutureHandlers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cti.models import CtiSource
from gateway_site.trace_trial import views
from tests.cti.ami import traces
from tests.gateway_site.trace_trial.test_trial import SITE, ami_capture, csta_capture

pytestmark = pytest.mark.django_db

PAGE = "try-trace"


@pytest.fixture
def engineer() -> Client:
    """Return the browser of one who may try traces."""
    return browser_of("change_ctisource", "view_caller")


def browser_of(*codenames: str, **options: Any) -> Client:
    user = User.objects.create_user("someone", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(**options)
    client.force_login(user)
    return client


def upload(client: Client, raw: bytes, kind: str = "asterisk_ami", **more: Any) -> Any:
    data = {"trace": SimpleUploadedFile("trace.pcap", raw), "kind": kind, "result": "page", **more}
    return client.post(reverse(PAGE), data)


def test_a_capture_is_tried_and_nothing_is_written(engineer: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        answer = upload(engineer, ami_capture())
    text = answer.content.decode()

    assert answer.status_code == 200
    assert "1 leg, 1 flagged." in text
    assert "AgentName = " in text
    assert "Newexten: 11" in text
    written = [one["sql"] for one in asked.captured_queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in written if "django_session" not in sql] == []  # A visit prolongs its session.
    assert "no-store" in answer["Cache-Control"]


def test_the_settings_come_from_a_source_of_the_gateway_or_from_a_sites_file(engineer: Client) -> None:
    source = CtiSource.objects.create(slug="pbx", kind="csta_xml", devices=["2001"], queues={"5000": "Support"})

    assert "QueueName = Support" in upload(engineer, csta_capture(), "csta_xml", source=source.pk).content.decode()
    site = SimpleUploadedFile("site.toml", SITE.encode())
    text = upload(engineer, csta_capture(), "csta_xml", source=source.pk, site=site).content.decode()
    assert "QueueName = Sales" in text


def test_the_report_and_an_anonymised_case_are_downloaded(engineer: Client) -> None:
    report = upload(engineer, ami_capture(), result="report")
    case = upload(engineer, ami_capture(), result="transcript", anonymise="on")

    assert report["Content-Disposition"] == 'attachment; filename="trace.txt"'
    assert case["Content-Disposition"] == 'attachment; filename="trace.toml"'
    assert "Person 1" in case.content.decode()


@pytest.mark.parametrize(
    ("raw", "more", "sentence"),
    [
        (b"hello", {}, "Nothing in the file is asterisk_ami."),
        (b"\xd4\xc3\xb2\xa1rest", {}, "The capture cannot be read"),
        (b"", {}, "The submitted file is empty."),
        (b"Event: x\r\n\r\n", {"site": SimpleUploadedFile("s", b"[[nonsense]]\n")}, "unknown table [[nonsense]]"),
        (b"Event: x\r\n\r\n", {"site": SimpleUploadedFile("s", b"\xff")}, "can&#x27;t decode"),
        (b"Event: x\r\n\r\n", {"kind": "fax"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    raw: bytes, more: dict[str, Any], sentence: str, engineer: Client
) -> None:
    assert sentence in upload(engineer, raw, **more).content.decode()


def test_a_source_of_another_kind_and_wrong_options_are_refused(engineer: Client) -> None:
    other = CtiSource.objects.create(slug="other", kind="csta_xml", options={"encoding": "klingon"})

    assert "This source is of kind csta_xml." in upload(engineer, ami_capture(), source=other.pk).content.decode()
    text = upload(engineer, csta_capture(), "csta_xml", source=other.pk).content.decode()
    assert "encoding: klingon is not known" in text


def test_a_file_that_is_too_long_is_refused_and_never_on_disk(
    engineer: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, settings: Any
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    monkeypatch.setattr(views, "MAXIMUM_BYTES", 100_000)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *_, **__: pytest.fail("the upload went to disk"))
    kept = views.BoundedMemoryUpload()
    kept.handle_raw_input()
    with pytest.raises(StopFutureHandlers):
        kept.new_file("trace", "trace.pcap", "application/octet-stream", None)
    for start in range(0, 10_000_000, 65_536):
        kept.receive_data_chunk(bytes(65_536), start)

    assert "The file is too long" in upload(engineer, bytes(300_000)).content.decode()
    assert kept.file.tell() <= 100_000 + 65_536
    assert "1 leg, 1 flagged." in upload(engineer, traces.trace("b-queue-caller-hangup")).content.decode()


@pytest.mark.parametrize("permissions", [(), ("change_ctisource",), ("view_caller", "view_ctisource")])
def test_who_may_not_change_sources_or_see_callers_may_not_try_a_trace(permissions: tuple[str, ...]) -> None:
    client = browser_of(*permissions)

    assert client.get(reverse(PAGE)).status_code == 403
    assert upload(client, ami_capture()).status_code == 403


def test_a_post_from_another_page_is_refused() -> None:
    client = browser_of("change_ctisource", "view_caller", enforce_csrf_checks=True)

    assert upload(client, ami_capture()).status_code == 403
    client.get(reverse(PAGE))
    token = client.cookies["csrftoken"].value
    assert upload(client, ami_capture(), csrfmiddlewaretoken=token).status_code == 200


def test_no_more_events_are_played_than_a_page_may_take(engineer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAXIMUM_EVENTS", 3)

    assert "Only the first 3 of " in upload(engineer, ami_capture()).content.decode()
