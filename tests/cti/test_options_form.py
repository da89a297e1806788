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


EXTENSIONS = {"alice": "2001", "99*": "*", "lobby": ""}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"extensions": EXTENSIONS, "query_variables": [], "extension_from": "peer"},
        {"extensions": ["lobby"], "query_variables": ["CRM_ID"]},
    ],
)
def test_a_form_of_an_asterisk_that_is_sent_back_unchanged_changes_nothing(
    admin_client: Client, options: dict[str, object]
) -> None:
    asterisk = CtiSource.objects.create(slug="ast", kind="asterisk_ami", host="10.0.0.6", port=5038, options=options)
    assert posted(admin_client, asterisk) == ""

    asterisk.refresh_from_db()
    assert asterisk.options == options


def test_an_option_that_is_not_set_is_an_empty_field_and_no_word_of_the_program(admin_client: Client) -> None:
    asterisk = CtiSource.objects.create(slug="ast", kind="asterisk_ami", host="10.0.0.6", port=5038)
    form = admin_client.get(reverse("admin:cti_ctisource_change", args=[asterisk.pk])).context["adminform"].form

    shown = {name: str(form[name].value()) for name in form.fields if name.startswith("option_")}
    assert [name for name, value in shown.items() if value in ("null", "None", "{}", "[]", "()")] == []


def test_a_table_is_written_in_lines_and_emptied_again(admin_client: Client) -> None:
    asterisk = CtiSource.objects.create(slug="ast", kind="asterisk_ami", host="10.0.0.6", port=5038)
    lines = "alice = 2001\r\n99* = *\r\n\r\nlobby"
    assert posted(admin_client, asterisk, option_extensions=lines, option_extension_from="caller_number") == ""

    asterisk.refresh_from_db()
    assert asterisk.options == {"extensions": EXTENSIONS, "extension_from": "caller_number"}

    assert posted(admin_client, asterisk, option_extensions="", option_extension_from="") == ""
    asterisk.refresh_from_db()
    assert asterisk.options == {}


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
