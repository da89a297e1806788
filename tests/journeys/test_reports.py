"""The supervisor's question: which calls of my team yesterday carry no labels, why, how many per cent, is it better?"""

import csv
import io
import re
import zipfile
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import redis as redis_client
from django.contrib.auth.models import Group, User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.manual_mappings import map_agent
from agents.models import Agent, QmsUser
from calls.models import DailyDimensionCount, Leg, SavedReport
from calls.report.mail import mail_weekly
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
ROW = re.compile(r"<tr[^>]*>\s*<th scope=\"row\" data-label.*?</tr>", re.DOTALL)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give two teams' calls: on Monday all of Sales are flagged, on Tuesday one of two; today is Wednesday."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = GatewayStack()
    QmsUser.objects.filter(extension__in=("2001", "2002")).update(department_name="Sales")
    QmsUser.objects.filter(extension="2003").update(department_name="Service")
    gateway.log_on("9001", "2001", "Alice Archer")
    gateway.passes(1)
    call(gateway, "M1", "2001", "Hotline")
    call(gateway, "M2", "2003", "Hotline", recorded=False)
    gateway.passes(86400 - 300)
    call(gateway, "T1", "2001", "Hotline")
    call(gateway, "T2", "2002", "Orders", recorded=False)
    call(gateway, "T3", "2009", "Orders")
    gateway.passes(86400)
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    return gateway


