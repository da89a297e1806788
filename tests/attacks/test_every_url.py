"""Every address of the gateway, asked for by every role with every method: who gets in is decided here, by name.

An address that is added without a decision fails this test. Decide in ``PAGES``, in ``MODELS`` or in ``OPEN``.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from gateway_site.login.models import AuthenticatorApp
from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR
from tests.attacks.actors import browser_of

pytestmark = pytest.mark.django_db

A, O, S, U = ADMINISTRATOR, OPERATOR, SUPERVISOR, AUDITOR  # noqa: E741  (a table)
ALL, TECHNICAL, NOBODY = {A, O, S, U}, {A, O, U}, set[str]()

#: Addresses without a log-in: what a stranger gets there, by GET.
OPEN = {
    "": 302,
    "health/live": 200,
    "health/ready": (200, 503),
    "metrics": 200,
    "api/events": 405,
    "api/openapi.json": 200,
    "api/legs": 401,
    "admin/login/": 200,
    "admin/single-sign-on/": 404,  # Without an identity provider; with one, it leads there.
    "admin/single-sign-on/callback/": 404,
}
#: Pages of the admin that belong to no table: who may open them.
PAGES = {
    "admin/": ALL,
    "admin/logout/": ALL,
    "admin/password_change/": ALL,
    "admin/password_change/done/": ALL,
    "admin/autocomplete/": ALL,
    "admin/jsi18n/": ALL,
    "admin/search/": ALL,
    "admin/find/": ALL,
    "admin/time-zone/": ALL,
    "admin/list/<str:label>/columns/": ALL,
    "admin/list/<str:label>/views/": ALL,
    "admin/r/<path:content_type_id>/<path:object_id>/": ALL,
    "admin/^(?P<app_label>...)/$": ALL,
    "admin/second-factor/": ALL,
    "admin/second-factor/setup/": ALL,
    "admin/dashboard/fragment/": ALL,
    "admin/live/": ALL,
    "admin/live/fragment/": ALL,
    "admin/why/": ALL,
    "admin/exports/": ALL,
    "admin/exports/panel/": ALL,
    "admin/exports/<int:job_id>/": ALL,
    "admin/reports/": ALL,
    "admin/objectives/": ALL,
    "admin/objectives/<str:kind>/": ALL,
    "admin/causes/": ALL,
    "admin/causes/<str:outcome>/": ALL,
    "admin/reports/<str:kind>/": ALL,
    "admin/reports/save/": ALL,
    "admin/reports/names/<str:name>/": ALL,
    "admin/searches/<int:service_id>/": ALL,
    "admin/installation/": TECHNICAL,
    "admin/installation/steps/": TECHNICAL,
    "admin/installation/call/": TECHNICAL,
    "admin/try-trace/": {A},
    "admin/shadow/": TECHNICAL,
    "admin/shadow/<int:service_id>/": {A},
    "admin/agents/qmsuser/file/": {A, O},
    "admin/erase-caller/": {A},
    "admin/retention/": {A, U},
}
#: Tables of the admin: who may look, and who may add, change and delete by a form.
LOOK = {
    "admin/auth/": {A},
    "admin/axes/": NOBODY,
    "admin/admin/logentry/": {A, U},
    "admin/calls/callerview/": {A, U},
    "admin/calls/leg/": ALL,
    "admin/calls/gap/": ALL,
    "admin/calls/recordingsearch/": ALL,
    "admin/calls/queuename/": ALL,
    "admin/calls/": TECHNICAL,
    "admin/agents/agent/": ALL,
    "admin/agents/agentsessionrecord/": ALL,
    "admin/agents/qmsuser/": ALL,
    "admin/agents/mappingact/": ALL,
    "admin/agents/": TECHNICAL,
    "admin/flags/": TECHNICAL,
    "admin/qms/": TECHNICAL,
    "admin/alarms/": TECHNICAL,
    "admin/reconciliation/": TECHNICAL,
    "admin/replays/": TECHNICAL,
    "admin/canary/": TECHNICAL,
    "admin/evidence/": TECHNICAL,
    "admin/cti/": TECHNICAL,
}
#: No page may answer these otherwise than with 403, 404, 405 or the log-in.
REFUSING = {302, 401, 403, 404, 405}


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for one in patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _routes(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            yield route


ROUTES = sorted(set(_routes(get_resolver().url_patterns)))
ADMIN = [route for route in ROUTES if route.startswith("admin/") and route not in OPEN]


def _decided(route: str) -> set[str] | None:
    """Return who may open a route; None where nobody has decided."""
    if route in PAGES:
        return PAGES[route]
    return next((roles for prefix, roles in LOOK.items() if route.startswith(prefix)), None)


def _address(route: str) -> str:
    """Return an address of a route; what it names does not exist."""
    for part in (
        "<path:object_id>",
        "<path:content_type_id>",
        "<int:job_id>",
        "<int:service_id>",
        "<int:run_id>",
        "<id>",
    ):
        route = route.replace(part, "999999")
    return "/" + route


def test_every_address_has_a_decision() -> None:
    undecided = [
        route
        for route in ROUTES
        if route not in OPEN and _decided(route) is None and "(?P<url>" not in route and "app_label" not in route
    ]

    assert undecided == [], "decide who may open it, in this file"


@pytest.mark.parametrize("method", ["get", "post", "head", "put", "delete", "patch", "options"])
def test_a_stranger_gets_nothing_of_the_admin(method: str) -> None:
    client = Client()
    answers = {route: getattr(client, method)(_address(route)).status_code for route in ADMIN if "<" not in route}

    assert {route: status for route, status in answers.items() if status not in REFUSING} == {}


def test_a_password_without_the_second_factor_opens_no_address() -> None:
    """Who has an app is led to its code from everywhere, and the interface for programs knows no sessions."""
    thief = browser_of(ADMINISTRATOR)
    AuthenticatorApp.objects.create(user=User.objects.get(), name="app", confirmed=True)
    open_to_all = ("admin/login/", "admin/logout/", "admin/second-factor/")
    routes = [route for route in ADMIN if "(?P" not in route and not route.startswith(open_to_all)]

    for method in ("get", "post"):
        answers = {route: getattr(thief, method)(_address(route)) for route in routes}
        led = {route: answer.headers.get("Location", "").split("?")[0] for route, answer in answers.items()}
        assert {route: place for route, place in led.items() if place != "/admin/second-factor/"} == {}, method
    assert thief.get("/api/legs").status_code == 401


def test_no_form_of_another_site_is_taken() -> None:
    """A post without the token of the gateway's own forms does nothing, whoever's browser sends it."""
    browser = browser_of(ADMINISTRATOR)
    browser.handler.enforce_csrf_checks = True
    posted = [route for route in (*ADMIN, "admin/login/") if "(?P" not in route]

    answers = {route: browser.post(_address(route), {"q": "1", "text": "1"}).status_code for route in posted}

    assert {route: status for route, status in answers.items() if status not in {403, 404, 405}} == {}


def test_an_address_by_another_name_than_the_gateways_is_refused() -> None:
    assert Client().get("/admin/login/", headers={"host": "evil.example"}).status_code == 400
    assert Client().get("/", headers={"host": "testserver:80@evil.example"}).status_code == 400


@pytest.mark.parametrize("route", OPEN)
def test_what_is_open_to_strangers_is_what_is_meant(route: str) -> None:
    expected = OPEN[route]
    status = Client().get("/" + route).status_code

    assert status in (expected if isinstance(expected, tuple) else (expected,))


@pytest.mark.parametrize("role", sorted(ALL))
def test_a_role_is_refused_every_address_that_is_not_meant_for_it(role: str) -> None:
    client = browser_of(role)
    forbidden = [route for route in ADMIN if "(?P" not in route and role not in (_decided(route) or NOBODY)]

    for method in ("get", "post"):
        answers = {route: getattr(client, method)(_address(route)).status_code for route in forbidden}
        assert {route: status for route, status in answers.items() if status not in REFUSING} == {}, method


@pytest.mark.parametrize("role", sorted(ALL))
def test_a_role_opens_every_list_that_is_meant_for_it(role: str) -> None:
    client = browser_of(role)
    lists = [
        route for route in ADMIN if route.endswith("/") and "<" not in route and "(" not in route and route in _LISTS
    ]
    answers = {route: client.get(_address(route)).status_code for route in lists if role in (_decided(route) or ())}

    assert {route: status for route, status in answers.items() if status != 200} == {}


_LISTS = {route.removesuffix("add/") for route in ROUTES if route.endswith("/add/")}


@pytest.mark.parametrize("role", [SUPERVISOR, AUDITOR])
def test_who_only_looks_gets_no_form_to_add_change_or_delete(role: str) -> None:
    client = browser_of(role)
    forms = [route for route in ADMIN if route.endswith(("/add/", "/delete/"))]

    answers = {route: client.post(_address(route)).status_code for route in forms}

    assert {route: status for route, status in answers.items() if status not in REFUSING} == {}
