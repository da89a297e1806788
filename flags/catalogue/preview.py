"""What the Flags would carry for a call: a recent real one, or an example where there is none that may be shown."""

from collections.abc import Iterable, Sequence

import msgspec

from flags.catalogue.flag_settings import hash_key, spec_of
from flags.catalogue.redaction import HARMLESS, HIDDEN
from flags.catalogue.values import FlagText, LegFacts, flag_texts
from flags.models import FlagSetting, Privacy

NOT_WRITTEN = "(not written)"


class PreviewCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose data a preview of the Flags shows. ``is_example``: made up, so that nothing of it need be hidden."""

    title: str
    facts: LegFacts
    is_example: bool = False
    leg_id: int = 0


class PreviewRow(msgspec.Struct, frozen=True):
    """What one Flag would carry as it may be shown, and why it carries nothing."""

    name: str
    source: str
    value: str
    remark: str = ""


EXAMPLE = PreviewCall(
    title="an example call, nobody's",
    is_example=True,
    facts=LegFacts(
        call_id="4711",
        device_id="2001",
        interaction_id="5f0c2a6e-7f0b-4f0e-9d5a-2f6d1c3b9a10",
        agent_id="9101",
        agent_name="Alice Archer",
        queue_name="Sales",
        caller_name="Zoë Miller",
        caller_name_source="external_phonebook",
        calling_number="+498955501234",
        called_number="7001",
        direction="inbound",
        wrapup_template="Sales",
        wrapup_result="order placed",
        query_data={"card": "4111 1111 1111 1111", "customer": "10042", "order": "A-17"},
    ),
)


def preview(
    flags: Iterable[FlagSetting], call: PreviewCall, *, may_see_callers: bool, edited: FlagSetting | None = None
) -> list[PreviewRow]:
    """Return what each Flag would carry, in their order; ``edited`` stands for the row with its key, saved or not.

    What may identify a real caller is hidden from those who may not see callers, a keyed hash of it too.
    """
    rows = [one for one in flags if edited is None or one.pk != edited.pk] + ([edited] if edited else [])
    shown = sorted(rows, key=lambda one: (one.order, one.name))
    is_open = call.is_example or may_see_callers
    return [_row(one, call.facts, is_open=is_open, is_edited=one is edited) for one in shown]


def _row(flag: FlagSetting, facts: LegFacts, *, is_open: bool, is_edited: bool) -> PreviewRow:
    name = f"{flag.name} (being edited)" if is_edited else flag.name
    text = _text(flag, facts)
    if text is None:
        return PreviewRow(name, flag.field, NOT_WRITTEN, _why_nothing(flag))
    if not is_open and flag.field not in HARMLESS:
        return PreviewRow(name, flag.field, HIDDEN, "Your account may not see callers' data.")
    return PreviewRow(name, flag.field, _shown(text, flag))


def _text(flag: FlagSetting, facts: LegFacts) -> FlagText | None:
    spec = spec_of(flag) if flag.enabled else None
    texts: Sequence[FlagText] = flag_texts([spec], facts, spec.part, hash_key()) if spec else ()
    return texts[0] if texts else None


def _why_nothing(flag: FlagSetting) -> str:
    if not flag.enabled:
        return "It is switched off."
    return "Its privacy says so." if flag.privacy == Privacy.DROP else "The call has no value for it."


def _shown(text: FlagText, flag: FlagSetting) -> str:
    """Return the value with what was done to it."""
    done = "keyed hash" if flag.privacy == Privacy.HASH else "masked"
    notes = [note for note, is_so in (("cut", text.cut), (done, text.masked)) if is_so]
    return f"{text.value} ({', '.join(notes)})" if notes else text.value
