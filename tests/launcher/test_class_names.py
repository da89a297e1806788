"""A class name leads to one class: grep finds it, and two readers mean the same."""

import re
from collections import defaultdict

from launcher.paths import ROOT

ROOMS = sorted(one.parent.name for one in ROOT.glob("*/__init__.py") if one.parent.name != "tests")
#: The judge knows nothing of the product on purpose, so its words for calls and recordings are its own.
ISOLATED = "devtools/worlds/judge/"
#: Names that Django or a protocol looks for in each module.
CONVENTIONAL = {"Command", "Meta", "Media"}
CLASS = re.compile(r"^ *class ([A-Za-z]\w*)", re.MULTILINE)


def test_a_public_class_name_is_defined_once_outside_the_isolated_judge() -> None:
    found = defaultdict(list)
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if "/migrations/" not in name and not name.startswith(ISOLATED):
                for one in CLASS.findall(path.read_text(encoding="utf-8")):
                    found[one].append(name)

    assert {name: at for name, at in found.items() if len(at) > 1 and name not in CONVENTIONAL} == {}
