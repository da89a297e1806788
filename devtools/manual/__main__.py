"""``python -m devtools.manual``: write the parts of the manual that are made from the code."""

import os
import sys

import django

from launcher.paths import ROOT


def main() -> int:
    """Write them and name what changed; a test fails where they differ from the code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    django.setup()
    from devtools.manual.parts import parts  # noqa: PLC0415  (needs Django's settings)

    for page, text in parts().items():
        file = ROOT / "docs" / page
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written: docs/{page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
