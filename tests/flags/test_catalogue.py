"""What is written of a leg's facts, and what never is."""

import hashlib
import hmac
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.catalogue.values import FIELD_NAMES, FIELDS, OPTIONAL, PRIVACIES, FlagSpec, LegFacts, flag_texts, mask_cards

CARD = "4111111111111111"


def facts(**known: object) -> LegFacts:
    return LegFacts(**({"call_id": "C1", "device_id": "2001"} | known))  # type: ignore[arg-type]


def values(leg: LegFacts, *specs: FlagSpec, part: str = "base", key: bytes = b"") -> dict[str, str]:
    return {one.name: one.value for one in flag_texts(specs or FIELDS, leg, part, key)}  # type: ignore[arg-type]


def one_flag(field: str, **more: object) -> FlagSpec:
    return FlagSpec(name="F", field=field, **more)  # type: ignore[arg-type]


def test_the_eight_flags_of_the_manual_carry_the_calls_data() -> None:
    leg = facts(
        interaction_id="I-1",
        agent_id="9101",
        agent_name="Alice Archer",
        queue_name="Sales",
        caller_name="Zoë Müller",
        caller_name_source="isdn",
        wrapup_template="Sales",
        wrapup_result="sold",
        query_data={"b": "2", "a": "1"},
    )

    assert values(leg) == {
        "AgentId": "9101",
        "AgentName": "Alice Archer",
        "CallerName": "Zoë Müller",
        "CTICallRef": "C1",
        "InteractionGuid": "I-1",
        "QueueName": "Sales",
        "CTI QueryData": "a=1; b=2",
    }
    assert values(leg, part="wrapup") == {"CTIWrapup": "Sales: sold"}


def test_the_two_flags_that_the_manual_calls_optional_are_known() -> None:
    assert {"CTIWrapup", "CTI QueryData"} == OPTIONAL
    assert {one.name for one in FIELDS} > OPTIONAL


@pytest.mark.parametrize("nothing", ["", "  ", "\t\n", "None", "null", "NULL", "\x00\x07"])
def test_a_value_that_is_not_known_gives_no_flag(nothing: str) -> None:
    leg = facts(queue_name=nothing, query_data={"k": nothing}, wrapup_result=nothing)

    assert values(leg) == {"CTICallRef": "C1"}
    assert values(leg, part="wrapup") == {}


def test_a_wrapup_without_template_is_its_result() -> None:
    assert values(facts(wrapup_result="sold"), part="wrapup") == {"CTIWrapup": "sold"}


def test_a_personal_caller_name_is_never_written_under_any_privacy() -> None:
    leg = facts(caller_name="Mum", caller_name_source="personal")

    for privacy in PRIVACIES:
        assert values(leg, one_flag("caller_name", privacy=privacy), key=b"k") == {}


@pytest.mark.parametrize("source", ["", "unknown", "isdn", "global_phonebook", "external_phonebook"])
def test_a_caller_name_of_any_other_source_is_written(source: str) -> None:
    assert values(facts(caller_name="Zoë", caller_name_source=source), one_flag("caller_name")) == {"F": "Zoë"}


def test_a_value_too_long_is_cut_visibly() -> None:
    (flag,) = flag_texts([one_flag("queue_name", max_length=10)], facts(queue_name="Sales and service"), "base")

    assert (flag.value, flag.cut, flag.masked) == ("Sales and…", True, False)


def test_a_value_that_just_fits_is_not_cut() -> None:
    (flag,) = flag_texts([one_flag("queue_name", max_length=5)], facts(queue_name="Sales"), "base")

    assert (flag.value, flag.cut) == ("Sales", False)


def test_what_xml_cannot_carry_is_left_out_and_lines_are_joined() -> None:
    assert values(facts(queue_name="Sa\x00l\ud800es\r\nDesk\ufffe"), one_flag("queue_name")) == {"F": "Sales Desk"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (CARD, "************1111"),
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("4111-1111-1111-1111", "****-****-****-1111"),
        ("card 4111 1111 1111 1111 12/27", "card **** **** **** 1111 12/27"),
        ("7 4111111111111111", "7 ************1111"),
        ("378282246310005", "***********0005"),
        ("4111111111111112", "4111111111111112"),
        ("00001000951740000000", "00001000951740000000"),
        ("411111111111", "411111111111"),
    ],
)
def test_card_like_numbers_are_masked_and_others_are_not(written: str, expected: str) -> None:
    assert mask_cards(written) == expected


def test_card_numbers_in_query_data_are_masked_whatever_the_privacy() -> None:
    leg = facts(query_data={"card": CARD, CARD: "x"})

    (whole,) = flag_texts([one_flag("query_data")], leg, "base")
    (key,) = flag_texts([one_flag("query:card")], leg, "base")

    assert (whole.value, whole.masked) == ("************1111=x; card=************1111", True)
    assert (key.value, key.masked) == ("************1111", True)


