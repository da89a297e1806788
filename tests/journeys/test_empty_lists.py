"""No list is ever empty without a word."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from agents.models import MappingAct
from gateway_site.empty_lists import EMPTY_LISTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> Client:
    """Give a client that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def _list(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label)
def test_each_list_says_why_it_is_empty(model: type[Model], administrator: Client) -> None:
    if model is not User:
        model._base_manager.all().delete()
    page = administrator.get(_list(model)).content.decode()

    words = EMPTY_LISTS[model._meta.label]
    assert model is User or words.text.split(".")[0].split("'")[0] in page
    assert not words.address or reverse(words.address)


def test_a_search_that_finds_nothing_says_so_and_can_be_cleared(administrator: Client) -> None:
    page = administrator.get(_list(MappingAct), {"q": "nobody"}).content.decode()

    assert "Nothing here is found by “nobody”" in page
    assert '<a href="?"' in page
    assert EMPTY_LISTS["agents.MappingAct"].text[:20] not in page
