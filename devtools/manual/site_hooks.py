"""What the site has that is not in docs/: a first page, the list of decisions, and files beside docs/."""

import re
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from launcher.paths import ROOT

#: Files of the repository, by the name under which the site has them.
BESIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
    "LICENSE": "license.md",
}
#: What else pages link to, and where it is on the site.
ELSEWHERE = {"cti/schema/cti-event.schema.json": "api.md", "decisions/": "decisions/0001-a-supervisor-of-our-own.md"}
_LINK = re.compile(r"\]\((?:\.\./)*(" + "|".join(map(re.escape, {**BESIDE, **ELSEWHERE})) + r")(?=[)#])")


def on_config(config: Any) -> Any:
    """List the decisions, oldest first, and the files beside docs/."""
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    config.nav = [*config.nav, {"Decisions": [f"decisions/{file.name}" for file in decisions]}]
    config.nav.append({"About": list(BESIDE.values())})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the first page, which is the README, and the files beside docs/."""
    for file, page in {"README.md": "index.md", **BESIDE}.items():
        text = (ROOT / file).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links to files beside docs/ lead to their pages."""
    up = "../" * page.file.src_uri.count("/")
    return _LINK.sub(lambda found: f"]({up}{ {**BESIDE, **ELSEWHERE}[found[1]] }", markdown)
