"""Behind a proxy that serves the gateway under a path of a host and takes the path off before it passes on."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import set_script_prefix

pytestmark = pytest.mark.django_db


@pytest.fixture
def under_a_path(settings: Any) -> Iterator[Client]:
    """Give a client of a gateway whose settings were read with ``SUB_PATH=/gateway``."""
    settings.FORCE_SCRIPT_NAME = "/gateway"
    settings.STATIC_URL = "/gateway/static/"
    settings.SESSION_COOKIE_PATH = settings.CSRF_COOKIE_PATH = "/gateway/"
    set_script_prefix("/gateway/")  # As Django's handler does for a request that is not of a test.
    yield Client()
    set_script_prefix("/")


def test_redirects_links_and_static_files_have_the_path(under_a_path: Client) -> None:
    home = under_a_path.get("/")
    page = under_a_path.get("/admin/login/")

    assert home["Location"] == "/gateway/admin/"
    assert b'"/gateway/static/gateway/gateway.css"' in page.content
    assert b'"/static/' not in page.content
    assert b'href="/"' not in page.content
    assert under_a_path.get("/static/gateway/gateway.css").status_code == 200


def test_other_applications_of_the_host_do_not_get_the_cookies(under_a_path: Client) -> None:
    User.objects.create_superuser("admin", password="quite-a-long-word")

    login = under_a_path.post("/admin/login/", {"username": "admin", "password": "quite-a-long-word"})

    assert login.status_code == 302
    assert {cookie["path"] for cookie in login.cookies.values()} == {"/gateway/"}


def test_a_preference_is_kept_for_the_pages_under_the_path(under_a_path: Client) -> None:
    under_a_path.force_login(User.objects.create_superuser("admin", password="x"))

    answer = under_a_path.post("/admin/time-zone/", {"time_zone": "Asia/Tokyo"})

    assert {cookie["path"] for cookie in answer.cookies.values() if "zone" in cookie.key} == {"/gateway/admin/"}


def test_who_must_give_a_second_factor_is_asked_for_it_there_too(under_a_path: Client, settings: Any) -> None:
    settings.TWO_FACTOR_ROLES = ["Administrator"]
    under_a_path.force_login(User.objects.create_superuser("admin", password="x"))

    assert under_a_path.get("/admin/")["Location"].startswith("/gateway/admin/second-factor")


def test_methods_that_no_page_has_are_refused_there_too(under_a_path: Client) -> None:
    assert under_a_path.put("/admin/").status_code == 405
