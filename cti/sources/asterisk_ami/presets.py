"""What is set for the usual distributions of Asterisk. Data only."""

from typing import Literal

import msgspec

PresetName = Literal["plain", "freepbx", "vicidial", "wazo"]
ExtensionFrom = Literal["peer", "caller_number"]

#: Contexts in which the common distributions and the samples of Asterisk receive calls from outside. FreePBX adds the
#: trunk's name (from-trunk-sip-NAME), Thirdlane a tenant's.
_CONTEXTS = (
    "from-trunk*",
    "from-pstn*",
    "from-external*",
    "from-extern",
    "from-digital*",
    "from-analog*",
    "from-dahdi*",
    "from-zaptel*",
    "from-sip-external",
    "from-did*",
    "from-outside*",
    "from-provider*",
)


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """The patterns of one distribution."""

    trunks: tuple[str, ...] = ("trunk*",)
    trunk_contexts: tuple[str, ...] = _CONTEXTS
    extension_from: ExtensionFrom = "peer"
    caller_name_codes: tuple[str, ...] = ()


#: VICIdial gives each call a code in the place of the caller's name: a letter or two, the date, and the lead.
_VICIDIAL_CODES = tuple(f"{letters}{'[0-9]' * 10}*" for letters in ("[A-Z]", "[A-Z][A-Z]"))
PRESETS: dict[PresetName, Preset] = {
    "plain": Preset(),
    "freepbx": Preset(trunk_contexts=(*_CONTEXTS, "ext-did*", "from-pjsip-external", "from-iax-external")),
    "vicidial": Preset(
        trunk_contexts=(*_CONTEXTS, "trunkinbound*", "vicidial-trunk*"), caller_name_codes=_VICIDIAL_CODES
    ),
    # Endpoints of Wazo have random names; the caller number of a phone is its extension.
    "wazo": Preset(
        trunk_contexts=(*_CONTEXTS, "ctx-*-incall*", "ctx-*-outcall*", "to-extern"),
        extension_from="caller_number",
    ),
}
