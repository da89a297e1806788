"""No list is ever empty without a word."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from agents.models import MappingAct
from flags.models import FlagWrite
from gateway_site.roles import SUPERVISOR
from gateway_site.ui.empty_lists import EMPTY_LISTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> Client:
    """Give a client that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def _list(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _view(model: type[Model]) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label)
def test_each_list_says_why_it_is_empty(model: type[Model], administrator: Client) -> None:
    if model is not User:
        model._base_manager.all().delete()
    page = administrator.get(_list(model)).content.decode()

    words = EMPTY_LISTS[model._meta.label]
    assert model is User or words.text.split(".")[0].split("'")[0] in page
    assert words.text[0].isupper()
    assert words.text.endswith(".")


def test_no_list_sends_a_supervisor_to_a_page_that_is_closed_to_one(client: Client) -> None:
    supervisor = User.objects.create_user("sam", is_staff=True)
    supervisor.groups.add(Group.objects.get(name=SUPERVISOR))
    client.force_login(supervisor)

    for model in (one for one in admin.site._registry if supervisor.has_perm(_view(one))):
        page = client.get(_list(model)).content.decode()
        step = EMPTY_LISTS[model._meta.label].step
        assert step is None or (f">{step.words}</a>" in page) is (client.get(reverse(step.page)).status_code == 200)


def test_an_administrator_is_led_to_the_next_step(administrator: Client) -> None:
    page = administrator.get(_list(FlagWrite)).content.decode()

    assert "when a leg whose recording is known is disconnected. Nothing is wrong if" in page
    assert f'<a href="{reverse("test-installation")}" class="underline">Test the installation</a>' in page


def test_a_search_that_finds_nothing_says_so_and_can_be_cleared(administrator: Client) -> None:
    page = administrator.get(_list(MappingAct), {"q": "nobody"}).content.decode()

    assert "Nothing here is found by “nobody”" in page
    assert '<a href="?"' in page
    assert EMPTY_LISTS["agents.MappingAct"].text[:20] not in page