@pytest.fixture
def supervisor(client: Client) -> Client:
    user = User.objects.create_user("sue", email="sue@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name="Supervisor"))
    client.force_login(user)
    return client


def call(gateway: GatewayStack, call_id: str, extension: str, queue: str, *, recorded: bool = True) -> None:
    if recorded:
        gateway.qms.connected(extension, gateway.time)
    gateway.call("Established", call_id, extension, queueName=queue)
    gateway.passes(1)
    gateway.passes(12)
    gateway.qms.disconnected(extension, gateway.time)
    gateway.call("ConnectionCleared", call_id, extension)
    gateway.passes(130)


def get(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def rows(page: str) -> dict[str, list[str]]:
    """Return the lines of the report's table by name, each with the texts of its cells."""
    found = {}
    for row in ROW.findall(page):
        texts = re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        cells = [unescape(re.sub(r"<[^>]+>", "", text)).strip() for text in texts]
        found[cells[0]] = cells[1:]
    return found


def link(page: str, name: str, column: str) -> str:
    """Return the address behind a number of a line."""
    row = next(one for one in ROW.findall(page) if re.search(rf">\s*{re.escape(name)}\s*<", one))
    cell = re.search(rf'<td data-label="{column}"><div><a href="([^"]+)"', row)
    assert cell, row
    return unescape(cell[1])


def legs_listed(client: Client, address: str) -> list[str]:
    page = get(client, address)
    return sorted(leg.call_id for leg in Leg.objects.all() if f"/admin/calls/leg/{leg.pk}/change/" in page)


def test_the_supervisors_question_is_answered_by_one_page(gateway: GatewayStack, supervisor: Client) -> None:
    page = get(supervisor, "/admin/reports/?period=yesterday&team=Sales")

    assert "50.0 % of 2 legs are flagged; 1 is not." in page
    assert "Worse by 50.0 points than before: 100.0 % on 2026-03-02." in page
    assert rows(page)["not recorded: QMS had no recording"][:4] == ["1", "0", "1", "50.0"]
    address = link(page, "not recorded: QMS had no recording", "Not flagged")
    assert legs_listed(supervisor, address) == ["T2"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("team", {"Sales": ["2", "1", "1", "50.0", "100.0", "-50.0"], "no team": ["1", "0", "1", "0.0"]}),
        ("queue", {"Hotline": ["1", "1", "0", "100.0", "50.0", "+50.0"], "Orders": ["2", "0", "2", "0.0"]}),
        ("agent", {"Alice Archer (9001)": ["1", "1", "0", "100.0", "100.0", "0.0"], "nobody logged on": ["2", "0"]}),
        ("extension", {"2001": ["1", "1"], "2002": ["1", "0"], "2009": ["1", "0"]}),
        ("source", {"pbx": ["3", "1", "2", "33.3", "50.0", "-16.7"]}),
        ("service", {"rs1": ["1", "1"], "none": ["2", "0"]}),
        ("day", {"2026-03-03": ["3", "1", "2", "33.3"]}),
        ("cause", {"flagged": ["1", "1", "0"], "user unmatched": ["1", "0", "1", "33.3"]}),
    ],
)
def test_each_breakdown_counts_and_each_number_leads_to_exactly_its_legs(
    gateway: GatewayStack, supervisor: Client, by: str, expected: dict[str, list[str]]
) -> None:
    page = get(supervisor, f"/admin/reports/?period=yesterday&by={by}")
    found = rows(page)

    for name, cells in expected.items():
        assert found[name][: len(cells)] == cells, name
    for name, cells in found.items():
        assert len(legs_listed(supervisor, link(page, name, "Legs"))) == int(cells[0]), name
        if int(cells[2]):
            assert len(legs_listed(supervisor, link(page, name, "Not flagged"))) == int(cells[2]), name


@pytest.mark.parametrize("by", ["agent", "team", "extension"])
@pytest.mark.parametrize(("first", "last"), [("2026-02-27", "2026-04-02"), ("2026-03-01", "2026-03-04")])
@pytest.mark.parametrize(("of", "legs", "table"), [("", 5, "person"), ("&queue=Orders", 2, "dimension")])
def test_whole_months_are_summed_from_the_counts_by_month(
    gateway: GatewayStack, supervisor: Client, by: str, first: str, last: str, of: str, legs: int, table: str
) -> None:
    days = rows(get(supervisor, f"/admin/reports/?period=own&from=2026-03-02&to=2026-03-30&by={by}{of}"))
    with CaptureQueriesContext(connection) as asked:
        months = rows(get(supervisor, f"/admin/reports/?period=own&from={first}&to={last}&by={by}{of}"))

    assert months == days
    assert months["All"][0] == f"{legs}"
    assert any(f"calls_monthly{table}count" in one["sql"] for one in asked.captured_queries)


@pytest.mark.parametrize(("filters", "legs"), [("&team=Sales", 2), ("", 3), ("&cause=flagged", 1)])
def test_a_report_by_hour_counts_the_hours(gateway: GatewayStack, supervisor: Client, filters: str, legs: int) -> None:
    page = get(supervisor, f"/admin/reports/?period=yesterday&by=hour{filters}")
    found = rows(page)

    assert sum(int(cells[0]) for name, cells in found.items() if name != "All") == legs
    hour = next(name for name in found if name != "All")
    assert len(legs_listed(supervisor, link(page, hour, "Legs"))) == int(found[hour][0])


def test_a_team_has_the_agents_who_are_mapped_to_its_users(gateway: GatewayStack, supervisor: Client) -> None:
    user = QmsUser.objects.get(extension="2003")
    map_agent(Agent.objects.get(agent_id="9001"), user, reason="Hot desk.", by="vera", now=gateway.time)
    found = rows(get(supervisor, "/admin/reports/?period=yesterday&by=team"))

    assert (found["Service"][0], found["Sales"][0]) == ("1", "1")


def test_every_filter_is_picked_from_what_was_counted(gateway: GatewayStack, supervisor: Client) -> None:
    page = get(supervisor, "/admin/reports/?period=yesterday&by=cause&queue=Orders&agent=9001&cause=user_unmatched")
    form = page.partition("Choose a report")[2].partition("</form>")[0]

    for option in (
        '<option value="Sales">Sales</option>',
        '<option value="Orders" selected>Orders</option>',
        '<option value="user_unmatched" selected>user unmatched</option>',
        f'<option value="{gateway.source.pk}">pbx</option>',
        '<option value="0">none</option>',
    ):
        assert option in form
    assert '<input name="agent" value="9001"' in form
    assert 'type="hidden"' not in form


@pytest.mark.parametrize(
    ("name", "typed", "names"),
    [
        ("agent", "archer", [["9001", "Alice Archer"]]),
        ("agent", "90", [["9001", "Alice Archer"]]),
        ("agent", "", []),
        ("extension", "2003", [["2003", "Carol 2003"]]),
    ],
)
def test_names_are_suggested_while_one_types(
    gateway: GatewayStack, supervisor: Client, name: str, typed: str, names: list[list[str]]
) -> None:
    QmsUser.objects.filter(extension="2003").update(first_name="Carol", last_name="2003")

    assert supervisor.get(f"/admin/reports/names/{name}/", {"q": typed}).json() == {"names": names}
    assert supervisor.get("/admin/reports/names/caller/", {"q": typed}).status_code == 404


@pytest.mark.parametrize("kind", ["csv", "xlsx", "pdf"])
def test_a_report_is_downloaded(gateway: GatewayStack, supervisor: Client, kind: str) -> None:
    answer = supervisor.get(f"/admin/reports/{kind}/?period=yesterday&by=team")
    content = answer.content

    assert f'filename="report-team-2026-03-03-2026-03-03.{kind}"' in answer["Content-Disposition"]
    if kind == "csv":
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        assert lines[0][:4] == ["Team", "Legs", "Flagged", "Not flagged"]
        assert ["Sales", "2", "1", "1", "50.0", "100.0", "-50.0"] in lines
    elif kind == "xlsx":
        book = zipfile.ZipFile(io.BytesIO(content))
        assert any(b"Sales" in book.read(name) for name in book.namelist())
    else:
        assert content.startswith(b"%PDF-")


def test_a_pdf_takes_names_in_any_alphabet(gateway: GatewayStack, supervisor: Client) -> None:
    DailyDimensionCount.objects.filter(queue_name="Orders").update(queue_name="Заказы Ελλάδα Łódź 注文")

    assert supervisor.get("/admin/reports/pdf/?period=yesterday&by=queue").content.startswith(b"%PDF-")


def test_a_view_is_saved_shown_and_deleted_for_its_owner_only(
    gateway: GatewayStack, supervisor: Client, admin_client: Client
) -> None:
    saved = {"name": "My team", "query": "period=yesterday&by=cause&team=Sales", "weekly": "on"}
    supervisor.post("/admin/reports/save/", saved)

    view = SavedReport.objects.get()
    assert f'<a href="?{view.query.replace("&", "&amp;")}">My team</a>' in get(supervisor, "/admin/reports/")
    assert "My team" not in get(admin_client, "/admin/reports/")
    assert admin_client.post("/admin/reports/save/", {"delete": view.pk}).status_code == 404

    supervisor.post("/admin/reports/save/", {"delete": view.pk})

    assert not SavedReport.objects.exists()


def test_a_weekly_view_is_mailed_once_on_monday_for_the_week_before(
    gateway: GatewayStack, supervisor: Client, settings: Any
) -> None:
    settings.CAN_MAIL, settings.PUBLIC_URL = True, "https://x.example.org/calls"
    supervisor.post(
        "/admin/reports/save/", {"name": "My team", "query": "period=yesterday&by=cause&team=Sales", "weekly": "on"}
    )
    monday = gateway.begin.replace(hour=0) + timedelta(days=7)

    assert mail_weekly(monday + timedelta(hours=6)) == 0, "too early"
    assert mail_weekly(monday + timedelta(hours=8)) == 1
    assert mail_weekly(monday + timedelta(hours=9)) == 0, "once"

    (message,) = mail.outbox
    assert message.to == ["sue@example.org"]
    assert "66.6 % of 3 legs are flagged; 1 is not." in message.body
    assert "Not flagged:\n       1  not recorded: QMS had no recording\n" in message.body
    link = next(line for line in message.body.splitlines() if line.startswith("https://"))
    assert link.startswith("https://x.example.org/calls/admin/reports/?")
    shown = rows(get(supervisor, link.removeprefix("https://x.example.org/calls")))
    assert shown["All"][:3] == ["3", "2", "1"], "the week of the mail, whenever it is read"
    assert [one[0] for one in message.attachments] == ["report.pdf", "report.csv"]


def test_who_may_see_calls_no_more_gets_no_mail(gateway: GatewayStack, supervisor: Client, settings: object) -> None:
    settings.CAN_MAIL = True  # type: ignore[attr-defined]
    supervisor.post("/admin/reports/save/", {"name": "My team", "query": "by=cause", "weekly": "on"})
    User.objects.get(username="sue").groups.clear()

    assert mail_weekly(gateway.time + timedelta(days=7)) == 0
    assert not mail.outbox


@pytest.mark.parametrize("address", ["?period=someday", "?by=colour", "?period=own&from=x&to=y"])
def test_a_report_that_cannot_be_is_refused_in_a_sentence(supervisor: Client, address: str) -> None:
    answer = supervisor.get(f"/admin/reports/{address}")

    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_reports_are_for_those_who_may_see_legs(client: Client) -> None:
    client.force_login(User.objects.create_user("nobody", is_staff=True))

    assert client.get("/admin/reports/").status_code == 403
    assert client.get("/admin/reports/csv/").status_code == 403
    assert client.post("/admin/reports/save/").status_code == 403


def test_the_filters_in_use_stand_above_the_list_and_each_can_be_removed(
    gateway: GatewayStack, supervisor: Client
) -> None:
    page = get(supervisor, "/admin/calls/leg/?flagged=no&queue=Orders&when=yesterday")

    assert "flagged: Not flagged" in page
    assert "queue: Orders" in page
    assert "connected: Yesterday" in page
    assert 'href="?flagged=no&amp;when=yesterday"' in page


def test_the_page_of_a_leg_leads_to_the_legs_before_and_after_it_at_the_extension(
    gateway: GatewayStack, supervisor: Client
) -> None:
    first, second = Leg.objects.filter(device_id="2001").order_by("connected_at")
    page = get(supervisor, f"/admin/calls/leg/{first.pk}/change/")

    assert f'href="/admin/calls/leg/{second.pk}/change/" rel="next"' in page
    assert 'rel="prev"' not in page
    assert f'href="/admin/calls/leg/{first.pk}/change/" rel="prev"' in get(
        supervisor, f"/admin/calls/leg/{second.pk}/change/"
    )
    assert 'data-copy="M1"' in page