def test_card_numbers_elsewhere_are_masked_when_asked_for() -> None:
    leg = facts(caller_name=f"Zoë {CARD}")

    assert values(leg, one_flag("caller_name", privacy="mask")) == {"F": "Zoë ************1111"}
    assert values(leg, one_flag("caller_name")) == {"F": f"Zoë {CARD}"}


def test_a_cut_never_leaves_something_that_looks_like_a_card() -> None:
    leg = facts(query_data={"k": CARD + "99999"})

    assert values(leg, one_flag("query:k", max_length=17)) == {"F": "************1111…"}


def test_a_hash_is_keyed_and_without_a_key_nothing_is_written() -> None:
    spec, leg = one_flag("calling_number", privacy="hash"), facts(calling_number="+491234")

    assert values(leg, spec, key=b"k") == {"F": hmac.new(b"k", b"+491234", hashlib.sha256).hexdigest()}
    assert values(leg, spec) == {}


def test_a_dropped_flag_is_never_written() -> None:
    assert values(facts(queue_name="Sales"), one_flag("queue_name", privacy="drop")) == {}


def test_a_custom_flag_carries_one_key_of_the_query_data() -> None:
    assert values(facts(query_data={"order": "A-17"}), one_flag("query:order")) == {"F": "A-17"}
    assert values(facts(), one_flag("query:order")) == {}


def test_wrapup_fields_wait_for_the_wrapup() -> None:
    specs = [one_flag("wrapup_result"), FlagSpec(name="G", field="wrapup")]

    assert values(facts(wrapup_result="sold"), *specs) == {}
    assert values(facts(wrapup_result="sold"), *specs, part="wrapup") == {"F": "sold", "G": "sold"}


def test_flags_come_in_the_catalogues_order_and_no_name_twice() -> None:
    specs = [
        FlagSpec(name="B", field="call_id", order=2),
        FlagSpec(name="A", field="device_id", order=1),
        FlagSpec(name="B", field="device_id", order=3),
    ]

    assert list(values(facts(), *specs).items()) == [("A", "2001"), ("B", "C1")]


@pytest.mark.parametrize(("field", "privacy"), [("colour", "keep"), ("query:", "keep"), ("call_id", "shout")])
def test_a_flag_of_an_unknown_field_or_privacy_cannot_be_made(field: str, privacy: str) -> None:
    with pytest.raises(ValueError, match="use one of"):
        one_flag(field, privacy=privacy)


texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789 -", max_size=40),
    st.sampled_from([CARD, f" {CARD}\n", "4111 1111 1111 1111", "None", "", f"{CARD}123"]),
)
legs = st.builds(
    LegFacts,
    **dict.fromkeys(set(LegFacts.__struct_fields__) - {"query_data"}, texts),
    query_data=st.dictionaries(texts, texts, max_size=4),
)
fields = st.one_of(st.sampled_from(FIELD_NAMES), texts.filter(bool).map(lambda key: f"query:{key}"))
catalogues = st.lists(
    st.builds(
        FlagSpec,
        name=st.sampled_from("ABCD"),
        field=fields,
        max_length=st.integers(0, 60),
        privacy=st.sampled_from(PRIVACIES),
        order=st.integers(0, 3),
    ),
    max_size=6,
)
parts = st.sampled_from(["base", "wrapup"])


@given(catalogues, legs, parts)
def test_no_flag_is_empty_too_long_or_beyond_xml_and_the_same_facts_give_the_same_flags(
    specs: list[FlagSpec], leg: LegFacts, part: str
) -> None:
    flags = flag_texts(specs, leg, part, b"key")  # type: ignore[arg-type]
    longest = {
        name: max(one.max_length for one in specs if one.name == name)
        for name in "ABCD"
        if specs
        if any(one.name == name for one in specs)
    }

    assert flags == flag_texts(reversed(specs), leg, part, b"key") or len({one.name for one in specs}) < len(specs)  # type: ignore[arg-type]
    for flag in flags:
        assert flag.value.strip()
        assert flag.value not in ("None", "null")
        assert len(flag.value) <= longest[flag.name]
        assert not re.search("[\x00-\x1f\ud800-\udfff\ufffe\uffff]", flag.value)


def is_card(digits: str) -> bool:
    """Compute Luhn's sum in another way than the catalogue does."""
    sums = "0123456789", "0246813579"
    return sum(int(sums[place % 2][int(digit)]) for place, digit in enumerate(digits[::-1])) % 10 == 0


@given(legs, st.integers(1, 60))
def test_no_card_number_survives_in_query_data(leg: LegFacts, max_length: int) -> None:
    for flag in flag_texts([one_flag("query_data", max_length=max_length)], leg, "base"):
        for run in re.findall(r"\d+(?:[ -]{1,3}\d+)*", flag.value):
            groups = re.findall(r"\d+", run)
            for first, last in combinations(range(len(groups) + 1), 2):
                number = "".join(groups[first:last])
                assert not (13 <= len(number) <= 19 and is_card(number))
