"""Every page of the admin is opened, and each form used, by each role; what is refused is refused in a sentence."""

from collections.abc import Callable, Iterator

import pytest
import redis as redis_client
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR
from tests.browser.furnished import furnish

#: Every address is asked for on both databases by ``tests/attacks/test_every_url.py``.
pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.one_database]
ROLES = (ADMINISTRATOR, OPERATOR, SUPERVISOR, AUDITOR)
PAGES = ("changelist", "add", "change", "history", "delete")
#: What the page of a form sends that is no field of it.
_MANAGED = ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")


@pytest.fixture
def as_role(client: Client, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Client]:
    """Log in as a role at a gateway with a row of each kind."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    furnish(User.objects.create_superuser("root", password="x"))

    def log_in(role: str) -> Client:
        user = User.objects.create_user(role.lower(), is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return log_in


def addresses() -> Iterator[tuple[str, str]]:
    """Yield every page of every model that has a row, with its kind."""
    for model in admin.site._registry:
        row = model._default_manager.first()
        for kind in PAGES:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}"
            if kind in ("changelist", "add"):
                yield kind, reverse(name)
            elif row is not None:
                yield kind, reverse(name, args=[row.pk])


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_for_a_role_or_is_refused_in_a_sentence(as_role: Callable[[str], Client], role: str) -> None:
    client = as_role(role)
    opened = 0
    for kind, address in addresses():
        answer = client.get(address)
        text = answer.content.decode()
        assert answer.status_code in (200, 403), (address, answer.status_code)
        assert "nav-sidebar" in text, f"{address} has no navigation"
        if answer.status_code == 403:
            assert "Your role may not do this." in text
        elif kind == "add":
            form = answer.context["adminform"].form
            assert form.fields, f"{address} has no field"
        opened += answer.status_code == 200
    assert opened >= {ADMINISTRATOR: 60, OPERATOR: 40, SUPERVISOR: 10, AUDITOR: 40}[role]


@pytest.mark.parametrize("role", ROLES)
def test_every_form_that_a_role_may_use_is_saved_as_it_is_shown(as_role: Callable[[str], Client], role: str) -> None:
    client = as_role(role)
    used = 0
    for kind, address in addresses():
        answer = client.get(address)
        if kind != "change" or answer.status_code != 200 or 'name="_save"' not in answer.content.decode():
            continue
        saved = client.post(address, shown(answer))
        errors = saved.context["adminform"].form.errors if saved.status_code == 200 else ""
        assert saved.status_code == 302, (address, errors)
        used += 1
    assert used >= (7 if role == ADMINISTRATOR else 0)


def shown(answer: object) -> dict[str, str]:
    """Return what a browser would send from the page of a form."""
    context = answer.context  # type: ignore[attr-defined]
    forms = [context["adminform"].form]
    sent: dict[str, str] = {}
    for inline in context["inline_admin_formsets"]:
        prefix = inline.formset.prefix
        sent |= {f"{prefix}-{name}": str(inline.formset.management_form[name].value()) for name in _MANAGED}
        forms += inline.formset.initial_forms
    for form in forms:
        for bound in form:
            value = bound.value()
            parts = bound.field.widget.decompress(value) if hasattr(bound.field.widget, "decompress") else None
            if parts is not None:
                sent |= {f"{bound.html_name}_{at}": str(part or "") for at, part in enumerate(parts)}
            elif isinstance(value, list | tuple | set):
                sent[bound.html_name] = [str(getattr(one, "pk", one)) for one in value]  # type: ignore[assignment]
            elif value is not None and value is not False:
                sent[bound.html_name] = str(value)
    return sent


def test_a_row_is_deleted_and_the_history_says_it(as_role: Callable[[str], Client]) -> None:
    client = as_role(ADMINISTRATOR)
    group = Group.objects.create(name="Night shift")

    asked = client.get(reverse("admin:auth_group_delete", args=[group.pk]))
    done = client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})

    assert "Night shift" in asked.content.decode()
    assert done.status_code == 302
    assert "Night shift" in client.get(reverse("admin:admin_logentry_changelist")).content.decode()


@pytest.mark.parametrize("address", ["/admin/calls/leg/77/change/", "/admin/no/such/", "/admin/calls/leg/x/history/"])
def test_what_is_not_there_is_said_with_navigation(as_role: Callable[[str], Client], address: str) -> None:
    answer = as_role(OPERATOR).get(address, follow=True)

    assert "nav-sidebar" in answer.content.decode()
    assert answer.status_code in (200, 404)


def test_a_filter_that_a_list_does_not_have_is_named_with_the_way_back(as_role: Callable[[str], Client]) -> None:
    answer = as_role(OPERATOR).get("/admin/calls/leg/?is_canary=maybe")
    page = answer.content.decode()

    assert answer.status_code == 400
    assert "a filter or a value that this page does not have" in page
    assert '<a href="/admin/calls/leg/">This page without filters</a>' in page
    assert b"<h1>Bad Request" in Client().get("/", headers={"host": "not,a,host"}).content, "for programs as before"


def test_a_form_with_errors_links_each_field_at_the_top(as_role: Callable[[str], Client]) -> None:
    client = as_role(ADMINISTRATOR)
    page = client.post(reverse("admin:cti_ctisource_add"), {"slug": "", "kind": "http"}).content.decode()

    assert 'role="alert"' in page
    assert '<a class="underline" href="#id_slug">Name</a>: This field is required.' in page


def test_each_page_begins_with_a_link_to_its_content(as_role: Callable[[str], Client]) -> None:
    page = as_role(OPERATOR).get(reverse("admin:index")).content.decode()

    assert page.index("Skip to the content") < page.index("nav-sidebar")
    assert 'id="content"' in page
