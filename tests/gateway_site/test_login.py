"""Where a login leads."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, "admin:index"), ("admin:calls_leg_changelist", "admin:calls_leg_changelist")],
    ids=["without-a-page", "with-a-page"],
)
def test_a_login_leads_to_the_page_that_was_asked_for_or_else_to_the_dashboard(
    client: Client, wanted: str | None, expected: str
) -> None:
    User.objects.create_superuser("chief", password="a-long-pass-phrase")
    form = {"username": "chief", "password": "a-long-pass-phrase"} | ({"next": reverse(wanted)} if wanted else {})
    answer = client.post(reverse("admin:login"), form, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain == [(reverse(expected), 302)]


def test_somebody_who_is_logged_in_already_goes_to_the_dashboard(client: Client) -> None:
    client.force_login(User.objects.create_superuser("chief"))
    assert client.get(reverse("admin:login"), follow=True).redirect_chain == [(reverse("admin:index"), 302)]
