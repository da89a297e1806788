"""The options of a source are a form by its kind: each with its default, checked as the source reads them."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from cti.models import CtiSource
from cti.sources.registry import source_kinds
from cti.ui.options_form import option_fields, option_texts, options_struct

pytestmark = pytest.mark.django_db


@pytest.fixture
def pbx() -> CtiSource:
    options = {"session_seconds": 90, "ignored_devices": ["9001"], "of_a_later_version": [1]}
    return CtiSource.objects.create(slug="pbx", kind="csta_xml", host="10.0.0.5", port=5555, options=options)


def posted(client: Client, source: CtiSource, **changes: str) -> str:
    """Send the form as the page shows it, with changes; returns the page that answers, "" where it was saved."""
    address = reverse("admin:cti_ctisource_change", args=[source.pk])
    page = client.get(address)
    form = page.context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    sent = {name: str(value) for name, value in data.items() if value not in (None, False)}
    answer = client.post(address, sent | changes)
    return "" if answer.status_code == 302 else answer.content.decode()


def test_a_form_that_is_sent_back_unchanged_changes_nothing(admin_client: Client, pbx: CtiSource) -> None:
    assert posted(admin_client, pbx) == ""

    assert CtiSource.objects.get().options == pbx.options


def test_an_option_is_set_and_one_set_to_its_default_is_not_stored(admin_client: Client, pbx: CtiSource) -> None:
    changes = {
        "option_session_seconds": "180",
        "option_heartbeat_seconds": "12.5",
        "option_session": "explicit",
        "option_ignored_devices": "9001\n 9002 \n",
        "option_parallel": "",
    }

    assert posted(admin_client, pbx, **changes) == ""

    assert CtiSource.objects.get().options == {
        "of_a_later_version": [1],
        "session": "explicit",
        "heartbeat_seconds": 12.5,
        "ignored_devices": ["9001", "9002"],
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("option_session_seconds", "1", "Expected `int` &gt;= 2"),
        ("option_heartbeat_seconds", "soon", "Enter a number."),
        ("option_session", "sometimes", "Select a valid choice"),
    ],
)
def test_an_option_that_cannot_be_is_refused_at_its_field(
    admin_client: Client, pbx: CtiSource, name: str, value: str, says: str
) -> None:
    page = posted(admin_client, pbx, **{name: value})

    place = page.index(f'name="{name}"')
    assert says in page[place - 1500 : place + 2500]
    assert CtiSource.objects.get().options == pbx.options


def test_each_field_names_its_default_and_json_is_for_what_has_no_field(admin_client: Client, pbx: CtiSource) -> None:
    page = admin_client.get(reverse("admin:cti_ctisource_change", args=[pbx.pk])).content.decode()

    assert re.search(r"Default: 180\b", page)
    assert 'name="options"' not in page
    asterisk = CtiSource.objects.create(slug="ast", kind="asterisk_ami", host="10.0.0.6", port=5038)
    assert posted(admin_client, asterisk, option_trunks="SIP/carrier*") == ""
    asterisk.refresh_from_db()
    assert asterisk.options == {"trunks": ["SIP/carrier*"]}


@pytest.mark.parametrize("kind", [slug for slug in source_kinds() if options_struct(slug)])
def test_every_option_has_a_label_and_a_sentence_that_says_what_it_does(kind: str) -> None:
    struct = options_struct(kind)
    assert struct is not None

    texts = option_texts(kind)

    assert set(texts) == set(struct.__struct_fields__)
    assert all(text.label != name and text.help.endswith(".") for name, text in texts.items())
    assert len({text.label for text in texts.values()}) == len(texts)


def test_a_field_shows_its_label_its_default_and_its_key() -> None:
    field = option_fields("csta_xml", {})["option_session_seconds"]

    assert field.label == "Session duration (s)"
    assert str(field.help_text).endswith("Default: 180. Key: session_seconds.")
