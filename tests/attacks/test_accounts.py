"""Accounts are made, changed and ended in the admin by the forms that a person fills in."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from gateway_site.roles import ADMINISTRATOR, AUDITOR
from tests.attacks.actors import PASSWORD, browser_of, person

pytestmark = pytest.mark.django_db

FIELD = re.compile(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"')


def _fields(page: bytes) -> set[str]:
    return set(FIELD.findall(page.decode()))


def test_an_administrator_adds_a_user_with_a_role_who_can_log_in() -> None:
    """Before: the page had no field (unfold's empty ``add_fieldsets`` hid Django's), so nobody could be added."""
    client, auditor = browser_of(ADMINISTRATOR), Group.objects.get(name=AUDITOR)
    form = {"username": "nina", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    form |= {"groups": str(auditor.pk), "email": "nina@example.org"}

    assert set(form) <= _fields(client.get(reverse("admin:auth_user_add")).content)
    answer = client.post(reverse("admin:auth_user_add"), form)

    added = User.objects.get(username="nina")
    assert answer.headers["Location"] == reverse("admin:auth_user_change", args=[added.pk])
    assert (list(added.groups.all()), added.email) == ([auditor], "nina@example.org")
    login = Client().post(reverse("admin:login"), {"username": "nina", "password": PASSWORD})
    assert login.headers["Location"] == reverse("admin:index")


def test_a_log_in_that_is_refused_says_what_may_be_wrong() -> None:
    person(AUDITOR, "nina")
    page = Client().post(reverse("admin:login"), {"username": "nina", "password": "Wrong"}).content.decode()

    assert "User name and password do not match, or this account may not log in." in page
    assert "could not be saved" not in page


def test_a_user_is_given_another_role_on_their_page() -> None:
    client, nina = browser_of(ADMINISTRATOR), User.objects.create_user("nina", password=PASSWORD)
    url, auditor = reverse("admin:auth_user_change", args=[nina.pk]), Group.objects.get(name=AUDITOR)
    form = {"username": "nina", "is_active": "on", "is_staff": "on", "groups": [auditor.pk]}
    form |= {"date_joined_0": "2026-03-02", "date_joined_1": "09:00:00"}

    assert set(form) <= _fields(client.get(url).content)
    assert client.post(url, form).status_code == 302

    nina.refresh_from_db()
    assert nina.is_staff
    assert list(nina.groups.all()) == [auditor]


def test_an_administrator_sets_another_users_password() -> None:
    client, nina = browser_of(ADMINISTRATOR), person(AUDITOR, "nina")
    url = reverse("admin:auth_user_password_change", args=[nina.pk])
    form = {"password1": "quite-another-phrase", "password2": "quite-another-phrase", "usable_password": "true"}

    assert {"password1", "password2"} <= _fields(client.get(url).content)
    assert client.post(url, form).status_code == 302

    nina.refresh_from_db()
    assert nina.check_password("quite-another-phrase")


def test_an_administrator_adds_a_group() -> None:
    client, wanted = browser_of(ADMINISTRATOR), Permission.objects.get(codename="view_leg")

    assert {"name", "permissions"} <= _fields(client.get(reverse("admin:auth_group_add")).content)
    client.post(reverse("admin:auth_group_add"), {"name": "Readers", "permissions": [wanted.pk]})

    assert list(Group.objects.get(name="Readers").permissions.all()) == [wanted]


def test_nobody_else_adds_a_user() -> None:
    client = browser_of(AUDITOR)
    form = {"username": "mallory", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    assert client.post(reverse("admin:auth_user_add"), form).status_code == 403
    assert not User.objects.filter(username="mallory").exists()
